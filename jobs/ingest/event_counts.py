"""Counts of a batch of events, taken while it is written: rows of its size are parsed once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from expectations.events import EVENTS
from expectations.gate import REASONS, reason_counts

_DAY, _UNKNOWN = "day_", "cells_unknown"


@dataclass(frozen=True)
class EventCounts:
    """Counts of a batch; it holds no row.

    Attributes:
        total: All rows.
        bad: Rows with a reason.
        unknown_cells: Good rows on cells outside the plan.
        by_reason: Rows by reason; a row with two reasons counts in both.
        by_day: Good rows by local day of the run.
    """

    total: int
    bad: int
    unknown_cells: int
    by_reason: Mapping[str, int]
    by_day: Mapping[dt.date, int]

    @property
    def good(self) -> int:
        """Rows without a reason."""
        return self.total - self.bad

    @property
    def reasons(self) -> dict[str, int]:
        """Rows by reason, most frequent first, without those that nothing has."""
        found = {reason: count for reason, count in self.by_reason.items() if count}
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def counters(extra: Mapping[str, str], days: Sequence[dt.date], time_zone: str) -> list[Column]:
    """Summands for an observation on marked events with ``cell_known``.

    Args:
        extra: Reasons besides the contract's, see ``expectations.gate.with_reasons``.
        days: Local days of the run.
        time_zone: Time zone of local days.
    """
    good = F.size(REASONS) == 0
    local = F.to_date(F.from_utc_timestamp("event_time", time_zone))
    by_day = [F.count_if(good & (local == F.lit(day))).alias(f"{_DAY}{day}") for day in days]
    unknown = F.count_if(good & ~F.col("cell_known")).alias(_UNKNOWN)
    return [*reason_counts(EVENTS, extra), unknown, *by_day]


def counts_of(observed: Mapping[str, int]) -> EventCounts:
    """Read an observation of ``counters``."""
    found = dict(observed)
    total, bad, unknown = (int(found.pop(name)) for name in ("rows", "rows_bad", _UNKNOWN))
    days = [name for name in found if name.startswith(_DAY)]
    by_day = {dt.date.fromisoformat(name.removeprefix(_DAY)): int(found.pop(name)) for name in days}
    return EventCounts(total, bad, unknown, {reason: int(count) for reason, count in found.items()}, by_day)
