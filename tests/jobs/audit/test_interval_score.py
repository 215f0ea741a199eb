"""Whether intervals hold: merged figures against their hours, zones as clusters, and the error that makes them hold."""

from __future__ import annotations

import math
import random

import pytest
from frames import frame, rows

from jobs.audit.interval_score import added, coverage, interval_cells, model_errors
from jobs.release.model_error import write_model_error

RELEASED = (
    "date DATE, level STRING, zone_id STRING, hour INT, status STRING, covers STRING, "
    "estimate BIGINT, lower BIGINT, upper BIGINT"
)
CELLS = (
    "date DATE, level STRING, kind STRING, zone_id STRING, hour INT, estimate BIGINT, lower BIGINT, upper BIGINT, "
    "true DOUBLE"
)
DAY = "2026-03-03"


class TestIntervalCells:
    def test_merged_figures_stand_beside_the_sum_of_their_hours(self, spark):
        released = frame(
            spark, RELEASED,
            (DAY, "d", "a", 1, "published", None, 50, 40, 60), (DAY, "d", "a", 2, "merged", "02,03", 30, 20, 35),
            (DAY, "d", "a", 3, "suppressed", None, None, None, None),
        )  # fmt: skip
        truth = frame(
            spark,
            "date DATE, zone_id STRING, hour INT, persons BIGINT",
            *((DAY, "a", h, n) for h, n in ((1, 11), (2, 3), (3, 4))),
        )
        got = interval_cells(released, truth, frame(spark, "zone_id STRING, kind STRING", ("a", "finest")), 5.0)
        assert rows(got, "hour", "estimate", "true") == [(1, 50, 55.0), (2, 30, 35.0)]


def _cell(zone, hour, true, level="d", kind="finest", low=90, high=110):
    return (DAY, level, kind, zone, hour, 100, low, high, float(true))


class TestCoverage:
    def test_zones_are_clusters(self, spark):
        cells = [_cell(z, h, 100 if z != "a" else 200) for z in "abcd" for h in range(6)]
        [found] = coverage(frame(spark, CELLS, *cells))
        assert (found.level, found.share, found.zones, found.cells) == ("d", 0.75, 4, 24)
        # As of four trials, one of which failed, not of twenty-four.
        assert found.error == pytest.approx(math.sqrt(0.75 * 0.25 / 3))

    def test_one_zone_has_no_error(self, spark):
        [found] = coverage(frame(spark, CELLS, _cell("a", 1, 100)))
        assert found.share == 1.0 and found.error is None


class TestModelErrors:
    def test_finds_the_error_that_was_put_in(self, spark):
        draw = random.Random(1)
        cells = [_cell("a", i, 100 * math.exp(draw.gauss(0, 0.3)), low=80, high=120) for i in range(3000)]
        cells.append(_cell("p", 1, 101, "poi", "place"))
        found = model_errors(frame(spark, CELLS, *cells))
        assert found["finest"] == pytest.approx(math.sqrt(0.3**2 - (0.2 / 1.96) ** 2), rel=0.08)
        assert found["place"] == 0.01


def test_a_file_pools_its_cities_and_knows_them_again(tmp_path):
    path = tmp_path / "e.json"
    one, two = {"city": "x", "seed": 1}, {"city": "x", "seed": 2}
    low, high = dict.fromkeys(("finest", "coarser", "place"), 0.3), dict.fromkeys(("finest", "coarser", "place"), 0.4)
    write_model_error(path, added(path, one, high))
    write_model_error(path, added(path, one, low))
    assert added(path, two, high).of("footfall")["finest"] == pytest.approx(math.sqrt((0.09 + 0.16) / 2), abs=1e-4)
    assert len(added(path, two, high).cities) == 2
