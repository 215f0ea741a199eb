"""How far along which corridors a line got from one segment to the next, by the names of the two cells alone."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_WAYS = "array<struct<corridor_id: string, metres: int, chance: int, seconds: int>>"
_STEP_M, _STEP_S = 10, 10
"""Positions and times are rounded to this: what is kept of them is coarser than what was seen."""


def no_ways() -> Column:
    """No corridor."""
    return F.lit(None).cast(_WAYS)


def corridors_nearby(places: DataFrame, corridor_cells: DataFrame) -> DataFrame:
    """Gather the corridors of each footprint.

    Args:
        places: See ``jobs.transform.stays.numbered_places``.
        corridor_cells: Rows of ``reference.corridor_cells``.

    Returns:
        ``place_no, near`` (array of corridor_id, share, along_m, in order of names); rings have their cell's.
    """
    gathered = corridor_cells.groupBy("cell_id").agg(
        F.sort_array(F.collect_list(F.struct("corridor_id", "share", "along_m"))).alias("near")
    )
    return places.select("cell_id", "place_no").join(gathered, on="cell_id", how="inner").select("place_no", "near")


def with_ways(groups: DataFrame, nearby: DataFrame | None, longest_seconds: int) -> DataFrame:
    """Add ``ways`` to groups of runs, from the group before on the same track.

    A way serves no purpose that one of its two ends may not serve: where the purposes change there is none.

    Args:
        groups: ``place_no, starts, purposes`` and the same of the group before as ``place_no_before, ends_before,
            purposes_before``; times in seconds since 1970.
        nearby: See ``corridors_nearby``, broadcast twice; ``None``: no corridors.
        longest_seconds: Longest silence over which a way is seen.

    Returns:
        The groups with ``ways``, null where there is none.
    """
    if nearby is None:
        return groups.withColumn("ways", no_ways())
    silence = F.col("starts") - F.col("ends_before")
    seen = (F.col("purposes") == F.col("purposes_before")) & (silence <= longest_seconds)
    before = nearby.select(F.col("place_no").alias("place_no_before"), F.col("near").alias("near_before"))
    joined = groups.join(F.broadcast(nearby), on="place_no", how="left").join(
        F.broadcast(before), on="place_no_before", how="left"
    )
    ways = F.when(seen, ways_between(F.col("near_before"), F.col("near"), silence))
    return joined.withColumn("ways", F.when(F.size(ways) > 0, ways)).drop("near", "near_before")


def ways_between(start: Column, end: Column, seconds: Column) -> Column:
    """Ways from one cell to another along the corridors that both lie on.

    Reversing start and end turns the sign of the metres and changes nothing else.

    Args:
        start: ``near`` of the first cell.
        end: ``near`` of the second.
        seconds: Between the two contacts.
    """

    def way(a: Column, b: Column) -> Column:
        metres = F.round((b["along_m"] - a["along_m"]) / _STEP_M) * _STEP_M
        return F.struct(
            a["corridor_id"].alias("corridor_id"),
            metres.cast("int").alias("metres"),
            F.round(a["share"] * b["share"] * 100).cast("int").alias("chance"),
            (F.ceil(seconds / _STEP_S) * _STEP_S).cast("int").alias("seconds"),
        )

    def ways_of(a: Column) -> Column:
        return F.transform(F.filter(end, lambda b: b["corridor_id"] == a["corridor_id"]), lambda b: way(a, b))

    return F.filter(F.flatten(F.transform(start, ways_of)), lambda found: found["metres"] != 0)
