"""Who counts where and when: one main zone an hour and unit, so that what a person adds is bounded."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from udfs.purposes import serves
from udfs.time import hour_slices, local_hour


@dataclass(frozen=True)
class PresenceParams:
    """Whom a product counts, by which clock.

    Attributes:
        purpose: Purpose that the product serves.
        time_zone: Zone of the local clock.
        hour_shift_seconds: See ``udfs.time.hour_offset_seconds``.
    """

    purpose: str
    time_zone: str
    hour_shift_seconds: int = 0


def counted_zones(zones: DataFrame, zone_tiles: DataFrame) -> DataFrame:
    """Tiles of the levels on which counts are drawn: the finest partition, and points of interest.

    Returns:
        ``role, zone_id, tile, small_cells_only`` (places under four tiles count through small cells alone).
    """
    drawn = zones.filter("is_finest OR role = 'place'").select(
        "zone_id", "role", ((F.col("role") == "place") & (F.col("tiles") < 4)).alias("small_cells_only")
    )
    return zone_tiles.select("zone_id", "tile").join(F.broadcast(drawn), on="zone_id", how="inner")


def known(segments: DataFrame) -> DataFrame:
    """Segments with a position: stays and moves, not silences."""
    return segments.filter("kind <> 'unknown'")


def main_zones(segments: DataFrame, counted: DataFrame, params: PresenceParams) -> DataFrame:
    """Pick each unit's zone of the hour, by role: longest presence, ties by a keyed hash.

    In the partition every known second counts, also outside of all zones, and a unit that was mostly outside
    counts nowhere. At places only stays count, and a unit counts at one place an hour.

    Args:
        segments: Rows of ``pseudonymous.segments``.
        counted: See ``counted_zones``, broadcast.
        params: Purpose and clock.

    Returns:
        One row a date, unit, role and hour: ``date, pseudonym, role, hour, zone_id``. One shuffle by unit.
    """
    slices = (
        known(segments)
        .filter(serves(F.col("purposes"), params.purpose))
        .select("date", "pseudonym", "kind", "by_small_cell", "tile", "start_time", "end_time")
        .repartition("date", "pseudonym")
        .withColumn("slice", F.explode(hour_slices(F.col("start_time"), F.col("end_time"), params.hour_shift_seconds)))
        .withColumn("hour", local_hour(F.timestamp_seconds("slice.start"), params.time_zone))
        .withColumn("seconds", (F.col("slice.end") - F.col("slice.start")).cast("int"))
    )
    somewhere = slices.join(F.broadcast(_by_tile(counted)), on="tile", how="left")
    # Every slice competes in the partition, with no zone where its tile has none.
    outside = F.array(F.struct(F.lit("partition").alias("role"), F.lit(None).cast("string").alias("zone_id")))
    stayed = F.filter(
        "zones",
        lambda z: (z["role"] == "partition") | ((F.col("kind") == "stay") & _resolved(z, F.col("by_small_cell"))),
    )
    named = F.transform(stayed, lambda z: F.struct(z["role"].alias("role"), z["zone_id"].alias("zone_id")))
    in_partition = F.exists(named, lambda z: z["role"] == "partition")
    places = F.coalesce(named, F.array().cast("array<struct<role:string,zone_id:string>>"))
    candidates = F.when(F.coalesce(in_partition, F.lit(False)), places).otherwise(F.concat(places, outside))
    per_zone = (
        somewhere.withColumn("candidate", F.explode(candidates))
        .groupBy("date", "pseudonym", "hour", "candidate.role", "candidate.zone_id")
        .agg(F.sum("seconds").alias("seconds"))
    )
    tie = F.xxhash64("pseudonym", "hour", F.coalesce("zone_id", F.lit("")))
    best = Window.partitionBy("date", "pseudonym", "hour", "role").orderBy(
        F.col("seconds").desc(), tie, F.col("zone_id").asc_nulls_last()
    )
    return (
        per_zone.withColumn("rank", F.row_number().over(best))
        .filter("rank = 1 AND zone_id IS NOT NULL")
        .select("date", "pseudonym", "role", "hour", "zone_id")
    )


def observed(segments: DataFrame, profile: DataFrame, purpose: str) -> DataFrame:
    """The panel of a day: units with at least one segment that serves the purpose.

    Returns:
        One row a date and unit with ``zone_id``, the zone of residence (null: not resident here).
    """
    seen = known(segments).filter(serves(F.col("purposes"), purpose)).select("date", "pseudonym").distinct()
    return profile.join(seen, on=["date", "pseudonym"], how="left_semi").select(
        "date", "pseudonym", F.col("home_zone_id").alias("zone_id")
    )


def _by_tile(counted: DataFrame) -> DataFrame:
    zone = F.struct("role", "zone_id", "small_cells_only")
    return counted.groupBy("tile").agg(F.sort_array(F.collect_list(zone)).alias("zones"))


def _resolved(zone: Column, by_small_cell: Column) -> Column:
    return ~zone["small_cells_only"] | by_small_cell
