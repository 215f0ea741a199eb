"""The truth beside the landing: who really was where, for scoring every estimate.

Persons are residents and visitors, each counted once however many lines they carry; things are not.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.simulate.city import POI_LEVEL, City
from jobs.simulate.clock import Clock
from jobs.simulate.ground import TILE, Ground
from jobs.simulate.people import THING
from jobs.simulate.pieces import by_hour

_STRIDE_M = 250.0  # trips are followed in strides of this length
_PACK = 1 << 20  # more than there are zones
MIN_VISIT_S = 60  # presence at a point of interest that counts


def tile_zones(spark: SparkSession, ground: Ground) -> DataFrame:
    """One row a tile in a zone of the finest partition: tile, zone_ix, zone_id."""
    ids = [zone.zone_id for zone in ground.zones]
    rows = [(key, index, ids[index]) for key, index in enumerate(ground.zone.tolist()) if index >= 0]
    return spark.createDataFrame(pd.DataFrame(rows, columns=["tile", "zone_ix", "zone_id"]))


def tile_pois(spark: SparkSession, ground: Ground) -> DataFrame:
    """One row a tile and point of interest: tile, zone_id."""
    rows = [(int(key), poi) for poi, keys in ground.pois.items() for key in keys]
    return spark.createDataFrame(rows, "tile long, zone_id string")


def ground_tile(ground: Ground) -> Callable[[Column, Column], Column]:
    """Number of a tile on the simulator's own ground, from easting and northing."""

    def tile(x: Column, y: Column) -> Column:
        column, row = F.floor((x - ground.left) / TILE), F.floor((y - ground.bottom) / TILE)
        return (row * ground.columns + column).cast("long")

    return tile


def presence_pieces(itineraries: DataFrame, clock: Clock, tile: Callable[[Column, Column], Column]) -> DataFrame:
    """One row a person, hour and tile on the way: person_id, hour_ix, tile, millis.

    Args:
        itineraries: Rows of ``truth/itineraries``; things are left out.
        clock: The days.
        tile: Number of the tile that holds an easting and northing, as the caller numbers tiles.
    """
    dx, dy = F.col("x1") - F.col("x0"), F.col("y1") - F.col("y0")
    per_second = F.sqrt((dx * dx + dy * dy).cast("double")) / (F.col("end_s") - F.col("start_s"))
    seconds = F.col("to_s") - F.col("from_s")
    strides = F.greatest(F.ceil(per_second * seconds / _STRIDE_M), F.lit(1))
    middle = F.col("from_s") + (F.col("n") + 0.5) * seconds / F.col("strides") - F.col("start_s")
    share = middle / (F.col("end_s") - F.col("start_s"))
    return (
        # By person once, so that the sums by person and hour need no further shuffle of longer rows.
        by_hour(itineraries.where(F.col("kind") != THING).repartition("person_id"), clock)
        .withColumn("strides", strides)
        .withColumn("n", F.explode(F.sequence(F.lit(0).cast("long"), F.col("strides") - 1)))
        .select(
            "person_id",
            "hour_ix",
            tile(F.col("x0") + share * dx, F.col("y0") + share * dy).alias("tile"),
            # Milliseconds as whole numbers: sums then do not depend on their order.
            (seconds * 1_000 / F.col("strides")).cast("long").alias("millis"),
        )
    )


def main_zone_hours(pieces: DataFrame, zones: DataFrame) -> DataFrame:
    """Each person's main zone of the hour: where most of it was spent, in motion or not.

    Args:
        pieces: See ``presence_pieces``.
        zones: ``tile, zone_ix, zone_id`` of a partition, one row a tile; broadcast.

    Returns:
        One row a person and hour: ``person_id, hour_ix, zone_id``; none where most of it was outside all zones.
    """
    spent = (
        pieces.join(F.broadcast(zones), on="tile", how="left")
        .groupBy("person_id", "hour_ix", F.coalesce(F.col("zone_ix"), F.lit(-1)).alias("zone_ix"))
        .agg(F.sum("millis").alias("millis"))
    )
    # Time and zone in one whole number: its maximum is a cheap aggregate. Ties go to the higher index.
    packed = F.max(F.col("millis") * _PACK + F.col("zone_ix") + 1)
    return (
        spent.groupBy("person_id", "hour_ix")
        .agg(packed.alias("longest"))
        .select("person_id", "hour_ix", (F.col("longest") % _PACK - 1).alias("zone_ix"))
        .join(F.broadcast(zones.select("zone_ix", "zone_id").distinct()), on="zone_ix", how="inner")
        .select("person_id", "hour_ix", "zone_id")
    )


