"""Control limits: whether a day's shares of flagged contacts are those of the last days (Shewhart's p chart)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.audit import QUALITY_RESULTS
from expectations.gate import TableRule
from expectations.movement import MOVEMENT
from jobs.lake import Door
from jobs.segment.cleaning import OF_ADMITTED, OF_ALL
from jobs.settings import QualityPolicy

HISTORY_DAYS, LEAST_DAYS = 7, 3
SIGMAS, FLOOR = 3.0, 0.01
"""Limits are this many standard deviations from the mean, and never nearer to it than the floor (a share)."""

_PREFIX = "flag_"


@dataclass(frozen=True)
class Usual:
    """Shares of a flag on the last days.

    Attributes:
        days: How many days.
        mean: Their mean share.
        deviation: Standard deviation of their shares.
    """

    days: int
    mean: float
    deviation: float

    @property
    def limits(self) -> tuple[float, float] | None:
        """Lowest and highest usual share; None of too few days."""
        if self.days < LEAST_DAYS:
            return None
        width = max(SIGMAS * self.deviation, FLOOR)
        return max(0.0, self.mean - width), min(1.0, self.mean + width)


def usual_shares(results: DataFrame, first: dt.date) -> DataFrame:
    """Shares of each flag over the last days before ``first`` that were not blocked.

    A day that only warned counts: limits that never learn a new level would warn for good.

    Args:
        results: ``audit.quality_results``.
        first: First local day of the run.

    Returns:
        One row a flag: ``flag, days, mean, deviation``.
    """
    day = F.substring_index("rule", "_", -1).try_cast("date")
    flag = F.regexp_replace(F.col("rule"), f"^{_PREFIX}|_[^_]*$", "")
    mine = results.where((F.col("table_name") == MOVEMENT.full_name) & F.col("rule").startswith(_PREFIX))
    by_day = (
        mine.where("success OR NOT blocking")
        .groupBy(flag.alias("flag"), day.alias("day"))
        .agg(F.max_by("observed", "at").alias("share"))
        .where(F.col("day") < F.lit(first))
    )
    last = F.slice(F.sort_array(F.collect_list(F.struct("day", "share")), asc=False), 1, HISTORY_DAYS)
    return (
        by_day.groupBy("flag")
        .agg(last.alias("last"))
        .select("flag", F.explode("last").alias("one"))
        .groupBy("flag")
        .agg(
            F.count("*").alias("days"),
            F.avg("one.share").alias("mean"),
            F.stddev_pop("one.share").alias("deviation"),
        )
    )


def read_usual(door: Door, first: dt.date, quality: QualityPolicy) -> dict[str, Usual]:
    """The last days' shares by flag; empty where control is off or there are none."""
    if quality.control == "off" or not door.exists(QUALITY_RESULTS):
        return {}
    found = usual_shares(door.read(QUALITY_RESULTS), first).collect()
    return {str(r["flag"]): Usual(int(r["days"]), float(r["mean"]), float(r["deviation"])) for r in found}


def flag_rules(
    counts: Mapping[str, float], days: Sequence[dt.date], usual: Mapping[str, Usual], quality: QualityPolicy
) -> list[TableRule]:
    """One rule a day and flag: its share of contacts, held against the limits of the last days.

    Args:
        counts: Figures of ``jobs.segment.cleaning``'s counters.
        days: Local days.
        usual: See ``read_usual``.
        quality: Whether leaving the limits warns or blocks.
    """
    rules = []
    for day in days:
        figures = flag_counts(counts, day)
        for flag in (*OF_ALL, *OF_ADMITTED):
            whole = figures["in"] if flag in OF_ALL else figures["admitted"]
            limits = usual[flag].limits if flag in usual else None
            low, high = limits or (None, None)
            rules.append(
                TableRule(
                    f"{_PREFIX}{flag}_{day}",
                    figures[flag] / whole if whole else 0.0,
                    low=low,
                    high=high,
                    blocking=quality.control == "block",
                    rows=whole,
                    remedy=f"the share of {flag} on {day} is not that of the last days: look into the feed, or set "
                    "quality.control in the policy",
                )
            )
    return rules


def flag_counts(counts: Mapping[str, float], day: dt.date) -> dict[str, int]:
    """A day's contacts by flag, beside ``in`` (of the window) and ``admitted`` (placed, serving a purpose)."""
    names = (*OF_ALL, *OF_ADMITTED[1:], "in", "admitted")
    found = {name: int(counts.get(f"{day}|{name}", 0)) for name in names}
    found["repeats"] = found["admitted"] - int(counts.get(f"{day}|distinct", 0))
    return found
