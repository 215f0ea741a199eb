"""Cells along corridors: tiles within reach, positions along the line, shares of footprints."""

from __future__ import annotations

import pytest
from frames import frame, rows

from jobs.simulate.projection import to_wgs84
from jobs.transform.corridors import CorridorParams, corridor_cells, corridor_tiles, outside_of_network

X, Y = 4_500_000, 3_100_000
PARAMS = CorridorParams(reach_m=200.0, least_share=0.25)


def tile(column: int, row: int) -> int:
    """Number of a tile, counted from (X, Y)."""
    return (X // 100 + column) * 100_000 + Y // 100 + row


@pytest.fixture(scope="module")
def tiles(spark):
    """A line of a kilometre due east along the middle of the tiles of row 0, and one far off."""
    lines = []
    for name, north in (("east", 50), ("far", 50_050)):
        longitude, latitude = to_wgs84([X + 50.0, X + 1050.0], [Y + north, Y + north])
        points = ", ".join(f"{a:.9f} {b:.9f}" for a, b in zip(longitude, latitude, strict=True))
        lines.append((name, f"LINESTRING ({points})", 1_000))
    corridors = frame(spark, "corridor_id STRING, geometry_wkt STRING, length_m INT", *lines)
    return corridors, corridor_tiles(corridors, PARAMS).cache()


def test_tiles_within_reach_know_where_along_the_line_they_are(tiles):
    found = {t: (along, length) for c, t, along, length in rows(tiles[1], "corridor_id", "tile", "along_m", "length_m")
             if c == "east"}  # fmt: skip
    assert found[tile(0, 0)] == (0, 1_000)
    assert found[tile(4, 0)] == (400, 1_000)
    assert found[tile(4, 1)] == (400, 1_000)
    assert found[tile(10, -1)] == (1_000, 1_000)
    assert tile(4, 2) in found and tile(4, 3) not in found
    # Beyond the ends the nearest point is the end itself.
    assert found[tile(11, 0)] == (1_000, 1_000)
    assert tile(13, 0) not in found


def test_cells_have_their_share_and_mean_position(spark, tiles):
    corridors, near = tiles
    footprints = frame(
        spark,
        "sector BIGINT, tile BIGINT, probability DOUBLE",
        *((1, tile(2, 0), 0.5), (1, tile(4, 0), 0.25), (1, tile(4, 9), 0.25)),
        *((2, tile(8, 1), 0.2), (2, tile(8, 9), 0.8)),
    )
    network = frame(spark, "cell_id STRING, sector BIGINT", ("a", 1), ("b", 1), ("c", 2))
    found = corridor_cells(near, footprints, network, "plan", PARAMS)
    mean = round((0.5 * 200 + 0.25 * 400) / 0.75)
    assert rows(found, "cell_id", "corridor_id", "share", "along_m", "length_m") == [
        ("a", "east", 0.75, mean, 1_000),
        ("b", "east", 0.75, mean, 1_000),
    ]
    assert rows(outside_of_network(corridors, found)) == [("far",)]
