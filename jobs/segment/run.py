"""Job segment (stage 1): contacts that may serve a purpose become movement and profile under the day's key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.events import EVENTS
from expectations.gate import share_rule
from expectations.movement import MOVEMENT, PROFILE
from jobs.consent.guard import check_unchanged, open_ledger
from jobs.consent.lines import LineParams, sims
from jobs.consent.numbers import closed_links
from jobs.consent.proof import probe, write_receipts
from jobs.consent.receipts import LedgerState, counters
from jobs.consent.run import master
from jobs.context import JobReport, RunContext
from jobs.errors import InputRejectedError
from jobs.segment.days import days_frame, keyed_days, utc_dates
from jobs.segment.keys import key_store, make_keys
from jobs.segment.keystore import day_period
from jobs.segment.movement import MovementParams, admitted, flagged_runs, movement, profile


def run_segment(context: RunContext, days: Sequence[dt.date], ledger: LedgerState) -> JobReport:
    """Write ``pseudonymous.movement`` and ``profile`` for the days, and a receipt a day and purpose.

    Costs one shuffle of event-sized rows, by (date, imsi): the join with SIMs (where it is not broadcast),
    repeats and runs all use it. SIMs cost some small ones: by subscriber, SIM, number and unit.
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
    door = context.lake.door(reads=[Schema.RESTRICTED], writes=[Schema.PSEUDONYMOUS])
    params = MovementParams(
        home_mcc=policy.home_mcc,
        sim_is_unit=context.settings.waiver is not None,
        max_gap_seconds=60 * policy.segments.max_gap_same_ground_minutes,
    )
    dates = [str(day) for day in days]
    window = days_frame(context.spark, days, policy).select("date", "window_start", "window_end")
    events = door.read(EVENTS).filter(F.col("event_date").isin(utc_dates(days, policy)) & F.col("cell_known"))
    seen, repeats = Observation(), Observation()
    contacts = admitted(events, lines, window, params).observe(seen, *counters(days))
    runs = flagged_runs(contacts.filter("purposes <> 0"), params).observe(
        repeats, F.count("*").alias("contacts"), F.count(F.when(F.col("is_repeat"), 1)).alias("repeats")
    )
    door.replace(MOVEMENT, movement(runs, keyed), dates)
    visitors = _visitors(events, lines, window, params)
    door.replace(PROFILE, profile(lines, visitors, keyed), dates)
    counts = {**{k: float(v) for k, v in seen.get.items()}, **{k: float(v) for k, v in repeats.get.items()}}
    duplicate_share = share_rule(
        "exact_repeats",
        int(counts["repeats"]),
        max(1, int(counts["contacts"])),
        policy.quality.max_duplicate_share,
        remedy="events were delivered more than once: check the feed, or raise quality.max_duplicate_share",
    )
    written = door.read(MOVEMENT).filter(F.col("date").isin(list(days)))
    found = context.gate.validate(written, MOVEMENT, f"{dates[0]}..{dates[-1]}", extra_rules=[duplicate_share])
    if not found.passed:
        door.remove(MOVEMENT, dates, purge=True)
        raise InputRejectedError(found.message())
    rows_in = int(sum(v for k, v in counts.items() if k.endswith("|in")))
    return JobReport("segment", rows_in=rows_in, rows_out=_rows(context, MOVEMENT.full_name), counts=counts)


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
