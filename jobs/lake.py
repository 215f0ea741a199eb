"""The one door to tables: nothing else reads or writes the lake, and it opens only to contracts.

A job's ``Door`` knows what it may read and write, and refuses the rest. Errors come without the engine's words.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, DataFrameWriter, SparkSession
from pyspark.sql import functions as F

from expectations.contract import Contract, Schema, WriteMode
from jobs.errors import RoomError, ThreestepError
from jobs.lake_lock import held, is_local
from jobs.lake_log import append_rows, create_table, delete_partitions, delete_unused, latest_version
from jobs.lake_read import read_table
from jobs.lake_sql import period_predicate
from jobs.lake_write import only_adds, replacing
from jobs.redaction import is_missing, redacted

_Lock = threading.RLock


@dataclass(frozen=True)
class Lake:
    """A lake: a root path, or ``catalog:NAME`` for a catalog with one schema a room.

    Attributes:
        spark: Session with Delta.
        root: Path (local, hdfs, s3a, abfss …) or ``catalog:NAME``.
    """

    spark: SparkSession
    root: str
    _known: set[str] = field(default_factory=set, repr=False, compare=False)
    _writers: defaultdict[str, _Lock] = field(default_factory=lambda: defaultdict(_Lock), repr=False, compare=False)

    def door(self, reads: Iterable[Schema | Contract] = (), writes: Iterable[Schema | Contract] = ()) -> Door:
        """Open a door to the named schemas, or single tables of one, only (what may be written may be read)."""
        writable = frozenset(writes)
        return Door(self, frozenset(reads) | writable, writable)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lake for one writer; the operating system lets go of it when the process dies.

        Lakes that are not on a file system of this machine are guarded by Delta's own conflicts only.

        Raises:
            ThreestepError: Another process holds it.
        """
        with held(self.root):
            yield

    def location(self, contract: Contract) -> str:
        """Path or qualified name of a table."""
        if self.root.startswith("catalog:"):
            return f"{self.root.removeprefix('catalog:')}.{contract.schema}.{contract.name}"
        return f"{self.root.rstrip('/')}/{contract.schema}/{contract.name}"

    def target(self, contract: Contract) -> str:
        """The table as SQL names it."""
        where = self.location(contract)
        return where if self.root.startswith("catalog:") else f"delta.`{where}`"


