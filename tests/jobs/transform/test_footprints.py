"""Footprints: against a plain solution of the same model; shares, order, pruning, and what a changed plan leaves."""

from __future__ import annotations

import os
from collections import defaultdict
from math import atan2, degrees, exp, hypot, log10, sqrt
from pathlib import Path

import pytest
from cell_plans import MAST, cell, plan
from frames import frame, rows
from pyspark.sql import functions as F

from expectations.cells import CELLS
from expectations.footprints import FOOTPRINTS
from jobs.method_settings import RadioPolicy
from jobs.transform.coverage import blocks
from jobs.transform.positions import cell_positions
from jobs.transform.posteriors import footprints, renewed, weights
from jobs.transform.sectors import FootprintParams, sectors

PARAMS = FootprintParams(slices=2, least_share=0.0)
LEIPZIG = Path(os.environ.get("THREESTEP_DATA", Path(__file__).parents[4] / "shared" / "data")) / "leipzig"
PRIOR = "tile bigint, prior bigint"
HOME = 4486531392  # a tile just east of the mast
DENSE = {HOME: 50.0}

# Two masts 1.1 km apart, one with several technologies on a sector, and a shop with a cell of its own.
TOWN = (
    cell("north", 0.0, range_m=1500.0),
    cell("north_too", 0.0, range_m=1500.0, tech="NR"),
    cell("north_short", 0.0, range_m=800.0, tech="NR"),
    cell("east", 90.0, range_m=1500.0),
    cell("round", None, range_m=1000.0, lat=51.3503, site_id="t"),
    cell("shop", None, "indoor", range_m=400.0, lat=51.3417, site_id="shop"),
)


def priors(spark):
    return frame(spark, PRIOR, *((tile, int(value * 1e6)) for tile, value in DENSE.items()))


def solved(spark, network, params=PARAMS, plan_id="p"):
    return footprints(weights(network, blocks(network, params), priors(spark), params), plan_id, params)


@pytest.fixture(scope="module")
def network(spark):
    return sectors(plan(spark, *TOWN), "p", "g", PARAMS).localCheckpoint()


@pytest.fixture(scope="module")
def prints(spark, network):
    return solved(spark, network).localCheckpoint()


@pytest.fixture(scope="module")
def by_cell(network, prints):
    found = defaultdict(dict)
    for cell_id, tile, probability in rows(
        prints.join(network.select("sector", "cell_id"), "sector"), "cell_id", "tile", "probability"
    ):
        found[cell_id][tile] = probability
    return found


