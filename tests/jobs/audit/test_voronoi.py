"""Voronoi regions of masts: each tile at its nearest mast, by plain arithmetic."""

from __future__ import annotations

import pytest
from frames import frame

from jobs.audit.voronoi import voronoi_positions
from udfs import geo


@pytest.fixture(scope="module")
def found(spark):
    # Three masts of Leipzig's longitude, and a fourth outside of the ground.
    cells = frame(
        spark,
        "cell_id STRING, latitude DOUBLE, longitude DOUBLE, placement STRING",
        ("a1", 51.340, 12.370, None),
        ("a2", 51.340, 12.370, "indoor"),
        ("b1", 51.340, 12.400, None),
        ("c1", 51.355, 12.385, None),
        ("far", 51.500, 12.700, None),
    )
    spot = cells.filter("cell_id = 'a1'").select(
        geo.laea_point(geo.F.col("longitude"), geo.F.col("latitude")).alias("p")
    )
    x, y = spot.select(geo.st("ST_X", geo.F.col("p")), geo.st("ST_Y", geo.F.col("p"))).first()
    column, row = int(x // 100), int(y // 100)
    tiles = [((column + i) * 100_000 + row + j,) for i in range(-8, 30) for j in range(-10, 25)]
    ground = frame(spark, "tile BIGINT", *tiles)
    masts = {
        r["cell_id"]: (round(r["x"]), round(r["y"]))
        for r in cells.select("cell_id", geo.laea_point(geo.F.col("longitude"), geo.F.col("latitude")).alias("p"))
        .select("cell_id", geo.st("ST_X", geo.F.col("p")).alias("x"), geo.st("ST_Y", geo.F.col("p")).alias("y"))
        .collect()
    }
    positions = {r["cell_id"]: r for r in voronoi_positions(cells, ground, 2048).collect()}
    return tiles, masts, positions


def nearest(tile: int, masts: dict[str, tuple[int, int]]) -> str:
    x, y = tile // 100_000 * 100 + 50, tile % 100_000 * 100 + 50
    return min(masts, key=lambda c: ((masts[c][0] - x) ** 2 + (masts[c][1] - y) ** 2, c))


def test_regions_hold_exactly_the_tiles_that_are_nearest(found):
    tiles, masts, positions = found
    expected = {c: {t for (t,) in tiles if nearest(t, masts) == c} for c in ("a1", "b1", "c1")}
    assert all(len(region) > 100 for region in expected.values())
    assert {c: set(positions[c]["quantiles"]) for c in expected} == expected


def test_cells_of_a_mast_share_its_region_and_its_draw(found):
    _, _, positions = found
    a1, a2 = positions["a1"], positions["a2"]
    assert (a1["site_group"], a1["quantiles"]) == (a2["site_group"], a2["quantiles"])
    assert (a1["is_small"], a2["is_small"]) == (False, True)
    assert len({p["site_group"] for p in positions.values()}) == 4
    counts = [a1["quantiles"].count(t) for t in set(a1["quantiles"])]
    assert max(counts) - min(counts) <= 1
    xs = [t // 100_000 * 100 + 50 for t in set(a1["quantiles"])]
    assert a1["centre_x"] == pytest.approx(sum(xs) / len(xs), abs=0.1)


def test_a_mast_beyond_the_ground_keeps_its_own_tile(found):
    _, masts, positions = found
    x, y = masts["far"]
    assert set(positions["far"]["quantiles"]) == {x // 100 * 100_000 + y // 100}
    assert positions["far"]["radius_m"] == pytest.approx(40.8)
