"""Erasure: lines that object leave every table but master data and ledger, and a scan of every file proves it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.audit import ERASURES
from expectations.catalog import ALL
from expectations.consent_ledger import CONSENT_LEDGER
from expectations.consent_requests import CONSENT_REQUESTS
from expectations.contract import Schema
from expectations.quarantine import QUARANTINE
from expectations.subscribers import SUBSCRIBERS
from jobs.audit.journal import Journal, digest
from jobs.audit.removal import OWN_RECORDS, Work, purge_old_files, remove
from jobs.audit.scan import ScanParams, ScanReport, scan
from jobs.consent.erase import (
    KEYS_SCHEMA,
    NUMBER,
    UNIT,
    EraseParams,
    marks,
    needles,
    objecting,
    pseudonyms,
    silent_sims,
)
from jobs.consent.numbers import closed_links
from jobs.consent.receipts import GENESIS, LedgerState, chain
from jobs.consent.verify import all_receipts, faults
from jobs.context import RunContext
from jobs.errors import ThreestepError
from jobs.lake_files import list_files
from jobs.segment.keys import key_store
from udfs.keys import pads

JOB = "erase"
_ERASING = ("consent", JOB)
"""Jobs that erase: a run does so within its consent job."""

STATEMENT = (
    "Released statistics stay as they are: they are anonymous. Master data and the ledger of consent keep the line, "
    "with the requests and subscriber rows that wait in quarantine to be mended. Days not yet released are computed "
    "anew without it."
)
_APART = frozenset(
    {"restricted/rewards", *(f"{c.schema}/{c.name}" for c in (SUBSCRIBERS, CONSENT_LEDGER, CONSENT_REQUESTS))}
)


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


def erase_new(
    context: RunContext, journal: Journal, ledger: LedgerState, settled: Callable[[], object] = lambda: None
) -> Erasure:
    """Erase after a run's consent job, if the ledger is not the one that the last erasure went by.

    Where it is, this costs nothing, and nothing is written. Nor is there anything to erase before the first run:
    events come in after the first ledger.

    Args:
        context: The run.
        journal: Its journal.
        ledger: The ledger that it goes by.
        settled: Waits until nothing else writes to the lake: a file that is being written cannot be scanned.

    Raises:
        ThreestepError: A trace was left; the run must not go on.
    """
    last = journal.last_done(*_ERASING)
    if not journal.knows(*_ERASING) or (last is not None and last[1] == ledger.version):
        return Erasure()
    settled()
    return _Erasing(context, journal, ledger, last[0] if last else None, "run").erase(is_new=True)


def erase_all(context: RunContext, journal: Journal, ledger: LedgerState) -> Erasure:
    """Erase whatever there is of lines that object, new or not, and prove it on every file.

    Done again, it scans again; it removes and writes nothing more.

    Raises:
        ThreestepError: A trace was left.
    """
    last = journal.last_done(*_ERASING)
    is_new = last is None or last[1] != ledger.version
    return _Erasing(context, journal, ledger, last[0] if last else None, JOB).erase(is_new=is_new)


@dataclass(frozen=True)
class _Erasing:
    """One erasure.

    Attributes:
        context: The run.
        journal: Its journal.
        ledger: The ledger that it goes by.
        since: Last erasure.
        started_by: ``run`` or ``erase``.
    """

    context: RunContext
    journal: Journal
    ledger: LedgerState
    since: dt.datetime | None
    started_by: str

    def erase(self, *, is_new: bool) -> Erasure:
        """Remove rows, purge files, scan, and write the receipt.

        Costs one semi-join of the living dates' events and pseudonymous rows with the lines; where rows are found,
        a MERGE of the periods that hold them; and a pass over all files. A unit with a new objection to some
        purposes loses its rows under living keys too: its days are computed anew. Events stay while another purpose
        uses them.

        Raises:
            ThreestepError: A trace was left.
        """
        context = self.context
        with self._work() as work:
            found = {r["kind"]: r for r in work.marked.groupBy("kind").agg(_count("gone"), _count("fresh")).collect()}
            silent = int(found[NUMBER]["gone"]) if NUMBER in found else 0
            units = int(found[UNIT]["fresh"]) if UNIT in found else 0
            context.say(f"erasing: {silent:,} lines object to every purpose, {units:,} units have a new objection")
            removed = remove(context, self.journal, work)
            # Even where no row was left: an erasure that broke off may have left files.
            context.say("scanning every file")
            purge_old_files(context)
            proof = self._scan(work)
        result = Erasure(silent, units, removed, proof)
        if is_new or removed or proof.hits:
            self._receipt(result, proof)
        proof.require_clean()
        return result

    @contextmanager
    def _work(self) -> Iterator[Work]:
        """The frames of the erasure, held while they are used."""
        door = self.context.lake.door(reads=[Schema.RESTRICTED])
        as_of = self.context.settings.as_of
        # A run may have been told its time before another one ended: what it recorded is new all the same.
        since = self.since and min(self.since, as_of - dt.timedelta(microseconds=1))
        params = EraseParams(as_of, since)
        ledger, subscribers = door.read(CONSENT_LEDGER), door.read(SUBSCRIBERS)
        with closed_links(subscribers, covers_holder=self.context.policy.consent.covers_holder) as links:
            lines = objecting(subscribers, ledger, links, params).persist()
            marked = marks(lines, ledger, params).persist()
            hashes = pseudonyms(marked, _living_keys(self.context)).persist()
            looked_for = needles(marked, hashes, params).persist()
            sims = silent_sims(lines).persist()
            try:
                yield Work(marked, sims, hashes, looked_for)
            finally:
                for frame in (lines, marked, hashes, looked_for, sims):
                    frame.unpersist()

    def _scan(self, work: Work) -> ScanReport:
        if work.looked_for.isEmpty():
            return ScanReport(0, 0, (), ())
        params = ScanParams(_APART, {f"{QUARANTINE.schema}/{QUARANTINE.name}": f"NOT ({OWN_RECORDS})"})
        return scan(self.context.spark, list_files(self.context.lake, ALL), work.looked_for, params)

    def _receipt(self, result: Erasure, proof: ScanReport) -> None:
        door = self.context.lake.door(writes=[Schema.AUDIT])
        before = all_receipts(self.context.lake, ERASURES)
        amiss = faults(before)
        if amiss:
            raise ThreestepError(f"audit.erasures: the chain of {len(before)} receipts is broken ({amiss[0]})")
        number = len(before) + 1
        row: dict[str, object] = {
            "receipt_id": digest(self.context.run_id, self.ledger.version, number),
            "number": number,
            "started_by": self.started_by,
            "run_id": self.context.run_id,
            "ledger_version": self.ledger.version,
            "processed_at": self.context.settings.as_of,
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
        door.merge(ERASURES, self.context.spark.createDataFrame(ordered, ERASURES.struct).coalesce(1), matched={})


def _count(flag: str) -> Column:
    return F.count_if(F.col(flag)).alias(flag)


def _living_keys(context: RunContext) -> DataFrame:
    """The pads of every key that lives, as rows: no plan or log shows them."""
    store = key_store(context)
    keys = [(period, store.get(period)) for period in store.periods()]
    rows = [(period, *map(bytearray, pads(key))) for period, key in keys if key is not None]
    return context.spark.createDataFrame(rows, KEYS_SCHEMA)
