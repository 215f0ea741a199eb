"""Whether intervals hold: merged figures against their hours, visits against theirs, and zones as clusters."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from frames import frame, rows

from jobs.audit.interval_score import (
    catchment_interval_cells,
    coverage,
    interval_cells,
    pair_interval_cells,
    visit_interval_cells,
)

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

    def test_visitors_of_a_month_stand_beside_those_who_live_there(self, spark):
        released = frame(
            spark,
            "zone_id STRING, home_zone_id STRING, distance_band STRING, level STRING, status STRING, estimate BIGINT, "
            "lower BIGINT, upper BIGINT",
            ("a", "b", "2-5", "d", "published", 50, 40, 60),
            ("a", "c", "5-10", "d", "published", 30, 20, 40),
            ("a", "e", "5-10", "d", "merged", 30, 20, 40),
        )
        truth = frame(spark, "zone_id STRING, other STRING, persons BIGINT", ("a", "b", 9), ("a", "e", 7))
        kinds = frame(spark, "zone_id STRING, kind STRING", ("a", "finest"))
        got = catchment_interval_cells(released, truth, kinds, dt.date(2026, 2, 28), 5.0)
        assert rows(got, "level", "kind", "part", "estimate", "true") == [
            ("catchment, d", "finest", "2-5", 50, 45.0),
            ("catchment, d", "finest", "5-10", 30, 0.0),
        ]

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
            ("audience", "audience, d", "place", "20-29", 7, 5.0),
            ("dwell", "dwell, d", "place", "15-30", 50, 55.0),
            ("dwell", "dwell, d", "place", "30-60", 20, 0.0),
        ]

    def test_flows_of_whole_weeks_stand_beside_true_ones_and_neither_sums_nor_trips_within(self, spark):
        released = frame(
            spark,
            "period STRING, level STRING, origin_zone_id STRING, destination_zone_id STRING, daypart STRING, "
            "status STRING, persons BIGINT, estimate BIGINT, lower BIGINT, upper BIGINT",
            *(
                (week, "d", *pair, "morning", "published", 10, 50, 40, 60)
                for week in ("2026-W10", "2026-W11")
                for pair in (("a", "b"), ("b", "a"), ("a", "a"), ("a", "all"), ("all", "b"))
            ),
            ("2026-W10", "d", "b", "c", "morning", "suppressed", None, None, None, None),
        )
        truth = frame(
            spark,
            "week STRING, origin_zone_id STRING, destination_zone_id STRING, daypart STRING, persons BIGINT",
            ("2026-W10", "a", "b", "morning", 11), ("2026-W10", "b", "a", "evening", 3),
        )  # fmt: skip
        got = pair_interval_cells(released, truth, frame(spark, "week STRING, date DATE", ("2026-W10", DAY)), 5.0)
        assert rows(got, "product", "level", "kind", "zone_id", "part", "estimate", "true") == [
            ("od", "od, d", "finest", "a", "morning", 50, 55.0), ("od", "od, d", "finest", "b", "morning", 50, 0.0),
        ]  # fmt: skip


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
