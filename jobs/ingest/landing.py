"""Reads the landing directory: every table as text or typed columns, with lines that do not parse marked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from jobs.errors import InputRejectedError, ThreestepError
from jobs.ingest import layout
from jobs.ingest.tables import LandingTable
from jobs.redaction import describe_error
from udfs.text import clean

LINE = "_line"
FOLDER = "_folder"
_REMEDIES = {
    "PARQUET_TYPE_ILLEGAL": "write times as microseconds (pandas: coerce_timestamps='us'), not nanoseconds",
    "CANNOT_MERGE": "its files disagree on a column's type: write them all with one schema",
    "COLUMN_DATA_TYPE_MISMATCH": "its files disagree on a column's type: write them all with one schema",
}


@dataclass(frozen=True)
class Landing:
    """The landing directory of a run.

    Attributes:
        spark: Session.
        root: Directory, or ``catalog:NAME.SCHEMA`` with a table for each input.
        format: ``threestep`` (the landing contract) or ``eurostat``.
    """

    spark: SparkSession
    root: str
    format: Literal["threestep", "eurostat"] = "threestep"

    @property
    def folder(self) -> Path:
        """The directory."""
        return Path(self.root)

    def has(self, name: str) -> bool:
        """Whether a table was delivered."""
        if self.root.startswith("catalog:"):
            return self.spark.catalog.tableExists(self._qualified(name))
        return layout.find(self.folder, name) is not None

    def source(self, name: str) -> layout.Source:
        """Where a table lies.

        Raises:
            InputRejectedError: It was not delivered.
        """
        found = layout.find(self.folder, name)
        if found is None:
            raise InputRejectedError(
                f"{name}: not delivered; {self.root} holds neither {name}.csv nor {name}.parquet nor {name}/"
            )
        return found

    def read(self, table: LandingTable, days: Collection[dt.date] | None = None) -> DataFrame | None:
        """Read a table's known columns; text is trimmed, empty text is null.

        Args:
            table: Which.
            days: Read only these days' folders, where the table lies in folders by day.

        Returns:
            The table's columns, ``_line`` (the line as delivered where it did not parse, else null) and
            ``_folder`` (day of the folder, else null); ``None`` where no folder of these days is there.

        Raises:
            InputRejectedError: The table is missing, unreadable, or lacks a required column.
        """
        if self.root.startswith("catalog:"):
            if not self.has(table.name):
                raise InputRejectedError(f"{table.name}: {self._qualified(table.name)} does not exist")
            with rejecting(table.name, self._qualified(table.name)):
                frame = lower_names(table.name, self.spark.table(self._qualified(table.name)))
            return _of_days(_known(frame, table, self._qualified(table.name), by_day=_tells_day(frame)), days)
        source = self.source(table.name)
        if source.foldered and not source.files(days):
            return None
        frame = self._read_csv(source, table, days) if source.kind == "csv" else self.read_columnar(source, days)
        by_day = source.foldered or (source.kind == "delta" and _tells_day(frame))
        return _of_days(_known(frame, table, str(source.path), by_day=by_day), days)

    def days(self, name: str) -> set[dt.date] | None:
        """Days for which a table has folders with files; ``None`` where it does not lie in folders by day."""
        if self.root.startswith("catalog:"):
            return None
        source = self.source(name)
        return {day for day in source.by_day if source.files([day])} if source.foldered else None

    def table(self, table: LandingTable) -> DataFrame:
        """Read a table that is delivered whole; see ``read``."""
        frame = self.read(table)
        if frame is None:
            raise InputRejectedError(f"{table.name}: {self.root} holds no file of it")
        return frame

    def read_columnar(self, source: layout.Source, days: Collection[dt.date] | None = None) -> DataFrame:
        """Read Parquet or Delta whole, with lower-case names and the folders' columns."""
        with rejecting(source.table, str(source.path)):
            if source.kind == "delta":
                frame = self.spark.read.format("delta").load(str(source.path))
            else:
                reader = self.spark.read.option("mergeSchema", True).option("pathGlobFilter", "*.parquet")
                if source.foldered:
                    reader = reader.option("basePath", str(source.path))
                frame = reader.parquet(*(str(p) for p in source.folders(days) if source.files(days)))
            return lower_names(source.table, frame)

    def _read_csv(self, source: layout.Source, table: LandingTable, days: Collection[dt.date] | None) -> DataFrame:
        by_header: dict[tuple[str, ...], list[Path]] = {}
        for file in source.files(days):
            header = layout.csv_header(table.name, file)
            require(table, set(header), str(file))
            by_header.setdefault(header, []).append(file)
        frames = []
        for header, files in sorted(by_header.items()):
            # Columns nobody asked for are read under a number, so that the width of each line is still checked.
            names = [name if name in table.columns else f"_other_{i}" for i, name in enumerate(header)]
            schema = T.StructType([T.StructField(name, T.StringType()) for name in [*names, LINE]])
            reader = self.spark.read.schema(schema).options(
                header=True, mode="PERMISSIVE", columnNameOfCorruptRecord=LINE, columnPruning=False,
                escape='"', maxCharsPerColumn=-1, pathGlobFilter="*.csv",
            )  # fmt: skip
            if source.foldered:
                reader = reader.option("basePath", str(source.path))
            paths = source.folders(days) if len(by_header) == 1 else files
            with rejecting(table.name, str(source.path)):
                frames.append(reader.csv([str(path) for path in paths]))
        joined = frames[0]
        for frame in frames[1:]:
            joined = joined.unionByName(frame, allowMissingColumns=True)
        return joined

    def _qualified(self, name: str) -> str:
        return f"{self.root.removeprefix('catalog:')}.{name}"


