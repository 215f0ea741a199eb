"""Areas without zones: a quadtree over a hand-made population, and squares where there is none."""

from __future__ import annotations

from collections import defaultdict

import pytest
from frames import frame, rows
from pyspark.sql import functions as F

from expectations.residents import RESIDENTS
from expectations.zones import ZONE_TILES, ZONES
from jobs.ingest.areas import AreaParams, gridded, quadtree, residents_of, squares, tiles_in, zones_of

CELLS = "longitude double, latitude double"
MAST = (12.3747, 51.3403)  # 4486443, 3139290 in EPSG:3035
PARAMS = AreaParams(residents=10, tiles=16, reach_m=2_000.0)
WEST, SOUTH = 4_484_000, 3_137_000  # corner of the five by five square kilometres in reach
# Residents by square kilometre east and north of that corner.
PEOPLE = {(0, 0): 12, (1, 0): 10, (0, 1): 15, (2, 0): 9, (3, 0): 11, (2, 2): 10, (4, 1): 30, (9, 9): 99}


def named(side, east, north):
    return f"area-CRS3035RES{side}mN{SOUTH + 1000 * north}E{WEST + 1000 * east}"


@pytest.fixture(scope="module")
def cells(spark):
    return frame(spark, CELLS, MAST, MAST)


@pytest.fixture(scope="module")
def people(spark):
    grid = [
        (f"CRS3035RES1000mN{SOUTH + 1000 * j}E{WEST + 1000 * i}", 2023, gender, None, n)
        for (i, j), total in PEOPLE.items()
        for gender, n in (("female", total // 2), ("male", total - total // 2))
    ]
    old, other = (grid[0][0], 2011, None, None, 99), ("ot-00", 2023, None, None, 5)
    return frame(spark, ", ".join(f"{c.name} {c.type}" for c in RESIDENTS.columns), *grid, old, other)


@pytest.fixture(scope="module")
def ground(cells, people):
    return quadtree(cells, gridded(people), 1000, PARAMS).localCheckpoint()


class TestQuadtree:
    def test_splits_while_each_inhabited_quarter_keeps_enough(self, ground):
        found = defaultdict(set)
        for zone_id, x, y in rows(ground):
            found[zone_id].add(((x - WEST) // 1000, (y - SOUTH) // 1000))
        single = [(0, 0), (1, 0), (0, 1), (1, 1), (2, 2), (3, 2), (2, 3), (3, 3), (4, 0), (4, 1)]
        assert dict(found) == {
            **{named(1000, *square): {square} for square in single},
            # Nine and eleven: a quarter of nine is too few, so the four stay one.
            named(2000, 2, 0): {(2, 0), (3, 0), (2, 1), (3, 1)},
            # Nobody lives here; cut to the network's reach.
            named(2000, 0, 2): {(0, 2), (1, 2), (0, 3), (1, 3)},
            named(2000, 4, 2): {(4, 2), (4, 3)},
            named(4000, 0, 4): {(0, 4), (1, 4), (2, 4), (3, 4)},
            named(4000, 4, 4): {(4, 4)},
        }

    def test_areas_are_zones_of_whole_tiles(self, ground):
        made = zones_of(ground, 1000)
        assert made.columns == ZONES.column_names
        shown = {row["zone_id"]: row for row in made.collect()}
        one = shown[named(2000, 4, 2)]
        assert (one["level"], one["role"], one["depth"], one["is_finest"], one["tiles"]) == (
            "area",
            "partition",
            0,
            True,
            200,
        )
        assert one["name"] == "CRS3035RES2000mN3139000E4488000" and one["geometry_wkt"].startswith("POLYGON ((12.")
        tiles = rows(tiles_in(ground, 1000), "tile", "zone_id")
        assert tiles_in(ground, 1000).columns == ZONE_TILES.column_names
        assert len(tiles) == len({tile for tile, _ in tiles}) == 2500
        assert (4488031390, one["zone_id"]) in tiles and (4488931409, one["zone_id"]) in tiles

    def test_residents_by_area(self, ground, people):
        found = residents_of(ground, gridded(people), 1000)
        assert found.columns == RESIDENTS.column_names
        now = found.where("year = 2023").groupBy("zone_id").agg(F.sum("residents"))
        assert rows(now.where(F.col("zone_id").like("%RES2000m%"))) == [(named(2000, 2, 0), 20)]
        # All in reach, and nobody twice.
        assert now.agg(F.sum("sum(residents)")).first()[0] == sum(PEOPLE.values()) - 99
        assert rows(found.where("year = 2011"), "residents") == [(99,)]


class TestSquares:
    def test_stand_in_where_there_is_no_population(self, cells):
        made = squares(cells, PARAMS)
        assert "CRS3035RES1600mN3139200E4486400" in [row[0] for row in rows(made, "zone_id")]
        assert len(rows(tiles_in(made, 1600))) == 256 * len(rows(made))
