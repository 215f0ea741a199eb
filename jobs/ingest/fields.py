"""Typed columns from delivered ones, whether these are text or typed already."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from jobs.ingest.admit import RAW, raw
from udfs import text, timestamps


def texts(*names: str, lower: bool = False) -> list[Column]:
    """Text as delivered (it is trimmed already), on request in lower case."""
    return [(F.lower(raw(name)) if lower else raw(name)).alias(name) for name in names]


def numbers(rows: DataFrame, *names: str) -> list[Column]:
    """Decimal numbers."""
    return [
        (text.number(raw(name)) if _is_text(rows, name) else raw(name).try_cast("double")).alias(name) for name in names
    ]


def integers(rows: DataFrame, *names: str, kind: str = "int") -> list[Column]:
    """Whole numbers; a fraction is not rounded but null."""
    found = []
    for name in names:
        column = raw(name)
        if _is_text(rows, name):
            whole = text.integer(column, kind)
        else:
            whole = F.when(column.cast("double") == F.floor(column.cast("double")), column.try_cast(kind))
        found.append(whole.alias(name))
    return found


def instants(rows: DataFrame, *names: str) -> list[Column]:
    """Instants: text with offset, or timestamps."""
    return [(timestamps.instant(raw(name)) if _is_text(rows, name) else raw(name)).alias(name) for name in names]


def _is_text(rows: DataFrame, name: str) -> bool:
    return isinstance(rows.schema[RAW + name].dataType, T.StringType)
