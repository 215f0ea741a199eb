"""What a scratch run estimates before noise, by the suite's own footprints and by nearest masts."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.cells import CELLS
from expectations.contract import Schema
from expectations.footprints import CELL_POSITIONS
from expectations.homes import HOMES
from expectations.movement import MOVEMENT, PROFILE
from expectations.segments import SEGMENTS
from expectations.zones import ZONE_TILES, ZONES
from jobs.aggregate.run import countable_zones
from jobs.audit.score_truth import estimated_trips
from jobs.audit.voronoi import voronoi_positions
from jobs.context import RunContext
from jobs.segment.days import days_frame
from jobs.segment.months import month_pseudonyms
from jobs.transform.homes import HomeParams, cell_zones, home_votes, home_zones
from jobs.transform.presence import PresenceParams, counted_zones, main_zones
from jobs.transform.run import stay_params
from jobs.transform.sectors import valid_cells
from jobs.transform.stays import day_segments
from udfs.time import day_bounds, hour_offset_seconds


@dataclass(frozen=True)
class Estimates:
    """Frames of a scratch lake; the estimates hold both methods, told apart by ``method``.

    Attributes:
        purpose: Purpose that is counted.
        levels: Levels of the partition, coarsest first.
        zones: Rows of ``reference.zones`` on which counts can be made, and all of the partition.
        counted: See ``counted_zones``, countable ones only.
        movement: Rows of ``pseudonymous.movement``.
        hours: ``date, pseudonym, role, hour, zone_id, method``.
        trips: ``date, origin_zone_id, destination_zone_id, trips, method``.
        homes: See ``jobs.transform.homes.home_zones``, with ``method``.
    """

    purpose: str
    levels: list[str]
    zones: DataFrame
    counted: DataFrame
    movement: DataFrame
    hours: DataFrame
    trips: DataFrame
    homes: DataFrame


def estimates(context: RunContext) -> Estimates:
    """Read a scratch lake whose jobs have run up to stage 2, and run stage 2 once more for the baseline.

    Args:
        context: Context on the scratch lake.
    """
    policy = context.policy
    door = context.lake.door(reads=[Schema.REFERENCE, Schema.PSEUDONYMOUS])
    product = policy.products.get("footfall")
    purpose = product.purpose if product else "mobility_statistics"
    every = door.read(ZONES)
    tiles = counted_zones(every, door.read(ZONE_TILES))
    known = countable_zones(every, tiles, door.read(CELL_POSITIONS))
    told = F.col("role") == "partition"
    zones = every.join(known.withColumn("known", F.lit(True)), on="zone_id", how="left").filter(told | F.col("known"))
    counted = tiles.join(F.broadcast(known), on="zone_id", how="left_semi").persist()
    shift = hour_offset_seconds(context.settings.date, policy.time_zone)
    params = PresenceParams(purpose, policy.time_zone, shift)
    nearest = _voronoi(context, counted).persist()
    found = {"threestep": door.read(SEGMENTS), "nearest_cell": _segments(context, nearest).persist()}
    hours = [main_zones(rows, counted, params).withColumn("method", F.lit(name)) for name, rows in found.items()]
    trips = [estimated_trips(rows, counted, purpose).withColumn("method", F.lit(name)) for name, rows in found.items()]
    return Estimates(
        purpose=purpose,
        levels=_levels(every),
        zones=zones.drop("known"),
        counted=counted,
        movement=door.read(MOVEMENT),
        hours=hours[0].unionByName(hours[1]).persist(),
        trips=trips[0].unionByName(trips[1]),
        homes=_homes(context, counted, nearest, purpose),
    )


def _voronoi(context: RunContext, counted: DataFrame) -> DataFrame:
    door, policy, days = context.lake.door(reads=[Schema.REFERENCE]), context.policy, context.settings.days
    start, end = day_bounds(days[0], policy.time_zone)[0], day_bounds(days[-1], policy.time_zone)[1]
    cells = valid_cells(door.read(CELLS), start, end)
    ground = counted.filter("role = 'partition'").select("tile")
    return voronoi_positions(cells, ground, policy.radio.quantiles)


def _segments(context: RunContext, positions: DataFrame) -> DataFrame:
    """Segments of the same cleaned movement with other footprints."""
    door, policy, days = context.lake.door(reads=[Schema.PSEUDONYMOUS]), context.policy, context.settings.days
    bounds = days_frame(context.spark, days, policy)
    return day_segments(door.read(MOVEMENT), positions, door.read(PROFILE), bounds, stay_params(policy))


def _homes(context: RunContext, counted: DataFrame, nearest: DataFrame, purpose: str) -> DataFrame:
    """Homes of all the days, whatever their month, by both methods."""
    door, policy, days = context.lake.door(reads=[Schema.PSEUDONYMOUS]), context.policy, context.settings.days
    params = HomeParams.from_policy(policy.homes, policy.time_zone, 60 * policy.segments.max_gap_minutes)
    tiles = counted.filter("role = 'partition'").select("tile", "zone_id")
    votes = home_votes(
        door.read(MOVEMENT),
        door.read(PROFILE),
        month_pseudonyms(context, days),
        cell_zones(nearest, tiles),
        days_frame(context.spark, days, policy),
        params,
    )
    both = {"threestep": door.read(HOMES), "nearest_cell": votes}
    found = [home_zones(rows, purpose, params).withColumn("method", F.lit(name)) for name, rows in both.items()]
    return found[0].unionByName(found[1])


def _levels(zones: DataFrame) -> list[str]:
    found = zones.filter("role = 'partition'").select("level", "depth").distinct().orderBy("depth").collect()
    return [row["level"] for row in found]
