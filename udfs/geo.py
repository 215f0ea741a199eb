"""The 100 m grid and its plane: tile numbers, INSPIRE names, centres, polygons, WGS84 to EPSG:3035 and back.

Everything is a native expression or a Sedona function called by its SQL name. Geometries are for small
tables (zones, sites, tiles of a plan); event-sized tables carry tile numbers only.

Sources: INSPIRE Data Specification on Geographical Grid Systems (D2.8.I.2), grid ETRS89-LAEA, cell codes
``CRS3035RES100mN…E…`` with the lower left corner; EPSG:3035 (Lambert azimuthal equal-area, metres).
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

TILE_M = 100
"""Side of a tile, metres."""

TILE_AREA_M2 = float(TILE_M * TILE_M)

NORTH_STEP = 100_000
"""Tile numbers grow by one northward and by this much eastward; the grid has fewer rows than this."""

WGS84, LAEA = "EPSG:4326", "EPSG:3035"

AREA_OF_USE = (-35.58, 24.6, 44.83, 84.73)
"""West, south, east, north of EPSG:3035's area of use, degrees."""

_SQUARE = r"^CRS3035RES(\d+)mN(\d+)E(\d+)$"
_GRID_BITS = 17  # 2**17 > NORTH_STEP


def st(function: str, *arguments: Column) -> Column:
    """Call a Sedona function by its SQL name, e.g. ``st("ST_Area", column)``."""
    return F.call_function(function, *arguments)


def tile_number(easting: Column, northing: Column) -> Column:
    """Number (BIGINT) of the tile that holds a point in EPSG:3035 metres; its left and lower edges belong to it."""
    return tile_at(grid_index(easting), grid_index(northing))


def tile_at(column: Column, row: Column) -> Column:
    """Number of the tile in a column and row of the grid (easting and northing in hundreds of metres)."""
    return column * F.lit(NORTH_STEP).cast("bigint") + row


def grid_index(metres: Column) -> Column:
    """Column or row of the grid (BIGINT) that holds an easting or northing."""
    return F.floor(metres / F.lit(TILE_M)).cast("bigint")


def tile_column(tile: Column) -> Column:
    """Column of the grid (BIGINT): easting of the lower left corner in hundreds of metres."""
    return F.floor(tile / F.lit(NORTH_STEP)).cast("bigint")


def tile_row(tile: Column) -> Column:
    """Row of the grid (BIGINT): northing of the lower left corner in hundreds of metres."""
    return F.pmod(tile, F.lit(NORTH_STEP).cast("bigint"))


def tile_x(tile: Column) -> Column:
    """Easting (INT) of the lower left corner, metres."""
    return (tile_column(tile) * F.lit(TILE_M)).cast("int")


def tile_y(tile: Column) -> Column:
    """Northing (INT) of the lower left corner, metres."""
    return (tile_row(tile) * F.lit(TILE_M)).cast("int")


def centre_x(tile: Column) -> Column:
    """Easting (DOUBLE) of the centre, metres."""
    return index_centre(tile_column(tile))


def centre_y(tile: Column) -> Column:
    """Northing (DOUBLE) of the centre, metres."""
    return index_centre(tile_row(tile))


