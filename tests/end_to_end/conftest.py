"""One simulated landing of two days and one lake in which the first of them is released, for all black-box tests."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
from pathlib import Path

import pytest
from end_to_end_tools import FIRST, World, put_key, run_day
from engine import compiling
from pyspark.sql import SparkSession

from jobs.simulate.run import SimulateParams, run_simulate


@pytest.fixture(scope="session")
def simulated(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of the built-in city, dirty rows included."""
    out = tmp_path_factory.mktemp("simulated") / "landing"
    params = SimulateParams(
        out=out, subscribers=4000, days=2, seed=11, events_per_day=25.0, delivered_at=dt.datetime.now(dt.UTC)
    )
    with compiling(spark):
        run_simulate(spark, params)
    return out


@pytest.fixture(scope="session")
def world(spark: SparkSession, simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The first day, released with a seeded noise source and a known key."""
    root = tmp_path_factory.mktemp("world")
    patch = pytest.MonkeyPatch()
    patch.setenv("THREESTEP_NOISE_SEED", "5")
    capture = root / "output.txt"
    try:
        put_key(root / "lake.keys", FIRST)
        with compiling(spark), capture.open("w") as handle, contextlib.redirect_stdout(handle):
            code = run_day(simulated, root / "lake")
    finally:
        patch.undo()
    text = capture.read_text()
    assert code == 0, text
    return World(root, simulated, root / "lake", text)


@pytest.fixture()
def broken(world: World, tmp_path: Path) -> Path:
    """A copy of the landing directory for a test to break."""
    copy = tmp_path / "landing"
    shutil.copytree(world.landing, copy, ignore=shutil.ignore_patterns("truth"))
    return copy
