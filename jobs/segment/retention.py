"""The end of raw events: their dates are removed, files and history included, once nothing unreleased needs them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.events import EVENTS
from expectations.quarantine import QUARANTINE
from jobs.context import RunContext
from jobs.lake import Door
from jobs.segment.days import utc_dates
from jobs.segment.periods import kept_until


def purge_events(context: RunContext, needed: Iterable[dt.date]) -> list[dt.date]:
    """Remove events, and quarantined ones, of every date that is past its retention.

    Costs one look at partition values; a DELETE of whole partitions and a VACUUM only when there is something.

    Args:
        context: The run.
        needed: Days that are still to be released; the dates that one of them touches stay. Days whose key lives
            are among them: a run of such a day broke off or waits, and goes on from what it has read.

    Returns:
        Dates of events that were removed.
    """
    door = context.lake.door(writes=[Schema.RESTRICTED])
    policy, now = context.policy, context.settings.as_of
    spared = set(utc_dates(sorted(needed), policy))

    def is_over(date: dt.date) -> bool:
        return date not in spared and kept_until(date, policy) <= now

    dates, quarantined = _held(door)
    over = sorted(filter(is_over, dates))
    batches = sorted({batch for batch, _ in quarantined if is_over(dt.date.fromisoformat(batch[-10:]))})
    rejected = {date for batch, date in quarantined if date and batch not in batches and is_over(date)}
    if rejected:
        door.remove(QUARANTINE, sorted(map(str, rejected)), column="event_date")
    door.remove_all({EVENTS: list(map(str, over)), QUARANTINE: batches})
    if rejected and not batches:
        door.purge(QUARANTINE)
    return over


def _held(door: Door) -> tuple[set[dt.date], set[tuple[str, dt.date | None]]]:
    """Dates of events, and batches and dates of quarantined ones."""
    parts = []
    if door.exists(EVENTS):
        parts.append(door.read(EVENTS).select(F.lit(None).cast("string").alias("batch"), "event_date"))
    if door.exists(QUARANTINE):
        parts.append(door.read(QUARANTINE).filter(F.col("table_name") == EVENTS.name).select("batch", "event_date"))
    found = reduce(DataFrame.unionByName, parts).distinct().collect() if parts else []
    dates = {row["event_date"] for row in found if row["batch"] is None}
    return dates, {(row["batch"], row["event_date"]) for row in found if row["batch"] is not None}
