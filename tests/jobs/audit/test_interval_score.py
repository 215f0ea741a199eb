"""Whether intervals hold: merged figures against their hours, zones as clusters, and the error that makes them hold."""

from __future__ import annotations

import math
import random

import pytest
from frames import frame, rows

from jobs.audit.interval_score import (
    _growth,
    added,
    coverage,
    interval_cells,
    model_errors,
    visit_interval_cells,
)
from jobs.release.model_error import write_model_error

RELEASED = (
    "date DATE, level STRING, zone_id STRING, hour INT, status STRING, covers STRING, "
    "estimate BIGINT, lower BIGINT, upper BIGINT"
)
CELLS = (
    "product STRING, date DATE, level STRING, kind STRING, zone_id STRING, hour INT, part STRING, estimate BIGINT, "
    "lower BIGINT, upper BIGINT, true DOUBLE"
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
        assert rows(got, "hour", "part", "estimate", "true") == [(1, "night", 50, 55.0), (2, "night", 30, 35.0)]

    def test_visits_stand_beside_those_of_their_band_and_beside_none_where_there_are_none(self, spark):
        released = frame(
            spark,
            "date DATE, product STRING, level STRING, status STRING, zone_id STRING, part STRING, other STRING, "
            "estimate BIGINT, lower BIGINT, upper BIGINT, n BIGINT",
            (DAY, "dwell", "d", "published", "a", "15-30", None, 50, 40, 60, 9),
            (DAY, "dwell", "d", "published", "a", "30-60", None, 20, 10, 30, 9),
            (DAY, "dwell", "d", "merged", "a", "60-120", None, 20, 10, 30, 9),
            (DAY, "dwell", "d", "published", "uncounted", "15-30", None, 20, 10, 30, 9),
            (DAY, "audience", "d", "published", "a", "20-29", "female", 7, 5, 9, 9),
        )
        truth = frame(
            spark,
            "date DATE, product STRING, zone_id STRING, part STRING, other STRING, n BIGINT",
            (DAY, "dwell", "a", "15-30", None, 11),
            (DAY, "dwell", "a", "60-120", None, 3),
            (DAY, "audience", "a", "20-29", "female", 1),
            (DAY, "audience", "a", "20-29", "male", 2),
        )
        kinds = frame(spark, "zone_id STRING, kind STRING", ("a", "place"))
        got = visit_interval_cells(released, truth, kinds, 5.0)
        assert rows(got, "product", "level", "kind", "part", "estimate", "true") == [
            ("audience", "audience, d", "place", None, 7, 5.0),
            ("dwell", "dwell, d", "place", "15-30", 50, 55.0),
            ("dwell", "dwell, d", "place", "30-60", 20, 0.0),
        ]


def _cell(zone, hour, true, level="d", kind="finest", low=90, high=110):
    return ("footfall", DAY, level, kind, zone, hour, "night", 100, low, high, float(true))


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
        """Twice as far below as above, on a thousand zones; one place with nothing unexplained."""
        draw = random.Random(1)
        sizes = [(i, z * (0.4 if z < 0 else 0.2)) for i in range(1000) for z in [draw.gauss(0, 1)]]
        cells = [_cell(f"z{i}", 1, 100 * math.exp(size), low=98, high=102) for i, size in sizes]
        [(product, found)] = model_errors(frame(spark, CELLS, *cells, _cell("p", 1, 101, "poi", "place"))).items()
        assert product == "footfall"
        assert found["finest"] == found["finest night"] == pytest.approx((0.4, 0.2), rel=0.1)
        assert found["place"] == found["place night"] == (0.01, 0.01)

    def test_few_zones_ask_for_more(self):
        assert _growth(1) == 1.0
        assert _growth(5) == pytest.approx(2.776 / 1.96 * math.sqrt(1.2), rel=0.01)
        assert _growth(1000) == pytest.approx(1.0, abs=0.01)


def test_a_file_pools_its_cities_and_knows_them_again(tmp_path):
    path = tmp_path / "e.json"
    one, two = {"city": "x", "seed": 1}, {"city": "x", "seed": 2}
    low, high = (dict.fromkeys(("finest", "coarser", "place"), pair) for pair in ((0.3, 0.1), (0.4, 0.1)))
    write_model_error(path, added(path, one, {"footfall": high}))
    write_model_error(path, added(path, one, {"footfall": low}))
    pooled = added(path, two, {"footfall": {**high, "place night": (2.0, 1.0)}, "dwell": {"place": (1.0, 2.0)}})
    # Of a product's own errors none is mixed with footfall's by the part of the day.
    assert pooled.of("dwell") == {**{k: pooled.of("od")[k] for k in ("finest", "coarser")}, "place": (1.0, 2.0)}
    assert pooled.of("footfall")["finest"] == pytest.approx((math.sqrt((0.09 + 0.16) / 2), 0.1), abs=1e-4)
    assert pooled.of("footfall")["place night"] == (2.0, 1.0)
    assert len(pooled.cities) == 2
