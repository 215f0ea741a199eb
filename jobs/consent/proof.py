"""The proof of a run: a probe that no objecting line left a row behind, and the receipts that say what was left out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.audit import CONSENT_RECEIPTS
from expectations.consent_ledger import PURPOSES
from expectations.consent_requests import CONSENT_REQUESTS
from expectations.contract import Schema
from expectations.movement import MOVEMENT
from jobs.audit.journal import digest
from jobs.consent.lines import bound_objections
from jobs.consent.receipts import GENESIS, LedgerState, chain, leaks, objecting_lines
from jobs.consent.verify import all_receipts, faults
from jobs.context import RunContext
from jobs.errors import ConsentError, ThreestepError


def probe(
    context: RunContext,
    days: Sequence[dt.date],
    lines: DataFrame,
    subscribers: DataFrame,
    links: DataFrame,
    ledger: LedgerState,
) -> dict[str, int]:
    """Kept rows of objecting lines, by ``day|purpose``, found by a way of its own from requests to movement."""
    if ledger.version == "none":
        return {}
    door = context.lake.door(reads=[Schema.RESTRICTED, Schema.PSEUDONYMOUS])
    silent = bound_objections(objecting_lines(door.read(CONSENT_REQUESTS)), subscribers, links)
    found = leaks(door.read(MOVEMENT).filter(F.col("date").isin(list(days))), lines, silent)
    return {f"{row['date']}|{p}": int(row[p]) for row in found.collect() for p in PURPOSES}


def write_receipts(
    context: RunContext,
    days: Sequence[dt.date],
    ledger: LedgerState,
    counts: Mapping[str, float],
    found: Mapping[str, int],
) -> tuple[int, str]:
    """Add a receipt a day and purpose to the chain.

    Args:
        context: The run.
        days: Its days.
        ledger: The ledger that it went by.
        counts: See ``jobs.consent.receipts.counters``.
        found: See ``probe``.

    Returns:
        Number of receipts in the chain, and the hash of the last one.

    Raises:
        ConsentError: The probe found something; the days' movement was removed.
        ThreestepError: The chain is broken.
    """
    _refuse_leaks(context, days, sum(found.values()))
    number, head = _end_of_chain(context)
    rows: list[dict[str, object]] = []
    for day in days:
        events_in = int(counts[f"{day}|in"])
        for purpose in PURPOSES:
            number += 1
            kept, excluded = (int(counts[f"{day}|{purpose}|{what}"]) for what in ("kept", "excluded"))
            rows.append(
                {
                    "receipt_id": digest(context.run_id, day, purpose, number),
                    "number": number,
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
                    "probe_leaks": found.get(f"{day}|{purpose}", 0),
                    "waiver": ledger.waiver,
                }
            )
    chained = chain(rows, head)
    ordered = [tuple(row[c] for c in CONSENT_RECEIPTS.column_names) for row in chained]
    frame = context.spark.createDataFrame(ordered, CONSENT_RECEIPTS.struct).coalesce(1)
    context.lake.door(writes=[Schema.AUDIT]).merge(CONSENT_RECEIPTS, frame, matched={})
    return number, str(chained[-1]["hash"])


def _refuse_leaks(context: RunContext, days: Sequence[dt.date], leaked: int) -> None:
    if leaked:
        pseudonymous = context.lake.door(writes=[Schema.PSEUDONYMOUS])
        pseudonymous.remove(MOVEMENT, [str(day) for day in days], purge=True)
        raise ConsentError(
            f"pseudonymous.movement: the probe found {leaked} rows of lines that object; they were removed. "
            "Run again; if it persists, the ledger and the requests disagree: do not release"
        )


def _end_of_chain(context: RunContext) -> tuple[int, str]:
    rows = all_receipts(context.lake)
    amiss = faults(rows)
    if amiss:
        raise ThreestepError(
            f"audit.consent_receipts: the chain of {len(rows)} receipts is broken ({amiss[0]}). "
            "Find out by whom before anything else is released: threestep receipts --verify names every fault"
        )
    return (int(str(rows[-1]["number"])), str(rows[-1]["hash"])) if rows else (0, GENESIS)
