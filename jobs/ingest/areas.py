"""Areas, where no zones are delivered: a quadtree over public residents, or squares where nobody tells those either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.residents import RESIDENTS
from expectations.zones import ZONE_TILES, ZONES
from udfs import geo

if TYPE_CHECKING:
    from jobs.context import RunContext
    from jobs.lake import Door

LEVEL = "area"
PREFIX = "area-"
"""Areas are named like grid squares of their side, after this prefix: they are cut to the network's reach."""

_STEPS = 17  # 2**17 squares of 100 m are wider than the plane of EPSG:3035 is


@dataclass(frozen=True)
class AreaParams:
    """How areas are made.

    Attributes:
        residents: Least residents of an inhabited area.
        tiles: Side of an area in tiles, where there is no population.
        reach_m: Areas are made this far round the masts, metres.
    """

    residents: int = 5_000
    tiles: int = 16
    reach_m: float = 6_000.0


def gridded(residents: DataFrame) -> DataFrame:
    """Rows of ``reference.residents`` that name a grid square, with its corner ``x, y`` and ``side``, metres."""
    return residents.select("*", F.inline(F.array(geo.square_of_name(F.col("zone_id"))))).where("side IS NOT NULL")


def quadtree(cells: DataFrame, residents: DataFrame, side_m: int, params: AreaParams) -> DataFrame:
    """Give every square of ground in the network's reach its area.

    The plane is halved both ways, again and again; a square of it is split only while each inhabited quarter keeps
    ``params.residents``. What is known of people is public here: the areas say nothing of the panel.

    Args:
        cells: Rows of ``reference.cells``.
        residents: See ``gridded``, of any side up to ``side_m``; the latest year counts.
        side_m: Side of the smallest squares, metres.
        params: See ``AreaParams``.

    Returns:
        One row a square: ``zone_id, x, y`` (lower left corner, metres).
    """
    side = F.lit(side_m)
    latest = residents.agg(F.max("year").alias("year"))
    home = [F.floor(F.col(axis) / side).cast("bigint").alias(f"i{axis}") for axis in "xy"]
    people = (
        residents.join(F.broadcast(latest), on="year", how="inner")
        .select("residents", *home)
        .groupBy("ix", "iy")
        .agg(F.sum("residents").alias("residents"))
    )
    ground = _in_reach(cells, side_m, params.reach_m)
    known = ground.join(people, on=["ix", "iy"], how="left").withColumn("residents", F.coalesce("residents", F.lit(0)))
    # The tree hangs on the reach's corner, so that no line of the wider grid cuts a sliver off a town.
    corner = F.broadcast(ground.agg(F.min("ix").alias("ox"), F.min("iy").alias("oy")))
    parts = F.explode(F.sequence(F.lit(0), F.lit(_STEPS))).alias("k")
    placed = known.join(corner, how="cross").select("ix", "iy", "ox", "oy", "residents", parts)
    width = F.pow(F.lit(2.0), F.col("k"))
    nodes = placed.withColumns(
        {f"n{axis}": F.floor((F.col(f"i{axis}") - F.col(f"o{axis}")) / width).cast("bigint") for axis in "xy"}
    )
    inhabited = nodes.groupBy("k", "nx", "ny").agg(F.sum("residents").alias("n")).where("n > 0")
    above = [
        (F.col("k") + 1).alias("k"),
        *(F.floor(F.col(f"n{axis}") / 2).cast("bigint").alias(f"n{axis}") for axis in "xy"),
    ]
    split = inhabited.select("n", *above).groupBy("k", "nx", "ny").agg(F.min("n").alias("least"))
    whole = split.where(F.col("least") >= params.residents)
    # The square that holds this one and is not split, at the largest: all above it are.
    leaf = (
        nodes.join(whole, on=["k", "nx", "ny"], how="left_anti")
        .groupBy("ix", "iy")
        .agg(F.max(F.struct("k", "nx", "ny", "ox", "oy")).alias("leaf"))
    )
    reach = (F.pow(F.lit(2.0), F.col("leaf.k"))).cast("bigint")
    corner_of = [(F.col(f"leaf.o{axis}") + F.col(f"leaf.n{axis}") * reach) * side for axis in "xy"]
    name = F.format_string(f"{PREFIX}CRS3035RES%dmN%07dE%07d", reach * side, corner_of[1], corner_of[0])
    return leaf.select(name.alias("zone_id"), *((F.col(f"i{axis}") * side).alias(axis) for axis in "xy"))


def squares(cells: DataFrame, params: AreaParams) -> DataFrame:
    """Lay squares of one size over the network's reach, where nobody tells who lives where: as ``quadtree`` does."""
    side = params.tiles * geo.TILE_M
    at = _in_reach(cells, side, params.reach_m).select((F.col("ix") * side).alias("x"), (F.col("iy") * side).alias("y"))
    return at.select(geo.grid_name(F.col("x"), F.col("y"), side).alias("zone_id"), "x", "y")


