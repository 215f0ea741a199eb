"""Scans every file of a lake for traces of lines that must be gone, whatever wrote the file and whatever knows of it.

Works on files, not on tables: old versions, files that no log knows, logs, checkpoints and strays are all the same to
it. Every value becomes traces (``udfs.traces``), and one equi-join holds them against all lines at once.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from urllib.parse import unquote

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.audit.scan_parquet import MAGIC, read_group, sort_parquet
from jobs.errors import ThreestepError
from jobs.lake_files import DOCS, LakeFile, each
from jobs.redaction import describe_error
from udfs.traces import traces

NEEDLES_SCHEMA = "trace STRING, kind STRING"
"""What is looked for: a form that ``udfs.traces`` gives, and whether it is a number, a sim or a pseudonym."""

_CHUNK, _OVERLAP = 1 << 16, 256
_WHOLE = 64 << 20
_OPAQUE = (
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\x28\xb5\x2f\xfd",
    b"BZh",
    b"\xfd7zXZ",
    b"ORC",
    b"Obj\x01",
    b"\x04\x22\x4d\x18",
)
_HEAD = 8
_ROW = "row"


@dataclass(frozen=True)
class ScanParams:
    """What belongs to the lines' own records.

    Attributes:
        apart: Tables (``restricted/subscribers``) whose data files are not scanned; their logs are.
        conditions: Table to the rows of it that are scanned, in SQL.
    """

    apart: frozenset[str]
    conditions: Mapping[str, str]


@dataclass(frozen=True)
class Finding:
    """Traces in one kind of file of one table.

    Attributes:
        table: Schema and table, or a stray file's folder.
        where: data file, transaction log, report, other file, or file name.
        kind: number, sim or pseudonym.
        files: Files with such traces.
        hits: Traces in them.
    """

    table: str
    where: str
    kind: str
    files: int
    hits: int

    def __str__(self) -> str:
        return f"{self.table}: {self.hits:,} of kind {self.kind} in {self.files:,} of kind {self.where}"


@dataclass(frozen=True)
class ScanReport:
    """What a scan came to.

    Attributes:
        files: Files scanned.
        apart: Files of master data and ledger, which are not.
        findings: Traces found.
        unreadable: Tables or folders of files that could not be looked into.
    """

    files: int
    apart: int
    findings: tuple[Finding, ...]
    unreadable: tuple[str, ...]

    @property
    def hits(self) -> int:
        """All traces."""
        return sum(finding.hits for finding in self.findings)

    def require_clean(self) -> None:
        """Raise unless every file was looked into and nothing was found.

        Raises:
            ThreestepError: Naming tables and counts, and what to do.
        """
        if self.findings:
            raise ThreestepError(
                f"the scan of {self.files:,} files found {self.hits:,} traces of lines that object: "
                f"{'; '.join(map(str, self.findings))}. Remove or clean these files (what no table uses may simply be "
                "deleted; a transaction log that holds traces means that its table must be written anew), then run "
                "threestep erase again"
            )
        if self.unreadable:
            raise ThreestepError(
                f"{len(self.unreadable):,} files cannot be looked into (compressed, damaged or foreign), so "
                f"nothing is proven: {', '.join(sorted(set(self.unreadable)))}. Move them out of the lake, then run "
                "threestep erase again"
            )


@dataclass
class _Sorted:
    parquet: list[LakeFile]
    plain: list[LakeFile]
    large: list[LakeFile]
    hidden: list[LakeFile]
    unreadable: list[LakeFile]
    apart: int = 0

    @property
    def read(self) -> list[LakeFile]:
        """Files other than Parquet that are read."""
        return [*self.plain, *self.large, *self.hidden]


def scan(spark: SparkSession, files: Sequence[LakeFile], needles: DataFrame, params: ScanParams) -> ScanReport:
    """Look for traces in every file; costs one pass over all bytes, and shuffles counts only while needles are few.

    Args:
        spark: Session.
        files: See ``jobs.lake_files.list_files``.
        needles: Rows of ``NEEDLES_SCHEMA``, at least one; persisted, or they are computed anew.
        params: What is apart.

    Raises:
        ThreestepError: The engine failed, or saw fewer rows than the files hold: then nothing is proven.
    """
    sorted_files = _sort(files, params)
    parquet = sort_parquet(sorted_files.parquet, params.conditions)
    try:
        parts = [read_group(spark, group) for group in parquet.groups]
        parts += [*_plain_parts(spark, sorted_files), _names(spark, files)]
        found = _hits(reduce(DataFrame.unionByName, parts), needles).collect()
    except (PySparkException, Py4JError) as error:
        raise ThreestepError(f"scanning the lake's files failed: {describe_error(error)}; nothing is proven") from None
    counted = {_plain_path(row["path"]): int(row["hits"]) for row in found if row["kind"] == _ROW}
    _require_seen(counted, {**parquet.rows, **dict.fromkeys(sorted_files.read, 1)})
    unreadable = tuple(_without_digits(file.name) for file in (*sorted_files.unreadable, *parquet.unreadable))
    hits = [(row["path"], row["kind"], int(row["hits"])) for row in found if row["kind"] != _ROW]
    return ScanReport(len(files) - sorted_files.apart, sorted_files.apart, _findings(files, hits), unreadable)


def _require_seen(counted: Mapping[str, int], expected: Mapping[LakeFile, int]) -> None:
    """A file that the engine passed over, or read in part, was not scanned.

    Raises:
        ThreestepError: There is one.
    """
    passed = [f for f, rows in expected.items() if counted.get(_plain_path(f.url), 0) < rows]
    if passed:
        raise ThreestepError(
            f"the scan did not see all of {len(passed):,} files, {_without_digits(passed[0].name)} among them; "
            "nothing is proven"
        )


def _sort(files: Sequence[LakeFile], params: ScanParams) -> _Sorted:
    """By how they are read; what is empty holds nothing."""
    result = _Sorted([], [], [], [], [])
    sizes = {file.name: file.size for file in files}
    for file, head in zip(files, each(files, lambda f: f.head(_HEAD) if f.size else b""), strict=True):
        if (
            file.table in params.apart
            and not file.is_log
            and (head.startswith(MAGIC) or _is_checksum(file, head, sizes))
        ):
            result.apart += 1
        elif not head or _is_checksum(file, head, sizes):
            continue
        elif head.startswith(MAGIC) and not file.is_hidden:
            result.parquet.append(file)
        elif head.startswith((MAGIC, *_OPAQUE)):
            result.unreadable.append(file)
        elif file.is_hidden:
            (result.hidden if file.size <= _WHOLE else result.unreadable).append(file)
        else:
            (result.plain if file.size <= _WHOLE else result.large).append(file)
    return result


def _is_checksum(file: LakeFile, head: bytes, sizes: Mapping[str, int]) -> bool:
    """Whether it is the storage layer's checksum of a file beside it: magic, block size, four bytes a block."""
    if not (file.leaf.startswith(".") and file.leaf.endswith(".crc") and head[:4] == b"crc\0" and len(head) == _HEAD):
        return False
    block = struct.unpack(">i", head[4:8])[0]
    whole = sizes.get(file.name[: -len(file.leaf)] + file.leaf[1:-4])
    return whole is not None and block > 0 and file.size == _HEAD + 4 * -(-whole // block)


def _plain_parts(spark: SparkSession, files: _Sorted) -> list[DataFrame]:
    reader = spark.read.option("recursiveFileLookup", True)
    parts = []
    if files.plain:
        whole = reader.format("binaryFile").load([f.literal for f in files.plain])
        path = F.col("_metadata.file_path").alias("path")
        parts.append(whole.select(path, _chunks(F.col("content"))))
    if files.hidden:
        rows = list(
            zip((f.url for f in files.hidden), map(bytearray, each(files.hidden, LakeFile.content)), strict=True)
        )
        hidden = spark.createDataFrame(rows, "path STRING, content BINARY")
        parts.append(hidden.select("path", _chunks(F.col("content"))))
    if files.large:
        lines = spark.read.option("recursiveFileLookup", True).text([f.literal for f in files.large])
        path = F.col("_metadata.file_path").alias("path")
        parts.append(lines.select(path, _chunks(F.col("value").cast("binary"))))
    return parts


def _chunks(content: Column) -> Column:
    """Pieces of some bytes that overlap by more than a trace is long."""
    starts = F.sequence(F.lit(1), F.greatest(F.length(content), F.lit(1)), F.lit(_CHUNK))
    pieces = F.transform(starts, lambda start: F.substring(content, start, F.lit(_CHUNK + _OVERLAP)))
    return pieces.alias("contents")


def _names(spark: SparkSession, files: Sequence[LakeFile]) -> DataFrame:
    """The files' names, which may tell of a line themselves."""
    rows = [(f"name:{file.name}", file.name) for file in files]
    named = spark.createDataFrame(rows, "path STRING, name STRING")
    return named.select("path", F.array(F.col("name").cast("binary")).alias("contents"))


def _hits(contents: DataFrame, needles: DataFrame) -> DataFrame:
    """``path, kind, hits``; of kind ``row``, the rows that were seen of a file."""
    row = F.lit(_ROW).cast("binary")
    exploded = contents.select("path", F.explode(F.concat(F.array(row), "contents")).alias("content"))
    held = F.when(F.col("content") == row, F.array(F.lit(_ROW))).otherwise(traces(F.col("content")))
    found = exploded.select("path", F.explode(held).alias("trace"))
    looked_for = needles.unionByName(needles.sparkSession.createDataFrame([(_ROW, _ROW)], NEEDLES_SCHEMA))
    return found.join(looked_for, on="trace", how="inner").groupBy("path", "kind").agg(F.count("*").alias("hits"))


def _findings(files: Sequence[LakeFile], hits: Sequence[tuple[str, str, int]]) -> tuple[Finding, ...]:
    by_path = {_plain_path(file.url): file for file in files}
    named = {f"name:{file.name}": file for file in files}
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for path, kind, count in hits:
        file = named.get(path) or by_path.get(_plain_path(path))
        table, where = ("unknown", "other file") if file is None else (_place(file), _where(file))
        key = (table, "file name" if path in named else where, kind)
        known = sums.get(key, (0, 0))
        sums[key] = (known[0] + 1, known[1] + count)
    return tuple(Finding(*key, *sums[key]) for key in sorted(sums))


def _plain_path(path: str) -> str:
    """A path without scheme; the engine writes it as a URL."""
    below = re.sub(r"^[A-Za-z0-9]+:/*", "", path)
    return (unquote(below) if below != path else path).lstrip("/")


def _place(file: LakeFile) -> str:
    return _without_digits(file.table if file.name.count("/") > 1 else file.name)


def _without_digits(name: str) -> str:
    """A file's name may tell of a line: longer numbers and hashes in it are left out."""
    return re.sub(r"[0-9A-Fa-f]{16,}|[0-9]{7,}", "…", name)


def _where(file: LakeFile) -> str:
    if file.is_log:
        return "transaction log"
    if file.name.split("/")[0] == DOCS:
        return "report"
    return "data file" if file.leaf.endswith(".parquet") else "other file"
