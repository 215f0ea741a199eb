"""Fixtures of all tests."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.session import get_session

# Rows come back as naive local times: keep local time and the session's time zone the same.
os.environ["TZ"] = "UTC"
time.tzset()
# Tests run each plan once or twice: compiling it well costs more than running it.
os.environ.setdefault("THREESTEP_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
sys.path.insert(0, str(Path(__file__).parent))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep a file's tests, and all that share the released day, on one worker: fixtures are made once."""
    folder = item.path.parent.name
    item.add_marker(pytest.mark.xdist_group(folder if folder == "end_to_end" else item.path.name))


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A small local session, shared by every test of the process."""
    session = get_session("local[2]", driver_memory="2g", extra={"spark.sql.shuffle.partitions": "2"})
    yield session
    session.stop()
