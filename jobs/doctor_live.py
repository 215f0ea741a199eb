"""The part of ``threestep doctor`` that starts a session and uses every engine once."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.errors import PythonException

from jobs.doctor import Check
from jobs.java import ensure_java
from jobs.session import get_session

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

_REMEDY = "see the message; rm -rf .venv && make setup restores the versions that were tried together"
_WORKER = f"let workers use the Python that has the packages: export PYSPARK_PYTHON={sys.executable}"


def live_checks() -> list[Check]:
    """Start a session, write and read Delta, call Sedona, a Python worker and OpenDP."""
    results = [_attempt("OpenDP", _draw)]
    sessions: list[SparkSession] = []

    def start() -> str:
        ensure_java()
        sessions.append(get_session())
        return f"Spark {sessions[0].version}"

    results.append(_attempt("session", start))
    uses = (("Delta Lake", _delta, _REMEDY), ("Sedona", _sedona, _REMEDY), ("Arrow worker", _worker, _WORKER))
    results.extend(_attempt(name, partial(use, session), hint) for session in sessions for name, use, hint in uses)
    return results


def _attempt(name: str, action: Callable[[], str], remedy: str = _REMEDY) -> Check:
    began = time.monotonic()
    try:
        found = action()
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        # A worker's own error is the last line of the traceback that the message carries.
        reason = lines[-1] if isinstance(error, PythonException) and lines else "".join(lines[:1])
        return Check(name, False, f"{type(error).__name__}: {reason[:300]}", remedy)
    return Check(name, True, f"{found}, {time.monotonic() - began:.1f} s")


def _delta(session: SparkSession) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "table")
        session.range(3).write.format("delta").save(path)
        rows = session.read.format("delta").load(path).count()
    _expect(rows, 3)
    return "wrote and read 3 rows"


def _sedona(session: SparkSession) -> str:
    rows = session.sql("SELECT ST_AsText(ST_Transform(ST_Point(10D, 52D), 'EPSG:4326', 'EPSG:3035')) AS t").collect()
    text = str(rows[0]["t"])
    _expect(text.startswith("POINT (4321"), True)
    return f"52° N 10° E is {text} in EPSG:3035"


def _worker(session: SparkSession) -> str:
    def through(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        yield from batches

    rows = session.range(3).mapInArrow(through, "id long").count()
    _expect(rows, 3)
    return "3 rows through Python"


def _draw() -> str:
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.atom_domain(T="i64"), dp.absolute_distance(T="i64")
    drawn = dp.m.make_gaussian(*space, scale=1.0)(0)
    _expect(isinstance(drawn, int), True)
    return "discrete Gaussian noise drawn"


def _expect(found: object, wanted: object) -> None:
    if found != wanted:
        raise ValueError(f"got {found!r} instead of {wanted!r}")
