"""What events join: quantiles, centre, radius and rings of timing advance; and how well zones are resolved."""

from __future__ import annotations

from collections import Counter
from math import hypot

import pytest
from cell_plans import MAST, cell, plan
from frames import frame, rows
from pyspark.sql import functions as F

from expectations.footprints import CELL_POSITIONS, ZONE_RESOLUTION
from jobs.method_settings import RadioPolicy
from jobs.transform.positions import cell_positions, renewed_positions, zone_resolution
from jobs.transform.sectors import FootprintParams, sectors

PARAMS = FootprintParams(RadioPolicy(quantiles=64, ring_quantiles=16), slices=2)
PRINT = "plan_id string, sector bigint, tile bigint, probability double"
HOMES = "tile bigint, home struct<zone_id: string, lift: double>"
COLUMN, ROW = 44864, 31392  # the tile of the mast


def tile(east, north):
    """A tile so many tiles east and north of the mast's."""
    return (COLUMN + east) * 100_000 + ROW + north


# Distances of the tiles' centres: 10 m, some 1,000 and 3,000 m; 900 m lies on no ring's edge.
SPREAD = {tile(0, 0): 0.5, tile(10, 0): 0.3, tile(0, 30): 0.2}


@pytest.fixture(scope="module")
def network(spark):
    cells = (
        cell("lte"),
        cell("gsm", tech="GSM"),
        cell("nr", tech="NR", site_id="t"),
        cell("shop", None, "indoor", tech="NR", site_id="shop"),
    )
    return sectors(plan(spark, *cells), "p", "g", PARAMS).localCheckpoint()


@pytest.fixture(scope="module")
def prints(spark, network):
    names = dict(rows(network, "cell_id", "sector"))
    return _prints(spark, "p", names["lte"], names["shop"])


@pytest.fixture(scope="module")
def nowhere(spark):
    """No zone's residents are told."""
    return frame(spark, HOMES)


