"""Who serves a tile: the beams that matter there, and the share of its phones that is on each sector's cells.

Ground is cut into blocks of a square kilometre. A block looks only at the masts that can matter in it, so that the
work grows with the ground and not with ground times masts, and each block is solved on its own.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.transform.sectors import FootprintParams
from udfs import geo, radio

BLOCK_TILES = 10
BLOCK_M = BLOCK_TILES * geo.TILE_M

WHOLE = 1_000_000_000
"""Dominance, shares and weights are summed as whole billionths, in whatever order."""

_PER_DB = 1_000_000.0

_OWN_TILES = 1
"""A beam counts, however weak, this many tiles around the tile of its mast: every cell has a footprint."""


def block_of(index: Column) -> Column:
    """Block of a tile's column or row."""
    return F.floor(index / F.lit(BLOCK_TILES)).cast("bigint")


def blocks(sectors: DataFrame, params: FootprintParams) -> DataFrame:
    """List the blocks in which each beam matters: ``block_x, block_y, beam``.

    Of the ``near_masts`` nearest masts of long range, those beams that are among the strongest in the middle of one of
    the block's quarters, with a few to spare; all beams of masts in the block or next to it, and of masts of short
    range (that of small cells, or less) in reach. Others are weaker than these by more than shares can show.

    Args:
        sectors: Rows of ``reference.sectors``.
        params: See ``FootprintParams``.
    """
    beams = _beams(sectors).withColumn("is_large", F.col("reach") > F.lit(float(params.radio.small_range_m)))
    reach = F.max("reach").alias("reach")
    masts = beams.groupBy("mast", "is_large").agg(reach)
    around = (
        masts.withColumn("x", geo.centre_x(F.col("mast")))
        .withColumn("y", geo.centre_y(F.col("mast")))
        .withColumn("block_x", F.explode(_strips(F.col("x"))))
        .withColumn("block_y", F.explode(_strips(F.col("y"))))
    )
    dx, dy = (F.abs(_middle(F.col(f"block_{axis}")) - F.col(axis)) for axis in "xy")
    edge = F.lit(BLOCK_M / 2 + (_OWN_TILES + 0.5) * geo.TILE_M)
    nearest = Window.partitionBy("block_x", "block_y", "is_large").orderBy("gap", "mast")
    near = (
        geo.settled(around, gap=F.sqrt(dx * dx + dy * dy), is_own=(dx <= edge) & (dy <= edge))
        .where(F.col("gap") <= F.col("reach") + F.lit(BLOCK_M * 0.71))
        .withColumn("nth", F.row_number().over(nearest))
        .where(~F.col("is_large") | F.col("is_own") | (F.col("nth") <= params.near_masts))
        .select("block_x", "block_y", "mast", "is_large", "is_own")
    )
    quarter = F.explode(F.array(F.lit(-BLOCK_M / 4), F.lit(BLOCK_M / 4)))
    heard = (
        near.join(F.broadcast(beams), on=["mast", "is_large"], how="inner")
        .withColumn("east", quarter)
        .withColumn("north", quarter)
        .withColumn("dx", _middle(F.col("block_x")) + F.col("east") - F.col("x"))
        .withColumn("dy", _middle(F.col("block_y")) + F.col("north") - F.col("y"))
    )
    loudest = Window.partitionBy("block_x", "block_y", "is_large", "east", "north").orderBy(F.desc("s"), "beam")
    return (
        geo.settled(heard, s=F.round(_strength(params) * F.lit(_PER_DB)).cast("int"))
        .withColumn("nth", F.row_number().over(loudest))
        .where(~F.col("is_large") | F.col("is_own") | (F.col("nth") <= params.strongest + params.to_spare))
        .select("block_x", "block_y", "beam")
        .distinct()
    )


def _beams(sectors: DataFrame) -> DataFrame:
    """The beams of a plan with their mast, pattern and longest range (``reach``)."""
    return sectors.groupBy("mast", "beam", "x", "y", *_PATTERN).agg(F.max("range_m").alias("reach"))


def _strength(params: FootprintParams) -> Column:
    pattern = {name: F.col(name) for name in ("dx", "dy", *_PATTERN)}
    return radio.strength_db(**pattern, elevation_beam_deg=params.radio.elevation_beam_deg)


