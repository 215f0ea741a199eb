"""Erasure: lines that object leave every table but master data and ledger, and a scan of every file proves it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.audit import ERASURES, RUNS
from expectations.catalog import ALL
from expectations.consent_ledger import CONSENT_LEDGER
from expectations.consent_requests import CONSENT_REQUESTS
from expectations.contract import Contract, Schema
from expectations.events import EVENTS
from expectations.quarantine import QUARANTINE
from expectations.subscribers import SUBSCRIBERS
from jobs.audit.journal import Journal, digest
from jobs.audit.scan import ScanParams, ScanReport, scan
from jobs.audit.unreleased import forget_draws
from jobs.consent.erase import (
    KEYS_SCHEMA,
    NUMBER,
    UNIT,
    EraseParams,
    marks,
    needles,
    objecting,
    pseudonyms,
    quarantined,
    silent_sims,
)
from jobs.consent.ledger import current
from jobs.consent.receipts import GENESIS, LedgerState, chain, stored
from jobs.consent.verify import faults
from jobs.context import RunContext
from jobs.errors import ThreestepError
from jobs.lake_files import list_files
from jobs.segment.keys import key_store
from udfs.keys import pads

JOB = "erase"
PSEUDONYMOUS: tuple[Contract, ...] = tuple(
    c for c in ALL if c.schema is Schema.PSEUDONYMOUS and "pseudonym" in c.column_names and c.period is not None
)
"""Every table under a pseudonym, by its contract: a new one is erased from without being named here."""

STATEMENT = (
    "Released statistics stay as they are: they are anonymous. Master data and the ledger of consent keep the line, "
    "with the requests and subscriber rows that wait in quarantine to be mended. Days not yet released are computed "
    "anew without it."
)
_OWN_RECORDS = "table_name IN ('subscribers', 'consent')"
_APART = frozenset(
    {"restricted/rewards", *(f"{c.schema}/{c.name}" for c in (SUBSCRIBERS, CONSENT_LEDGER, CONSENT_REQUESTS))}
)
_SERVED = "t.imsi = s.imsi AND t.event_time >= s.valid_from AND (s.valid_to IS NULL OR t.event_time < s.valid_to)"


@dataclass(frozen=True)
class Erasure:
    """What an erasure came to, in counts that may be logged.

    Attributes:
        lines: Numbers of which every line objects to every purpose.
        units: Units with a new objection.
        removed: Rows removed by table.
        scan: The proof; None where there was no reason for one.
    """

    lines: int = 0
    units: int = 0
    removed: Mapping[str, int] | None = None
    scan: ScanReport | None = None

    @property
    def counts(self) -> dict[str, float]:
        """For the job's report."""
        found = {"erased_rows": sum((self.removed or {}).values())}
        if self.scan is not None:
            found |= {"silent_lines": self.lines, "files_scanned": self.scan.files, "traces_found": self.scan.hits}
        return {name: float(value) for name, value in found.items()}


@dataclass(frozen=True)
class _Work:
    """Frames of one erasure; small next to events, and persisted."""

    sims: DataFrame
    hashes: DataFrame
    looked_for: DataFrame


def erase_new(context: RunContext, ledger: LedgerState) -> Erasure:
    """Erase after a run's consent job, if the ledger holds an objection that the last erasure did not know of.

    Where it does not, this costs one look at two small tables, and nothing is written. Nor is there anything to
    erase before the first run: events come in after the first ledger.

    Raises:
        ThreestepError: A trace was left; the run must not go on.
    """
    newest, since = _newest_and_last(context)
    if newest is None or since is None or newest <= since:
        return Erasure()
    return _erase(context, ledger, since, is_new=True, started_by="run")


def erase_all(context: RunContext, ledger: LedgerState) -> Erasure:
    """Erase whatever there is of lines that object, new or not, and prove it on every file.

    Done again, it scans again; it removes and writes nothing more.

    Raises:
        ThreestepError: A trace was left.
    """
    newest, since = _newest_and_last(context)
    is_new = newest is not None and (since is None or newest > since)
    return _erase(context, ledger, since, is_new=is_new, started_by=JOB)


