"""Fixtures of all tests."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.session import LIGHT_CONF, get_session

# Rows come back as naive local times: keep local time and the session's time zone the same.
os.environ["TZ"] = "UTC"
time.tzset()
# Tests run each plan once or twice: compiling it well costs more than running it.
os.environ.setdefault("THREESTEP_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
sys.path[:0] = [str(Path(__file__).parent / folder) for folder in ("", "end_to_end", "properties")]
from engine import compiling  # noqa: E402

pytest.register_assert_rewrite("bad_input_cases", "day_cases", "notebook_cases", "end_to_end_tools")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A small local session, shared by every test of the process; it interprets its queries."""
    extra = {"spark.sql.shuffle.partitions": "2", **LIGHT_CONF}
    session = get_session("local[2]", driver_memory="2g", extra=extra)
    yield session
    session.stop()


@pytest.fixture(scope="module")
def compiled(spark: SparkSession) -> Iterator[None]:
    """For the tests of one file, the session compiles its queries."""
    with compiling(spark):
        yield
