"""Events: from the landing table to ``restricted.events``, map-only: parsed once, nothing of their size is shuffled."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from expectations.audit import QUALITY_RESULTS
from expectations.cells import CELLS
from expectations.contract import Schema
from expectations.events import EVENTS
from expectations.gate import REASONS, TableRule, check_table, good_rows, share_rule, volume_rule
from jobs.context import JobReport, RunContext
from jobs.errors import InputRejectedError
from jobs.ingest import eurostat
from jobs.ingest.admit import (
    by_reason,
    judged,
    keep_raw,
    line_whole,
    parsed,
    quarantine,
    quarantined_rule,
    raw,
    refuse,
    tidy,
)
from jobs.ingest.cells import plan_of
from jobs.ingest.event_counts import EventCounts, counters, counts_of
from jobs.ingest.fields import instants, integers, texts
from jobs.ingest.landing import FOLDER, Landing, damaged
from jobs.ingest.tables import EVENTS_FILE
from jobs.lake import Door
from jobs.settings import Policy, RunSettings
from udfs.geo import settled
from udfs.text import mobile_country
from udfs.time import day_bounds

JOB = "events"
HISTORY_DAYS = 7
VOLUME = "events_volume_"

REASONS_MORE = {
    **line_whole(),
    **parsed("event_time", "timing_advance"),
    "event_time_outside_folder": f"coalesce(_day = `_raw_{FOLDER}`, true)",
}
"""Reasons besides the contract's, to the condition of good rows."""


@dataclass(frozen=True)
class EventParams:
    """Which events a run takes.

    Attributes:
        time_zone: Time zone of local days.
        days: Local days of the run, in order.
        dates: UTC dates that are read, whole: all that the days and the hours around them touch.
    """

    time_zone: str
    days: tuple[dt.date, ...]
    dates: tuple[dt.date, ...]


def params_of(settings: RunSettings) -> EventParams:
    """The run's days, and the UTC dates from ``hours_before`` the first to ``hours_after`` the last.

    Dates are read whole, beyond the hours that the day at hand needs: the table then holds the same rows of a
    date whichever run wrote it, and no run truncates a date on which another one resumes.
    """
    policy = settings.policy
    first = day_bounds(settings.date, policy.time_zone)[0] - dt.timedelta(hours=policy.segments.hours_before)
    last = day_bounds(settings.until, policy.time_zone)[1] + dt.timedelta(hours=policy.segments.hours_after)
    end = (last - dt.timedelta(microseconds=1)).date()
    dates = tuple(first.date() + dt.timedelta(i) for i in range((end - first.date()).days + 1))
    return EventParams(policy.time_zone, tuple(settings.days), dates)


def typed_events(delivered: DataFrame) -> DataFrame:
    """Type events of the landing contract; identities hashed elsewhere (64 hex digits) are taken as they are."""
    rows = keep_raw(delivered)
    (event_time,), (cell_id,) = instants(rows, "event_time"), texts("cell_id")
    (event_type,), (timing_advance,) = texts("event_type", lower=True), integers(rows, "timing_advance")
    # Parsed once a row: every rule refers to these, and the optimizer would parse anew for each of them.
    typed = settled(
        rows,
        imsi=F.when(F.length(raw("imsi")) == 64, F.upper(raw("imsi"))).otherwise(raw("imsi")),
        event_time=event_time,
        cell_id=cell_id,
        event_type=event_type,
        timing_advance=timing_advance,
        home_mcc=mobile_country(raw("imsi")),
    )
    return typed.withColumn("_day", F.to_date("event_time"))


def mark_events(typed: DataFrame, params: EventParams) -> DataFrame:
    """Keep the events of the run's dates and give each its reasons.

    An event at a good time on another date belongs to another run. One whose time cannot be read belongs
    to the date of its folder, and where there are no folders, to every run.

    Args:
        typed: Columns of ``restricted.events`` without ``event_date`` and ``cell_known``, ``_raw_…``, and
            ``_day``, the day of the event as its folder counts days.
        params: Which dates.

    Returns:
        One row an event of the run, with ``event_date`` and ``_reasons``, without ``cell_known``.
    """
    dated = typed.withColumn("event_date", F.to_date("event_time"))
    strays = F.coalesce(F.col("_day") != raw(FOLDER), F.lit(False))
    taken = dated.where(F.col("event_time").isNull() | F.col("event_date").isin(*params.dates) | strays)
    marked = judged(taken, EVENTS, REASONS_MORE)
    return marked.withColumn(REASONS, F.when(F.size(REASONS) > 0, tidy(F.col(REASONS))).otherwise(F.col(REASONS)))


def with_cell_known(events: DataFrame, cells: DataFrame) -> DataFrame:
    """Add whether the plan has the event's cell at its time; validities of a cell never overlap."""
    plan = F.broadcast(plan_of(cells))
    match = (
        (F.col("cell_id") == F.col("_plan_cell"))
        & (F.col("event_time") >= F.col("_plan_from"))
        & (F.col("event_time") < F.col("_plan_to"))
    )
    known = F.col("_plan_cell").isNotNull().alias("cell_known")
    return events.join(plan, match, how="left").select(*events.columns, known)


