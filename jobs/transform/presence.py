"""Who counts where and when: one main zone an hour and unit, so that what a person adds is bounded."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from udfs.purposes import serves
from udfs.time import hour_slices, local_hour

_TRACK = (
    *("date", "pseudonym", "line_no", "purposes", "kind"),
    *("by_small_cell", "tile", "start_time", "end_time"),
)


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


def by_unit(segments: DataFrame, *more: str) -> DataFrame:
    """Bring the rows of a unit and day together, in the one shuffle that everything counted by unit needs.

    Groups and windows over more columns than (date, pseudonym) find their rows together as well, so that they
    shuffle nothing. Where several products look at it, see ``kept``.

    Args:
        segments: Rows of ``pseudonymous.segments``, event-sized.
        more: Further columns that are needed.
    """
    return segments.select(*_TRACK, *more).repartition("date", "pseudonym")


def kept(frame: DataFrame) -> DataFrame:
    """Persist a frame and fill it, so that what is planned over it from now on sees how its rows are spread.

    Under adaptive execution a persisted frame tells how it is spread only once it has been filled. Plans made before
    begin with a shuffle of it for every group, window and join, and lose it only while they run.

    Args:
        frame: Rows that lie together by the keys of later groups and windows. Costs one pass; release it with
            ``unpersist``.
    """
    filled = frame.persist()
    filled.count()
    return filled


def main_zones(segments: DataFrame, counted: DataFrame, params: PresenceParams) -> DataFrame:
    """Pick each unit's zone of the hour, by role: longest presence, ties by a keyed hash.

    In the partition every known second counts, also outside of all zones, and a unit that was mostly outside
    counts nowhere. At places only stays count, and a unit counts at one place an hour.

    Args:
        segments: See ``by_unit``.
        counted: See ``counted_zones``, broadcast.
        params: Purpose and clock.

    Returns:
        One row a date, unit, role and hour: ``date, pseudonym, role, hour, zone_id``. No further shuffle.
    """
    slices = (
        known(segments)
        .filter(serves(F.col("purposes"), params.purpose))
        .select("date", "pseudonym", "kind", "by_small_cell", "tile", "start_time", "end_time")
        .withColumn("slice", F.explode(hour_slices(F.col("start_time"), F.col("end_time"), params.hour_shift_seconds)))
        .withColumn("hour", local_hour(F.timestamp_seconds("slice.start"), params.time_zone))
        .withColumn("seconds", (F.col("slice.end") - F.col("slice.start")).cast("int"))
    )
    somewhere = slices.join(F.broadcast(_candidates(counted)), on="tile", how="left")
    staying = F.when(F.col("by_small_cell"), F.col("near")).otherwise(F.col("staying"))
    candidates = F.when(F.col("kind") == "stay", staying).otherwise(F.col("passing"))
    per_zone = (
        somewhere.withColumn("candidate", F.explode(F.coalesce(candidates, F.array(_outside()))))
        .groupBy("pseudonym", "date", "hour", "candidate.role", "candidate.zone_id")
        .agg(F.sum("seconds").alias("seconds"))
    )
    tie = F.xxhash64("pseudonym", "hour", F.coalesce("zone_id", F.lit("")))
    best = Window.partitionBy("pseudonym", "date", "hour", "role").orderBy(
        F.col("seconds").desc(), tie, F.col("zone_id").asc_nulls_last()
    )
    return (
        per_zone.withColumn("rank", F.row_number().over(best))
        .filter("rank = 1 AND zone_id IS NOT NULL")
        .select("date", "pseudonym", "role", "hour", "zone_id")
    )


def observed(segments: DataFrame, profile: DataFrame, counted: DataFrame, purpose: str) -> DataFrame:
    """The panel of a day: units with at least one segment that serves the purpose, where they live.

    Residence is the zone of the registered address. Domestic units without one (business lines, anonymous
    prepaid ones) live in the zone in which their day began: they are residents as much as others, and a panel without
    them would make each of the others stand for too many. Inbound visitors live elsewhere.

    Args:
        segments: See ``by_unit``.
        profile: Rows of ``pseudonymous.profile``.
        counted: See ``counted_zones``, broadcast.
        purpose: Purpose of the product.

    Returns:
        One row a date and unit with ``zone_id``, the zone of residence (null: not resident here).
    """
    areas = counted.filter("role = 'partition'").select("tile", F.col("zone_id").alias("area"))
    stayed = F.when(F.col("kind") == "stay", F.struct("start_time", "end_time", "line_no", "tile"))
    seen = (
        known(segments)
        .filter(serves(F.col("purposes"), purpose))
        .join(F.broadcast(areas), on="tile", how="left")
        .groupBy("pseudonym", "date")
        .agg(F.min_by("area", stayed).alias("began"))
    )
    is_domestic = F.col("origin") == "domestic"
    lives = F.coalesce("home_zone_id", F.when(is_domestic, F.col("began")))
    return profile.join(seen, on=["date", "pseudonym"], how="inner").select("date", "pseudonym", lives.alias("zone_id"))


def _candidates(counted: DataFrame) -> DataFrame:
    """What a second in a tile may count for, worked out once a tile.

    Returns:
        One row a tile: ``tile`` and arrays of (role, zone_id): ``passing`` (the partition), ``staying`` (and places),
        ``near`` (and places that only small cells resolve). Where no zone of the partition has the tile, the outside
        competes in it.
    """
    zone = F.struct("role", "zone_id")
    in_partition, small = F.col("role") == "partition", F.col("small_cells_only")
    counts_for = {"passing": in_partition, "staying": in_partition | ~small, "near": F.lit(True)}
    gathered = counted.groupBy("tile").agg(
        F.max(in_partition).alias("inside"),
        *(F.sort_array(F.collect_list(F.when(counts, zone))).alias(name) for name, counts in counts_for.items()),
    )
    return gathered.select(
        "tile",
        *(
            F.when(F.col("inside"), F.col(name)).otherwise(F.concat(name, F.array(_outside()))).alias(name)
            for name in counts_for
        ),
    )


def _outside() -> Column:
    return F.struct(F.lit("partition").alias("role"), F.lit(None).cast("string").alias("zone_id"))
