"""Test frames from inline tuples and a DDL string, and rows back as sorted tuples."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession


def frame(spark: SparkSession, ddl: str, *rows: tuple[Any, ...]) -> DataFrame:
    """A frame of inline rows; texts in timestamp and date columns are read as UTC."""
    from pyspark.sql import types as T

    schema = T.StructType.fromDDL(ddl)
    typed = [tuple(_value(v, f.dataType.simpleString()) for v, f in zip(r, schema, strict=True)) for r in rows]
    return spark.createDataFrame(typed, schema)


def _value(value: Any, kind: str) -> Any:
    if isinstance(value, str) and kind == "timestamp":
        return at(value)
    if isinstance(value, str) and kind == "date":
        return dt.date.fromisoformat(value)
    if isinstance(value, bytes):
        return bytearray(value)
    return value


def at(text: str) -> dt.datetime:
    """An instant from ISO text; UTC where it names no offset."""
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def segment(
    date: str, name: bytes, purposes: int, kind: str, start: Any, end: Any, tile: int | None, small: bool = False,
    is_new: bool = False, ways: list[tuple[Any, ...]] | None = None,
) -> tuple[Any, ...]:  # fmt: skip
    """A row of ``pseudonymous.segments`` of a unit's first line; its cell is not told, and is not the home's."""
    return (date, name, 1, purposes, kind, start, end, tile, small, is_new, ways, None, None, False)


def rows(df: DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """Rows as tuples, sorted; timestamps as text in UTC without seconds' fraction."""
    picked = df.select(*columns) if columns else df
    return sorted((tuple(_plain(v) for v in row) for row in picked.collect()), key=repr)


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        aware = value.astimezone(dt.UTC) if value.tzinfo else value
        return aware.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bytearray):
        return bytes(value)
    return value


def column(df: DataFrame, name: str) -> Sequence[Any]:
    """Values of one column, sorted."""
    return [row[0] for row in rows(df, name)]


def shuffles(df: DataFrame) -> list[str]:
    """Keys of each shuffle in the physical plan, cached inputs apart; broadcasts are none."""
    import re

    plan = df._jdf.queryExecution().executedPlan().toString()
    return re.findall(r"Exchange (?:hash|range)partitioning\(([^)]*)\)", plan)
