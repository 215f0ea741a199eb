"""What a scratch run estimates before noise, by the suite's own footprints and by nearest masts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.cells import CELLS
from expectations.contract import Schema
from expectations.corridors import CORRIDOR_CELLS, CORRIDORS
from expectations.footprints import CELL_POSITIONS, ZONE_RESOLUTION
from expectations.homes import HOMES
from expectations.movement import MOVEMENT, PROFILE
from expectations.od_contributions import OD_CONTRIBUTIONS
from expectations.products import CORRIDOR_FLOW
from expectations.residents import RESIDENTS
from expectations.segments import SEGMENTS
from expectations.visits import VISITS
from expectations.zones import ZONE_TILES, ZONES
from jobs.aggregate.offered import has_corridors
from jobs.aggregate.run import countable_tiles
from jobs.audit.score_visits import bounded_cells, visit_cells
from jobs.audit.voronoi import voronoi_positions
from jobs.context import RunContext
from jobs.segment.days import days_frame
from jobs.segment.longer import longer_pseudonyms
from jobs.segment.periods import PeriodKind
from jobs.transform.corridors import outside_of_network
from jobs.transform.draw import redrawn
from jobs.transform.homes import HomeParams, cell_zones, home_votes
from jobs.transform.month_visits import month_visits
from jobs.transform.moves import MoveParams, corridor_moves
from jobs.transform.presence import PresenceParams, by_unit, main_zones
from jobs.transform.prior import home_lifts
from jobs.transform.run import stay_params
from jobs.transform.sectors import valid_cells
from jobs.transform.stays import day_segments
from jobs.transform.trips import od_contributions, trips
from jobs.transform.usual_places import home_zones
from udfs.purposes import serves
from udfs.time import day_bounds, hour_offset_seconds

METHODS = ("threestep", "nearest_cell")


@dataclass(frozen=True)
class Moves:
    """Moves along corridors.

    Attributes:
        purpose: Purpose that is counted.
        corridors: ``corridor_id`` of those on which moves can be told.
        rows: See ``jobs.transform.moves.corridor_moves``.
    """

    purpose: str
    corridors: DataFrame
    rows: DataFrame


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
        homes: See ``jobs.transform.usual_places.home_zones``, with ``method``.
        pairs: Rows of ``pseudonymous.od_contributions``, with ``method``.
        monthly: Rows of ``pseudonymous.visits``, with ``method``.
        visits: See ``jobs.audit.score_visits.visit_cells``, bounded as released, with ``method``.
        resolution: Rows of ``reference.zone_resolution``.
        profile: Rows of ``pseudonymous.profile``.
        moves: Along corridors, by the suite alone; ``None`` where there are none, or the policy counts none.
    """

    purpose: str
    levels: list[str]
    zones: DataFrame
    counted: DataFrame
    movement: DataFrame
    hours: DataFrame
    trips: DataFrame
    homes: DataFrame
    pairs: DataFrame
    monthly: DataFrame
    visits: DataFrame
    resolution: DataFrame
    profile: DataFrame
    moves: Moves | None = None


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
    counted = countable_tiles(every, door.read(ZONE_TILES), door.read(CELL_POSITIONS).filter("ring IS NULL")).persist()
    known = counted.select("zone_id").distinct().withColumn("known", F.lit(True))
    zones = every.join(known, on="zone_id", how="left").filter((F.col("role") == "partition") | F.col("known"))
    shift = hour_offset_seconds(context.settings.date, policy.time_zone)
    params = PresenceParams(purpose, policy.time_zone, shift)
    nearest = _voronoi(context, counted).persist()
    found = {"threestep": door.read(SEGMENTS), "nearest_cell": _segments(context, nearest).persist()}
    hours = [
        main_zones(by_unit(rows), counted, params).withColumn("method", F.lit(name)) for name, rows in found.items()
    ]
    months = longer_pseudonyms(context, context.settings.days, "month")
    made = {name: _trips(rows, counted, purpose, policy.time_zone) for name, rows in found.items()}
    resolution, profile = door.read(ZONE_RESOLUTION), door.read(PROFILE)
    visits = [
        bounded_cells(visit_cells(rows, counted, resolution, profile, policy), policy).withColumn("method", F.lit(name))
        for name, rows in found.items()
    ]
    return Estimates(
        purpose=purpose,
        levels=_levels(every),
        zones=zones.drop("known"),
        counted=counted,
        movement=door.read(MOVEMENT),
        hours=hours[0].unionByName(hours[1]).persist(),
        trips=reduce(DataFrame.unionByName, (rows.withColumn("method", F.lit(name)) for name, rows in made.items())),
        homes=_homes(context, counted, nearest, purpose),
        moves=_moves(context, found["threestep"]),
        pairs=_both(door.read(OD_CONTRIBUTIONS), _pairs(context, found["nearest_cell"], nearest, counted)),
        monthly=_both(
            door.read(VISITS),
            month_visits(_redrawn(context, found["nearest_cell"], nearest, months, "month"), counted, months),
        ),
        visits=visits[0].unionByName(visits[1]),
        resolution=resolution,
        profile=profile,
    )


