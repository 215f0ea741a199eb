"""Removes rows of lines that object, by frames, and the files that held them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.catalog import ALL
from expectations.contract import Contract, Schema
from expectations.events import EVENTS
from expectations.quarantine import QUARANTINE
from jobs.audit.journal import Journal
from jobs.audit.unreleased import forget_draws
from jobs.consent.erase import quarantined
from jobs.context import RunContext
from jobs.lake_files import list_files

PSEUDONYMOUS: tuple[Contract, ...] = tuple(
    c for c in ALL if c.schema is Schema.PSEUDONYMOUS and "pseudonym" in c.column_names and c.period is not None
)
"""Every table under a pseudonym, by its contract: a new one is erased from without being named here."""

OWN_RECORDS = "table_name IN ('subscribers', 'consent')"
"""Quarantined rows that are the line's own records, waiting to be mended: a withdrawal may be among them."""

_SERVED = "t.imsi = s.imsi AND t.event_time >= s.valid_from AND (s.valid_to IS NULL OR t.event_time < s.valid_to)"


@dataclass(frozen=True)
class Work:
    """Frames of one erasure; small next to events, and persisted.

    Attributes:
        marked: See ``jobs.consent.erase.marks``.
        sims: See ``jobs.consent.erase.silent_sims``.
        hashes: See ``jobs.consent.erase.pseudonyms``.
        looked_for: See ``jobs.consent.erase.needles``.
    """

    marked: DataFrame
    sims: DataFrame
    hashes: DataFrame
    looked_for: DataFrame


def remove(context: RunContext, journal: Journal, work: Work) -> dict[str, int]:
    """Rows removed by table; a table without any is not written."""
    door = context.lake.door(writes=[Schema.RESTRICTED, Schema.PSEUDONYMOUS])
    refused = quarantined(door.read(QUARANTINE), work.looked_for, OWN_RECORDS).persist()
    hashes = work.hashes.select("pseudonym").distinct()
    targets: dict[Contract, tuple[DataFrame, str]] = {
        EVENTS: (work.sims, _SERVED),
        QUARANTINE: (refused, "t.`row` = s.`row` AND t.batch = s.batch"),
        **{contract: (hashes, "t.pseudonym = s.pseudonym") for contract in PSEUDONYMOUS},
    }
    try:
        periods = _periods(context, targets)
        _outdate(context, journal, periods)
        for contract, found in periods.items():
            door.erase(contract, *targets[contract], sorted(found))
    finally:
        refused.unpersist()
    return {contract.full_name: sum(found.values()) for contract, found in periods.items()}


def _outdate(context: RunContext, journal: Journal, periods: Mapping[Contract, Mapping[str, int]]) -> None:
    """Let what was made from the rows be made anew; first of all, so that an erasure that breaks off leaves no draw."""
    touched = [contract for contract in PSEUDONYMOUS if contract in periods]
    if touched:
        dates = {p for c in touched if c.type_of[str(c.period)] == "DATE" for p in periods[c]}
        forget_draws(context)
        journal.outdate(sorted(map(dt.date.fromisoformat, dates)), "rows of lines that object were erased")


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


def purge_old_files(context: RunContext) -> None:
    """Delete files of old versions, of any erasure that broke off, too; a table without such files is not written."""
    door = context.lake.door(writes=[Schema.RESTRICTED, Schema.PSEUDONYMOUS])
    there = Counter(f.table for f in list_files(context.lake, ALL) if f.leaf.endswith(".parquet") and not f.is_log)
    tables = [c for c in (EVENTS, QUARANTINE, *PSEUDONYMOUS) if door.exists(c)]
    old = [c for c in tables if there[f"{c.schema}/{c.name}"] != door.files_in_use(c)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(door.purge, old))
