"""Job aggregate (stage 3): counts persons on the public domain and draws the noise, once a release."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.corridors import CORRIDOR_CELLS, CORRIDORS
from expectations.footprints import CELL_POSITIONS, ZONE_RESOLUTION
from expectations.movement import PROFILE
from expectations.products import NOISED
from expectations.segments import SEGMENTS
from expectations.zones import ZONE_TILES, ZONES
from jobs.aggregate.corridor_cells import PERSONS, SPEED, flow_lines
from jobs.aggregate.counts import Mechanism, cell_counts, mechanism, on_domain
from jobs.aggregate.daily import Shared, contributions
from jobs.aggregate.identity import release_id
from jobs.aggregate.noise import adder, noise_source
from jobs.aggregate.offered import has_corridors
from jobs.aggregate.specs import SPECS, daily
from jobs.context import JobReport, RunContext
from jobs.errors import ReleaseError
from jobs.settings import Policy
from jobs.transform.presence import by_unit, counted_zones, kept
from udfs.time import hour_offset_seconds

_DOMAIN = "release_id STRING, product STRING, date DATE, role STRING, hour INT, part STRING, other STRING, sigma DOUBLE"


@dataclass(frozen=True)
class Draw:
    """One level of one release: what is drawn, and with which noise."""

    release_id: str
    product: str
    date: dt.date
    role: str
    mechanism: Mechanism


def planned_draws(policy: Policy, days: Sequence[dt.date], roles: Sequence[str]) -> list[Draw]:
    """The draws of every daily product that the policy switches on, for the roles that the zones have."""
    draws = []
    for day in days:
        hours = len(policy.hours(day))
        for product in daily(policy.products):
            for role in roles:
                found = mechanism(policy, product, role, hours)
                if found is not None:
                    draws.append(Draw(release_id(product, day), product, day, role, found))
    return draws


def domain(
    draws: Sequence[Draw], zones: DataFrame, countable: DataFrame, policy: Policy, lines: DataFrame | None = None
) -> DataFrame:
    """The public domain of some draws, one row a cell: fixed by zones, clock and policy, never by data.

    Args:
        draws: See ``planned_draws``.
        zones: Rows of ``reference.zones``.
        countable: See ``countable_zones``.
        policy: For the hours of the clock.
        lines: See ``corridor_cells.flow_lines``; ``None`` where there are no corridors.
    """
    rows = [
        (d.release_id, d.product, d.date, d.role, hour, part, other, d.mechanism.sigma)
        for d in draws
        for hour in (policy.hours(d.date) if SPECS[d.product].by_hour else [None])
        for part in SPECS[d.product].part_words or [None]
        for other in SPECS[d.product].others(d.role)
    ]
    named = zones.filter("is_finest OR role = 'place'").join(F.broadcast(countable), on="zone_id", how="inner")
    cells = zones.sparkSession.createDataFrame(rows, _DOMAIN)
    places = named.select("role", "zone_id", "level", "by_small_cells")
    places = places if lines is None else places.unionByName(lines)
    on_zones = cells.join(F.broadcast(places), on="role", how="inner")
    fine = {(name, part) for name, spec in SPECS.items() for part in spec.small_cell_parts}
    told = F.struct("product", "part").isin([F.struct(F.lit(name), F.lit(part)) for name, part in sorted(fine)])
    return on_zones.filter(F.col("by_small_cells") | F.coalesce(~told, F.lit(True))).drop("by_small_cells")


def countable_zones(zones: DataFrame, counted: DataFrame, positions: DataFrame) -> DataFrame:
    """Zones that the network can tell: all but places under four tiles without a small cell of their own.

    A small cell is a place's own if at least half of its footprint's quantiles lie in the place.

    Returns:
        ``zone_id, by_small_cells``: whether the zone is a place with a small cell of its own.
    """
    small = positions.filter("is_small").select(
        "cell_id", F.size("quantiles").alias("all"), F.explode("quantiles").alias("tile")
    )
    inside = small.join(F.broadcast(counted.filter("role = 'place'")), on="tile", how="inner")
    own = inside.groupBy("cell_id", "zone_id", "all").agg(F.count("*").alias("mine")).filter("mine >= 0.5 * all")
    resolved = own.select("zone_id", F.lit(True).alias("by_small_cells")).distinct()
    large = counted.groupBy("zone_id").agg(F.max("small_cells_only").alias("needs_small"))
    told = large.join(resolved, on="zone_id", how="left").filter("NOT needs_small OR by_small_cells")
    flagged = told.select("zone_id", F.coalesce("by_small_cells", F.lit(False)).alias("by_small_cells"))
    return zones.select("zone_id").join(flagged, on="zone_id", how="inner")


def countable_tiles(zones: DataFrame, zone_tiles: DataFrame, positions: DataFrame) -> DataFrame:
    """Tiles of the zones on which counts can be made.

    Returns:
        See ``jobs.transform.presence.counted_zones``, with ``by_small_cells``.
    """
    tiles = counted_zones(zones, zone_tiles)
    return tiles.join(F.broadcast(countable_zones(zones, tiles, positions)), on="zone_id", how="inner")


def run_aggregate(context: RunContext, days: Sequence[dt.date]) -> JobReport:
    """Draw the noised counts of the days' releases into ``staging.noised``; budget must be charged before.

    Costs one shuffle of segments, by (date, pseudonym), for all products. A release that was drawn before is
    left as it is: drawing again would average the noise out.
    """
    door = context.lake.door(reads=[Schema.PSEUDONYMOUS, Schema.REFERENCE], writes=[Schema.STAGING])
    policy, source = context.policy, noise_source()
    zones = door.read(ZONES)
    roles = [row["role"] for row in zones.select("role").distinct().orderBy("role").collect()]
    corridors = door.read(CORRIDORS) if has_corridors(context) else None
    lines = None if corridors is None else flow_lines(corridors, door.read(CORRIDOR_CELLS))
    draws = planned_draws(policy, days, [*roles, *((PERSONS, SPEED) if lines is not None else ())])
    drawn = _drawn(context)
    missing = [draw for draw in draws if draw.release_id not in drawn]
    if not missing:
        return JobReport("aggregate", skipped=True)
    wanted = sorted({draw.date for draw in missing})
    counted = countable_tiles(zones, door.read(ZONE_TILES), _positions(context)).persist()
    cells = domain(missing, zones, counted.select("zone_id", "by_small_cells").distinct(), policy, lines)
    shared = Shared(
        segments=kept(
            by_unit(
                door.read(SEGMENTS).filter(F.col("date").isin(wanted)), *(("ways",) if corridors is not None else ())
            )
        ),
        profile=door.read(PROFILE).filter(F.col("date").isin(wanted)),
        counted=counted,
        resolution=door.read(ZONE_RESOLUTION),
        time_zone=policy.time_zone,
        hour_shift_seconds=hour_offset_seconds(wanted[0], policy.time_zone),
        corridors=None if corridors is None else corridors.select("corridor_id", "length_m"),
    )
    exact = on_domain(cells, cell_counts(contributions(shared, _bounds(policy, missing))))
    noised = exact.mapInArrow(adder(source), f"{_columns()}")  # type: ignore[arg-type]
    door.replace(NOISED, noised, sorted({draw.release_id for draw in missing}))
    shared.release()
    counted.unpersist()
    report = context.gate.validate(_of(context, missing), NOISED, f"{wanted[0]}..{wanted[-1]}", min_rows=1)
    if not report.passed:
        raise ReleaseError(report.message())
    total = [r.rows for r in report.results if r.rows is not None]
    return JobReport("aggregate", rows_out=total[0] if total else None, counts={"releases": float(len(missing))})


def _bounds(policy: Policy, draws: Sequence[Draw]) -> dict[str, tuple[str, dict[str, int]]]:
    """Purpose and bounds by role of each product that is drawn."""
    most: dict[str, dict[str, int]] = {}
    for draw in draws:
        most.setdefault(draw.product, {})[draw.role] = draw.mechanism.max_cells
    return {product: (policy.products[product].purpose, found) for product, found in most.items()}


def _columns() -> str:
    return ", ".join(f"{c.name} {c.type}" for c in NOISED.columns)


def _positions(context: RunContext) -> DataFrame:
    return context.lake.door(reads=[Schema.REFERENCE]).read(CELL_POSITIONS).filter("ring IS NULL")


def _drawn(context: RunContext) -> set[str]:
    door = context.lake.door(reads=[Schema.STAGING])
    if not door.exists(NOISED):
        return set()
    return {row["release_id"] for row in door.read(NOISED).select("release_id").distinct().collect()}


def _of(context: RunContext, draws: Sequence[Draw]) -> DataFrame:
    ids = sorted({draw.release_id for draw in draws})
    return context.lake.door(reads=[Schema.STAGING]).read(NOISED).filter(F.col("release_id").isin(ids))