def run_events(context: RunContext, landing: Landing) -> JobReport:
    """Replace the run's dates of ``restricted.events`` by what was delivered for them.

    The delivery is parsed once: counts are taken while it is written, and a batch that a rule refuses is
    taken back. Rejected rows, if any, cost one more pass.

    Raises:
        InputRejectedError: A day is empty, too much is bad, or the volume is unusual; the table is as it was.
    """
    door = context.lake.door(reads=[Schema.REFERENCE, Schema.AUDIT], writes=[Schema.RESTRICTED])
    params = params_of(context.settings)
    context.gate.warm_up()
    marked = mark_events(_delivered(landing, params), params)
    batch = f"{JOB}/{context.settings.date}..{context.settings.until}"
    seen = Observation()
    known = with_cell_known(marked, door.read(CELLS))
    good = good_rows(known.observe(seen, *counters(REASONS_MORE, params.days, params.time_zone)))
    dates = _replaced(landing, marked, params)
    door.create([EVENTS])
    before = door.version(EVENTS)
    with damaged(EVENTS_FILE.name, landing.root):
        door.replace(EVENTS, good.select(EVENTS.column_names), [str(date) for date in dates])
    try:
        counts = counts_of(seen.get)
        quarantine(door, marked, EVENTS_FILE.name, batch, counts)
        rules = table_rules(counts, params, context.policy, _usual(door, params))
        held = [quarantined_rule(EVENTS_FILE.name, batch, counts, context.policy.quality.max_quarantined_share), *rules]
        context.gate.record(EVENTS, batch, by_reason(counts))
        refuse(context, context.gate.record(EVENTS, batch, check_table(held)))
        # Held against the contract as written: reading files back is far cheaper than reading the delivery again.
        written = door.read(EVENTS).filter(F.col("event_date").isin(dates))
        refuse(context, context.gate.validate(written, EVENTS, batch, rows=counts.good, min_rows=1, extra_rules=held))
    except Exception:
        door.restore(EVENTS, before)
        raise
    unknown = counts.unknown_cells
    context.say(f"{EVENTS.full_name}: {counts.good:,} rows, {counts.bad:,} quarantined, {unknown:,} on unknown cells")
    return JobReport(JOB, counts.total, counts.good, {**counts.reasons, "cells_unknown": unknown})


def _delivered(landing: Landing, params: EventParams) -> DataFrame:
    if landing.format == "eurostat":
        return eurostat.read_events(landing, params.dates, params.time_zone)
    frame = landing.read(EVENTS_FILE, params.dates)
    if frame is None:
        raise InputRejectedError(
            f"events: {landing.root} has no folder event_date=… for {params.dates[0]} to {params.dates[-1]}; "
            "deliver these days, or name other ones with --date and --until"
        )
    return typed_events(frame)


def table_rules(counts: EventCounts, params: EventParams, policy: Policy, usual: float | None) -> list[TableRule]:
    """Rules over the batch: every day has events, in a usual number, and most cells are in the plan."""
    quality = policy.quality
    rules = []
    for day in params.days:
        rows = counts.by_day.get(day, 0)
        rules.append(
            TableRule(
                f"events_present_{day}",
                rows,
                low=1,
                rows=rows,
                remedy=f"events hold nothing usable on {day}: deliver that day, or run without it",
            )
        )
        remedy = (
            f"the events of {day} differ from the mean of the last days: check that the delivery is whole and not "
            "doubled, or set quality.min_volume_ratio and quality.max_volume_ratio in the policy"
        )
        low, high = quality.min_volume_ratio, quality.max_volume_ratio
        rules.append(volume_rule(rows, usual, low, high, name=f"{VOLUME}{day}", remedy=remedy))
    unknown = counts.unknown_cells
    remedy = "the cell plan may be old or of another network: deliver cells anew, or set {} in the policy"
    for name, bound, blocking in (
        ("max_unknown_cell_share", quality.max_unknown_cell_share, True),
        ("warn_unknown_cell_share", quality.warn_unknown_cell_share, False),
    ):
        told = remedy.format(f"quality.{name}")
        rules.append(share_rule(name, unknown, counts.good, bound, remedy=told, blocking=blocking))
    return rules


def usual_volume(results: DataFrame, first: dt.date) -> DataFrame:
    """Mean events a local day, over the last days before ``first`` whose volume was accepted; one row, ``mean``.

    From the gate's records, not from the events held: these are erased after their period, and the dates at
    the edge of a run are held in part.

    Args:
        results: ``audit.quality_results``.
        first: First local day of the run.
    """
    day = F.substring_index("rule", "_", -1).try_cast("date")
    volumes = results.where((F.col("table_name") == EVENTS.full_name) & F.col("rule").startswith(VOLUME))
    by_day = volumes.where("success").groupBy(day.alias("day")).agg(F.max_by("rows", "at").alias("rows"))
    last = by_day.where(F.col("day") < F.lit(first)).orderBy(F.col("day").desc()).limit(HISTORY_DAYS)
    return last.agg(F.avg("rows").alias("mean"))


def _usual(door: Door, params: EventParams) -> float | None:
    if not door.exists(QUALITY_RESULTS):
        return None
    row = usual_volume(door.read(QUALITY_RESULTS), params.days[0]).first()
    return float(row["mean"]) if row and row["mean"] is not None else None


def _replaced(landing: Landing, marked: DataFrame, params: EventParams) -> list[dt.date]:
    """Dates to replace: those of the run's days, and around them those that were delivered at all."""
    days = landing.days(EVENTS_FILE.name) if landing.format == "threestep" else None
    if days is None:
        days = {row["event_date"] for row in good_rows(marked).select("event_date").distinct().collect()}
    return sorted({day for day in params.dates if day in params.days or day in days})
