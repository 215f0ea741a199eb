"""Stage 2 of weekly products: from stays to trips, and what a day gives to the week under the week's key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.footprints import CELL_POSITIONS
from expectations.movement import PROFILE
from expectations.od_contributions import OD_CONTRIBUTIONS
from expectations.segments import SEGMENTS
from expectations.zones import ZONE_TILES, ZONES
from jobs.context import JobReport, RunContext
from jobs.errors import InputRejectedError
from jobs.segment.longer import longer_pseudonyms, renamed
from jobs.transform.draw import redrawn
from jobs.transform.prior import finest_tiles
from udfs.time import daypart, local_hour


def trips(segments: DataFrame, tiles: DataFrame, time_zone: str) -> DataFrame:
    """Trips between consecutive stays of a line on a day, whichever zones lie between.

    It is a trip if a move was seen between the stays, also one that came back to the same ground, or if they lie in
    two zones and on different ground: two draws from overlapping footprints may lie in two zones without anybody having
    moved. A stay outside of all zones ends no trip and begins none. A
    trip with a move over midnight is not seen as one.

    Args:
        segments: Rows of ``pseudonymous.segments``.
        tiles: ``tile, zone_id`` of the finest partition, one row a tile; broadcast.
        time_zone: Zone of the local clock.

    Returns:
        One row a trip: ``date, pseudonym, line_no, purposes`` (those that both stays may serve), ``origin_zone_id,
        destination_zone_id, daypart`` (of the end of the stay before). One shuffle of segments, by (date, pseudonym,
        line); none where they come by (date, pseudonym).
    """
    order = Window.partitionBy("date", "pseudonym", "line_no").orderBy("start_time", "tile")
    so_far = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    stays = (
        segments.filter("kind <> 'unknown'")
        .withColumn("moves", F.count(F.when(F.col("kind") == "move", 1)).over(so_far))
        .filter("kind = 'stay'")
        .join(F.broadcast(tiles.select("tile", "zone_id")), on="tile", how="left")
    )
    before = {c: F.lag(c).over(order) for c in ("zone_id", "purposes", "end_time", "moves")}
    paired = stays.select(
        *("date", "pseudonym", "line_no", "is_new_ground"),
        F.col("purposes").cast("int").bitwiseAND(before["purposes"].cast("int")).cast("tinyint").alias("purposes"),
        before["zone_id"].alias("origin_zone_id"),
        F.col("zone_id").alias("destination_zone_id"),
        before["end_time"].alias("departure"),
        (F.col("moves") > before["moves"]).alias("was_on_way"),
    )
    is_other_zone = F.col("origin_zone_id") != F.col("destination_zone_id")
    is_trip = F.col("was_on_way") | (is_other_zone & F.col("is_new_ground"))
    return (
        paired.filter("purposes <> 0 AND origin_zone_id IS NOT NULL AND destination_zone_id IS NOT NULL")
        .filter(is_trip)
        .select(
            *("date", "pseudonym", "line_no", "purposes", "origin_zone_id", "destination_zone_id"),
            daypart(local_hour(F.col("departure"), time_zone)).alias("daypart"),
        )
    )


def od_contributions(made: DataFrame, weeks: DataFrame) -> DataFrame:
    """Which pairs of zones a unit's trips of a day join, under the week's pseudonym.

    Args:
        made: See ``trips``.
        weeks: See ``jobs.segment.longer.longer_pseudonyms``.

    Returns:
        Rows of ``pseudonymous.od_contributions``.
    """
    keys = [name for name in OD_CONTRIBUTIONS.column_names if name != "week"]
    return renamed(made.select(keys).distinct(), weeks, "week").select(OD_CONTRIBUTIONS.column_names)


def run_od(context: RunContext, days: Sequence[dt.date]) -> JobReport:
    """Write ``pseudonymous.od_contributions`` for the days. Costs one shuffle of segments, and one of units."""
    door = context.lake.door(reads=[Schema.REFERENCE], writes=[Schema.PSEUDONYMOUS])
    dates, wanted = [str(day) for day in days], F.col("date").isin(list(days))
    finest = finest_tiles(door.read(ZONES), door.read(ZONE_TILES))
    weeks = longer_pseudonyms(context, days, "week").persist()
    segments, profile = (door.read(contract).filter(wanted) for contract in (SEGMENTS, PROFILE))
    away = context.policy.segments.home_away_factor
    segments = redrawn(segments.filter("kind <> 'unknown'"), door.read(CELL_POSITIONS), profile, weeks, "week", away)
    door.replace(OD_CONTRIBUTIONS, od_contributions(trips(segments, finest, context.policy.time_zone), weeks), dates)
    weeks.unpersist()
    written = door.read(OD_CONTRIBUTIONS).filter(wanted)
    found = context.gate.validate(written, OD_CONTRIBUTIONS, f"{dates[0]}..{dates[-1]}")
    if not found.passed:
        door.remove(OD_CONTRIBUTIONS, dates, purge=True)
        raise InputRejectedError(found.message())
    counted = [r.rows for r in found.results if r.rows is not None]
    return JobReport("od", rows_out=counted[0] if counted else None)
