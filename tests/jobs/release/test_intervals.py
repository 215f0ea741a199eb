"""Intervals by Monte Carlo: as wide as their parts say, the same at every call, and they hold what they should."""

from __future__ import annotations

import math
import statistics

import pytest
from frames import frame
from pyspark.sql import functions as F

from jobs.errors import UsageError
from jobs.release.intervals import interval
from jobs.release.model_error import KINDS, ModelError, model_error, read_model_error, write_model_error

CELL = "id BIGINT, persons BIGINT, estimate BIGINT, sigma DOUBLE, relative DOUBLE, inside DOUBLE, error DOUBLE"


def _ends(spark, cells):
    ends = interval(
        *(F.col(c) for c in CELL.replace(" BIGINT", "").replace(" DOUBLE", "").split(", ")[1:]), F.xxhash64("id")
    )
    got = frame(spark, CELL, *cells).select("id", F.inline(F.array(ends))).orderBy("id").collect()
    return [(row["lower"], row["upper"]) for row in got]


class TestInterval:
    @pytest.mark.parametrize(
        ("sigma", "relative", "inside", "error", "variance"),
        [
            (20.0, 0.0, 1.0, 0.0, 20.0**2 + 1000 * 0.75),
            (0.0, 0.0, 0.6, 0.0, 1000 * 0.75 + 2 * 1000 * 0.4),
            (0.0, 0.05, None, 0.0, 1000 * 0.75 + 50.0**2),
            (0.0, 0.0, None, 0.06, 1000 * 0.75 + 60.0**2),
        ],
    )
    def test_width_is_that_of_its_parts(self, spark, sigma, relative, inside, error, variance):
        ends = _ends(spark, [(i, 1000, 4000, sigma, relative, inside, error) for i in range(100)])
        half = statistics.mean(upper - lower for lower, upper in ends) / 2
        assert half == pytest.approx(1.96 * 4 * math.sqrt(variance), rel=0.06)

    def test_small_figures_stay_above_zero_and_the_same_cell_has_the_same_ends(self, spark):
        cell = (50, 60, 20.0, 0.5, 0.5, 1.0)
        first, other, again = _ends(spark, [(1, *cell), (2, *cell), (1, *cell)])[0::1]
        assert 0 <= first[0] <= 60 <= first[1]
        assert len({first, other, again}) == 2


class TestModelError:
    def test_the_package_has_one_for_every_kind_of_level(self):
        found = model_error().of("footfall")
        assert set(found) == set(KINDS) and all(0 < value < 3 for value in found.values())

    def test_products_without_one_take_that_of_footfall(self):
        assert model_error().of("dwell") == model_error().of("footfall")

    def test_written_and_read(self, tmp_path):
        made = ModelError({"footfall": {"finest": 0.1, "coarser": 0.05, "place": 0.4}}, ({"city": "c", "seed": 1},))
        write_model_error(tmp_path / "e.json", made)
        assert read_model_error((tmp_path / "e.json").read_text()) == made

    def test_no_calibration_is_refused(self):
        with pytest.raises(UsageError, match="--calibrate"):
            read_model_error('{"errors": {"footfall": {"finest": 1}}, "cities": []}')