def index_centre(index: Column) -> Column:
    """Easting or northing (DOUBLE) of the middle of a grid column or row, metres."""
    return (index * F.lit(TILE_M) + F.lit(TILE_M // 2)).cast("double")


def grid_name(x: Column, y: Column, side_m: int = TILE_M) -> Column:
    """INSPIRE name of the grid square of ``side_m`` whose lower left corner is at (x, y), metres."""
    return F.format_string(f"CRS3035RES{side_m}mN%07dE%07d", y.cast("bigint"), x.cast("bigint"))


def tile_name(tile: Column) -> Column:
    """INSPIRE name, e.g. ``CRS3035RES100mN3139200E4486100``."""
    return grid_name(tile_x(tile), tile_y(tile))


def tile_of_name(name: Column) -> Column:
    """Tile number of an INSPIRE name of a 100 m square; null for anything else."""
    pattern = r"^CRS3035RES100mN(\d{5})00E(\d{5})00$"
    row = F.nullif(F.regexp_extract(name, pattern, 1), F.lit(""))
    column = F.nullif(F.regexp_extract(name, pattern, 2), F.lit(""))
    return tile_at(column.cast("bigint"), row.cast("bigint"))


def square_of_name(name: Column) -> Column:
    """Corner ``x, y`` and ``side`` (BIGINT, metres) of a square's INSPIRE name, as a struct of nulls for anything else.

    Only squares that are made of whole tiles are known.
    """
    parts = {
        key: F.nullif(F.regexp_extract(name, _SQUARE, n), F.lit("")) for n, key in enumerate(("side", "y", "x"), 1)
    }
    numbers = {key: part.try_cast("bigint") for key, part in parts.items()}
    ratio = numbers["side"] / F.lit(TILE_M)
    whole = (ratio >= 1) & (ratio == F.floor(ratio))
    return F.struct(*(F.when(whole, number).alias(key) for key, number in numbers.items()))


def tile_centre(tile: Column) -> Column:
    """Centre as a point geometry in EPSG:3035."""
    return st("ST_Point", centre_x(tile), centre_y(tile))


def tile_polygon(tile: Column) -> Column:
    """Square as a polygon geometry in EPSG:3035."""
    return square(tile_x(tile), tile_y(tile), TILE_M)


def square(x: Column, y: Column, side_m: int) -> Column:
    """Square of ``side_m`` with its lower left corner at (x, y), as a polygon geometry in EPSG:3035."""
    left, lower = x.cast("double"), y.cast("double")
    return st("ST_PolygonFromEnvelope", left, lower, left + F.lit(float(side_m)), lower + F.lit(float(side_m)))


def tile_wkt(tile: Column) -> Column:
    """Square as well-known text in EPSG:3035."""
    return st("ST_AsText", tile_polygon(tile))


def to_laea(geometry: Column) -> Column:
    """Project a WGS84 geometry (x = longitude, y = latitude) to EPSG:3035 (x = easting, y = northing).

    Sedona keeps x before y whatever the registry's axis order says. Call it once per row of a small table.
    """
    return st("ST_Transform", geometry, F.lit(WGS84), F.lit(LAEA))


def to_wgs84(geometry: Column) -> Column:
    """Turn an EPSG:3035 geometry back into WGS84 (x = longitude, y = latitude)."""
    return st("ST_Transform", geometry, F.lit(LAEA), F.lit(WGS84))


def laea_point(longitude: Column, latitude: Column) -> Column:
    """Point geometry in EPSG:3035 of WGS84 degrees."""
    return to_laea(st("ST_Point", longitude.cast("double"), latitude.cast("double")))


def covering_indices(low: Column, high: Column, step: int = TILE_M) -> Column:
    """Grid indices (ARRAY<BIGINT>, ``step`` metres each) of every strip that the closed interval touches."""
    index = F.lit(step)
    return F.sequence(F.floor(low / index).cast("bigint"), F.floor(high / index).cast("bigint"))


def z_order(tile: Column) -> Column:
    """Morton number (BIGINT) of a tile: neighbours in this order are near each other in the plane.

    Source: G. M. Morton, "A computer oriented geodetic data base", IBM 1966: the bits of column and row
    interleaved. Columns and rows stay below 2**17.
    """
    column, row = tile_column(tile), tile_row(tile)
    bits = [F.shiftleft(column.bitwiseAND(F.lit(1 << b)), b) for b in range(_GRID_BITS)]
    bits += [F.shiftleft(row.bitwiseAND(F.lit(1 << b)), b + 1) for b in range(_GRID_BITS)]
    return reduce(lambda total, bit: total.bitwiseOR(bit), bits)


def settled(frame: DataFrame, **columns: Column) -> DataFrame:
    """Add columns that are computed once a row, whatever uses them.

    The optimizer copies a column's expression into everything that refers to it, filters included, so that a
    chain of them grows beyond measure and geometries are solved several times. It does not look through a generator.
    """
    return frame.select("*", F.inline(F.array(F.struct(*(value.alias(name) for name, value in columns.items())))))
