"""Job segment (stage 1): contacts that may serve a purpose become movement and profile under the day's key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.events import EVENTS
from expectations.footprints import CELL_POSITIONS
from expectations.gate import TableRule, share_rule
from expectations.movement import MOVEMENT, PROFILE
from jobs.consent.guard import check_unchanged, open_ledger
from jobs.consent.lines import LineParams, sims
from jobs.consent.numbers import closed_links
from jobs.consent.proof import probe, write_receipts
from jobs.consent.receipts import LedgerState, counters
from jobs.consent.run import master
from jobs.context import JobReport, RunContext
from jobs.errors import InputRejectedError
from jobs.segment.admission import MovementParams, admitted, numbered_cells
from jobs.segment.cleaning import CleaningParams, contact_counters, run_counters
from jobs.segment.control import flag_counts, flag_rules, read_usual
from jobs.segment.days import days_frame, keyed_days, utc_dates
from jobs.segment.keys import key_store, make_keys
from jobs.segment.keystore import day_period
from jobs.segment.movement import closed_runs, movement, run_starts
from jobs.segment.profile import profile
from jobs.session import shuffled_in

_EVENTS_A_PART = 2_000_000
"""Events that one core sorts at a time within a gigabyte or two."""


def run_segment(context: RunContext, days: Sequence[dt.date], ledger: LedgerState) -> JobReport:
    """Write ``pseudonymous.movement`` and ``profile`` for the days, and a receipt a day and purpose.

    Costs one shuffle of event-sized rows, by SIM and day: the join with SIMs, cleaning and runs all use it, and one
    sort. SIMs cost some small ones: by subscriber, SIM, number and unit. The flags are counted by observations on
    the same plan.
    """
    policy = context.policy
    make_keys(context, [day_period(day) for day in days], "stage 1 of the day")
    keyed = keyed_days(context.spark, days, policy, key_store(context))
    subscribers = master(context)
    with closed_links(subscribers, covers_holder=policy.consent.covers_holder) as links:
        params = LineParams(context.settings.as_of)
        lines = sims(subscribers, open_ledger(context, ledger), keyed, params, links).persist()
        try:
            report = _write(context, days, keyed, lines)
            found = probe(context, days, lines, subscribers, links, ledger)
        finally:
            lines.unpersist()
    check_unchanged(context, days, ledger)
    return replace(report, receipts=write_receipts(context, days, ledger, report.counts, found))


def _write(context: RunContext, days: Sequence[dt.date], keyed: DataFrame, lines: DataFrame) -> JobReport:
    policy = context.policy
    reads = [Schema.RESTRICTED, Schema.REFERENCE, Schema.AUDIT]
    door = context.lake.door(reads=reads, writes=[Schema.PSEUDONYMOUS])
    params = MovementParams(
        home_mcc=policy.home_mcc,
        sim_is_unit=context.settings.waiver is not None,
        max_gap_seconds=60 * policy.segments.max_gap_same_ground_minutes,
        cleaning=CleaningParams.from_policy(policy.cleaning),
    )
    dates = [str(day) for day in days]
    window = days_frame(context.spark, days, policy).select("date", "window_start", "window_end")
    events = door.read(EVENTS).filter(F.col("event_date").isin(utc_dates(days, policy)))
    cells = numbered_cells(door.read(CELL_POSITIONS))
    seen, flags = Observation(), Observation()
    contacts = admitted(events, lines, cells, window, params)
    contacts = contacts.observe(seen, *counters(days), *contact_counters(days))
    starts = run_starts(contacts.filter("purposes <> 0 AND x IS NOT NULL"), params)
    runs = closed_runs(starts, params).observe(flags, *run_counters(days))
    visitors = _visitors(events.filter("cell_known"), lines, window, params)
    parts = events.count() // _EVENTS_A_PART
    # Most of a small write is waiting for plans and commits: it hides behind the large one.
    with shuffled_in(context.spark, parts), ThreadPoolExecutor(max_workers=3) as pool:
        moved = pool.submit(door.replace, MOVEMENT, movement(runs, cells, keyed), dates)
        who = pool.submit(door.replace, PROFILE, profile(lines, visitors, keyed), dates)
        usual = pool.submit(read_usual, door, days[0], policy.quality)
        for work in (moved, who):
            work.result()
    counts = {k: float(v) for k, v in {**seen.get, **flags.get}.items()}
    rules = [_repeats_rule(context, days, counts)]
    rules += flag_rules(counts, days, usual.result(), policy.quality)
    written = door.read(MOVEMENT).filter(F.col("date").isin(list(days)))
    found = context.gate.validate(written, MOVEMENT, f"{dates[0]}..{dates[-1]}", extra_rules=rules)
    if not found.passed:
        door.remove(MOVEMENT, dates, purge=True)
        raise InputRejectedError(found.message())
    rows_in = int(sum(v for k, v in counts.items() if k.endswith("|in")))
    return JobReport("segment", rows_in=rows_in, rows_out=_rows(context, MOVEMENT.full_name), counts=counts)


def _repeats_rule(context: RunContext, days: Sequence[dt.date], counts: dict[str, float]) -> TableRule:
    figures = [flag_counts(counts, day) for day in days]
    return share_rule(
        "exact_repeats",
        sum(figure["repeats"] for figure in figures),
        max(1, sum(figure["admitted"] for figure in figures)),
        context.policy.quality.max_duplicate_share,
        remedy="events were delivered more than once: check the feed, or raise quality.max_duplicate_share",
    )


def _visitors(events: DataFrame, lines: DataFrame, window: DataFrame, params: MovementParams) -> DataFrame:
    """SIMs that no line explains and that may count: one row a day and SIM."""
    foreign = F.lit(True) if params.sim_is_unit else F.col("home_mcc") != params.home_mcc
    in_window = (F.col("event_time") >= F.col("window_start")) & (F.col("event_time") < F.col("window_end"))
    return (
        events.filter(foreign)
        .join(F.broadcast(window), on=in_window, how="inner")
        .groupBy("date", "imsi")
        .agg(F.min("home_mcc").alias("home_mcc"))
        .join(lines.select("date", "imsi"), on=["date", "imsi"], how="left_anti")
    )


def _rows(context: RunContext, table: str) -> int | None:
    counted = [r.rows for name, _, r in context.gate.results if name == table and r.rows is not None]
    return counted[0] if counted else None
