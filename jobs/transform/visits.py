"""Visits: stays of a unit in one zone, one after the other, with where the unit was before."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from udfs.purposes import serves

LOOK_BACK = 8
"""Segments before a visit among which its origin is looked for."""

_UNIT = ("pseudonym", "date")
_ROOM_TYPE = "array<struct<role: string, zone_id: string, nth: bigint>>"


@dataclass(frozen=True)
class VisitParams:
    """Whose visits, and when a visit is over.

    Attributes:
        purpose: Purpose that the product serves.
        gap_seconds: Two stays in a zone, with nothing between them elsewhere, are one visit if less than this
            lies between them.
    """

    purpose: str
    gap_seconds: int = 1800


def visits(
    segments: DataFrame, counted: DataFrame, resolution: DataFrame, homes: DataFrame, params: VisitParams
) -> DataFrame:
    """Merge consecutive stays in one zone into visits.

    In the partition a visit is made of stays in a zone other than that of the unit's registered address:
    residents are no visitors of their own zone. At places every stay counts; at those under four tiles, stays by
    small cells alone. Where small cells resolve a place, their short contacts (of less than a stay's
    duration) are presence too, and a visit may consist of them alone. Visits end with the local day.

    Args:
        segments: See ``jobs.transform.presence.by_unit``.
        counted: Tiles of the zones that can be counted: ``role, zone_id, tile, small_cells_only, by_small_cells``;
            broadcast.
        resolution: Rows of ``reference.zone_resolution``.
        homes: ``date, pseudonym, home_zone_id``, one row a unit (null: not resident here).
        params: See ``VisitParams``.

    Returns:
        One row a visit: ``date, pseudonym, role, zone_id, start_time, end_time, has_stay`` and ``before``: the
        positions before it, latest first, back to the last silence, at most ``LOOK_BACK``, as
        ``tile, area, blur_m`` (zone of the partition and the radius to which footprints there tell a
        position, metres). No shuffle of segments; units are shuffled once for their homes.
    """
    present = _presences(_located(segments.filter(serves(F.col("purposes"), params.purpose)), counted, resolution))
    zone = Window.partitionBy(*_UNIT, "role", "zone_id").orderBy("nth", "start_time", "end_time", "line_no", "tile")
    earlier = zone.rowsBetween(Window.unboundedPreceding, -1)
    so_far = zone.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    silence = F.col("start_time").cast("long") - F.max("end_time").over(earlier).cast("long")
    begins = (F.col("nth") - F.lag("nth").over(zone) > 1) | (silence >= params.gap_seconds)
    stays = F.col("kind") == "stay"
    # What a visit amounts to stands on its last row: running values spare a further sort and an aggregate.
    begun = {name: F.last(F.when(F.col("begins"), F.col(name)), ignorenulls=True) for name in ("start_time", "before")}
    ends = F.coalesce(F.lead("begins").over(zone), F.lit(True))
    made = (
        present.join(F.broadcast(_rooms(counted)), on="tile", how="left")
        .select("*", F.inline(_where()))
        .filter("zone_id IS NOT NULL")
        .withColumn("begins", F.coalesce(begins, F.lit(True)))
        .select(
            *(*_UNIT, "role", "zone_id"),
            *(value.over(so_far).alias(name) for name, value in begun.items()),
            F.max("end_time").over(so_far).alias("end_time"),
            F.last(F.when(F.col("begins") | stays, stays), ignorenulls=True).over(so_far).alias("has_stay"),
            ends.alias("ends"),
        )
        .filter("ends")
    )
    # By unit alone: with more keys in the join, Spark would shuffle both sides anew.
    own = homes.select("date", "pseudonym", "home_zone_id")
    elsewhere = (F.col("role") == "place") | ~F.col("zone_id").eqNullSafe(F.col("home_zone_id"))
    return (
        made.join(own, on=["date", "pseudonym"], how="left")
        .filter(elsewhere)
        .select("date", "pseudonym", "role", "zone_id", "start_time", "end_time", "has_stay", "before")
    )


def _located(segments: DataFrame, counted: DataFrame, resolution: DataFrame) -> DataFrame:
    """Add ``area`` and ``blur_m`` of each segment's tile."""
    known = resolution.select("zone_id", F.round("radius_m").cast("int").alias("blur_m"))
    areas = (
        counted.filter("role = 'partition'")
        .join(F.broadcast(known), on="zone_id", how="left")
        .select("tile", F.col("zone_id").alias("area"), "blur_m")
    )
    return segments.join(F.broadcast(areas), on="tile", how="left")


def _presences(segments: DataFrame) -> DataFrame:
    """Stays and contacts with small cells, numbered among those of the unit, with the positions before them.

    ``stays`` counts the stays so far, ``contacts`` the stays and contacts with small cells.
    """
    order = Window.partitionBy(*_UNIT).orderBy(
        "start_time", "end_time", "line_no", F.col("tile").asc_nulls_first(), "kind"
    )
    so_far = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    until = F.max("end_time").over(order.rowsBetween(Window.unboundedPreceding, -1))
    breaks = (F.col("kind") == "unknown") | (F.col("start_time") > until)
    stays, small = F.col("kind") == "stay", (F.col("kind") == "move") & F.col("by_small_cell")
    chained = segments.select(
        "*",
        F.count_if(F.coalesce(breaks, F.lit(True))).over(so_far).alias("chain"),
        F.count_if(stays).over(so_far).alias("stays"),
        F.count_if(stays | small).over(so_far).alias("contacts"),
    )
    spot = F.struct("chain", F.struct("tile", "area", "blur_m").alias("spot"))
    back = F.array(*(F.lag(spot, i).over(order) for i in range(1, LOOK_BACK + 1)))
    return (
        chained.withColumn("back", back)
        .filter(stays | small)
        .withColumn("here", F.filter("back", lambda b: (b["chain"] == F.col("chain")) & b["spot"]["tile"].isNotNull()))
        .withColumn("before", F.transform("here", lambda b: b["spot"]))
        .drop("back", "here", "area", "blur_m", "chain")
    )


def _rooms(counted: DataFrame) -> DataFrame:
    """Zones of each tile by what counts there: ``room`` (the partition's), ``staying``, ``near`` and ``passing``.

    Places: ``staying`` for a stay by any cell, ``near`` for one by a small cell, ``passing`` for its short contacts.
    """
    place = F.col("role") == "place"
    counts_for = {
        "staying": place & ~F.col("small_cells_only"),
        "near": place,
        "passing": place & F.col("by_small_cells"),
    }
    return counted.groupBy("tile").agg(
        F.max(F.when(~place, F.col("zone_id"))).alias("room"),
        *(F.sort_array(F.collect_set(F.when(w, F.col("zone_id")))).alias(name) for name, w in counts_for.items()),
    )


def _where() -> Column:
    """Role, zone and number of a presence in each zone in which it counts."""
    stays = F.col("kind") == "stay"
    room = F.array(_in("partition", F.when(stays, F.col("room")), "stays"))
    spots = F.when(stays, F.when(F.col("by_small_cell"), F.col("near")).otherwise(F.col("staying")))
    return F.concat(room, F.coalesce(_each(spots.otherwise(F.col("passing"))), F.array().cast(_ROOM_TYPE)))


def _each(zones: Column) -> Column:
    return F.transform(zones, lambda zone: _in("place", zone, "contacts"))


def _in(role: str, zone: Column, number: str) -> Column:
    return F.struct(F.lit(role).alias("role"), zone.alias("zone_id"), F.col(number).alias("nth"))
