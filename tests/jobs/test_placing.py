"""Where a job runs: on the session that interprets where there is little to do, on the run's own otherwise."""

from __future__ import annotations

import datetime as dt

import pytest

from expectations.contract import Schema
from expectations.gate import Gate
from expectations.products import NOISED
from expectations.quarantine import QUARANTINE
from jobs import placing
from jobs.context import RunContext
from jobs.ingest.landing import Landing
from jobs.lake import Lake
from jobs.placing import Placing
from jobs.session import RUNTIME_CONF
from jobs.settings import RunSettings

DAY = dt.date(2026, 3, 3)


@pytest.fixture()
def place(spark, tmp_path):
    folder = tmp_path / "landing"
    folder.mkdir()
    (folder / "cells.csv").write_text("cell_id\n" + "a\n" * 4)
    (folder / "zones.csv").write_text("zone_id\n" + "b\n" * 400)

    def made(lake=str(tmp_path / "lake"), landing=folder):
        settings = RunSettings(
            landing=landing, lake=lake, date=DAY, until=DAY, keys=tmp_path / "keys", as_of=dt.datetime.now(dt.UTC)
        )
        context = RunContext(spark, Lake(spark, lake), settings, Gate(), "run")
        return Placing(context, Landing(spark, str(landing)))

    return made


class TestPlacing:
    def test_little_runs_on_a_session_of_its_own(self, spark, compiled, place):
        placed = place()
        context, landing = placed.of(["cells"])
        assert context.spark is landing.spark is context.lake.spark is not spark
        assert placed.of(["zones"])[0].spark is context.spark
        assert context.spark.conf.get("spark.sql.codegen.factoryMode") == "NO_CODEGEN"
        assert spark.conf.get("spark.sql.codegen.factoryMode") != "NO_CODEGEN"
        assert {key: context.spark.conf.get(key) for key in RUNTIME_CONF} == RUNTIME_CONF
        query = "SELECT ST_AsText(ST_Point(id, 2.0)), timestamp'2026-03-03 01:00:00Z', date'2026-03-03' FROM range(3)"
        assert context.spark.sql(query).collect() == spark.sql(query).collect()

    def test_much_runs_where_the_run_does(self, place, monkeypatch):
        monkeypatch.setattr(placing, "LIGHT_BYTES", 100)
        placed = place()
        assert placed.of(["cells"])[0] is not placed.context
        assert placed.of(["cells", "zones"]) == (placed.context, placed.landing)

    def test_what_is_stored_counts_too(self, spark, place, monkeypatch):
        placed = place()
        columns = "'b' batch, 't' table_name, date'2026-03-03' event_date, array('r') reasons, '{}' row"
        placed.context.lake.door(writes=[Schema.RESTRICTED]).replace(QUARANTINE, spark.sql(f"SELECT {columns}"), ["b"])
        monkeypatch.setattr(placing, "LIGHT_BYTES", 100)
        assert placed.of(["cells"]) == (placed.context, placed.landing)

    def test_few_figures_are_interpreted_and_many_are_not(self, spark, place, monkeypatch):
        placed = place()
        assert placed.of_figures().spark is placed.of(["cells"])[0].spark is not spark
        columns = "'r' release_id, 'panel' product, 'city' level, 'z' zone_id, INT(NULL) hour, 1 noised"
        row = spark.sql(f"SELECT {columns}, STRING(NULL) part, STRING(NULL) other").select(NOISED.column_names)
        placed.context.lake.door(writes=[Schema.STAGING]).replace(NOISED, row, ["r"])
        monkeypatch.setattr(placing, "LIGHT_FIGURES_BYTES", 100)
        assert placed.of_figures() is placed.context

    def test_elsewhere_sizes_are_unknown(self, place, tmp_path):
        for placed in (place(lake="catalog:main"), place(landing=tmp_path / "none")):
            assert placed.of(["cells"]) == (placed.context, placed.landing)
