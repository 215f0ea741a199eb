"""Local days and hours, also where the clock changes."""

from __future__ import annotations

import datetime as dt

from frames import frame
from pyspark.sql import functions as F

from jobs.settings import Policy
from udfs.time import day_bounds, hour_offset_seconds, hour_slices, local_hour


def _slices(spark, start, end, shift=0, zone="Europe/Berlin"):
    df = frame(spark, "s TIMESTAMP, e TIMESTAMP", (start, end))
    df = df.select(F.explode(hour_slices(F.col("s"), F.col("e"), shift)).alias("x"))
    df = df.select(local_hour(F.timestamp_seconds("x.start"), zone).alias("hour"), (F.col("x.end") - F.col("x.start")))
    return [tuple(r) for r in df.collect()]


class TestHourSlices:
    def test_splits_at_hours(self, spark):
        assert _slices(spark, "2026-03-03T08:50:00", "2026-03-03T11:10:00") == [
            (9, 600),
            (10, 3600),
            (11, 3600),
            (12, 600),
        ]

    def test_whole_hour_is_one_slice(self, spark):
        assert _slices(spark, "2026-03-03T08:00:00", "2026-03-03T09:00:00") == [(9, 3600)]

    def test_spring_skips_an_hour(self, spark):
        assert [h for h, _ in _slices(spark, "2026-03-29T00:30:00", "2026-03-29T02:10:00")] == [1, 3, 4]

    def test_autumn_repeats_an_hour(self, spark):
        assert [h for h, _ in _slices(spark, "2026-10-25T00:10:00", "2026-10-25T02:10:00")] == [2, 2, 3]

    def test_half_hour_zones(self, spark):
        shift = hour_offset_seconds(dt.date(2026, 3, 3), "Asia/Kolkata")
        assert shift == 1800
        got = _slices(spark, "2026-03-03T04:00:00", "2026-03-03T05:00:00", shift, "Asia/Kolkata")
        assert got == [(9, 1800), (10, 1800)]


class TestDay:
    def test_days_have_23_24_25_hours(self):
        lengths = [
            (e - s).total_seconds() / 3600
            for s, e in (day_bounds(dt.date(2026, m, d), "Europe/Berlin") for m, d in ((3, 29), (3, 3), (10, 25)))
        ]
        assert lengths == [23, 24, 25]

    def test_hours_of_the_clock(self):
        policy = Policy()
        assert 2 not in policy.hours(dt.date(2026, 3, 29))
        assert policy.hours(dt.date(2026, 10, 25)) == list(range(24))