def place_hours(pieces: DataFrame, pois: DataFrame) -> DataFrame:
    """The hours in which a person was at a point of interest for a minute or more.

    Args:
        pieces: See ``presence_pieces``.
        pois: ``tile, zone_id``; broadcast.

    Returns:
        One row a person, hour and place: ``person_id, hour_ix, zone_id``.
    """
    return (
        pieces.join(F.broadcast(pois), on="tile", how="inner")
        .groupBy("person_id", "hour_ix", "zone_id")
        .agg(F.sum("millis").alias("millis"))
        .where(F.col("millis") >= MIN_VISIT_S * 1_000)
        .select("person_id", "hour_ix", "zone_id")
    )


def make_presence(pieces: DataFrame, zones: DataFrame, pois: DataFrame, hours: DataFrame, city: City) -> DataFrame:
    """Persons by zone, local date and hour, zeros included.

    In partition levels each person is in the one zone where most of the hour was spent, in motion or not
    (outside all zones: nowhere); at points of interest, whoever was there for a minute.

    Returns:
        zone_id, level, date, hour, persons.
    """
    main, visits = (
        frame.groupBy("hour_ix", "zone_id").agg(F.count(F.lit(1)).alias("persons"))
        for frame in (main_zone_hours(pieces, zones), place_hours(pieces, pois))
    )
    domain = _ancestors(pieces.sparkSession, city)
    counted = main.unionByName(visits).join(F.broadcast(domain), on=F.col("zone_id") == F.col("member_id"), how="inner")
    counts = counted.groupBy(F.col("counted_id").alias("zone_id"), "hour_ix").agg(F.sum("persons").alias("persons"))
    published = domain.select(F.col("counted_id").alias("zone_id"), "level").distinct()
    clock_hours = hours.select("hour_ix", "date", "hour")
    return (
        published.crossJoin(clock_hours)
        .join(counts, on=["zone_id", "hour_ix"], how="left")
        # The doubled hour of autumn is one hour of the clock; its fuller half stands for it.
        .groupBy("zone_id", "level", "date", "hour")
        .agg(F.coalesce(F.max("persons"), F.lit(0)).cast("long").alias("persons"))
    )


def _ancestors(spark: SparkSession, city: City) -> DataFrame:
    """One row a counted zone and each zone above it: member_id, counted_id, level."""
    by_id = {zone.zone_id: zone for zone in city.zones}
    rows = []
    for zone in city.at_level(city.base_level):
        above, seen = zone, set[str]()
        while above.zone_id not in seen:
            seen.add(above.zone_id)
            rows.append((zone.zone_id, above.zone_id, above.level))
            above = by_id.get(above.parent_id or "", above)
    rows += [(zone.zone_id, zone.zone_id, zone.level) for zone in city.at_level(POI_LEVEL)]
    return spark.createDataFrame(rows, "member_id string, counted_id string, level string")


def make_trips(itineraries: DataFrame, zones: DataFrame, clock: Clock, ground: Ground) -> DataFrame:
    """Trips that begin in the window: date (local), person_id, start_time, end_time, origin_zone_id,
    destination_zone_id (finest partition; null outside), mode.
    """  # noqa: D205
    start = F.timestamp_seconds(F.col("start_s"))
    origins = zones.select(F.col("tile").alias("tile0"), F.col("zone_id").alias("origin_zone_id"))
    targets = zones.select(F.col("tile").alias("tile1"), F.col("zone_id").alias("destination_zone_id"))
    return (
        itineraries.where(F.col("mode").isNotNull() & (F.col("leg") == 0))
        .where((F.col("start_s") >= clock.begin) & (F.col("start_s") < clock.end))
        .withColumn("tile0", ground_tile(ground)(F.col("x0"), F.col("y0")))
        .withColumn("tile1", ground_tile(ground)(F.col("to_x"), F.col("to_y")))
        .join(F.broadcast(origins), on="tile0", how="left")
        .join(F.broadcast(targets), on="tile1", how="left")
        .select(
            F.to_date(F.from_utc_timestamp(start, clock.time_zone)).alias("date"),
            "person_id",
            start.alias("start_time"),
            F.timestamp_seconds(F.col("arrives_s")).alias("end_time"),
            "origin_zone_id",
            "destination_zone_id",
            "mode",
        )
    )


def make_activity(itineraries: DataFrame, hours: DataFrame, clock: Clock) -> DataFrame:
    """Mean number of persons out of home and in motion: date, hour, out_of_home, walk, bike, ride."""
    seconds = F.col("to_s") - F.col("from_s")
    pieces = by_hour(itineraries.where(F.col("kind") != THING), clock)

    def persons(condition: Column, name: str) -> Column:
        total = F.sum(F.when(condition, seconds).otherwise(F.lit(0)))
        return (total / 3_600).alias(name)

    return (
        pieces.groupBy("hour_ix")
        .agg(
            persons(F.col("activity") != "home", "out_of_home"),
            *[persons(F.coalesce(F.col("mode") == mode, F.lit(False)), mode) for mode in ("walk", "bike", "ride")],
        )
        .join(F.broadcast(hours), on="hour_ix", how="inner")
        .select("date", "hour", "out_of_home", "walk", "bike", "ride")
    )