def lower_names(table: str, frame: DataFrame) -> DataFrame:
    """Trim and lower-case column names; refuse two that become one."""
    names = [name.strip().lower() for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputRejectedError(f"{table}: the column {', '.join(twice)} is there more than once")
    return frame.toDF(*names)


def require(table: LandingTable, names: set[str], place: str) -> None:
    """Reject a file that lacks required columns.

    Raises:
        InputRejectedError: Naming table, file and columns.
    """
    missing = [name for name in table.required if name not in names]
    if missing:
        raise InputRejectedError(
            f"{table.name}: {place} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"the landing contract asks for {', '.join(table.required)}"
        )


@contextmanager
def rejecting(table: str, place: str) -> Iterator[None]:
    """Turn the engine's read errors into a rejection that quotes no row."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        condition = describe_error(error)
        text = str(error)  # looked at for known words alone: it may quote rows
        known = [remedy for word, remedy in _REMEDIES.items() if word in text]
        remedy = known[0] if known else "it may be damaged or cut short: deliver it again"
        raise InputRejectedError(f"{table}: {place} cannot be read ({condition}); {remedy}") from None


@contextmanager
def damaged(table: str, place: str) -> Iterator[None]:
    """Tell a delivery that turned out unreadable on the way into the lake from a fault of the lake."""
    try:
        yield
    except ThreestepError as error:
        if not any(word in str(error) for word in ("FAILED_READ_FILE", "CANNOT_READ_FILE")):
            raise
        raise InputRejectedError(
            f"{table}: {place} cannot be read; a file of it may be damaged or cut short: deliver it again"
        ) from None


def _tells_day(frame: DataFrame) -> bool:
    return "event_date" in frame.columns and isinstance(frame.schema["event_date"].dataType, T.DateType)


def _of_days(frame: DataFrame, days: Collection[dt.date] | None) -> DataFrame:
    if days is None:
        return frame
    return frame.where(F.col(FOLDER).isNull() | F.col(FOLDER).isin(sorted(days)))


def _known(frame: DataFrame, table: LandingTable, place: str, *, by_day: bool) -> DataFrame:
    require(table, set(frame.columns), place)
    picked = [_column(frame, table, name, place) for name in table.columns]
    line = F.col(LINE) if LINE in frame.columns else F.lit(None).cast("string")
    folder = F.col("event_date").cast("date") if by_day else F.lit(None).cast("date")
    return frame.select(*picked, line.alias(LINE), folder.alias(FOLDER))


def _column(frame: DataFrame, table: LandingTable, name: str, place: str) -> Column:
    if name not in frame.columns:
        return F.lit(None).cast("string").alias(name)
    kind, column = frame.schema[name].dataType, F.col(f"`{name}`")
    if isinstance(kind, T.StringType):
        return clean(column).alias(name)
    if isinstance(kind, T.BinaryType):
        return clean(F.decode(column, "UTF-8")).alias(name) if name != "geometry" else column
    if name in table.times:
        if isinstance(kind, T.TimestampType):
            return column
        raise InputRejectedError(
            f"{table.name}: {place} holds {name} as {kind.simpleString()}; deliver instants: a timestamp "
            "adjusted to UTC, or ISO-8601 text with offset"
        )
    if isinstance(kind, T.FloatType | T.DoubleType):
        double = column.cast("double")
        # pandas writes gaps as NaN.
        return F.when(~F.isnan(double), double if name in table.numbers else double.cast("string")).alias(name)
    if isinstance(kind, T.NumericType):
        return column if name in table.numbers else column.cast("string").alias(name)
    raise InputRejectedError(f"{table.name}: {place} holds {name} as {kind.simpleString()}, which is not text")