class TestCellPositions:
    def test_one_row_a_cell_and_one_a_ring_with_mass(self, prints, network, nowhere):
        found = cell_positions(prints, network, nowhere, "p", PARAMS)
        assert found.columns == CELL_POSITIONS.column_names
        by_ring = {(r["cell_id"], r["ring"]): r for r in found.collect()}
        # Rings of 625 m (LTE) and 553.5 m (GSM); half a diagonal either way.
        away = {t: hypot(t // 100_000 * 100 + 50 - MAST[0], t % 100_000 * 100 + 50 - MAST[1]) for t in SPREAD}
        expected = {("lte", None), ("gsm", None), ("nr", None), ("shop", None)}
        for name, width in (("lte", 624.96), ("gsm", 553.5)):
            for metres in away.values():
                lowest, highest = int(max(metres - 71, 0) // width), int((metres + 71) // width)
                expected |= {(name, ring) for ring in range(lowest, highest + 1)}
        assert set(by_ring) == expected and ("lte", 2) not in expected
        whole = by_ring["lte", None]
        assert Counter(whole["quantiles"]) == {tile(0, 0): 32, tile(10, 0): 19, tile(0, 30): 13}
        assert whole["quantiles"] == by_ring["gsm", None]["quantiles"] == by_ring["nr", None]["quantiles"]
        assert by_ring["lte", 0]["quantiles"] == [tile(0, 0)] * 16
        assert set(by_ring["lte", 1]["quantiles"]) == {tile(10, 0)} and by_ring["lte", 1]["radius_m"] == 40.8
        east, north = 0.3 * 1000 + COLUMN * 100 + 50, 0.2 * 3000 + ROW * 100 + 50
        assert (whole["centre_x"], whole["centre_y"]) == pytest.approx((east, north), abs=0.1)
        spread = 0.3 * 1e6 - 300**2 + 0.2 * 9e6 - 600**2 + 1e4 / 6
        assert whole["radius_m"] == pytest.approx(spread**0.5, abs=0.1)
        steps = {name: (r["ring_steps"], r["is_small"], r["site_group"]) for (name, _), r in by_ring.items()}
        assert steps == {
            "lte": (8, False, "s"), "gsm": (1, False, "s"), "nr": (None, False, "t"), "shop": (None, True, "shop"),
        }  # fmt: skip

    def test_partitioning_changes_nothing(self, prints, network, nowhere):
        def told(df):
            return df.agg(F.sum(F.xxhash64(F.to_json(F.struct("*"))).cast("decimal(38,0)"))).first()

        spread = cell_positions(prints.repartition(7, "tile"), network.repartition(3), nowhere, "p", PARAMS)
        assert told(spread) == told(cell_positions(prints, network, nowhere, "p", PARAMS))

    @pytest.mark.parametrize("quantiles", [17, 1024])
    def test_quantiles_appear_as_often_as_they_are_likely(self, spark, network, nowhere, quantiles):
        sector = rows(network.where("cell_id = 'lte'"), "sector")[0][0]
        weights = {tile(i, -i): (i + 1) / 210 for i in range(20)}
        prints = frame(spark, PRINT, *(("p", sector, t, p) for t, p in weights.items()))
        params = FootprintParams(RadioPolicy(quantiles=quantiles), slices=2)
        whole = cell_positions(prints, network, nowhere, "p", params).where("ring IS NULL AND cell_id = 'lte'")
        ((slots,),) = rows(whole, "quantiles")
        counts = Counter(slots)
        assert len(slots) == quantiles and set(counts) <= set(weights)
        # Never more than a slot off; exact in sum.
        assert all(abs(counts[t] - p * quantiles) < 1 for t, p in weights.items())


class TestHomes:
    def test_the_slots_of_a_zone_are_a_run(self, spark, network, prints):
        # In Z-order the mast's tile comes before that in the east: the zone's name goes before it.
        zones = ((tile(0, 0), ("west", 4.0)), (tile(10, 0), ("east", 9.0)))
        found = cell_positions(prints, network, frame(spark, HOMES, *zones), "p", PARAMS)
        whole = found.where("ring IS NULL AND cell_id = 'lte'").first()
        assert whole["quantiles"] == [tile(0, 30)] * 13 + [tile(10, 0)] * 19 + [tile(0, 0)] * 32
        # lift q / (1 + lift q), q the share of the slots.
        east, west = 9 * 19 / 64, 4 * 32 / 64
        assert [tuple(home) for home in whole["homes"]] == [
            ("east", 13, 19, pytest.approx(east / (1 + east))), ("west", 32, 32, pytest.approx(west / (1 + west))),
        ]  # fmt: skip

    def test_each_ring_has_its_own(self, spark, network, prints):
        found = cell_positions(prints, network, frame(spark, HOMES, (tile(10, 0), ("east", 9.0))), "p", PARAMS)
        homes = {r["ring"]: r["homes"] for r in found.where("cell_id = 'lte'").collect()}
        assert homes[0] is None and homes[4] is None
        assert [tuple(home) for home in homes[1]] == [("east", 0, 16, pytest.approx(0.9))]


class TestRenewedPositions:
    def test_only_what_changed_is_made_anew(self, spark, network, nowhere):
        names = dict(rows(network, "cell_id", "sector"))
        lte, shop = names["lte"], names["shop"]
        stored = cell_positions(_prints(spark, "old", lte, shop), network, nowhere, "old", PARAMS).withColumn(
            "radius_m", F.when(F.col("cell_id") != "shop", F.lit(7.0)).otherwise(F.col("radius_m"))
        )
        # The NR cell is told to stand elsewhere, and the shop's footprint is another one.
        now = network.withColumn("site_id", F.when(F.col("cell_id") == "nr", "u").otherwise(F.col("site_id")))
        prints = _prints(spark, "p", lte, shop, shop_at=tile(2, 2))
        anew = network.where("cell_id = 'shop'").select("sector")
        found = renewed_positions(network, stored.localCheckpoint(), prints, now, nowhere, anew, "p", PARAMS)
        told = rows(found.where("ring IS NULL"), "cell_id", "plan_id", "site_group", "radius_m")
        full = dict(
            rows(cell_positions(prints, now, nowhere, "p", PARAMS).where("ring IS NULL"), "cell_id", "radius_m")
        )
        assert told == [
            ("gsm", "p", "s", 7.0), ("lte", "p", "s", 7.0), ("nr", "p", "u", full["nr"]), ("shop", "p", "shop", 40.8),
        ]  # fmt: skip
        assert {row[0] for row in rows(found.where("cell_id = 'shop'").selectExpr("explode(quantiles)"))} == {
            tile(2, 2)
        }


def _prints(spark, plan_id, lte, shop, shop_at=None):
    told = [(plan_id, lte, t, p) for t, p in SPREAD.items()]
    return frame(spark, PRINT, *told, (plan_id, shop, shop_at or tile(1, 1), 1.0))


class TestZoneResolution:
    def test_tells_how_much_of_its_cells_lies_inside(self, spark, prints, network, nowhere):
        zones = frame(
            spark, "level string, zone_id string, tile bigint",
            ("district", "home", tile(0, 0)), ("district", "home", tile(10, 0)), ("district", "far", tile(0, 30)),
            ("poi", "shop", tile(1, 1)), ("district", "home", tile(1, 1)), ("district", "field", tile(50, 50)),
        )  # fmt: skip
        found = zone_resolution(prints, network, zones)
        assert found.columns == ZONE_RESOLUTION.column_names
        wide = dict(
            rows(cell_positions(prints, network, nowhere, "p", PARAMS).where("ring IS NULL"), "cell_id", "radius_m")
        )
        # Home: three cells with 0.8 of their mass there, the shop's with all of it: (3 * 0.64 + 1) / 3.4.
        assert rows(found) == [
            ("far", 3, wide["lte"], pytest.approx(0.2)),
            ("home", 4, wide["lte"], pytest.approx(2.92 / 3.4)),
            ("shop", 1, 40.8, pytest.approx(1)),
        ]
