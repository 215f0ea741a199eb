"""Where people are before any contact: half by area, half by public residents, weighted by land use where told."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.method_settings import RadioPolicy
from udfs import geo

MILLION = 1_000_000
_DEEP = 1_000_000_000  # deeper than any level of zones, whatever the side of a square in metres


def tile_priors(zones: DataFrame, zone_tiles: DataFrame, residents: DataFrame, policy: RadioPolicy) -> DataFrame:
    """Weigh the tiles of the zones; whole millionths of the mean tile of the ground whose residents are known.

    Residents of a zone are spread evenly over its tiles; a tile takes them from the deepest of its zones that has
    any told. A plan's reach does not matter, so that a mast more changes no tile far from it.
    Source of the mixture: Tennekes and Gootzen (2022), section 4: a composite of uniform and land use priors.

    Args:
        zones: Rows of ``reference.zones``.
        zone_tiles: Rows of ``reference.zone_tiles``.
        residents: Rows of ``reference.residents``; the latest year counts. May be empty: all ground is equal.
        policy: Share of residents, weight of other ground, factors by level.

    Returns:
        One row a tile: ``tile, prior`` (BIGINT). Tiles that are not there have ``other_ground``.
    """
    dense = _dense(zones, zone_tiles, residents)
    # Whole millionths: the mean must not hang on the order of rows.
    whole = F.round(F.col("density") * F.lit(MILLION)).cast("decimal(38,0)")
    mean = dense.agg((F.sum(whole) / F.count(F.lit(1)) / F.lit(MILLION)).cast("double").alias("mean"))
    ratio = F.when(F.col("mean") > 0, F.col("density") / F.col("mean")).otherwise(F.lit(1.0))
    part = policy.prior_residents_share
    mixed = F.lit(1.0 - part) + F.lit(part) * ratio
    ground = dense.join(F.broadcast(mean), how="cross").select("tile", mixed.alias("mixed"))
    if policy.prior_level_weights:
        ground = _weighted(ground, zone_tiles, policy)
    return ground.select(
        "tile", F.greatest(F.round(F.col("mixed") * F.lit(MILLION)), F.lit(1)).cast("bigint").alias("prior")
    )


def home_lifts(zones: DataFrame, zone_tiles: DataFrame, residents: DataFrame, policy: RadioPolicy) -> DataFrame:
    """Tell how much likelier a zone is for units that are registered in it than for others.

    Of a unit's time half is taken to be spent in its zone of registration, and half spread like everybody over a ground
    of ``home_residents``: the zone is then ``1 + home_residents / residents of the zone`` times as likely as the prior
    says, be it small or large.

    Args:
        zones: Rows of ``reference.zones``.
        zone_tiles: Rows of ``reference.zone_tiles``.
        residents: Rows of ``reference.residents``.
        policy: See ``home_residents``; with 0 no zone is told.

    Returns:
        One row a zone of the finest partition whose residents are told: ``zone_id, lift``, the times less one.
    """
    told = finest_tiles(zones, zone_tiles).join(_dense(zones, zone_tiles, residents), on="tile", how="inner")
    # Whole millionths: a sum must not hang on the order of rows.
    whole = F.sum(F.round(F.col("density") * F.lit(MILLION)).cast("decimal(38,0)"))
    people = told.groupBy("zone_id").agg((whole / F.lit(MILLION)).cast("double").alias("people"))
    lift = F.lit(float(policy.home_residents)) / F.col("people")
    return people.where("people > 0").select("zone_id", lift.alias("lift")).where("lift > 0")


def home_ground(zones: DataFrame, zone_tiles: DataFrame, residents: DataFrame, policy: RadioPolicy) -> DataFrame:
    """Lay ``home_lifts`` over the ground: ``tile, home``, a struct of ``zone_id`` and ``lift``; one row a tile."""
    lifts = home_lifts(zones, zone_tiles, residents, policy)
    return (
        finest_tiles(zones, zone_tiles)
        .join(F.broadcast(lifts), on="zone_id", how="inner")
        .select("tile", F.struct("zone_id", "lift").alias("home"))
    )


def finest_tiles(zones: DataFrame, zone_tiles: DataFrame) -> DataFrame:
    """Tiles of the finest partition: ``tile, zone_id``, one row a tile.

    Args:
        zones: Rows of ``reference.zones``.
        zone_tiles: Rows of ``reference.zone_tiles``.
    """
    finest = zones.where("is_finest").select("zone_id")
    return zone_tiles.select("tile", "zone_id").join(F.broadcast(finest), on="zone_id", how="left_semi")


def _dense(zones: DataFrame, zone_tiles: DataFrame, residents: DataFrame) -> DataFrame:
    """Residents a tile (``tile, density``), from the deepest of its zones that has any told, spread evenly."""
    year = residents.agg(F.max("year").alias("year"))
    latest = residents.join(F.broadcast(year), on="year", how="inner")
    by_zone = latest.groupBy("zone_id").agg(F.sum("residents").alias("residents"))
    known = zones.where("role = 'partition'").join(by_zone, on="zone_id", how="inner").where("tiles > 0")
    density = (F.col("residents") / F.col("tiles")).alias("density")
    deepest = Window.partitionBy("tile").orderBy(F.col("depth").desc(), "zone_id")
    of_zones = (
        zone_tiles.select("zone_id", "tile")
        .join(F.broadcast(known.select("zone_id", "depth", density)), on="zone_id", how="inner")
        .select("zone_id", "tile", "depth", "density")
    )
    return (
        of_zones.unionByName(_of_squares(by_zone))
        .withColumn("nth", F.row_number().over(deepest))
        .where("nth = 1")
        .select("tile", "density")
    )


def other_ground(policy: RadioPolicy) -> int:
    """Prior of a tile whose residents no table tells, in the millionths of ``tile_priors``."""
    return max(1, round(policy.prior_unknown * MILLION))


def _of_squares(by_zone: DataFrame) -> DataFrame:
    """Residents by grid square, where told so: ``zone_id, tile, depth, density``; smaller squares are deeper."""
    squares = by_zone.select("*", F.inline(F.array(geo.square_of_name(F.col("zone_id"))))).where("side IS NOT NULL")
    tiles = F.floor(F.col("side") / geo.TILE_M)
    steps = F.sequence(F.lit(0).cast("bigint"), tiles - 1)
    column, row = (F.floor(F.col(axis) / geo.TILE_M) for axis in "xy")
    return (
        squares.withColumn("i", F.explode(steps))
        .withColumn("j", F.explode(steps))
        .select(
            "zone_id",
            geo.tile_at(column + F.col("i"), row + F.col("j")).alias("tile"),
            (F.lit(_DEEP) - F.col("side")).cast("int").alias("depth"),
            (F.col("residents") / (tiles * tiles)).alias("density"),
        )
    )


def _weighted(ground: DataFrame, zone_tiles: DataFrame, policy: RadioPolicy) -> DataFrame:
    """Multiply by the factors of the levels that a tile lies in: land use, points of interest."""
    factors = F.create_map(*(F.lit(x) for pair in sorted(policy.prior_level_weights.items()) for x in pair))
    told = zone_tiles.where(F.col("level").isin(sorted(policy.prior_level_weights))).select("tile", "level").distinct()
    # In the order of the levels' names: products of floating numbers hang on it.
    levels = F.array_sort(F.collect_list("level"))
    product = F.aggregate(levels, F.lit(1.0), lambda total, level: total * F.try_element_at(factors, level))
    by_tile = told.groupBy("tile").agg(product.alias("factor"))
    base = F.coalesce("mixed", F.lit(policy.prior_unknown))
    return ground.join(by_tile, on="tile", how="full").select(
        "tile", (base * F.coalesce("factor", F.lit(1.0))).alias("mixed")
    )
