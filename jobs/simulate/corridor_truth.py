"""Who truly travelled along the corridors: one row a person's way along one, and persons by the hour."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.simulate.clock import Clock

FORWARD, BACKWARD = "forward", "backward"


def corridor_passes(itineraries: DataFrame, clock: Clock) -> DataFrame:
    """One row a way of a person along a corridor: a trip's legs on it, in one direction.

    It belongs to the hour in which its middle lies, so that hours add up to ways.

    Args:
        itineraries: Rows of ``truth/itineraries``.
        clock: The days; ways whose middle lies outside are left out.

    Returns:
        ``person_id, corridor_id, direction, hour_ix, metres, seconds`` (whole numbers).
    """
    dx, dy = (F.col("x1") - F.col("x0")).cast("double"), (F.col("y1") - F.col("y0")).cast("double")
    legs = itineraries.where(F.col("corridor_id").isNotNull()).select(
        *("person_id", "arrives_s", "corridor_id", "forward", "start_s", "end_s"),
        F.round(F.sqrt(dx * dx + dy * dy)).cast("long").alias("metres"),
    )
    ways = legs.groupBy("person_id", "arrives_s", "corridor_id", "forward").agg(
        F.min("start_s").alias("begins"), F.max("end_s").alias("ends"), F.sum("metres").alias("metres")
    )
    middle = F.floor((F.col("begins") + F.col("ends")) / 2)
    return ways.select(
        "person_id",
        "corridor_id",
        F.when(F.col("forward"), FORWARD).otherwise(BACKWARD).alias("direction"),
        F.floor((middle - clock.begin) / 3600).alias("hour_ix"),
        "metres",
        (F.col("ends") - F.col("begins")).alias("seconds"),
    ).where((F.col("hour_ix") >= 0) & (F.col("hour_ix") < clock.hour_count))


def corridor_hours(itineraries: DataFrame, lines: DataFrame, hours: DataFrame, clock: Clock) -> DataFrame:
    """Persons in motion along each corridor and direction by the hour, zeros included.

    Args:
        itineraries: Rows of ``truth/itineraries``.
        lines: ``corridor_id``, one row a corridor.
        hours: ``clock.hours``.
        clock: The days.

    Returns:
        ``corridor_id, direction, date, hour, persons, speed_kmh`` (mean over persons' ways; null without any).
    """
    counted = (
        corridor_passes(itineraries, clock)
        .join(F.broadcast(hours.select("hour_ix", "date", "hour")), on="hour_ix", how="inner")
        .groupBy("corridor_id", "direction", "date", "hour")
        .agg(
            F.count_distinct("person_id").alias("persons"),
            (F.sum("metres") / F.sum("seconds") * 3.6).alias("speed_kmh"),
        )
    )
    directions = F.explode(F.array(F.lit(FORWARD), F.lit(BACKWARD))).alias("direction")
    domain = lines.select("corridor_id", directions).crossJoin(hours.select("date", "hour").distinct())
    return domain.join(counted, on=["corridor_id", "direction", "date", "hour"], how="left").select(
        *("corridor_id", "direction", "date", "hour"),
        F.coalesce("persons", F.lit(0)).cast("long").alias("persons"),
        "speed_kmh",
    )
