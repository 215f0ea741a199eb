"""Job segment (stage 1): contacts that may serve a purpose become movement and profile under the day's key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from expectations.audit import CONSENT_RECEIPTS
from expectations.consent_ledger import CONSENT_LEDGER, PURPOSES
from expectations.consent_requests import CONSENT_REQUESTS
from expectations.contract import Schema
from expectations.events import EVENTS
from expectations.footprints import CELL_POSITIONS
from expectations.gate import TableRule, share_rule
from expectations.movement import MOVEMENT, PROFILE
from jobs.audit.journal import digest
from jobs.consent.lines import LineParams, bound_objections, sims
from jobs.consent.receipts import GENESIS, LedgerState, chain, counters, leaks, objecting_lines
from jobs.consent.run import master
from jobs.context import JobReport, RunContext
from jobs.errors import ConsentError, InputRejectedError, ThreestepError
from jobs.segment.admission import MovementParams, admitted, numbered_cells
from jobs.segment.cleaning import CleaningParams, contact_counters, run_counters
from jobs.segment.control import flag_counts, flag_rules, read_usual
from jobs.segment.days import days_frame, keyed_days, utc_dates
from jobs.segment.keys import key_store, note_keys
from jobs.segment.keystore import day_period
from jobs.segment.movement import closed_runs, movement, run_starts
from jobs.segment.profile import profile


def run_segment(context: RunContext, days: Sequence[dt.date], ledger: LedgerState) -> JobReport:
    """Write ``pseudonymous.movement`` and ``profile`` for the days, and a receipt a day and purpose.

    Costs one shuffle of event-sized rows, by SIM and day: the join with SIMs, cleaning and runs all use it, and one
    sort. SIMs cost two small ones. The flags are counted by observations on the same plan.
    """
    door = context.lake.door(reads=[Schema.RESTRICTED, Schema.REFERENCE], writes=[Schema.PSEUDONYMOUS, Schema.AUDIT])
    policy = context.policy
    store = key_store(context)
    made = [day for day in days if store.get(day_period(day)) is None]
    keyed = keyed_days(context.spark, days, policy, store)
    note_keys(context, made, "created", "stage 1 of the day")
    subscribers = master(context)
    ledger_rows = door.read(CONSENT_LEDGER) if ledger.version != "none" else _no_ledger(context)
    lines = sims(subscribers, ledger_rows, keyed, LineParams(context.settings.as_of)).persist()
    try:
        report = _write(context, days, keyed, lines)
        probe = _probe(context, days, lines, subscribers, ledger)
    finally:
        lines.unpersist()
    _receipts(context, days, ledger, report, probe)
    return report


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
    # Most of a small write is waiting for plans and commits: it hides behind the large one.
    with ThreadPoolExecutor(max_workers=3) as pool:
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


def _probe(
    context: RunContext, days: Sequence[dt.date], lines: DataFrame, subscribers: DataFrame, ledger: LedgerState
) -> dict[str, int]:
    """Kept rows of objecting lines, by ``day|purpose``, found by a way of its own from requests to movement."""
    if ledger.version == "none":
        return {}
    door = context.lake.door(reads=[Schema.RESTRICTED, Schema.PSEUDONYMOUS])
    silent = bound_objections(objecting_lines(door.read(CONSENT_REQUESTS)), subscribers)
    found = leaks(door.read(MOVEMENT).filter(F.col("date").isin(list(days))), lines, silent)
    return {f"{row['date']}|{p}": int(row[p]) for row in found.collect() for p in PURPOSES}


def _receipts(
    context: RunContext, days: Sequence[dt.date], ledger: LedgerState, report: JobReport, probe: dict[str, int]
) -> None:
    door = context.lake.door(writes=[Schema.AUDIT])
    rows: list[dict[str, object]] = []
    for day in days:
        events_in = int(report.counts[f"{day}|in"])
        for purpose in PURPOSES:
            kept = int(report.counts[f"{day}|{purpose}|kept"])
            excluded = int(report.counts[f"{day}|{purpose}|excluded"])
            rows.append(
                {
                    "receipt_id": digest(context.run_id, day, purpose, context.settings.as_of),
                    "run_id": context.run_id,
                    "date": day,
                    "purpose": purpose,
                    "ledger_version": ledger.version,
                    "delivered_at": ledger.delivered_at,
                    "processed_at": context.settings.as_of,
                    "lines_objecting": ledger.lines[purpose],
                    "events_in": events_in,
                    "events_excluded": excluded,
                    "events_unexplained": events_in - kept - excluded,
                    "events_kept": kept,
                    "probe_leaks": probe.get(f"{day}|{purpose}", 0),
                    "waiver": ledger.waiver,
                }
            )
    leaked = sum(int(str(row["probe_leaks"])) for row in rows)
    if leaked:
        pseudonymous = context.lake.door(writes=[Schema.PSEUDONYMOUS])
        pseudonymous.remove(MOVEMENT, [str(day) for day in days], purge=True)
        raise ConsentError(
            f"pseudonymous.movement: the probe found {leaked} rows of lines that object; they were removed. "
            "Run again; if it persists, the ledger and the requests disagree: do not release"
        )
    chained = chain(rows, _last_hash(context))
    ordered = [tuple(row[c] for c in CONSENT_RECEIPTS.column_names) for row in chained]
    door.merge(
        CONSENT_RECEIPTS, context.spark.createDataFrame(ordered, CONSENT_RECEIPTS.struct).coalesce(1), matched={}
    )


def _last_hash(context: RunContext) -> str:
    door = context.lake.door(reads=[Schema.AUDIT])
    if not door.exists(CONSENT_RECEIPTS):
        return GENESIS
    links = door.read(CONSENT_RECEIPTS).select("previous_hash", "hash").collect()
    ends = {row["hash"] for row in links} - {row["previous_hash"] for row in links}
    if links and len(ends) != 1:
        raise ThreestepError(
            f"audit.consent_receipts: the chain of {len(links)} receipts has {len(ends)} ends instead of one: receipts "
            "were removed or altered. Find out by whom before anything else is released"
        )
    return next(iter(ends)) if ends else GENESIS


def _no_ledger(context: RunContext) -> DataFrame:
    return context.spark.createDataFrame([], CONSENT_LEDGER.struct)


def _rows(context: RunContext, table: str) -> int | None:
    counted = [r.rows for name, _, r in context.gate.results if name == table and r.rows is not None]
    return counted[0] if counted else None
