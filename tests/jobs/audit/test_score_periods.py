"""Measures of weeks and months on tiny rows."""

from __future__ import annotations

import datetime as dt

import pytest
from frames import frame, rows

from jobs.audit.score_periods import catchment_measures, od_measures, week_of

PAIR = "week STRING, origin_zone_id STRING, destination_zone_id STRING, daypart STRING, persons BIGINT"


def test_weeks_are_named_as_keys_are(spark):
    days = [(f"{day}",) for day in ("2026-03-03", "2027-01-03", "2026-01-01", "2024-12-30")]
    found = frame(spark, "date DATE", *days).select("date", week_of().alias("week"))
    assert rows(found) == [
        (day, f"{y:04d}-W{w:02d}") for (day,) in sorted(days) for y, w, _ in [dt.date.fromisoformat(day).isocalendar()]
    ]


def test_common_part_and_share_in_published_cells(spark):
    week = "2026-W10"
    truth = frame(spark, PAIR, (week, "a", "b", "night", 60), (week, "b", "a", "night", 40))
    found = frame(
        spark,
        f"{PAIR}, method STRING",
        (week, "a", "b", "night", 50, "m"),
        (week, "a", "c", "night", 10, "m"),
        (week, "a", "a", "night", 99, "m"),
    )
    dates = frame(spark, "week STRING, date DATE", (week, "2026-03-08"))
    got = {m: (v, n) for m, v, n in rows(od_measures(truth, found, 50.0, "d", dates), "measure", "value", "compared")}
    assert got == {"od_cpc": (2 * 50 / 160, 3), "od_published": (0.6, 3)}


def test_share_of_the_five_largest_home_zones(spark):
    """Truly 900 of 1,000 visitors of the mall come from its five, by the estimate 800 of 1,000."""
    ddl = "zone_id STRING, other STRING, persons BIGINT"
    true = [("mall", f"h{i}", 180) for i in range(5)] + [("mall", "h9", 100), ("shop", "h1", 499)]
    made = [("mall", f"h{i}", 160, "m") for i in range(5)] + [("mall", "h8", 200, "m"), ("shop", "h1", 9, "m")]
    truth = frame(spark, f"{ddl}, date DATE", *((*row, "2026-03-08") for row in true))
    levels = frame(spark, "zone_id STRING, level STRING", ("mall", "poi"), ("shop", "poi"))
    found = catchment_measures(truth, frame(spark, f"{ddl}, method STRING", *made), levels)
    got = {m: (v, n) for m, v, n in rows(found, "measure", "value", "compared")}
    assert got == {"catchment_top5_points": (pytest.approx(10.0), 1), "catchment_top5_worst": (pytest.approx(10.0), 1)}