@dataclass(frozen=True)
class Door:
    """Access to some schemas and tables of a lake; see ``Lake.door``."""

    lake: Lake
    reads: frozenset[Schema | Contract]
    writes: frozenset[Schema | Contract]

    def exists(self, contract: Contract) -> bool:
        """Whether the table was created."""
        self._may(contract, self.reads, "read")
        if contract.full_name in self.lake._known:
            return True
        if is_local(self.lake.root):
            if latest_version(self.lake.location(contract)) is None:
                return False
        else:
            with redacted("looking for", contract):
                try:
                    self.lake.spark.sql(f"DESCRIBE DETAIL {self.lake.target(contract)}").select("format").first()
                except PySparkException as error:
                    if is_missing(error):
                        return False
                    raise
        self.lake._known.add(contract.full_name)
        return True

    def create(self, contracts: Sequence[Contract]) -> None:
        """Create the tables that are not there yet, with comments, keys and constraints, side by side."""
        for contract in contracts:
            self._may(contract, self.writes, "create")
        missing = [c for c in contracts if c.full_name not in self.lake._known]
        if self.lake.root.startswith("catalog:"):
            for schema in sorted({self.lake.target(c).rpartition(".")[0] for c in missing}):
                self.lake.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(self._create, missing))

    def _create(self, contract: Contract) -> None:
        with self._writing(contract, "creating"):
            if contract.full_name not in self.lake._known:
                if is_local(self.lake.root):
                    create_table(self.lake.location(contract), contract)
                else:
                    self.lake.spark.sql(contract.ddl(self.lake.target(contract)))
        self.lake._known.add(contract.full_name)

    def read(self, contract: Contract, version: int | None = None) -> DataFrame:
        """Return the table with the contract's columns in their order.

        Raises:
            ThreestepError: The table does not exist.
            RoomError: The door does not open to its schema.
        """
        if not self.exists(contract):
            raise ThreestepError(f"{contract.full_name} does not exist: run the job that writes it first")
        with redacted("reading", contract):
            frame = read_table(self.lake.spark, self.lake.root, self.lake.location(contract), version)
        return frame.select(contract.column_names)

    def version(self, contract: Contract) -> int:
        """Latest version of the table; -1 where it has none."""
        self._may(contract, self.reads, "read")
        if is_local(self.lake.root):
            found = latest_version(self.lake.location(contract))
            return -1 if found is None else found
        row = self.lake.spark.sql(f"DESCRIBE HISTORY {self.lake.target(contract)} LIMIT 1").select("version").first()
        return int(row["version"]) if row else -1

    def replace(self, contract: Contract, rows: DataFrame, periods: Sequence[str] = ()) -> None:
        """Write rows in one commit: the whole table, or the given values of the contract's period column.

        Writing the same rows again leaves the same table: that is what makes a job repeatable.

        Args:
            contract: The table; its mode must be one of the two that replace.
            rows: Exactly the contract's columns, by name.
            periods: Values of ``contract.period`` that the rows replace, as SQL literals' text.
        """
        self._may(contract, self.writes, "write")
        if contract.mode not in (WriteMode.REPLACE_ALL, WriteMode.REPLACE_WHERE):
            raise RoomError(f"{contract.full_name} is written by {contract.mode} only")
        self.create([contract])
        conformed = self._conform(contract, rows)
        with self._writing(contract, "writing"):
            adds = only_adds(self.lake.root, self.lake.location(contract), contract, periods)
            self._save(contract, replacing(contract, conformed, periods, adds=adds))

    def append(self, contract: Contract, rows: Sequence[tuple[object, ...]]) -> None:
        """Add rows, their values in the order of the contract's columns, to a journal."""
        self._may(contract, self.writes, "write")
        if contract.mode is not WriteMode.APPEND:
            raise RoomError(f"{contract.full_name} is written by {contract.mode} only")
        self.create([contract])
        if is_local(self.lake.root):
            with self._writing(contract, "appending to"):
                return append_rows(self.lake.location(contract), rows)
        frame = self.lake.spark.createDataFrame(list(rows), contract.struct).coalesce(1)
        self._save(contract, frame.write.format("delta").mode("append"))

    def merge(self, contract: Contract, rows: DataFrame, matched: Mapping[str, str] | None = None) -> None:
        """Insert rows by key; rows that are there are updated, or changed as ``matched`` says.

        Values travel in a frame, never in the statement: a statement's text stays in the commit log.

        Args:
            contract: The table; its mode must be MERGE.
            rows: Exactly the contract's columns, by name.
            matched: Column to SQL over ``t`` (the table's row) and ``s`` (the new one); an empty
                mapping leaves matched rows as they are. Without it every column is replaced.
        """
        self._may(contract, self.writes, "write")
        if contract.mode is not WriteMode.MERGE:
            raise RoomError(f"{contract.full_name} is written by {contract.mode} only")
        self.create([contract])
        keys = " AND ".join(f"t.`{key}` <=> s.`{key}`" for key in contract.keys)
        sets = "*" if matched is None else ", ".join(f"t.`{column}` = {sql}" for column, sql in matched.items())
        clause = f"WHEN MATCHED THEN UPDATE SET {sets}" if sets else ""
        with self._writing(contract, "merging into"):
            if only_adds(self.lake.root, self.lake.location(contract), contract):
                return self._save(contract, self._conform(contract, rows).write.format("delta").mode("append"))
            self.lake.spark.sql(
                f"MERGE INTO {self.lake.target(contract)} t USING {{rows}} s ON {keys} "
                f"{clause} WHEN NOT MATCHED THEN INSERT *",
                rows=self._conform(contract, rows),
            )

    def _save(self, contract: Contract, writer: DataFrameWriter) -> None:
        where = self.lake.location(contract)
        with self._writing(contract, "writing"):
            (writer.saveAsTable if self.lake.root.startswith("catalog:") else writer.save)(where)

    def restore(self, contract: Contract, version: int) -> None:
        """Go back to an earlier version, as if what came after had not been written: none of its files stays."""
        self._may(contract, self.writes, "restore")
        with self._writing(contract, "restoring"):
            self.lake.spark.sql(f"RESTORE TABLE {self.lake.target(contract)} TO VERSION AS OF {int(version)}")
        self.purge(contract)

    @contextmanager
    def all_or_nothing(self, contracts: Sequence[Contract]) -> Iterator[None]:
        """Put tables back to what they were if what happens meanwhile fails."""
        before = {contract: self.version(contract) for contract in contracts if self.exists(contract)}
        try:
            yield
        except Exception:
            for contract, version in before.items():
                if self.version(contract) != version:
                    self.restore(contract, version)
            raise

    def remove_all(self, periods: Mapping[Contract, Sequence[str]]) -> None:
        """Remove and purge periods, if any, of tables side by side: each waits on its log more than it computes."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(lambda item: self.remove(*item, purge=True), ((c, p) for c, p in periods.items() if p)))

    def remove(
        self, contract: Contract, periods: Sequence[str], *, purge: bool = False, column: str | None = None
    ) -> None:
        """Remove whole periods by their column, or another of dates; with ``purge``, all files without use too."""
        self._may(contract, self.writes, "remove from")
        if not self.exists(contract):
            return
        condition = period_predicate(contract, periods, column)
        with self._writing(contract, "removing from"):
            if is_local(self.lake.root) and contract.partitioned and column in (None, contract.period):
                delete_partitions(self.lake.location(contract), condition)
            else:
                self.lake.spark.sql(f"DELETE FROM {self.lake.target(contract)} WHERE {condition}")
        if purge:
            self.purge(contract)

    def erase(self, contract: Contract, rows: DataFrame, matching: str, periods: Sequence[str]) -> None:
        """Remove the rows that match a frame; the files that held them stay until ``purge``.

        Whom it concerns travels in the frame: the text of a DELETE would stay in the commit log.

        Args:
            contract: A table that holds identifiers or pseudonyms.
            rows: The frame; a row of the table may match several of it.
            matching: Condition in SQL over ``t`` (the table's row) and ``s`` (the frame's).
            periods: Periods of the table that are looked at.
        """
        self._may(contract, self.writes, "erase from")
        within = period_predicate(contract, periods, alias="t")
        with self._writing(contract, "erasing from"):
            self.lake.spark.sql(
                f"MERGE INTO {self.lake.target(contract)} t USING {{rows}} s ON {within} AND ({matching}) "
                "WHEN MATCHED THEN DELETE",
                rows=rows,
            )

    def files_in_use(self, contract: Contract) -> int:
        """Number of files of the latest version."""
        return len(self.read(contract).inputFiles())

    def purge(self, contract: Contract) -> None:
        """Delete every file that the latest version does not use; the caller holds the lake's lock."""
        self._may(contract, self.writes, "purge")
        with redacted("purging", contract):
            if is_local(self.lake.root):
                delete_unused(self.lake.location(contract))
                return
            # Stays off: put back, it would be pulled away from under a purge beside.
            self.lake.spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
            self.lake.spark.sql(f"VACUUM {self.lake.target(contract)} RETAIN 0 HOURS")

    @contextmanager
    def _writing(self, contract: Contract, doing: str) -> Iterator[None]:
        # Jobs side by side may share a table (quarantine): two replacements at once would conflict.
        with self.lake._writers[contract.full_name], redacted(doing, contract):
            yield

    def _may(self, contract: Contract, allowed: frozenset[Schema | Contract], verb: str) -> None:
        if contract.schema not in allowed and contract not in allowed:
            named = sorted(a.full_name if isinstance(a, Contract) else a.value for a in allowed)
            raise RoomError(f"this job may not {verb} {contract.full_name}: its door opens to {named}")

    def _conform(self, contract: Contract, rows: DataFrame) -> DataFrame:
        have, want = set(rows.columns), set(contract.column_names)
        if have != want:
            wrong = f"missing columns {sorted(want - have)}, unexpected columns {sorted(have - want)}"
            raise ThreestepError(f"{contract.full_name}: {wrong}")
        return rows.select(*(F.col(c.name).cast(c.type).alias(c.name) for c in contract.columns))
