"""Every notebook is in Databricks' source format, and runs as it is against a small simulated day."""

from __future__ import annotations

import datetime as dt
import math
import runpy
from pathlib import Path
from typing import Any

import pytest
from end_to_end_tools import World
from PIL import Image
from pyspark.sql import SparkSession

from expectations.contract import Schema
from expectations.products import FOOTFALL, RELEASES
from jobs.lake import Lake

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))
HEADER, BREAK = "# Databricks notebook source", "# COMMAND ----------"


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_in_source_format(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    first, _, rest = text.partition("\n")
    assert first == HEADER
    compile(text, path.name, "exec")
    for cell in rest.split(f"\n{BREAK}\n"):
        lines = [line for line in cell.strip().splitlines() if line]
        assert lines, "an empty cell"
        magic = [line.startswith("# MAGIC") for line in lines]
        assert all(magic) or not any(magic), f"text and code in one cell: {lines[0]}"
        if magic[0]:
            assert lines[0].split()[2] in ("%md", "%sql"), f"unknown kind of cell: {lines[0]}"
        else:
            assert not any(line.startswith("# COMMAND") for line in lines), "a cell break needs blank lines around it"


def _run(out: Path, name: str = "01_footfall.py", **parameters: str) -> dict[str, Any]:
    """Names of a notebook after it ran, as a plain script would run it."""
    with pytest.MonkeyPatch.context() as patch:
        for parameter, value in {"out": str(out), **parameters}.items():
            patch.setenv(f"THREESTEP_NOTEBOOK_{parameter.upper()}", value)
        return runpy.run_path(str(FOLDER / name))


@pytest.fixture(scope="module")
def footfall(spark: SparkSession, world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The notebook on a day that is released: its run changes nothing, and it shows what is there."""
    return _run(tmp_path_factory.mktemp("notebook"), lake=str(world.lake), landing=str(world.landing))


@pytest.mark.slow
def test_the_notebook_simulates_and_runs_a_day(spark: SparkSession, tmp_path: Path) -> None:
    found = _run(tmp_path, subscribers="1500", events_per_day="20")
    assert len(found["notebook"].saved) == 3


@pytest.mark.slow
def test_the_shop_window_on_a_day_that_is_released(spark: SparkSession, world: World, tmp_path: Path) -> None:
    found = _run(tmp_path, "02_shop_window.py", lake=str(world.lake))
    assert "when" in found["shown"]
    # A catchment takes a month.
    assert "catchment" in found["waiting"]


@pytest.mark.slow
def test_the_notebook_leaves_charts_and_picture_that_need_no_network(footfall: dict[str, Any]) -> None:
    saved = {path.name: path for path in footfall["notebook"].saved}
    assert sorted(saved) == ["busiest_hour.png", "zone_over_the_day.html", "zones_by_hour.html"]
    for name in ("zone_over_the_day.html", "zones_by_hour.html"):
        page = saved[name].read_text(encoding="utf-8")
        assert "<script src" not in page
        assert "footfall-2026-03-03-r0" in page
    with Image.open(saved["busiest_hour.png"]) as picture:
        assert picture.size == (1000, 740)


@pytest.mark.slow
def test_the_notebook_shows_the_released_figures(spark: SparkSession, footfall: dict[str, Any]) -> None:
    door = Lake(spark, footfall["lake"]).door(reads=[Schema.PRODUCTS])
    (release,) = door.read(RELEASES).filter("product = 'footfall'").collect()
    rows = door.read(FOOTFALL).filter(f"release_id = '{release['release_id']}'").collect()
    released = {
        (r["zone_id"], r["hour"]): (r["status"], r["estimate"], r["lower"], r["upper"])
        for r in rows
        if r["level"] != "city"
    }
    assert {r["date"] for r in rows} == {dt.date(2026, 3, 3)}
    assert any(status == "published" for status, *_ in released.values())

    on_map = shown(footfall["map_chart"])
    assert on_map.keys() == released.keys()
    on_curve = shown(footfall["curve"])
    for drawn in (on_map, on_curve):
        # Merged hours show their mean, see the test of what is read of a lake.
        alone = {key: figures for key, figures in drawn.items() if figures[0] != "merged"}
        assert alone == {key: released[key] for key in alone}
    assert len(on_curve) == 24


def shown(chart: Any) -> dict[tuple[str, int], tuple[str, int | None, int | None, int | None]]:
    """What a chart holds, by zone and hour."""
    rows = [row for dataset in chart.to_dict()["datasets"].values() for row in dataset if "hour" in row]
    return {
        (row["zone_id"], row["hour"]): (row["status"], *(whole(row[name]) for name in ("value", "lower", "upper")))
        for row in rows
    }


def whole(value: float | None) -> int | None:
    return None if value is None or math.isnan(value) else int(value)
