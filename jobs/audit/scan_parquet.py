"""Parquet files of any schema as values to scan: files that can be read together are read together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow.parquet as pq
from pyarrow import ArrowException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from jobs.lake_files import LakeFile, each
from udfs.traces import MIN_LENGTH

MAGIC = b"PAR1"
_SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"
_SMALL_ROWS = 100_000


@dataclass
class ParquetGroup:
    """Files that one scan reads.

    Attributes:
        files: The files.
        schema: Columns that may hold text or numbers; None: as the engine finds it in the files.
        rows: Rows by the files' footers.
        condition: Rows to scan, in SQL; all without.
    """

    files: list[LakeFile]
    schema: T.StructType | None
    rows: int
    condition: str | None = None


@dataclass(frozen=True)
class _Footer:
    rows: int
    schema: T.StructType | None
    layout: str


@dataclass
class ParquetFiles:
    """Parquet files, sorted: groups to scan with the rows of their files, and those whose footer cannot be read."""

    groups: list[ParquetGroup] = field(default_factory=list)
    rows: dict[LakeFile, int] = field(default_factory=dict)
    unreadable: list[LakeFile] = field(default_factory=list)


def sort_parquet(files: Sequence[LakeFile], conditions: Mapping[str, str]) -> ParquetFiles:
    """Group files by the columns that they hold.

    Files of one layout and table make a group; small groups are joined as far as no column is of two types, since
    a column that a file lacks reads as null. Files without rows, or without a
    column that could tell of a line, need no scan.

    Args:
        files: Parquet files.
        conditions: Table to the rows of it that are scanned, in SQL over its columns.
    """
    result = ParquetFiles()
    by_layout: dict[tuple[str, str], ParquetGroup] = {}
    for file, footer in zip(files, each(files, _footer), strict=True):
        if footer is None:
            result.unreadable.append(file)
        elif footer.rows and (footer.schema is None or footer.schema.fields):
            condition = None if file.is_log else conditions.get(file.table)
            key = (footer.layout, condition or "")
            group = by_layout.setdefault(key, ParquetGroup([], footer.schema, 0, condition))
            group.files.append(file)
            group.rows += footer.rows
            result.rows[file] = footer.rows
    for group in sorted(by_layout.values(), key=lambda g: -g.rows):
        if not any(_join(other, group) for other in result.groups):
            result.groups.append(group)
    return result


def _footer(file: LakeFile) -> _Footer | None:
    try:
        with file.store.open_input_file(file.path) as handle:
            found = pq.ParquetFile(handle)
            stored = (found.metadata.metadata or {}).get(_SPARK_SCHEMA)
            layout = stored.decode() if stored else found.schema_arrow.to_string(show_schema_metadata=False)
            rows = found.metadata.num_rows
        if stored is None:
            return _Footer(rows, None, layout)
        columns = T.StructType.fromJson(json.loads(stored)).fields
        wanted = [T.StructField(c.name, c.dataType) for c in columns if _tells(c.dataType)]
        return _Footer(rows, T.StructType(wanted), T.StructType(wanted).json())
    except (OSError, ArrowException, ValueError, KeyError, TypeError):
        return None


def _join(group: ParquetGroup, other: ParquetGroup) -> bool:
    """Let one group take another in, if both are small and no column is of two types."""
    if group.schema is None or other.schema is None or group.condition or other.condition:
        return False
    if max(group.rows, other.rows) > _SMALL_ROWS:
        return False
    known = {column.name.lower(): column for column in group.schema.fields}
    if any(known.get(column.name.lower(), column) != column for column in other.schema.fields):
        return False
    more = [column for column in other.schema.fields if column.name.lower() not in known]
    group.schema = T.StructType([*group.schema.fields, *more])
    group.files += other.files
    group.rows += other.rows
    return True


def read_group(spark: SparkSession, group: ParquetGroup) -> DataFrame:
    """Rows of a group: ``path`` and ``contents``, every value of the row that may tell of a line, as bytes."""
    reader = spark.read.option("recursiveFileLookup", True)
    frame = (reader.schema(group.schema) if group.schema else reader).parquet(*(f.literal for f in group.files))
    values = [_bytes(F.col(f"`{c.name}`"), c.dataType) for c in frame.schema.fields if _tells(c.dataType)]
    kept = F.expr(group.condition) if group.condition else F.lit(True)
    contents = F.filter(F.array(*values, F.lit(None).cast("binary")), lambda value: F.length(value) >= MIN_LENGTH)
    return frame.select(
        F.col("_metadata.file_path").alias("path"),
        F.when(F.coalesce(kept, F.lit(True)), contents).otherwise(F.array().cast("array<binary>")).alias("contents"),
    )


def _tells(kind: T.DataType) -> bool:
    """Whether a type can hold a number of a line or a hash."""
    if isinstance(kind, T.ArrayType):
        return _tells_text(kind.elementType)
    return _tells_text(kind) or isinstance(kind, T.LongType | T.DoubleType | T.DecimalType)


def _tells_text(kind: T.DataType) -> bool:
    if isinstance(kind, T.ArrayType):
        return _tells_text(kind.elementType)
    if isinstance(kind, T.MapType):
        return _tells_text(kind.keyType) or _tells_text(kind.valueType)
    if isinstance(kind, T.StructType):
        return any(_tells(column.dataType) for column in kind.fields)
    return isinstance(kind, T.StringType | T.BinaryType)


def _bytes(value: Column, kind: T.DataType) -> Column:
    if isinstance(kind, T.BinaryType):
        return value
    if isinstance(kind, T.StringType):
        return value.cast("binary")
    if isinstance(kind, T.DoubleType | T.DecimalType):
        return value.try_cast("decimal(20,0)").cast("string").cast("binary")
    if isinstance(kind, T.LongType):
        return value.cast("string").cast("binary")
    return F.to_json(value).cast("binary")
