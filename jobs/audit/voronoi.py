"""The baseline: a phone is somewhere in the Voronoi region of its mast, as in much of the literature."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from expectations.footprints import CELL_POSITIONS
from udfs import geo

_SPREAD_IN_TILE_M2 = geo.TILE_AREA_M2 / 6


def voronoi_tiles(cells: DataFrame, ground: DataFrame) -> DataFrame:
    """Give each tile of the territory to the mast that is nearest to its centre.

    A tile on the border of two regions goes to the mast that lies further south-west; a region that holds no centre
    of a tile gets the mast's own tile.

    Args:
        cells: Rows of ``reference.cells``, one a cell.
        ground: ``tile``: the territory to which regions are clipped, one row a tile.

    Returns:
        ``mast, tile``: one row a mast and tile of its region; ``mast`` is a text of its place.
    """
    masts = _masts(cells)
    points = masts.select("mast", "x", "y", geo.st("ST_Point", F.col("x"), F.col("y")).alias("point"))
    diagram = points.agg(geo.st("ST_Collect", F.collect_list("point")).alias("sites")).select(
        F.explode(geo.st("ST_Dump", geo.st("ST_VoronoiPolygons", F.col("sites")))).alias("region")
    )
    holds = geo.st("ST_Intersects", F.col("region"), F.col("point"))
    regions = diagram.join(points, on=holds, how="inner").select("mast", "x", "y", "region")
    centres = ground.select("tile", geo.tile_centre(F.col("tile")).alias("centre"))
    inside = geo.st("ST_Intersects", F.col("region"), F.col("centre"))
    won = (
        centres.join(regions, on=inside, how="inner")
        .groupBy("tile")
        .agg(F.min(F.struct("x", "y", "mast")).alias("nearest"))
        .select(F.col("nearest.mast").alias("mast"), "tile")
    )
    own = masts.join(won, on="mast", how="left_anti").select(
        "mast", geo.tile_number(F.col("x"), F.col("y")).alias("tile")
    )
    return won.unionByName(own)


def voronoi_positions(cells: DataFrame, ground: DataFrame, quantiles: int) -> DataFrame:
    """Positions of cells as events join them, drawn uniformly over the tiles of the mast's region.

    Args:
        cells: See ``voronoi_tiles``.
        ground: See ``voronoi_tiles``.
        quantiles: Equiprobable quantiles a cell.

    Returns:
        The columns of ``reference.cell_positions``; those that a region knows nothing of are null.
    """
    order = Window.partitionBy("mast").orderBy(geo.z_order(F.col("tile")), "tile")
    numbered = voronoi_tiles(cells, ground).withColumn("n", F.row_number().over(order))
    x, y = geo.centre_x(F.col("tile")), geo.centre_y(F.col("tile"))
    regions = numbered.groupBy("mast").agg(
        F.transform(F.array_sort(F.collect_list(F.struct("n", "tile"))), lambda t: t["tile"]).alias("tiles"),
        F.avg(x).alias("centre_x"),
        F.avg(y).alias("centre_y"),
        F.sqrt(F.var_pop(x) + F.var_pop(y) + F.lit(_SPREAD_IN_TILE_M2)).alias("radius_m"),
    )
    # Slot k is the tile at (k + 0.5) / K of the region in Z-order.
    slot = F.transform(
        F.sequence(F.lit(0), F.lit(quantiles - 1)),
        lambda k: F.element_at("tiles", F.floor((k + 0.5) * F.size("tiles") / quantiles).cast("int") + 1),
    )
    known = {
        "plan_id": F.lit("voronoi"),
        "cell_id": F.col("cell_id"),
        "site_group": F.col("mast"),
        "centre_x": F.round("centre_x", 1),
        "centre_y": F.round("centre_y", 1),
        "radius_m": F.round("radius_m", 1),
        "is_small": F.lower(F.coalesce("placement", F.lit(""))).isin("pico", "indoor"),
        "quantiles": slot,
    }
    missing = {c.name: F.lit(None).cast(c.type) for c in CELL_POSITIONS.columns if c.name not in known}
    placed = _placed(cells).join(regions, on="mast", how="inner")
    return placed.select(*({**known, **missing}[name].alias(name) for name in CELL_POSITIONS.column_names))


def _placed(cells: DataFrame) -> DataFrame:
    points = geo.settled(cells, at=geo.laea_point(F.col("longitude"), F.col("latitude")))
    return points.select(
        "cell_id",
        "placement",
        F.round(geo.st("ST_X", F.col("at")), 0).alias("x"),
        F.round(geo.st("ST_Y", F.col("at")), 0).alias("y"),
    ).withColumn("mast", F.format_string("%.0f/%.0f", "x", "y"))


def _masts(cells: DataFrame) -> DataFrame:
    return _placed(cells).select("mast", "x", "y").distinct()
