"""Moves along corridors: the ways of a trip on one corridor put together, with direction, hour and speed."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.product_words import DIRECTIONS, SPEED_BANDS
from jobs.transform.presence import known
from udfs.purposes import serves
from udfs.time import local_hour

_BAND_STARTS = (0, 15, 30, 50, 80)  # kilometres an hour, of SPEED_BANDS


@dataclass(frozen=True)
class MoveParams:
    """What counts as a move along a corridor.

    Attributes:
        purpose: Purpose that segments have to serve.
        time_zone: Zone of the local clock.
        least_m: Least progress along the corridor, metres, …
        least_share: … or as a share of its length, whichever is less.
        least_straight: Net progress against all progress either way: what goes to and fro is no move.
        longest_seconds: Longest silence between two contacts of a move.
    """

    purpose: str
    time_zone: str
    least_m: float = 2_000.0
    least_share: float = 1 / 2
    least_straight: float = 0.7
    longest_seconds: int = 1_800


def corridor_moves(segments: DataFrame, lengths: DataFrame, params: MoveParams) -> DataFrame:
    """Put the ways of each trip along a corridor together.

    A trip is what lies between two stays, its ends with it. It counts for the corridor along which it got farthest,
    weighted by the chance that it was there at all. It belongs to the hour in which its middle lies: halfway between
    the first contact on the way and the last one. Its speed is that between these two where the trip was seen three
    times or more on the way; else progress over the whole time, which is too long, since nobody sees when it began.

    Args:
        segments: Rows of ``pseudonymous.segments``, by (date, pseudonym).
        lengths: ``corridor_id, length_m``, broadcast.
        params: See ``MoveParams``.

    Returns:
        One row a move: ``date, pseudonym, corridor_id, direction, hour, metres, speed_kmh``. No shuffle.
    """
    track = ("date", "pseudonym", "line_no")
    before = Window.partitionBy(*track).orderBy("start_time", "tile").rowsBetween(Window.unboundedPreceding, -1)
    trips = (
        known(segments)
        .filter(serves(F.col("purposes"), params.purpose))
        .withColumn("trip", F.count(F.when(F.col("kind") == "stay", 1)).over(before))
        .filter("ways IS NOT NULL")
        .select(*track, "trip", F.col("start_time").cast("long").alias("at"), F.inline("ways"))
        .filter(F.col("seconds") <= params.longest_seconds)
    )
    net, chance = F.sum("metres"), F.sum(F.abs("metres") * F.col("chance"))
    half = F.floor(F.col("seconds") / 2)
    put_together = (
        trips.withColumns({"leaves": F.col("at") - half, "comes": F.col("at") + half})
        .groupBy(*track, "trip", "corridor_id")
        .agg(
            net.alias("net"),
            F.sum(F.abs("metres")).alias("gross"),
            chance.alias("weight"),
            F.count("*").alias("pairs"),
            F.min_by("metres", "at").alias("first"),
            F.max_by("metres", "at").alias("last"),
            *(F.min(c).alias(f"{c}_first") for c in ("leaves", "comes")),
            *(F.max(c).alias(f"{c}_last") for c in ("leaves", "comes")),
        )
        .join(F.broadcast(lengths), on="corridor_id", how="inner")
    )
    enough = F.least(F.lit(params.least_m), F.col("length_m") * params.least_share)
    fit = put_together.filter((F.abs("net") >= enough) & (F.abs("net") >= params.least_straight * F.col("gross")))
    best = Window.partitionBy(*track, "trip").orderBy(F.col("weight").desc(), "corridor_id")
    middle = F.timestamp_seconds(F.floor((F.col("comes_first") + F.col("leaves_last")) / 2))
    return (
        fit.withColumn("rank", F.row_number().over(best))
        .filter("rank = 1")
        .filter(F.to_date(F.from_utc_timestamp(middle, params.time_zone)) == F.col("date"))
        .select(
            "date",
            "pseudonym",
            "corridor_id",
            F.when(F.col("net") > 0, DIRECTIONS[0]).otherwise(DIRECTIONS[1]).alias("direction"),
            local_hour(middle, params.time_zone).alias("hour"),
            F.abs("net").alias("metres"),
            _speed().alias("speed_kmh"),
        )
    )


def _speed() -> Column:
    whole = F.abs("net") / F.greatest(F.col("comes_last") - F.col("leaves_first"), F.lit(1))
    inner_s = F.col("leaves_last") - F.col("comes_first")
    inner = F.abs(F.col("net") - F.col("first") - F.col("last")) / F.greatest(inner_s, F.lit(60))
    return F.round(F.when(F.col("pairs") >= 3, F.greatest(inner, whole)).otherwise(whole) * 3.6, 1)


def speed_band(kmh: Column) -> Column:
    """Band of a speed, see ``SPEED_BANDS``."""
    found: Column = F.lit(SPEED_BANDS[0])
    for start, band in zip(_BAND_STARTS[1:], SPEED_BANDS[1:], strict=True):
        found = F.when(kmh >= start, F.lit(band)).otherwise(found)
    return found