def _erase(
    context: RunContext, ledger: LedgerState, since: dt.datetime | None, *, is_new: bool, started_by: str
) -> Erasure:
    """Remove rows, purge files, scan, and write the receipt.

    Costs one semi-join of the living dates' events and pseudonymous rows with the lines; where rows are found, a
    MERGE of the periods that hold them and a pass over all files. A unit with a new objection to some purposes
    loses its rows under living keys too: its days are computed anew. Events stay while another purpose uses them.

    Args:
        context: The run.
        ledger: The ledger that it goes by.
        since: Last erasure.
        is_new: Whether there is an objection since.
        started_by: ``run`` or ``erase``.

    Raises:
        ThreestepError: A trace was left.
    """
    door = context.lake.door(reads=[Schema.RESTRICTED])
    params = EraseParams(context.settings.as_of, since)
    rows = door.read(CONSENT_LEDGER)
    lines = objecting(door.read(SUBSCRIBERS), rows, params).persist()
    marked = marks(lines, rows, params).persist()
    hashes = pseudonyms(marked, _living_keys(context)).persist()
    work = _Work(silent_sims(lines).persist(), hashes, needles(marked, hashes, params).persist())
    try:
        found = {r["kind"]: r for r in marked.groupBy("kind").agg(_count("gone"), _count("fresh")).collect()}
        silent = int(found[NUMBER]["gone"]) if NUMBER in found else 0
        units = int(found[UNIT]["fresh"]) if UNIT in found else 0
        context.say(f"erasing: {silent:,} lines object to every purpose, {units:,} units have a new objection")
        removed = _remove(context, work)
        context.say("purging and scanning every file")
        _purge(context)
        proof = _scan(context, work)
    finally:
        for frame in (lines, marked, hashes, work.sims, work.looked_for):
            frame.unpersist()
    result = Erasure(silent, units, removed, proof)
    if is_new or removed or proof.hits:
        _receipt(context, ledger, result, proof, started_by)
    proof.require_clean()
    return result


def _newest_and_last(context: RunContext) -> tuple[dt.datetime | None, dt.datetime | None]:
    """When the ledger last came to know of an objection, and when an erasure last ended."""
    door = context.lake.door(reads=[Schema.RESTRICTED, Schema.AUDIT])
    newest = (
        current(door.read(CONSENT_LEDGER))
        .filter("decision = 'object'")
        .agg(F.max(F.unix_micros("recorded_from")).alias("newest"))
    )
    if not door.exists(RUNS):
        return None, None
    done = door.read(RUNS).filter(F.col("job").isin("consent", JOB) & (F.col("status") == "done"))
    row = newest.join(done.agg(F.max(F.unix_micros("at")).alias("last")), how="cross").first()
    return (_instant(row["newest"]), _instant(row["last"])) if row else (None, None)


def _instant(micros: int | None) -> dt.datetime | None:
    return None if micros is None else dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)


def _count(flag: str) -> Column:
    return F.count_if(F.col(flag)).alias(flag)


def _living_keys(context: RunContext) -> DataFrame:
    """The pads of every key that lives, as rows: no plan or log shows them."""
    store = key_store(context)
    keys = [(period, store.get(period)) for period in store.periods()]
    rows = [(period, *map(bytearray, pads(key))) for period, key in keys if key is not None]
    return context.spark.createDataFrame(rows, KEYS_SCHEMA)


