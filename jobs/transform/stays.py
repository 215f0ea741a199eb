"""Stage 2, precision goes: runs of cells become stays and moves with a drawn position and rounded times."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.window import WindowSpec

from expectations.segments import SEGMENTS

_TRACK = ("date", "pseudonym", "line_no")

GROUND_RADII = 2.0
"""Centres of footprints closer than this many radii (of the larger) cover the same ground."""


@dataclass(frozen=True)
class StayParams:
    """When runs make a stay.

    Attributes:
        stay_seconds: Least time between first and last contact on one ground for a stay.
        max_gap_seconds: Longest silence between two places that is shared out between them; of a longer one
            each place gets half of this, and the rest is unknown.
        max_gap_same_ground_seconds: Longest silence that a stay on one ground bridges.
    """

    stay_seconds: int
    max_gap_seconds: int
    max_gap_same_ground_seconds: int


def settled_runs(movement: DataFrame, positions: DataFrame, params: StayParams) -> DataFrame:
    """Tell runs at rest from runs on the way, and number the groups that share one ground.

    A run is at rest when all contacts of the quarter of an hour before it, or after it, lie on one ground:
    looking one way at a time keeps arrivals and departures sharp, and looking at a span of time rather
    than at the neighbour alone keeps a chain of overlapping cells from passing for one place. Handovers
    between cells that cover the same ground are no movement (ping-pong included).

    Args:
        movement: Rows of ``pseudonymous.movement``, event-sized at worst.
        positions: Rows of ``reference.cell_positions``, broadcast.
        params: See ``StayParams``.

    Returns:
        The runs with the centre and radius of their cell and ``group_no``. One shuffle by (date, pseudonym).
    """
    cells = positions.select("cell_id", "site_group", "centre_x", "centre_y", "radius_m")
    located = (
        movement.join(F.broadcast(cells), on="cell_id", how="inner")
        .withColumn("starts", F.col("start_time").cast("long"))
        .withColumn("ends", F.col("end_time").cast("long"))
    )
    by_start = Window.partitionBy(*_TRACK).orderBy("starts")
    at_rest = _one_ground(by_start.rangeBetween(-params.stay_seconds, 0)) | _one_ground(
        by_start.rangeBetween(0, params.stay_seconds)
    )
    order = _order()
    away = F.sqrt(
        F.pow(F.col("centre_x") - F.lag("centre_x").over(order), 2)
        + F.pow(F.col("centre_y") - F.lag("centre_y").over(order), 2)
    )
    reach = F.greatest("radius_m", F.lag("radius_m").over(order))
    silence = F.col("starts") - F.lag("ends").over(order)
    breaks = (
        F.lag("starts").over(order).isNull()
        | (F.col("purposes") != F.lag("purposes").over(order))
        | (silence > params.max_gap_same_ground_seconds)
        | (away > GROUND_RADII * reach)
        | (~F.col("at_rest") & (F.col("cell_id") != F.lag("cell_id").over(order)))
        | (F.col("at_rest") & ~F.lag("at_rest").over(order))
    )
    so_far = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return (
        located.withColumn("at_rest", at_rest)
        .withColumn("breaks", breaks)
        .withColumn("group_no", F.sum(F.when(F.col("breaks"), 1).otherwise(0)).over(so_far))
    )


def segments(runs: DataFrame, positions: DataFrame, days: DataFrame, params: StayParams) -> DataFrame:
    """Close groups into segments: dominant cell, drawn position, time shared with the neighbours, cut at midnight.

    The position is one of the footprint's equiprobable quantiles, chosen by a hash of the keyed pseudonym
    and the cell's site group: one draw a unit, site group and key period, however often it is asked for.

    Args:
        runs: See ``settled_runs``.
        positions: Rows of ``reference.cell_positions``, broadcast.
        days: ``date, day_start, day_end``, small.
        params: See ``StayParams``.

    Returns:
        Rows of ``pseudonymous.segments``. No further shuffle.
    """
    dwell = F.struct((F.col("ends") - F.col("starts")).alias("seconds"), F.col("contacts"), F.col("cell_id"))
    groups = runs.groupBy(*_TRACK, "purposes", "group_no").agg(
        F.min("starts").alias("starts"), F.max("ends").alias("ends"), F.max(dwell).alias("dominant")
    )
    order = Window.partitionBy(*_TRACK).orderBy("starts", "group_no")
    shared = (
        groups.withColumn("before", _share(F.col("starts") - F.lag("ends").over(order), params))
        .withColumn("after", _share(F.lead("starts").over(order) - F.col("ends"), params))
        .withColumn("cell_id", F.col("dominant.cell_id"))
    )
    slots = positions.select("cell_id", "site_group", "is_small", "quantiles")
    slot = F.pmod(F.xxhash64("pseudonym", "site_group"), F.size("quantiles").cast("long")).cast("int")
    begin = F.greatest(F.timestamp_seconds(F.col("starts") - F.col("before")), F.col("day_start"))
    finish = F.least(F.timestamp_seconds(F.col("ends") + F.col("after")), F.col("day_end"))
    return (
        shared.join(F.broadcast(days.select("date", "day_start", "day_end")), on="date", how="inner")
        .withColumn("start_time", F.date_trunc("minute", begin))
        .withColumn("end_time", F.date_trunc("minute", finish))
        .filter(F.col("start_time") < F.col("end_time"))
        .join(F.broadcast(slots), on="cell_id", how="inner")
        .withColumn("kind", F.when(F.col("ends") - F.col("starts") >= params.stay_seconds, "stay").otherwise("move"))
        .withColumn("tile", F.element_at("quantiles", slot + 1))
        .withColumnRenamed("is_small", "by_small_cell")
        .select(SEGMENTS.column_names)
    )


def _share(gap: Column, params: StayParams) -> Column:
    """Seconds of a silence that go to the segment beside it: half, at most half of the longest shared silence."""
    most = F.lit(params.max_gap_seconds // 2)
    half = F.floor(gap / 2).cast("int")
    return F.coalesce(F.greatest(F.lit(0), F.least(half, most)), most)


def _one_ground(frame: WindowSpec) -> Column:
    width = F.max("centre_x").over(frame) - F.min("centre_x").over(frame)
    height = F.max("centre_y").over(frame) - F.min("centre_y").over(frame)
    return F.sqrt(width * width + height * height) <= GROUND_RADII * F.max("radius_m").over(frame)


def _order() -> WindowSpec:
    return Window.partitionBy(*_TRACK).orderBy("starts", "ends", "cell_id")