def _strips(at: Column) -> Column:
    return geo.covering_indices(at - F.col("reach"), at + F.col("reach"), BLOCK_M)


def _middle(index: Column) -> Column:
    return index * F.lit(float(BLOCK_M)) + F.lit(BLOCK_M / 2)


def shares(sectors: DataFrame, around: DataFrame, params: FootprintParams) -> DataFrame:
    """Share out the phones of each tile among the cells that serve it, by signal dominance.

    The logistic curve of dominance is centred on the policy's strength, or on the tile's strongest where that is
    stronger: in a city nearly every cell within two kilometres is far above -92.5 dBm, and all would serve alike,
    however near the one and far the other. Where signals are weak it is the published curve.

    Args:
        sectors: Rows of ``reference.sectors``.
        around: See ``blocks``; tiles of other blocks are left out.
        params: See ``FootprintParams``.

    Returns:
        ``sector, tile, share``: of the tile's phones that one cell of the sector has, whole billionths, positive.
    """
    beams = _beams(sectors)
    cells = sectors.groupBy("sector", "beam", "range_m").agg(F.count(F.lit(1)).alias("cells"))
    steps = F.sequence(F.lit(0).cast("bigint"), F.lit(BLOCK_TILES - 1).cast("bigint"))
    ground = around.repartition(params.slices, "block_x", "block_y").join(F.broadcast(beams), on="beam", how="inner")
    tiles = (
        ground.withColumn("i", F.explode(steps))
        .withColumn("column", F.col("block_x") * BLOCK_TILES + F.col("i"))
        .withColumn("j", F.explode(steps))
        .withColumn("row", F.col("block_y") * BLOCK_TILES + F.col("j"))
    )
    dx, dy = geo.index_centre(F.col("column")) - F.col("x"), geo.index_centre(F.col("row")) - F.col("y")
    offset = geo.settled(tiles, dx=dx, dy=dy, away=F.sqrt(dx * dx + dy * dy))
    near = (F.abs(F.col("column") - geo.tile_column(F.col("mast"))) <= _OWN_TILES) & (
        F.abs(F.col("row") - geo.tile_row(F.col("mast"))) <= _OWN_TILES
    )
    # In whole millionths of a decibel: equal ones are equal, and ties fall to the beam's name.
    whole_db = F.round(_strength(params) * F.lit(_PER_DB)).cast("int").alias("s")
    heard = offset.where(F.col("away") <= F.col("reach")).select(
        *("block_x", "block_y", "column", "row"),
        F.struct(whole_db, "beam", F.col("away").alias("d"), near.alias("own")).alias("b"),
    )
    ranked = heard.groupBy("block_x", "block_y", "column", "row").agg(
        F.sort_array(F.collect_list("b"), asc=False).alias("beams")
    )
    strongest = ranked.withColumn("best", F.get("beams", F.lit(0))["s"])
    least = F.col("best") - F.lit(int(params.least_db * _PER_DB))
    kept = F.filter("beams", lambda b, i: ((i < params.strongest) & (b["s"] >= least)) | b["own"])
    middle = F.greatest(F.lit(float(params.radio.dominance_middle_dbm)), F.col("best") / F.lit(_PER_DB))
    curve = radio.dominance(F.col("s") / F.lit(_PER_DB), middle, params.radio.dominance_steepness)
    # At least one: a cell that stands in a tile has a share of it, be it ever so small.
    dominance = F.greatest(F.round(curve * F.lit(WHOLE)), F.lit(1)).cast("bigint")
    serving = (
        strongest.select("block_x", "block_y", "column", "row", "best", F.inline(kept))
        .withColumn("dominance", dominance)
        .join(F.broadcast(cells), on="beam", how="inner")
        .where(F.col("d") <= F.col("range_m"))
    )
    whole = Window.partitionBy("block_x", "block_y", "column", "row")
    total = F.sum(F.col("dominance") * F.col("cells")).over(whole)
    share = F.greatest(F.round(F.col("dominance") / F.col("total") * F.lit(WHOLE)), F.lit(1)).cast("bigint")
    return (
        serving.withColumn("total", total)
        .withColumn("share", share)
        .select("sector", geo.tile_at(F.col("column"), F.col("row")).alias("tile"), "share")
    )


_PATTERN = ("power_w", "exponent", "height_m", "azimuth_deg", "beam_deg", "tilt_deg")
