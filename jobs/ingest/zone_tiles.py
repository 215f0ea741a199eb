"""Zones become sets of whole 100 m tiles, so that no slivers arise between geographies."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.tiles import TILES
from expectations.zones import ZONE_TILES
from jobs.ingest.zone_levels import Hierarchy
from udfs import geo
from udfs.geo import settled, st

PLACE_TILE_SHARE = 0.3
"""A place holds the tiles whose centre it contains, and those of which it covers at least this share."""

_PIECE_VERTICES = 64


def zone_tiles(zones: DataFrame, hierarchy: Hierarchy) -> DataFrame:
    """Assign tiles to zones.

    A tile belongs to the zone of the finest partition that contains its centre; on a common boundary to the
    smallest zone_id. A zone too small to own a centre takes the tile of its interior point from a zone that
    keeps others, so that each tile has one zone still. Coarser levels are sums over parents and nest exactly.
    Places hold the tiles whose centre or 30 % they cover, at least the one of their interior point; they may
    share tiles with other places.

    Args:
        zones: ``zone_id, level, parent_id, wkt, role, is_finest``; the chain of parents is complete.
        hierarchy: Roles of the levels.

    Returns:
        Rows of ``reference.zone_tiles``.
    """
    planar = settled(zones, ground=geo.to_laea(st("ST_GeomFromWKT", F.col("wkt"))))
    partition = _finest_tiles(planar.where("is_finest")).join(
        F.broadcast(_lineage(zones, hierarchy.finest_depth)), on="zone_id", how="inner"
    )
    places = _place_tiles(planar.where("role = 'place'")).join(
        F.broadcast(zones.select("zone_id", "level")), on="zone_id", how="inner"
    )
    every = partition.select("level", F.col("ancestor").alias("zone_id"), "tile")
    return every.unionByName(places.select("level", "zone_id", "tile")).select(ZONE_TILES.column_names)


def _lineage(zones: DataFrame, steps: int) -> DataFrame:
    """Each finest zone with itself and its ancestors: ``zone_id, ancestor, level``; a few rows a zone."""
    parents = zones.select(F.col("zone_id").alias("ancestor"), "level", F.col("parent_id").alias("above"))
    generation = zones.where("is_finest").select("zone_id", F.col("zone_id").alias("ancestor"))
    lineage = generation.join(parents, on="ancestor", how="inner")
    every = lineage
    for _ in range(steps):
        generation = lineage.where(F.col("above").isNotNull()).select("zone_id", F.col("above").alias("ancestor"))
        lineage = generation.join(parents, on="ancestor", how="inner")
        every = every.unionByName(lineage)
    return every.select("zone_id", "ancestor", "level")


def with_tile_counts(zones: DataFrame, tiles: DataFrame) -> DataFrame:
    """Add ``tiles``, the number of tiles of each zone (0 where it owns none)."""
    counts = tiles.groupBy("zone_id").agg(F.count(F.lit(1)).cast("int").alias("tiles"))
    return zones.join(counts, on="zone_id", how="left").withColumn("tiles", F.coalesce("tiles", F.lit(0)))


def tiles_of(*tables: DataFrame) -> DataFrame:
    """Describe every tile that one of the tables names.

    Args:
        tables: Frames with a column ``tile``: zone_tiles, footprints.

    Returns:
        Rows of ``reference.tiles``.
    """
    every = tables[0].select("tile")
    for table in tables[1:]:
        every = every.unionByName(table.select("tile"))
    centred = settled(every.distinct(), centre=geo.to_wgs84(geo.tile_centre(F.col("tile"))))
    return (
        centred.withColumn("tile_id", geo.tile_name(F.col("tile")))
        .withColumn("x", geo.tile_x(F.col("tile")))
        .withColumn("y", geo.tile_y(F.col("tile")))
        .withColumn("latitude", F.round(st("ST_Y", F.col("centre")), 7))
        .withColumn("longitude", F.round(st("ST_X", F.col("centre")), 7))
        .select(TILES.column_names)
    )


def _finest_tiles(planar: DataFrame) -> DataFrame:
    """Own each tile by exactly one zone: ``zone_id, tile``."""
    around = _tiles_around(planar)
    centres = around.where(st("ST_Intersects", F.col("piece"), geo.tile_centre(F.col("tile"))))
    owned = centres.groupBy("tile").agg(F.min("zone_id").alias("zone_id"))
    holders = owned.groupBy("zone_id").agg(F.count(F.lit(1)).alias("held"))
    claims = (
        _interior_tiles(planar.join(holders, on="zone_id", how="left_anti"))
        .groupBy("tile")
        .agg(F.min("zone_id").alias("claimant"))
    )
    claimed = Window.partitionBy("zone_id")
    contested = (
        claims.join(owned, on="tile", how="left")
        .join(holders, on="zone_id", how="left")
        .withColumn("lost", F.when(F.col("zone_id").isNotNull(), F.count("tile").over(claimed)))
    )
    # An owner that would be left with nothing gives none of its tiles away.
    granted = contested.where(F.col("held").isNull() | (F.col("lost") < F.col("held"))).select("tile", "claimant")
    return owned.join(granted, on="tile", how="full").select("tile", F.coalesce("claimant", "zone_id").alias("zone_id"))


def _place_tiles(planar: DataFrame) -> DataFrame:
    """Tiles of places: ``zone_id, tile``."""
    around = _tiles_around(planar)
    common = st("ST_Area", st("ST_Intersection", F.col("piece"), geo.tile_polygon(F.col("tile"))))
    measured = settled(
        around,
        square_metres=F.round(common, 3).cast("decimal(12,3)"),
        has_centre=st("ST_Intersects", F.col("piece"), geo.tile_centre(F.col("tile"))),
    )
    totals = measured.groupBy("zone_id", "tile").agg(
        F.sum("square_metres").alias("square_metres"), F.max("has_centre").alias("has_centre")
    )
    enough = F.col("has_centre") | (F.col("square_metres") >= PLACE_TILE_SHARE * geo.TILE_AREA_M2)
    return totals.where(enough).select("zone_id", "tile").unionByName(_interior_tiles(planar)).distinct()


def _tiles_around(planar: DataFrame) -> DataFrame:
    """Cut zones into pieces of few vertices, and list the tiles around each: ``zone_id, piece, tile``."""
    pieces = planar.select(
        "zone_id", F.explode(st("ST_SubDivide", F.col("ground"), F.lit(_PIECE_VERTICES))).alias("piece")
    )
    box = {name.lower(): st(f"ST_{name}", F.col("piece")) for name in ("XMin", "XMax", "YMin", "YMax")}
    return (
        settled(pieces, **box)
        .withColumn("column", F.explode(geo.covering_indices(F.col("xmin"), F.col("xmax"))))
        .withColumn("row", F.explode(geo.covering_indices(F.col("ymin"), F.col("ymax"))))
        .select("zone_id", "piece", geo.tile_at(F.col("column"), F.col("row")).alias("tile"))
    )


def _interior_tiles(planar: DataFrame) -> DataFrame:
    inside = settled(planar.select("zone_id", "ground"), point=st("ST_PointOnSurface", F.col("ground")))
    return inside.select("zone_id", _tile_of(F.col("point")).alias("tile"))


def _tile_of(point: Column) -> Column:
    return geo.tile_number(st("ST_X", point), st("ST_Y", point))