def _remove(context: RunContext, work: _Work) -> dict[str, int]:
    """Rows removed by table; a table without any is not written."""
    door = context.lake.door(writes=[Schema.RESTRICTED, Schema.PSEUDONYMOUS])
    refused = quarantined(door.read(QUARANTINE), work.looked_for, _OWN_RECORDS).persist()
    hashes = work.hashes.select("pseudonym").distinct()
    targets: dict[Contract, tuple[DataFrame, str]] = {
        EVENTS: (work.sims, _SERVED),
        QUARANTINE: (refused, "t.`row` = s.`row` AND t.batch = s.batch"),
        **{contract: (hashes, "t.pseudonym = s.pseudonym") for contract in PSEUDONYMOUS},
    }
    try:
        periods = _periods(context, targets)
        for contract, found in periods.items():
            door.erase(contract, *targets[contract], sorted(found))
    finally:
        refused.unpersist()
    days = {day for c in PSEUDONYMOUS for day in periods.get(c, {}) if c.type_of[str(c.period)] == "DATE"}
    if any(contract in periods for contract in PSEUDONYMOUS):
        forget_draws(context)
        Journal(context).outdate(sorted(map(dt.date.fromisoformat, days)), "rows of lines that object were erased")
    return {contract.full_name: sum(found.values()) for contract, found in periods.items()}


def _periods(context: RunContext, targets: Mapping[Contract, tuple[DataFrame, str]]) -> dict[Contract, dict[str, int]]:
    """Rows to remove by table and period, counted in one job."""
    door = context.lake.door(reads=[Schema.RESTRICTED, Schema.PSEUDONYMOUS])
    counted: DataFrame | None = None
    for contract, (rows, matching) in targets.items():
        if door.exists(contract):
            hit = door.read(contract).alias("t").join(rows.alias("s"), on=F.expr(matching), how="left_semi")
            period = F.col(str(contract.period)).cast("string").alias("period")
            part = hit.groupBy(F.lit(contract.full_name).alias("name"), period).agg(F.count("*").alias("rows"))
            counted = part if counted is None else counted.unionByName(part)
    by_name = {contract.full_name: contract for contract in targets}
    found: dict[Contract, dict[str, int]] = {}
    for row in counted.collect() if counted is not None else []:
        found.setdefault(by_name[row["name"]], {})[row["period"]] = int(row["rows"])
    return found


def _purge(context: RunContext) -> None:
    """Delete files of old versions, of any erasure that broke off, too; a table without such files is not written."""
    door = context.lake.door(writes=[Schema.RESTRICTED, Schema.PSEUDONYMOUS])
    there = Counter(f.table for f in list_files(context.lake, ALL) if f.leaf.endswith(".parquet") and not f.is_log)
    tables = [c for c in (EVENTS, QUARANTINE, *PSEUDONYMOUS) if door.exists(c)]
    door.purge_all([c for c in tables if there[f"{c.schema}/{c.name}"] != door.files_in_use(c)])


def _scan(context: RunContext, work: _Work) -> ScanReport:
    files = list_files(context.lake, ALL)
    if work.looked_for.isEmpty():
        return ScanReport(0, 0, (), ())
    params = ScanParams(_APART, {f"{QUARANTINE.schema}/{QUARANTINE.name}": f"NOT ({_OWN_RECORDS})"})
    return scan(context.spark, files, work.looked_for, params)


def _receipt(context: RunContext, ledger: LedgerState, result: Erasure, proof: ScanReport, started_by: str) -> None:
    door = context.lake.door(writes=[Schema.AUDIT])
    door.create([ERASURES])
    before = sorted(stored(door.read(ERASURES)), key=lambda row: int(str(row["number"])))
    amiss = faults(before)
    if amiss:
        raise ThreestepError(f"audit.erasures: the chain of {len(before)} receipts is broken ({amiss[0]})")
    number = len(before) + 1
    row: dict[str, object] = {
        "receipt_id": digest(context.run_id, ledger.version, number),
        "number": number,
        "started_by": started_by,
        "run_id": context.run_id,
        "ledger_version": ledger.version,
        "processed_at": context.settings.as_of,
        "lines_silent": result.lines,
        "units_touched": result.units,
        "rows_removed": dict(sorted((result.removed or {}).items())),
        "files_scanned": proof.files,
        "files_apart": proof.apart,
        "hits": proof.hits,
        "statement": STATEMENT,
    }
    chained = chain([row], str(before[-1]["hash"]) if before else GENESIS)
    ordered = [tuple(link[c] for c in ERASURES.column_names) for link in chained]
    door.merge(ERASURES, context.spark.createDataFrame(ordered, ERASURES.struct).coalesce(1), matched={})
