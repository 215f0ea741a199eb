"""Footprints: in front is in, behind is out; probabilities; quantiles; the same however rows are spread."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter, defaultdict
from math import atan2, degrees, hypot
from pathlib import Path

import pytest
from frames import at, frame, rows
from pyspark.sql import functions as F

from expectations.cells import CELLS
from expectations.footprints import CELL_POSITIONS, FOOTPRINTS
from jobs.settings import RadioPolicy
from jobs.transform.footprints import cell_positions, footprints, plan_digest
from jobs.transform.sectors import FootprintParams, sectors, valid_cells

PARAMS = FootprintParams(quantiles=64, slices=2)
LEIPZIG = Path(os.environ.get("THREESTEP_DATA", Path(__file__).parents[4] / "shared" / "data")) / "leipzig"
# Easting and northing of the mast below, from PROJ.
MAST = (4486443.1, 3139290.1)


def cell(
    cell_id, azimuth=None, placement="macro", lat=51.3403, lon=12.3747, range_m=None, site="s", tech="LTE", **more
):
    values = {
        "cell_id": cell_id,
        "technology": tech,
        "latitude": lat,
        "longitude": lon,
        "azimuth_deg": azimuth,
        "site_id": site,
        "placement": placement,
        "range_m": range_m,
        **more,
    }
    return tuple(values.get(name) for name in CELLS.column_names)


def plan(spark, *cells):
    ddl = ", ".join(f"{c.name} {c.type}" for c in CELLS.columns)
    return frame(spark, ddl, *cells)


@pytest.fixture(scope="module")
def cells(spark):
    return plan(
        spark,
        cell("north", 0.0, range_m=1500.0),
        cell("north_too", 0.0, range_m=1500.0, tech="NR"),
        cell("east", 90.0, range_m=1500.0),
        cell("wide", 200.0, range_m=800.0, beam_width_deg=200.0),
        cell("round", None, range_m=700.0),
        cell("indoor", 45.0, "indoor", site="shop"),
    ).localCheckpoint()


@pytest.fixture(scope="module")
def prints(cells):
    return footprints(cells, PARAMS).localCheckpoint()


@pytest.fixture(scope="module")
def by_cell(prints):
    found = defaultdict(dict)
    for cell_id, tile, probability in rows(prints):
        found[cell_id][tile] = probability
    return found


def offset(tile):
    """Distance and bearing of a tile's centre from the mast."""
    dx, dy = tile // 100_000 * 100 + 50 - MAST[0], tile % 100_000 * 100 + 50 - MAST[1]
    return hypot(dx, dy), degrees(atan2(dx, dy)) % 360


def test_rows_are_the_contract(prints, by_cell):
    assert prints.columns == FOOTPRINTS.column_names
    assert len(by_cell) == 6
    assert all(0 < p <= 1 for tiles in by_cell.values() for p in tiles.values())
    assert all(sum(tiles.values()) == pytest.approx(1, abs=1e-12) for tiles in by_cell.values())


@pytest.mark.parametrize(("name", "azimuth"), [("north", 0), ("east", 90)])
def test_in_front_is_in_and_behind_is_out(by_cell, name, azimuth):
    tiles = by_cell[name]
    for tile in tiles:
        away, bearing = offset(tile)
        off = abs((bearing - azimuth + 180) % 360 - 180)
        assert away < 1500 + 71
        # 75 degrees either side, 2 for grid north, and the half diagonal of a tile; near the mast all round.
        assert away < 225 + 71 or off < 77 + degrees(atan2(75, away))
    # Solid in front: every tile well inside is there.
    inside = [o for o in (offset(t) for t in tiles) if o[0] < 1300 and abs((o[1] - azimuth + 180) % 360 - 180) < 65]
    assert len(inside) == pytest.approx(3.1416 * 1300**2 * 130 / 360 / 1e4, rel=0.05)


def test_near_is_likelier_than_far(by_cell):
    tiles = by_cell["round"]
    near = [p for t, p in tiles.items() if offset(t)[0] < 150]
    far = [p for t, p in tiles.items() if 450 < offset(t)[0] < 600]
    assert min(near) > max(far)


def test_wide_sector_turns_the_right_way(by_cell):
    behind = [t for t in by_cell["wide"] if offset(t)[0] > 320 and abs((offset(t)[1] - 20 + 180) % 360 - 180) < 30]
    assert not behind


def test_cells_of_one_sector_share_a_footprint(cells, by_cell):
    assert by_cell["north"] == by_cell["north_too"]
    told = {name: sector for name, sector in rows(sectors(cells, PARAMS), "cell_id", "sector")}
    assert told["north"] == told["north_too"] != told["east"]


def test_range_follows_the_near_masts(spark):
    step = 0.009  # a kilometre northward
    masts = [cell(f"m{i}", None, lat=51.0 + i * step, site=f"s{i}") for i in range(6)]
    lonely = cell("lonely", None, lat=50.0, site="far", tech="GSM")
    shop = cell("shop", None, "indoor", lat=51.0 + 0.002, site="shop")
    found = dict(rows(sectors(plan(spark, *masts, lonely, shop), PARAMS), "cell_id", "range_m"))
    assert found["m0"] == pytest.approx(1.5 * 3002, abs=10)  # third nearest: 3 km; the indoor cell is no mast
    assert found["m2"] == pytest.approx(1.5 * 2002, abs=10)
    assert (found["lonely"], found["shop"]) == (10_000, 250)


