"""Local days and hours over UTC instants, right across changes of daylight saving time."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from pyspark.sql import Column
from pyspark.sql import functions as F

from expectations.product_words import DAYPART_STARTS

HOUR_SECONDS = 3600


def day_bounds(date: dt.date, time_zone: str) -> tuple[dt.datetime, dt.datetime]:
    """UTC instants of a local day's start (inclusive) and end (exclusive); the day has 23 to 25 hours."""
    zone = ZoneInfo(time_zone)
    start = dt.datetime.combine(date, dt.time(), zone)
    end = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(), zone)
    return start.astimezone(dt.UTC), end.astimezone(dt.UTC)


def local_hour(instant: Column, time_zone: str) -> Column:
    """Hour of the local clock, 0-23."""
    return F.hour(F.from_utc_timestamp(instant, time_zone))


def daypart(hour: Column) -> Column:
    """Part of the local day that an hour of the clock (0-23) lies in, see ``DAYPART_STARTS``."""
    part = F.lit(None).cast("string")
    for name, first in sorted(DAYPART_STARTS.items(), key=lambda item: item[1]):
        part = F.when(hour >= first, F.lit(name)).otherwise(part)
    return part


def hour_offset_seconds(date: dt.date, time_zone: str) -> int:
    """Seconds by which local hours start after UTC hours (0 in Europe, 1800 in India)."""
    offset = ZoneInfo(time_zone).utcoffset(dt.datetime.combine(date, dt.time(12)))
    return int((offset or dt.timedelta()).total_seconds()) % HOUR_SECONDS


def hour_slices(start: Column, end: Column, shift_seconds: int) -> Column:
    """Split a half-open interval at local hours: an array of ``(start, end)`` in whole seconds since 1970.

    Args:
        start: Start of the interval, timestamp.
        end: End of the interval, timestamp, later than start.
        shift_seconds: See ``hour_offset_seconds``.
    """
    first, last = start.cast("long"), end.cast("long")
    shift = F.lit(shift_seconds)

    def index_of(seconds: Column) -> Column:
        return F.floor((seconds + shift) / F.lit(HOUR_SECONDS)).cast("long")

    return F.transform(
        F.sequence(index_of(first), index_of(last - 1)),
        lambda i: F.struct(
            F.greatest(first, i * HOUR_SECONDS - shift).alias("start"),
            F.least(last, (i + 1) * HOUR_SECONDS - shift).alias("end"),
        ),
    )
