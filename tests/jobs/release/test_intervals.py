"""Intervals by Monte Carlo: as wide as their parts say, the same at every call, and they hold what they should."""

from __future__ import annotations

import math
import statistics

import pytest
from frames import frame
from pyspark.sql import functions as F

from jobs.errors import UsageError
from jobs.release.intervals import interval
from jobs.release.model_error import CORRECTED, KINDS, ModelError, model_error, read_model_error, write_model_error

CELL = (
    "id BIGINT, persons BIGINT, estimate BIGINT, sigma DOUBLE, relative DOUBLE, inside DOUBLE, "
    "below DOUBLE, above DOUBLE"
)


def _ends(spark, cells):
    names = ("persons", "estimate", "sigma", "relative", "inside")
    ends = interval(*(F.col(name) for name in names), [F.col("below"), F.col("above")], F.xxhash64("id"))
    got = frame(spark, CELL, *((*cell, cell[-1]) if len(cell) == 7 else cell for cell in cells))
    rows = got.select("id", F.inline(F.array(ends))).orderBy("id").collect()
    return [(row["lower"], row["upper"]) for row in rows]


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

    def test_the_model_may_err_to_one_side(self, spark):
        [(lower, upper)] = _ends(spark, [(1, 1000, 1000, 0.0, 0.0, None, 0.0, 0.5)])
        assert 990 <= lower <= 1000 and upper == pytest.approx(1000 * math.exp(1.96 * 0.5), rel=0.15)

    def test_small_figures_stay_above_zero_and_the_same_cell_has_the_same_ends(self, spark):
        cell = (50, 60, 20.0, 0.5, 0.5, 1.0)
        first, other, again = _ends(spark, [(1, *cell), (2, *cell), (1, *cell)])[0::1]
        assert 0 <= first[0] <= 60 <= first[1]
        assert len({first, other, again}) == 2


FOOTFALL = {"finest": (0.1, 0.2), "coarser": (0.05, 0.05), "place": (0.4, 0.5)}


class TestModelError:
    def test_the_package_has_one_for_every_kind_of_level(self):
        found = model_error().of("footfall")
        assert set(found) >= set(KINDS) and all(0 < end < 6 for ends in found.values() for end in ends)

    def test_the_package_corrects_every_product_that_is_corrected(self):
        assert set(model_error().corrections) == set(CORRECTED)

    def test_parts_of_the_day_and_other_products_may_have_their_own(self):
        footfall = {**FOOTFALL, "place night": (2.0, 0.1)}
        made = ModelError({"footfall": footfall, "dwell": {"place": (0.9, 0.8)}}, ())
        # A part that its own calibration never saw takes its own kind's error, not footfall's at that hour.
        assert made.of("dwell") == {**FOOTFALL, "place": (0.9, 0.8)} and made.of("od") == footfall

    def test_products_without_one_take_that_of_footfall(self):
        assert model_error().of("corridor_flow") == model_error().of("footfall") != model_error().of("dwell")

    def test_written_and_read(self, tmp_path):
        made = ModelError({"footfall": FOOTFALL}, ({"city": "c", "seed": 1},), {"dwell": {"place": 2.5}})
        write_model_error(tmp_path / "e.json", made)
        assert read_model_error((tmp_path / "e.json").read_text()) == made

    @pytest.mark.parametrize(
        "text",
        [
            '{"errors": {"footfall": {"finest": 1}}, "cities": [], "corrections": {}}',
            '{"errors": {"footfall": {}}, "cities": [], "corrections": {}}',
            '{"errors": {"footfall": {"finest": [1, 1], "coarser": [1, 1], "place": [1, 1]}}, "cities": []}',
            '{"errors": {"footfall": {"finest": [1, 1], "coarser": [1, 1], "place": [1, 1]}}, "cities": [], '
            '"corrections": {"dwell": {"place": 0}}}',
            "[",
        ],
    )
    def test_no_calibration_is_refused(self, text):
        with pytest.raises(UsageError, match="--calibrate"):
            read_model_error(text)