def plainly(network):
    """The model in plain Python over the same cells: P(tile | cell) by cell and tile."""
    cells = network.collect()
    near = {c["mast"]: (c["mast"] // 100_000, c["mast"] % 100_000) for c in cells}
    span = 17
    ground = {
        (i, j) for a, b in near.values() for i in range(a - span, a + span + 1) for j in range(b - span, b + span + 1)
    }
    weights = defaultdict(dict)
    for i, j in ground:
        heard = {}
        for c in cells:
            dx, dy = 100 * i + 50 - c["x"], 100 * j + 50 - c["y"]
            own = max(abs(i - near[c["mast"]][0]), abs(j - near[c["mast"]][1])) <= 1
            if hypot(dx, dy) > c["range_m"]:
                continue
            flat = dx * dx + dy * dy + 1e4 / 6
            side = up = 0.0
            if c["azimuth_deg"] is not None:
                off = abs((degrees(atan2(dx, dy)) - c["azimuth_deg"] + 180) % 360 - 180)
                side = min(12 * (off / c["beam_deg"]) ** 2, 25)
            if c["tilt_deg"] is not None:
                up = min(12 * ((degrees(atan2(c["height_m"], sqrt(flat))) - c["tilt_deg"]) / 9) ** 2, 20)
            power = 10 * log10(c["power_w"] * 1000) - 5 * c["exponent"] * log10(flat + c["height_m"] ** 2)
            heard[c["cell_id"]] = (power - min(side + up, 30), own)
        best = max((s for s, _ in heard.values()), default=0)
        dominance = {
            name: 1 / (1 + exp(-0.2 * (s - max(-92.5, best))))
            for name, (s, own) in heard.items()
            if own or s > best - 25
        }
        for name, value in dominance.items():
            tile = i * 100_000 + j
            weights[name][tile] = DENSE.get(tile, 0.1) * value / sum(dominance.values())
    return {name: {t: w / sum(tiles.values()) for t, w in tiles.items()} for name, tiles in weights.items()}


def apart(one, other):
    """Total variation between two footprints."""
    return sum(abs(one.get(t, 0) - other.get(t, 0)) for t in {*one, *other}) / 2


def offset(tile):
    """Distance and bearing of a tile's centre from the mast."""
    dx, dy = tile // 100_000 * 100 + 50 - MAST[0], tile % 100_000 * 100 + 50 - MAST[1]
    return hypot(dx, dy), degrees(atan2(dx, dy)) % 360


class TestFootprints:
    def test_are_the_model(self, network, prints, by_cell):
        assert prints.columns == FOOTPRINTS.column_names
        expected = plainly(network)
        assert set(by_cell) == set(expected) == {row[0] for row in TOWN}
        assert max(apart(by_cell[name], expected[name]) for name in expected) < 1e-5
        assert all(sum(tiles.values()) == pytest.approx(1, abs=1e-12) for tiles in by_cell.values())

    def test_one_sector_is_one_footprint(self, by_cell):
        assert by_cell["north"] == by_cell["north_too"] != by_cell["north_short"]
        assert max(offset(t)[0] for t in by_cell["north_short"]) <= 800 < max(offset(t)[0] for t in by_cell["north"])

    def test_lie_in_front_of_the_antenna_and_where_people_live(self, by_cell):
        ahead = sum(p for t, p in by_cell["east"].items() if abs(offset(t)[1] - 88) < 60)
        behind = sum(p for t, p in by_cell["east"].items() if abs(offset(t)[1] - 268) < 60 and offset(t)[0] > 200)
        assert ahead > 0.6 and behind < ahead / 10
        assert max(by_cell["east"], key=by_cell["east"].get) == HOME
        assert max(offset(t)[0] for t in by_cell["shop"]) < 600

    def test_pruned_ones_are_near_the_whole(self, spark, network, by_cell):
        pruned = solved(spark, network, FootprintParams(slices=2)).join(network.select("sector", "cell_id"), "sector")
        found = defaultdict(dict)
        for cell_id, tile, probability in rows(pruned.where("probability > 0"), "cell_id", "tile", "probability"):
            found[cell_id][tile] = probability
        assert max(apart(found[name], by_cell[name]) for name in by_cell) < 0.01
        assert pruned.count() == sum(map(len, by_cell.values()))
        assert sum(map(len, found.values())) < sum(map(len, by_cell.values()))

    def test_do_not_depend_on_partitioning(self, spark, network, prints):
        params = FootprintParams(slices=5, least_share=0.0)
        assert told(solved(spark, network.repartition(3, "technology"), params)) == told(prints)


class TestRenewed:
    def test_a_changed_plan_gives_what_a_full_solution_gives(self, spark):
        # A chain of masts: with two looked at in a block, what happens at one end does not touch the other.
        params = FootprintParams(slices=2, near_masts=2)
        step = 0.0135  # 1.5 km northward
        chain = [
            cell(f"{name}{i}", azimuth, lat=51.30 + i * step, range_m=1500.0, site_id=f"s{i}")
            for i in range(6)
            for name, azimuth in (("n", 10.0), ("s", 190.0))
        ]
        more = cell("new", 100.0, lat=51.30, range_m=1500.0, site_id="s0")
        turned = cell("s1", 250.0, lat=51.30 + step, range_m=1500.0, site_id="s1")
        changed = [turned if c[0] == "s1" else c for c in chain if c[0] != "n0"] + [more]
        before, now = (sectors(plan(spark, *cells), "p", "g", params).localCheckpoint() for cells in (chain, changed))
        # One of the far end is missing among the stored ones: were it solved again, it would come back.
        far = now.where("cell_id = 'n5'").select("sector")
        stored = solved(spark, before, params, "old").join(far, "sector", "left_anti").localCheckpoint()
        found, anew = renewed(before, stored, now, priors(spark), "p", params)
        assert told(found) == told(solved(spark, now, params).join(far, "sector", "left_anti"))
        names = {row[0] for row in rows(now.join(anew, "sector", "left_semi"), "cell_id")}
        assert {"new", "s0", "s1", "n1", "s2"} <= names and not {"n4", "s5", "n5"} & names


def told(df):
    """A digest of rows that does not hang on the order of rows or columns."""
    return (
        df.select(F.xxhash64(F.to_json(F.struct(*sorted(df.columns)))).cast("decimal(38,0)").alias("h"))
        .agg(F.sum("h"), F.count("h"))
        .first()
    )


@pytest.mark.slow
@pytest.mark.skipif(not LEIPZIG.is_dir(), reason="no real city: set THREESTEP_DATA to the folder that holds leipzig/")
def test_leipzig(spark, compiled):
    raw = spark.read.csv(str(LEIPZIG / "cells.csv"), header=True)
    cells = raw.select(
        *((F.col(c.name) if c.name in raw.columns else F.lit(None)).cast(c.type).alias(c.name) for c in CELLS.columns)
    )
    params, wide = FootprintParams(), FootprintParams(near_masts=60, to_spare=1_000, least_db=60.0, least_share=0.0)
    network = sectors(cells, "leipzig", "g", params).localCheckpoint()
    nobody = frame(spark, PRIOR)
    found = footprints(weights(network, blocks(network, params), nobody, params), "p", params).localCheckpoint()
    sums = found.groupBy("sector").agg(F.sum("probability").alias("p"), F.count(F.lit(1)).alias("n"))
    low, high, least, count = sums.agg(F.min("p"), F.max("p"), F.min("n"), F.count(F.lit(1))).first()
    assert (low, high) == pytest.approx((1, 1), abs=1e-9)
    assert least >= 1 and count == network.select("sector").distinct().count()
    nowhere = frame(spark, "tile bigint, home struct<zone_id: string, lift: double>")
    positions = cell_positions(found, network, nowhere, "leipzig", params)
    whole = positions.where("ring IS NULL")
    assert whole.where(F.size("quantiles") == RadioPolicy().quantiles).count() == network.count() == 3587
    # What is cut short changes little: the footprints of every 29th mast, with and without.
    some = network.where("mast % 29 = 0").select("beam", "sector").distinct().localCheckpoint()
    every = blocks(network, wide)
    theirs = every.join(some.select("beam").distinct(), "beam", "left_semi").select("block_x", "block_y").distinct()
    around = every.join(theirs, ["block_x", "block_y"], "left_semi")
    whole = footprints(weights(network, around, nobody, wide), "p", wide)
    both = found.join(whole.withColumnRenamed("probability", "full"), ["sector", "tile"], "full")
    gap = F.abs(F.coalesce("full", F.lit(0.0)) - F.coalesce("probability", F.lit(0.0)))
    apart_ = both.join(some.select("sector"), "sector", "left_semi").groupBy("sector").agg((F.sum(gap) / 2).alias("tv"))
    mean, most, sampled = apart_.agg(F.avg("tv"), F.max("tv"), F.count("tv")).first()
    assert sampled > 10 and mean < 0.01, (mean, most, sampled)
