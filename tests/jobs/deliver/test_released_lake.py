"""Everything that reads a lake of releases: exports, sheets and notebooks, on one hand-made lake."""

from __future__ import annotations

import datetime as dt
import io
import json
import runpy
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F
from released_city import DATE, FACTOR, MONTH, PLACE, SOUTH, STEP, WEEK, WEST, delivery, write_city
from rich.console import Console

from expectations.contract import Schema
from expectations.products import FOOTFALL
from jobs.console import Teller
from jobs.deliver.export import ExportParams, run_export
from jobs.deliver.figures import latest
from jobs.deliver.overview import ProductState, overview
from jobs.deliver.read import choose, entries, read_delivery
from jobs.deliver.sheet import SheetParams, run_sheet
from jobs.errors import ThreestepError, UsageError
from jobs.run_summary import RunSummary
from jobs.settings import MechanismPolicy, Policy, ProductPolicy, RunSettings

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


@pytest.fixture(scope="module")
def lake(spark, tmp_path_factory):
    return write_city(spark, str(tmp_path_factory.mktemp("city") / "lake"))


class TestRunExport:
    def test_geoparquet_is_read_by_another_library(self, spark, lake, tmp_path):
        params = ExportParams(str(DATE), "geoparquet", tmp_path / "f.parquet", "footfall")
        ((release, path, rows),) = run_export(lake, params)
        read = spark.read.format("geoparquet").load(str(path))
        assert (release, rows) == (f"footfall-{DATE}-r0", read.count())
        (place,) = (
            read.selectExpr("*", "ST_GeometryType(geometry) AS kind", "ST_SRID(geometry) AS srid")
            .filter(f"zone_id = '{PLACE}' AND hour = 13")
            .collect()
        )
        assert (place["kind"], place["date"], place["zone_name"]) == ("ST_Polygon", DATE, "Riverside Centre")
        assert (place["level"], place["persons"] * FACTOR) == ("poi", place["estimate"])
        assert dict(read.dtypes)["hour"] == "int" and dict(read.dtypes)["estimate"] == "bigint"
        about = json.loads(pq.read_schema(path).metadata[b"geo"])
        assert (about["version"], about["primary_column"]) == ("1.1.0", "geometry")
        side = 4 * STEP
        assert about["columns"]["geometry"] == {
            "encoding": "WKB",
            "geometry_types": ["Polygon"],
            "edges": "planar",
            "bbox": pytest.approx([WEST, SOUTH, WEST + side, SOUTH + side]),
            "orientation": "counterclockwise",
        }

    def test_all_products_of_a_day_but_not_of_a_week(self, lake, tmp_path):
        written = run_export(lake, ExportParams(str(DATE), "csv", tmp_path / "day"))
        assert [(name, path.name) for name, path, _ in written] == [
            (f"{p}-{DATE}-r0", f"{p}-{DATE}-r0.csv")
            for p in ("panel", "footfall", "dwell", "approach", "audience", "corridor_flow")
        ]
        ((name, path, rows),) = run_export(lake, ExportParams(WEEK, "csv", tmp_path / "week", None))
        assert (name, path.name, rows) == (f"od-{WEEK}-r0", f"od-{WEEK}-r0.csv", len(delivery("od").rows))

    def test_rows_without_a_row_in_releases_are_not_exported(self, spark, lake, tmp_path):
        door = lake.door(writes=[Schema.PRODUCTS])
        stray = door.read(FOOTFALL).withColumn("release_id", F.lit("stray"))
        door.replace(FOOTFALL, stray, ["stray"])
        ((_, path, rows),) = run_export(lake, ExportParams(str(DATE), "csv", tmp_path / "f.csv", "footfall"))
        assert rows == len(delivery("footfall").rows)
        assert "stray" not in path.read_text(encoding="utf-8")

    def test_rows_that_are_fewer_than_the_entry_says_are_an_error(self, lake, tmp_path):
        found = entries(lake)
        (entry,) = choose(found, product="panel", period=str(DATE))
        with pytest.raises(
            ThreestepError, match=r"products.panel: release panel-2026-03-03-r0 has 17 rows, .* says 99"
        ):
            read_delivery(lake, {**entry, "cells": 99}, found)

    def test_targets_and_formats_are_checked(self, lake, tmp_path):
        with pytest.raises(UsageError, match="is a folder"):
            run_export(lake, ExportParams(str(DATE), "csv", tmp_path, "footfall"))
        with pytest.raises(UsageError, match="csv, geojson, geoparquet"):
            ExportParams(str(DATE), "shape", tmp_path / "f")


class TestRunSheet:
    def test_the_page_and_its_data(self, lake, tmp_path):
        release = f"approach-{DATE}-r0"
        data, page = run_sheet(lake, SheetParams(release, tmp_path / "new", Policy()))
        assert (data.name, page.name) == (f"{release}.json", f"{release}.html")
        sheet = json.loads(data.read_text(encoding="utf-8"))
        assert sheet["coverage"]["cells"] == len(delivery("approach").rows)
        # All that is released of the day together, this product among it.
        assert sheet["privacy"]["period_rho"] == pytest.approx(0.002 + 0.05 + 4 * 0.01)
        assert release in page.read_text(encoding="utf-8")

    def test_another_policy_is_refused_where_one_is_named(self, lake, tmp_path):
        with pytest.raises(UsageError, match="made under policy 0123456789abcdef"):
            run_sheet(lake, SheetParams(f"panel-{DATE}-r0", tmp_path, Policy(), must_match=True))


