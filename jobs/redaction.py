"""Engine errors without their text, which may quote rows: only conditions and class names get through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deltalake.exceptions import DeltaError
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from expectations.contract import Contract
from jobs.errors import ThreestepError


@contextmanager
def redacted(doing: str, contract: Contract) -> Iterator[None]:
    """Re-raise engine errors by their condition alone: their text may quote rows."""
    try:
        yield
    except (PySparkException, Py4JError, DeltaError) as error:
        condition = describe_error(error)
        raise ThreestepError(f"{doing} {contract.full_name} failed: {condition}") from None


def describe_error(error: BaseException) -> str:
    """Name an engine error without its text: condition or exception class only."""
    if isinstance(error, PySparkException):
        condition = error.getCondition()
        if condition:
            return str(condition)
    java: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    names: list[str] = []
    while java is not None and len(names) < 8:
        try:
            names.append(java.getClass().getSimpleName())
            java = java.getCause()
        except Exception:
            break
    return " < ".join(names) or type(error).__name__


def is_missing(error: PySparkException) -> bool:
    """Whether the error says that a table is not there."""
    condition = error.getCondition() or ""
    return any(word in condition for word in ("PATH_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND", "NOT_A_DELTA_TABLE")) or any(
        word in condition for word in ("DELTA_MISSING_DELTA_TABLE", "DELTA_TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND")
    )