def zones_of(ground: DataFrame, side_m: int) -> DataFrame:
    """Describe areas: rows of ``reference.zones``, one level ``area``; the boundary is that of the area's squares.

    Args:
        ground: See ``quadtree``.
        side_m: Side of the squares, metres.
    """
    corners = F.array_sort(F.collect_list(F.struct("x", "y")))
    # Not ST_Union_Aggr: its buffer fails where partial results meet.
    union = geo.st("ST_Union", F.transform(corners, lambda corner: geo.square(corner["x"], corner["y"], side_m)))
    shape = geo.st("ST_AsText", geo.to_wgs84(F.col("ground")))
    name = F.regexp_replace("zone_id", f"^{PREFIX}", "")
    return (
        ground.groupBy("zone_id")
        .agg(union.alias("ground"), F.count(F.lit(1)).alias("squares"))
        .withColumns({"name": name, "level": F.lit(LEVEL), "parent_id": F.lit(None).cast("string")})
        .withColumns({"role": F.lit("partition"), "depth": F.lit(0), "is_finest": F.lit(True)})
        .withColumn("geometry_wkt", shape)
        .withColumn("tiles", (F.col("squares") * (side_m // geo.TILE_M) ** 2).cast("int"))
        .select(ZONES.column_names)
    )


def tiles_in(ground: DataFrame, side_m: int) -> DataFrame:
    """List the tiles of areas: rows of ``reference.zone_tiles``; for arguments see ``zones_of``."""
    steps = F.sequence(F.lit(0).cast("bigint"), F.lit(side_m // geo.TILE_M - 1).cast("bigint"))
    return (
        ground.withColumn("i", F.explode(steps))
        .withColumn("j", F.explode(steps))
        .withColumn("tile", geo.tile_at(_hundreds("x") + F.col("i"), _hundreds("y") + F.col("j")))
        .withColumn("level", F.lit(LEVEL))
        .select(ZONE_TILES.column_names)
    )


def residents_of(ground: DataFrame, residents: DataFrame, side_m: int) -> DataFrame:
    """Add up residents by area: rows of ``reference.residents``, by year, gender and age band as delivered.

    Args:
        ground: See ``quadtree``.
        residents: See ``gridded``.
        side_m: Side of the squares, metres.
    """
    corners = [(F.floor(F.col(axis) / side_m) * side_m).alias(axis) for axis in "xy"]
    told = residents.select("year", "gender", "age_band", "residents", *corners)
    return (
        told.join(ground, on=["x", "y"], how="inner")
        .groupBy("zone_id", "year", "gender", "age_band")
        .agg(F.sum("residents").alias("residents"))
        .select(RESIDENTS.column_names)
    )


def make_areas(context: RunContext, door: Door, cells: DataFrame) -> int:
    """Write ``reference.zones`` and ``zone_tiles``, and the areas' residents; returns how many areas there are.

    Population by grid square (INSPIRE names as zone_id) is what areas are made of; of several sizes the finest counts.
    """
    policy = context.policy.radio
    params = AreaParams(residents=policy.area_residents, tiles=policy.area_tiles)
    door.create([RESIDENTS])
    kept = door.read(RESIDENTS).where(~F.col("zone_id").startswith(PREFIX))
    told = gridded(kept)
    found = told.agg(F.min("side").alias("side")).collect()[0]["side"]
    side = int(found) if found else params.tiles * geo.TILE_M
    own = told.where(F.col("side") == side)
    ground = (quadtree(cells, own, side, params) if found else squares(cells, params)).localCheckpoint()
    door.replace(ZONE_TILES, tiles_in(ground, side))
    door.replace(ZONES, zones_of(ground, side))
    if found:
        door.replace(RESIDENTS, kept.unionByName(residents_of(ground, own, side)))
    count = door.read(ZONES).count()
    how = (
        f"of at least {params.residents} residents where any live" if found
        else f"of {side} m made: without population by grid square they are all alike"
    )  # fmt: skip
    context.say(f"no zones delivered: {count} areas {how}")
    return count


def _hundreds(axis: str) -> Column:
    return F.floor(F.col(axis) / geo.TILE_M).cast("bigint")


def _in_reach(cells: DataFrame, side_m: int, reach_m: float) -> DataFrame:
    """Squares of the network's reach: ``ix, iy``, their corner in sides."""
    at = geo.settled(
        cells.select("longitude", "latitude").distinct(), at=geo.laea_point(F.col("longitude"), F.col("latitude"))
    )
    x, y, reach = geo.st("ST_X", F.col("at")), geo.st("ST_Y", F.col("at")), F.lit(reach_m)
    return (
        geo.settled(at, x=x, y=y)
        .withColumn("ix", F.explode(geo.covering_indices(F.col("x") - reach, F.col("x") + reach, side_m)))
        .withColumn("iy", F.explode(geo.covering_indices(F.col("y") - reach, F.col("y") + reach, side_m)))
        .select("ix", "iy")
        .distinct()
    )
