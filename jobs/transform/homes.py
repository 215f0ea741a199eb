"""Stage 2 of monthly products: votes for where units live and work, by night and working hour, under the month's key.

A zone is voted for by the whole footprint of each cell, not by the drawn position: over a month the draws
of single days would be averaged out anyhow, and what is told is a zone of the published partition, which
for most units master data tells as well (the registered address).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.footprints import CELL_POSITIONS
from expectations.homes import HOMES
from expectations.movement import MOVEMENT, PROFILE
from expectations.segments import SEGMENTS
from expectations.visits import VISITS
from expectations.zones import ZONE_TILES, ZONES
from jobs.context import JobReport, RunContext
from jobs.errors import InputRejectedError
from jobs.segment.longer import longer_pseudonyms, renamed
from jobs.settings import HomesPolicy
from jobs.transform.draw import redrawn
from jobs.transform.month_visits import month_visits
from jobs.transform.presence import counted_zones
from jobs.transform.prior import finest_tiles

_SHARES = 1_000  # a cell's footprint is split over zones in thousandths


@dataclass(frozen=True)
class HomeParams:
    """When one is at home and at work, by the local clock.

    Attributes:
        time_zone: Zone of the local clock.
        night_from: Hour in which the night begins.
        night_to: Hour in which it is over.
        work_from: Hour in which work begins, Monday to Friday.
        work_to: Hour in which it is over.
        max_gap_seconds: Longest time that a contact stands for.
        min_nights: Fewest nights of a home.
        min_work_days: Fewest days of a place of work.
    """

    time_zone: str
    night_from: int = 22
    night_to: int = 6
    work_from: int = 9
    work_to: int = 17
    max_gap_seconds: int = 7_200
    min_nights: int = 3
    min_work_days: int = 3

    @classmethod
    def from_policy(cls, policy: HomesPolicy, time_zone: str, max_gap_seconds: int) -> HomeParams:
        """Take the policy's hours and bounds."""
        return cls(
            time_zone=time_zone,
            night_from=policy.night_from,
            night_to=policy.night_to,
            work_from=policy.work_from,
            work_to=policy.work_to,
            max_gap_seconds=max_gap_seconds,
            min_nights=policy.min_nights,
            min_work_days=policy.min_work_days,
        )


def cell_zones(positions: DataFrame, tiles: DataFrame) -> DataFrame:
    """Split each cell's footprint over the zones of a partition.

    Args:
        positions: ``cell_id, quantiles`` of whole cells, one row a cell.
        tiles: ``tile, zone_id`` of the partition, one row a tile; broadcast.

    Returns:
        ``cell_id`` and ``zones``, an array of (zone_id, share in thousandths); what lies outside is left out.
    """
    slots = positions.select("cell_id", F.size("quantiles").alias("slots"), F.explode("quantiles").alias("tile"))
    shares = (
        slots.join(F.broadcast(tiles), on="tile", how="inner")
        .groupBy("cell_id", "slots", "zone_id")
        .agg(F.count("*").alias("inside"))
        .withColumn("share", F.round(F.col("inside") * _SHARES / F.col("slots")).cast("int"))
        .filter("share > 0")
    )
    zone = F.struct("zone_id", "share")
    return shares.groupBy("cell_id").agg(F.sort_array(F.collect_list(zone)).alias("zones"))