def test_positions(cells, prints, by_cell):
    frame_ = cell_positions(prints, cells, "plan", PARAMS)
    assert frame_.columns == CELL_POSITIONS.column_names
    found = {row["cell_id"]: row for row in frame_.collect()}
    assert set(found) == set(by_cell)
    assert [name for name, row in found.items() if row["is_small"]] == ["indoor"]
    assert {row["site_group"] for row in found.values()} == {"s", "shop"}
    round_ = found["round"]
    assert (round_["centre_x"], round_["centre_y"]) == pytest.approx(MAST, abs=10)
    assert found["north"]["centre_y"] > MAST[1] + 400 and abs(found["north"]["centre_x"] - MAST[0]) < 60
    assert found["east"]["centre_x"] > MAST[0] + 400 and abs(found["east"]["centre_y"] - MAST[1]) < 60
    spread = sum(p * ((offset(t)[0]) ** 2 + 1e4 / 6) for t, p in by_cell["round"].items()) ** 0.5
    assert round_["radius_m"] == pytest.approx(spread, abs=1)
    assert found["north"]["quantiles"] == found["north_too"]["quantiles"]


@pytest.mark.parametrize("quantiles", [64, 1024])
def test_quantiles_appear_as_often_as_they_are_likely(cells, prints, by_cell, quantiles):
    params = FootprintParams(quantiles=quantiles)
    for name, slots in rows(cell_positions(prints, cells, "plan", params), "cell_id", "quantiles"):
        counts = Counter(slots)
        assert len(slots) == quantiles
        assert set(counts) <= set(by_cell[name])
        # Never more than a slot off; exact in sum.
        assert all(abs(counts[t] - p * quantiles) < 1 for t, p in by_cell[name].items())


def test_results_do_not_depend_on_partitioning(cells, prints):
    def digest(df):
        return df.select(F.xxhash64(F.to_json(F.struct("*"))).alias("h")).agg(F.sum(F.col("h").cast("decimal(38,0)")))

    spread = footprints(cells.repartition(5, "technology"), FootprintParams(quantiles=64, slices=7))
    assert digest(spread).first() == digest(prints).first()
    again = cell_positions(prints.repartition(7, "tile"), cells.repartition(3), "plan", PARAMS)
    assert digest(again).first() == digest(cell_positions(prints, cells, "plan", PARAMS)).first()


def test_cells_of_the_days(spark):
    def of(cell_id, start, end, lat):
        return cell(
            cell_id,
            valid_from=start and at(f"{start}T00:00:00+00:00"),
            valid_to=end and at(f"{end}T00:00:00+00:00"),
            lat=lat,
        )

    delivered = plan(
        spark,
        of("always", None, None, 1.0),
        of("gone", None, "2026-03-02", 2.0),
        of("moved", "2026-01-01", "2026-03-03", 3.0),
        of("moved", "2026-03-03", None, 4.0),
        of("future", "2026-03-04", None, 5.0),
    )
    start, end = dt.datetime(2026, 3, 2, tzinfo=dt.UTC), dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
    assert rows(valid_cells(delivered, start, end), "cell_id", "latitude") == [("always", 1.0), ("moved", 4.0)]


def test_digest_tells_plans_apart_and_nothing_else(spark, cells):
    zones = frame(spark, "zone_id string, geometry_wkt string", ("a", "POLYGON"), ("b", "POLYGON"))

    def of(plan_, zones_=zones, params=PARAMS):
        return plan_digest(plan_, zones_, params).first()["plan_id"]

    told = of(cells)
    assert len(told) == 16
    assert told == of(cells.repartition(4), zones.repartition(3))
    assert told == of(cells.withColumn("valid_from", F.lit("2026-01-01").cast("timestamp")))
    assert told != of(cells.withColumn("latitude", F.col("latitude") + 1e-5))
    assert told != of(cells.where("cell_id <> 'east'"))
    assert told != of(cells, zones.where("zone_id = 'a'"))
    assert told != of(cells, params=FootprintParams(quantiles=128, slices=2))
    assert told == of(cells, params=FootprintParams(quantiles=64, slices=9))


def test_policy_parameters_arrive():
    params = FootprintParams.from_policy(
        RadioPolicy(quantiles=512, small_range_m=99, max_range_m={"NR": 2.0, "LTE": 3.0})
    )
    assert (params.quantiles, params.small_range_m, params.longest_m) == (512, 99, 3.0)


@pytest.mark.slow
@pytest.mark.skipif(not LEIPZIG.is_dir(), reason="no real city: set THREESTEP_DATA to the folder that holds leipzig/")
def test_leipzig(spark):
    raw = spark.read.csv(str(LEIPZIG / "cells.csv"), header=True)
    full = raw.select(
        *((F.col(c.name) if c.name in raw.columns else F.lit(None)).cast(c.type).alias(c.name) for c in CELLS.columns)
    ).localCheckpoint()
    params = FootprintParams()
    found = footprints(full, params).localCheckpoint()
    sums = found.groupBy("cell_id").agg(F.sum("probability").alias("p"), F.count(F.lit(1)).alias("n"))
    low, high, least, count = sums.agg(F.min("p"), F.max("p"), F.min("n"), F.count(F.lit(1))).first()
    assert (low, high) == pytest.approx((1, 1), abs=1e-9)
    assert least >= 9 and count == full.count()
    positions = cell_positions(found, full, "leipzig", params)
    assert positions.where(F.size("quantiles") == 256).count() == count
