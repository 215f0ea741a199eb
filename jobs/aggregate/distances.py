"""Distances between zones, from public geography alone."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.product_words import DISTANCE_BANDS
from udfs import geo
from udfs.ground import distance_m


def zone_centres(zone_tiles: DataFrame) -> DataFrame:
    """Centre of each zone: the mean of its tiles' centres, which need not lie in the zone.

    Args:
        zone_tiles: Rows of ``reference.zone_tiles``.

    Returns:
        ``zone_id, x, y``, metres in EPSG:3035.
    """
    tile = F.col("tile")
    # Whole numbers are summed: the order of rows does not matter.
    sums = zone_tiles.groupBy("zone_id").agg(
        F.sum(geo.tile_column(tile)).alias("i"), F.sum(geo.tile_row(tile)).alias("j"), F.count("*").alias("n")
    )
    at = {name: (F.col(axis) / F.col("n") + F.lit(0.5)) * F.lit(geo.TILE_M) for name, axis in (("x", "i"), ("y", "j"))}
    return sums.select("zone_id", *(metres.alias(name) for name, metres in at.items()))


def distances(some: DataFrame, others: DataFrame) -> DataFrame:
    """Distance between every two zones of two sets.

    Args:
        some: See ``zone_centres``.
        others: The same, broadcast.

    Returns:
        ``zone_id, other, km``, with zero from a zone to itself.
    """
    named = others.select(F.col("zone_id").alias("other"), F.col("x").alias("other_x"), F.col("y").alias("other_y"))
    metres = distance_m(F.col("x"), F.col("y"), F.col("other_x"), F.col("other_y"))
    return some.crossJoin(F.broadcast(named)).select("zone_id", "other", (metres / 1_000).alias("km"))


def distance_band(km: Column) -> Column:
    """The word of ``DISTANCE_BANDS`` for a distance in kilometres; a bound belongs to the farther band."""
    found = F.lit(DISTANCE_BANDS[-1])
    for bound, band in sorted(((float(b.split("-")[1]), b) for b in DISTANCE_BANDS if "-" in b), reverse=True):
        found = F.when(km < bound, F.lit(band)).otherwise(found)
    return found