def _moves(context: RunContext, segments: DataFrame) -> Moves | None:
    product = context.policy.products.get(CORRIDOR_FLOW.name)
    if product is None or not has_corridors(context):
        return None
    door = context.lake.door(reads=[Schema.REFERENCE])
    corridors = door.read(CORRIDORS)
    outside = outside_of_network(corridors, door.read(CORRIDOR_CELLS))
    params = MoveParams(product.purpose, context.policy.time_zone)
    rows = corridor_moves(by_unit(segments, "ways"), corridors.select("corridor_id", "length_m"), params)
    served = corridors.select("corridor_id").join(outside, on="corridor_id", how="left_anti")
    return Moves(product.purpose, served, rows.persist())


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
    known = context.lake.door(reads=[Schema.REFERENCE])
    params = HomeParams.from_policy(policy.homes, policy.time_zone, 60 * policy.segments.max_gap_minutes)
    tiles = counted.filter("role = 'partition'").select("tile", "zone_id")
    votes = home_votes(
        door.read(MOVEMENT),
        door.read(PROFILE),
        longer_pseudonyms(context, days, "month"),
        cell_zones(nearest, tiles),
        days_frame(context.spark, days, policy),
        params,
    )
    lifts = home_lifts(known.read(ZONES), known.read(ZONE_TILES), known.read(RESIDENTS), policy.radio).localCheckpoint()
    # The baseline is a map of masts and nothing else.
    both = {"threestep": (door.read(HOMES), lifts), "nearest_cell": (votes, lifts.limit(0))}
    found = [home_zones(*given, purpose, params).withColumn("method", F.lit(name)) for name, given in both.items()]
    return found[0].unionByName(found[1])


def _both(suite: DataFrame, nearest: DataFrame) -> DataFrame:
    return suite.withColumn("method", F.lit("threestep")).unionByName(
        nearest.withColumn("method", F.lit("nearest_cell"))
    )


def _pairs(context: RunContext, segments: DataFrame, positions: DataFrame, counted: DataFrame) -> DataFrame:
    weeks = longer_pseudonyms(context, context.settings.days, "week")
    placed = _redrawn(context, segments, positions, weeks, "week")
    made = trips(placed, counted.filter("role = 'partition'"), context.policy.time_zone)
    return od_contributions(made, weeks)


def _redrawn(
    context: RunContext, segments: DataFrame, positions: DataFrame, pairs: DataFrame, kind: PeriodKind
) -> DataFrame:
    profile = context.lake.door(reads=[Schema.PSEUDONYMOUS]).read(PROFILE)
    return redrawn(segments, positions, profile, pairs, kind, context.policy.segments.home_away_factor)


def _trips(segments: DataFrame, counted: DataFrame, purpose: str, time_zone: str) -> DataFrame:
    """Trips from zone to zone, by the very function that the product counts by."""
    made = trips(segments, counted.filter("role = 'partition'"), time_zone)
    served = made.filter(serves(F.col("purposes"), purpose)).filter("origin_zone_id <> destination_zone_id")
    return served.groupBy("date", "origin_zone_id", "destination_zone_id").agg(F.count("*").alias("trips"))


def _levels(zones: DataFrame) -> list[str]:
    found = zones.filter("role = 'partition'").select("level", "depth").distinct().orderBy("depth").collect()
    return [row["level"] for row in found]
