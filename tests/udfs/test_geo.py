"""The grid: numbers, names and positions against hand-made and independently projected values."""

from __future__ import annotations

import pytest
from frames import frame, rows
from pyspark.sql import functions as F

from udfs import geo

# Projected with PROJ 9 (pyproj, always_xy): longitude, latitude, easting, northing.
PROJ = {
    "Leipzig": (12.3747, 51.3403, 4486443.108, 3139290.117),
    "Madrid": (-3.7038, 40.4168, 3159390.356, 2029850.920),
    "centre": (10.0, 52.0, 4321000.0, 3210000.0),
    "Helsinki": (24.9384, 60.1699, 5145297.880, 4206147.972),
    "Lisbon": (-9.1393, 38.7223, 2665519.214, 1946764.045),
    "Oulu": (25.4651, 65.0121, 5048020.404, 4737126.261),
}


def test_positions_agree_with_proj_to_a_metre(spark):
    places = frame(spark, "name string, lon double, lat double", *((k, v[0], v[1]) for k, v in PROJ.items()))
    planar = places.withColumn("p", geo.laea_point(F.col("lon"), F.col("lat")))
    back = planar.withColumn("b", geo.to_wgs84(F.col("p")))
    for name, x, y, lon, lat in rows(
        back.selectExpr("name", "ST_X(p) AS x", "ST_Y(p) AS y", "ST_X(b) AS lon", "ST_Y(b) AS lat")
    ):
        assert (x, y) == pytest.approx(PROJ[name][2:], abs=1.0), name
        assert (lon, lat) == pytest.approx(PROJ[name][:2], abs=1e-6), name


def test_tile_number_and_name(spark):
    points = frame(spark, "x double, y double", (4486443.1, 3139290.1), (4321000.0, 3210000.0), (943699.9, 949950.0))
    named = points.withColumn("tile", geo.tile_number(F.col("x"), F.col("y")))
    told = named.select("tile", geo.tile_name(F.col("tile")), geo.tile_x(F.col("tile")), geo.tile_y(F.col("tile")))
    assert rows(told) == [
        (4321032100, "CRS3035RES100mN3210000E4321000", 4321000, 3210000),
        (4486431392, "CRS3035RES100mN3139200E4486400", 4486400, 3139200),
        (943609499, "CRS3035RES100mN0949900E0943600", 943600, 949900),
    ]


def test_names_lead_back_to_numbers_and_nothing_else_does(spark):
    names = frame(
        spark, "name string", ("CRS3035RES100mN3139200E4486400",), ("CRS3035RES1000mN3139000E4486000",), ("x",), (None,)
    )
    found = names.select("name", geo.tile_of_name(F.col("name")))
    assert {name: tile for name, tile in rows(found)} == {
        "CRS3035RES100mN3139200E4486400": 4486431392,
        "CRS3035RES1000mN3139000E4486000": None,
        "x": None,
        None: None,
    }


def test_names_of_squares_of_whole_tiles(spark):
    told = ["CRS3035RES1000mN3139000E4486000", "CRS3035RES100mN3139200E4486400", "CRS3035RES250mN0E0", "ot-00"]
    squares = frame(spark, "name string", *((name,) for name in told))
    found = dict(rows(squares.select("name", geo.square_of_name(F.col("name")))))
    assert [tuple(found[name]) for name in told] == [
        (1000, 3139000, 4486000), (100, 3139200, 4486400), (None, None, None), (None, None, None),
    ]  # fmt: skip


def test_tile_shape(spark):
    one = frame(spark, "tile bigint", (4486431392,))
    wkt, area, x, y = rows(
        one.select(
            geo.tile_wkt(F.col("tile")),
            geo.st("ST_Area", geo.tile_polygon(F.col("tile"))),
            geo.st("ST_X", geo.tile_centre(F.col("tile"))),
            geo.st("ST_Y", geo.tile_centre(F.col("tile"))),
        )
    )[0]
    assert "4486400 3139200" in wkt and "4486500 3139300" in wkt
    assert (area, x, y) == (10_000.0, 4486450.0, 3139250.0)


def test_z_order_interleaves_bits(spark):
    tiles = frame(spark, "c bigint, r bigint", (0, 0), (1, 0), (0, 1), (3, 5), (75000, 99999))
    codes = tiles.select("c", "r", geo.z_order(geo.tile_at(F.col("c"), F.col("r"))))

    def interleaved(c, r):
        return sum(((c >> b) & 1) << (2 * b) | ((r >> b) & 1) << (2 * b + 1) for b in range(20))

    assert all(code == interleaved(c, r) for c, r, code in rows(codes))
