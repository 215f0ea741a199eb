"""The local days of a run with their windows of events and, for stage 1 alone, the pads of their keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession

from jobs.consent.lines import KEYED_DAYS_SCHEMA
from jobs.segment.keystore import KeyStore, day_period
from jobs.settings import Policy
from udfs.keys import pads
from udfs.time import day_bounds

DAYS_SCHEMA = "date DATE, window_start TIMESTAMP, window_end TIMESTAMP, day_start TIMESTAMP, day_end TIMESTAMP"

_Bounds = tuple[dt.date, dt.datetime, dt.datetime, dt.datetime, dt.datetime]


def days_frame(spark: SparkSession, days: Sequence[dt.date], policy: Policy) -> DataFrame:
    """One row a local day, columns of ``DAYS_SCHEMA``."""
    return spark.createDataFrame([_bounds(day, policy) for day in days], DAYS_SCHEMA)


def keyed_days(spark: SparkSession, days: Sequence[dt.date], policy: Policy, keys: KeyStore) -> DataFrame:
    """One row a local day, columns of ``KEYED_DAYS_SCHEMA``; makes keys that do not exist yet.

    The pads travel as rows of a frame, never as literals: a plan, an event log or an explain shows none of it.
    """
    rows = []
    for day in days:
        inner, outer = pads(keys.create(day_period(day)))
        rows.append((*_bounds(day, policy), bytearray(inner), bytearray(outer)))
    return spark.createDataFrame(rows, KEYED_DAYS_SCHEMA)


def utc_dates(days: Sequence[dt.date], policy: Policy) -> list[dt.date]:
    """UTC dates that the windows of some local days touch, in order."""
    found: set[dt.date] = set()
    for day in days:
        _, start, end, _, _ = _bounds(day, policy)
        last = (end - dt.timedelta(microseconds=1)).date()
        found.update(start.date() + dt.timedelta(i) for i in range((last - start.date()).days + 1))
    return sorted(found)


def _bounds(day: dt.date, policy: Policy) -> _Bounds:
    start, end = day_bounds(day, policy.time_zone)
    before = start - dt.timedelta(hours=policy.segments.hours_before)
    after = end + dt.timedelta(hours=policy.segments.hours_after)
    return day, before, after, start, end