def home_votes(
    movement: DataFrame, profile: DataFrame, months: DataFrame, cells: DataFrame, days: DataFrame, params: HomeParams
) -> DataFrame:
    """Count the minutes of nights and working hours by zone, and put units under their month's pseudonym.

    A run of contacts with a cell stands for the time until the next run, at most ``max_gap_seconds``. Each row
    comes from one local day, so that a day that is made again replaces what it gave before.

    Args:
        movement: Rows of ``pseudonymous.movement``.
        profile: Rows of ``pseudonymous.profile`` of the same days.
        months: See ``jobs.segment.longer.longer_pseudonyms``.
        cells: See ``cell_zones``, broadcast.
        days: ``date, day_start, day_end``, small.
        params: Hours and clock.

    Returns:
        Rows of ``pseudonymous.homes``. One shuffle of runs, by (date, pseudonym, line).
    """
    order = Window.partitionBy("date", "pseudonym", "line_no").orderBy("start_time", "end_time", "cell_id")
    ends, upto = F.col("end_time").cast("long"), F.lead(F.col("start_time").cast("long")).over(order)
    stands = F.least(F.coalesce(upto, ends + params.max_gap_seconds), ends + params.max_gap_seconds)
    spans = (
        movement.withColumn("until", stands)
        .join(F.broadcast(days.select("date", "day_start", "day_end")), on="date", how="inner")
        .withColumn("starts", F.greatest(F.col("start_time"), F.col("day_start")).cast("long"))
        .withColumn("until", F.least(F.col("until"), F.col("day_end").cast("long")))
        .filter("starts < until")
        .select("date", "pseudonym", "purposes", "cell_id", F.inline(_parts(params)))
        .filter("seconds > 0")
    )
    by_cell = spans.groupBy("date", "pseudonym", "purposes", "vote", "night", "cell_id").agg(
        F.sum("seconds").alias("seconds")
    )
    voted = (
        by_cell.join(F.broadcast(cells), on="cell_id", how="inner")
        .select("date", "pseudonym", "purposes", "vote", "night", "seconds", F.inline("zones"))
        .groupBy("date", "pseudonym", "purposes", "vote", "night", "zone_id")
        .agg(F.round(F.sum(F.col("seconds") * F.col("share")) / (60 * _SHARES)).cast("int").alias("minutes"))
        .filter("minutes > 0")
    )
    seen = movement.select("date", "pseudonym", "purposes").distinct()
    is_domestic = F.col("origin") == "domestic"
    told = (
        profile.withColumn("vote", F.when(is_domestic, "registered").otherwise("origin"))
        .withColumn("zone_id", F.when(is_domestic, F.col("home_zone_id")).otherwise(F.col("origin")))
        .filter("zone_id IS NOT NULL")
        .join(seen, on=["date", "pseudonym"], how="inner")
        .select(
            *("date", "pseudonym", "purposes", "vote"),
            F.lit(None).cast("date").alias("night"),
            "zone_id",
            F.lit(0).alias("minutes"),
        )
    )
    return renamed(voted.unionByName(told), months, "month").select(HOMES.column_names)


def run_homes(context: RunContext, days: Sequence[dt.date]) -> JobReport:
    """Write ``pseudonymous.homes`` and ``visits`` for the days.

    Costs two shuffles of runs of cells, one of stays, and one of units.
    """
    from jobs.segment.days import days_frame

    door = context.lake.door(reads=[Schema.REFERENCE], writes=[Schema.PSEUDONYMOUS])
    policy, dates = context.policy, [str(day) for day in days]
    zones, zone_tiles = door.read(ZONES), door.read(ZONE_TILES)
    params = HomeParams.from_policy(policy.homes, policy.time_zone, 60 * policy.segments.max_gap_minutes)
    wanted = F.col("date").isin(list(days))
    months = longer_pseudonyms(context, days, "month").persist()
    segments, profile = (door.read(contract).filter(wanted) for contract in (SEGMENTS, PROFILE))
    votes = home_votes(
        door.read(MOVEMENT).filter(wanted),
        profile,
        months,
        cell_zones(door.read(CELL_POSITIONS).filter("ring IS NULL"), finest_tiles(zones, zone_tiles)),
        days_frame(context.spark, days, policy),
        params,
    )
    away = policy.segments.home_away_factor
    stays = redrawn(segments.filter("kind = 'stay'"), door.read(CELL_POSITIONS), profile, months, "month", away)
    visits = month_visits(stays, counted_zones(zones, zone_tiles), months)
    door.replace(HOMES, votes, dates)
    door.replace(VISITS, visits, dates)
    months.unpersist()
    rows = 0
    for contract in (HOMES, VISITS):
        found = context.gate.validate(door.read(contract).filter(wanted), contract, f"{dates[0]}..{dates[-1]}")
        if not found.passed:
            door.remove(contract, dates, purge=True)
            raise InputRejectedError(found.message())
        rows += next((r.rows for r in found.results if r.rows is not None), 0)
    return JobReport("homes", rows_out=rows)


def _parts(params: HomeParams) -> Column:
    """The pieces of [starts, until) at night and at work, as an array of (vote, night, seconds)."""
    zone = params.time_zone

    def at(hour: int) -> Column:
        local = F.col("date").cast("timestamp") + F.make_interval(hours=F.lit(hour))
        return F.to_utc_timestamp(local, zone).cast("long")

    def seconds(begin: Column, end: Column) -> Column:
        return F.greatest(F.least("until", end) - F.greatest("starts", begin), F.lit(0))

    def part(vote: str, night: Column, length: Column) -> Column:
        return F.struct(F.lit(vote).alias("vote"), night.alias("night"), length.cast("bigint").alias("seconds"))

    day_start, day_end = F.col("day_start").cast("long"), F.col("day_end").cast("long")
    is_weekday = F.weekday("date") < 5
    working = F.when(is_weekday, seconds(at(params.work_from), at(params.work_to))).otherwise(F.lit(0))
    return F.array(
        part("night", F.date_sub("date", 1), seconds(day_start, at(params.night_to))),
        part("night", F.col("date"), seconds(at(params.night_from), day_end)),
        part("work", F.lit(None).cast("date"), working),
    )