class TestLatest:
    def test_what_is_not_released_is_none_but_a_wrong_name_is_an_error(self, lake):
        assert latest(lake, "od", "2026-W11") is None
        assert latest(lake, "od", WEEK).release_id == f"od-{WEEK}-r0"
        with pytest.raises(UsageError):
            latest(lake, "flows", WEEK)


class TestOverview:
    WEEKLY = ProductPolicy(
        purpose="traffic_planning", period="week", mechanisms={"partition": MechanismPolicy(rho=0.08, max_cells=16)}
    )
    POLICY = Policy(products={**Policy().products, "od": WEEKLY})

    def test_products_by_their_own_period_released_or_not(self, lake):
        states = {s.product: s for s in overview(lake, [DATE, DATE + dt.timedelta(7)], self.POLICY)}
        assert [*states] == ["panel", "footfall", "dwell", "approach", "audience", "od", "catchment", "corridor_flow"]
        panel = states["panel"]
        assert (panel.released, panel.waiting) == (("2026-03-03",), ("2026-03-10",))
        assert sum(panel.statuses.values()) == len(delivery("panel").rows)
        assert (states["od"].released, states["od"].waiting) == ((WEEK,), ("2026-W11",))
        # Released though this policy does not ask for it: nothing is missing.
        assert (states["catchment"].released, states["catchment"].told) == ((MONTH,), "released")

    def test_what_is_not_released_has_no_zeros(self, lake):
        later = ProductState("panel", (), ("2026-03-10",))
        (first, *_) = overview(lake, [DATE + dt.timedelta(7)], self.POLICY)
        assert first == later
        assert later.told == "2026-03-10: not released yet"

    def test_the_closing_table_tells_all_products(self, spark, lake):
        console = Console(file=io.StringIO(), force_terminal=True, width=140, color_system=None)
        day = DATE + dt.timedelta(7)
        settings = RunSettings(
            landing=Path("landing"),
            lake=lake.root,
            date=DATE,
            until=day,
            keys=Path("keys"),
            as_of=dt.datetime.now(dt.UTC),
            policy=self.POLICY,
        )
        Teller(console).closing(spark, settings, RunSummary())
        text = console.file.getvalue()
        shown = delivery("footfall").rows["status"].value_counts()
        (line,) = [line for line in text.splitlines() if "footfall" in line]
        cells = [cell.strip() for cell in line.strip("│ ").split("│")]
        assert cells[1:3] == [str(shown["published"]), str(shown["suppressed"])]
        assert cells[-1] == "1 released, 7 not yet"
        assert "corridor_flow" in text and f"{lake.root}/products" in text.replace("\n", "")


def run_notebook(name, out, lake, **parameters):
    with pytest.MonkeyPatch.context() as patch:
        for key, value in {"out": str(out), "lake": lake.root, "date": str(DATE), **parameters}.items():
            patch.setenv(f"THREESTEP_NOTEBOOK_{key.upper()}", value)
        return runpy.run_path(str(NOTEBOOKS / name))


def values(chart):
    """Every record in a chart's data."""
    found, todo = [], [chart.to_dict()]
    while todo:
        part = todo.pop()
        found += [r for data in part.get("datasets", {}).values() for r in data]
        if isinstance(part.get("data"), dict):
            found += part["data"].get("values", [])
        todo += [*part.get("layer", []), *([part["spec"]] if "spec" in part else [])]
    return found


class TestNotebooks:
    def test_the_shop_window_shows_the_place_as_released(self, lake, tmp_path):
        found = run_notebook("02_shop_window.py", tmp_path, lake, month=MONTH)
        assert (found["zone"], found["waiting"]) == (PLACE, [])
        assert [p.name for p in found["notebook"].saved] == [
            f"{n}.html" for n in ("when", "how_long", "from_where", "who", "catchment")
        ]
        rows = delivery("dwell").rows
        released = {r["dwell_band"]: r["status"] for r in rows[rows["zone_id"] == PLACE].to_dict("records")}
        drawn = {r["dwell_band"]: r["status"] for r in values(found["shown"]["how_long"]) if "dwell_band" in r}
        assert drawn == released
        homes = [r for r in values(found["shown"]["catchment"]) if "home_zone_id" in r]
        assert len(homes) == 16 and all(h["lower"] <= h["value"] <= h["upper"] for h in homes)
        for path in found["notebook"].saved:
            assert "<script src" not in path.read_text(encoding="utf-8")

    def test_what_is_not_released_is_told_and_left_out(self, lake, tmp_path, capsys):
        found = run_notebook("02_shop_window.py", tmp_path, lake, month="2026-05")
        assert found["waiting"] == ["catchment"] and "catchment" not in found["shown"]
        assert "catchment of 2026-05 is not released" in capsys.readouterr().out

    def test_the_city_flows_show_flows_and_corridors(self, lake, tmp_path):
        found = run_notebook("03_city_flows.py", tmp_path, lake, week=WEEK)
        assert found["waiting"] == []
        assert [*found["shown"]] == ["flows", "balance", "corridors", "corridor_over_the_day"]
        lines = [r for r in values(found["shown"]["flows"]) if "line" in r]
        assert lines and {r["status"] for r in lines} == {"published"}
        assert all(r["origin_zone_name"] != r["destination_zone_name"] for r in lines)
        assert list(found["air"]["corridor"].unique()) == ["Ring road east"]
