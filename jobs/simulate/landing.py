"""Files of a landing directory: single CSV files for small tables, folders for large ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from jobs.errors import UsageError

MARKER = "simulation.json"  # what a simulation leaves, and only what has it is ever replaced


def prepare(out: Path) -> None:
    """Make the directory, or empty the one that an earlier simulation left.

    Raises:
        UsageError: The directory holds something else.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if not (out / MARKER).is_file():
            raise UsageError("the output directory is not empty, and no simulation made it: choose another")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)


def write_csv(frame: DataFrame, path: Path) -> int:
    """Write a table of a single partition as one CSV file with header; returns its rows."""
    parts = path.with_name(f".{path.name}.parts")
    frame.write.mode("overwrite").csv(str(parts), header=True, escape='"')
    written = sorted(parts.glob("part-*.csv"))
    if written:
        written[0].replace(path)
    else:  # no rows at all
        path.write_text(",".join(frame.columns) + "\n", encoding="utf-8")
    shutil.rmtree(parts)
    return _lines(path)


def write_parquet(frame: DataFrame, path: Path) -> int:
    """Write a folder of Parquet files; returns its rows."""
    frame.write.mode("overwrite").parquet(str(path))
    return _parquet_rows(path)


def write_events(events: DataFrame, path: Path, file_format: str) -> int:
    """Write ``event_date=YYYY-MM-DD`` folders (UTC); returns the rows."""
    writer = events.write.mode("overwrite").partitionBy("event_date")
    if file_format == "csv":
        writer.csv(str(path), header=True, escape='"')
        return sum(_lines(part) for part in path.rglob("part-*.csv"))
    writer.parquet(str(path))
    return _parquet_rows(path)


def _lines(path: Path) -> int:
    """Rows of a CSV file whose values hold no line breaks, as ours."""
    with path.open("rb") as source:
        return sum(1 for _ in source) - 1


def _parquet_rows(path: Path) -> int:
    return sum(pq.read_metadata(part).num_rows for part in path.rglob("part-*.parquet"))
