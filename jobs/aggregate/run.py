"""Job aggregate (stage 3): counts persons on the public domain and draws the noise, once a release."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.footprints import CELL_POSITIONS
from expectations.movement import PROFILE
from expectations.products import NOISED
from expectations.segments import SEGMENTS
from expectations.zones import ZONE_TILES, ZONES
from jobs.aggregate.counts import Mechanism, footfall_counts, mechanism, on_domain, panel_counts
from jobs.aggregate.identity import release_id
from jobs.aggregate.noise import adder, noise_source
from jobs.aggregate.specs import SPECS, daily
from jobs.context import JobReport, RunContext
from jobs.errors import ReleaseError
from jobs.settings import Policy
from jobs.transform.presence import PresenceParams, counted_zones, main_zones, observed
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


def domain(draws: Sequence[Draw], zones: DataFrame, countable: DataFrame, policy: Policy) -> DataFrame:
    """The public domain of some draws, one row a cell: fixed by zones, clock and policy, never by data.

    Args:
        draws: See ``planned_draws``.
        zones: Rows of ``reference.zones``.
        countable: ``zone_id`` of zones on which a count can be made (unresolved places are left out).
        policy: For the hours of the clock.
    """
    rows = [
        (d.release_id, d.product, d.date, d.role, hour, part, other, d.mechanism.sigma)
        for d in draws
        for hour in (policy.hours(d.date) if SPECS[d.product].by_hour else [None])
        for part in SPECS[d.product].part_words or [None]
        for other in SPECS[d.product].other_words or [None]
    ]
    named = zones.filter("is_finest OR role = 'place'").join(F.broadcast(countable), on="zone_id", how="left_semi")
    cells = zones.sparkSession.createDataFrame(rows, _DOMAIN)
    return cells.join(F.broadcast(named.select("role", "zone_id", "level")), on="role", how="inner")


def countable_zones(zones: DataFrame, counted: DataFrame, positions: DataFrame) -> DataFrame:
    """Zones that the network can tell: all but places under four tiles without a small cell of their own.

    A small cell is a place's own if at least half of its footprint's quantiles lie in the place.
    """
    small = positions.filter("is_small").select("cell_id", F.explode("quantiles").alias("tile"))
    inside = small.join(F.broadcast(counted.filter("small_cells_only")), on="tile", how="left")
    share = F.count("zone_id") / F.count("*")
    own = inside.groupBy("cell_id").agg(share.alias("share"), F.max("zone_id").alias("zone_id")).filter("share >= 0.5")
    large = counted.filter("NOT small_cells_only").select("zone_id").distinct()
    known = zones.select("zone_id")
    return known.join(large.unionByName(own.select("zone_id").distinct()), on="zone_id", how="left_semi")


def run_aggregate(context: RunContext, days: Sequence[dt.date]) -> JobReport:
    """Draw the noised counts of the days' releases into ``staging.noised``; budget must be charged before.

    Costs two shuffles of segments, by (date, pseudonym): main zones of the hour, and the panel. A release
    that was drawn before is left as it is: drawing again would average the noise out.
    """
    door = context.lake.door(reads=[Schema.PSEUDONYMOUS, Schema.REFERENCE], writes=[Schema.STAGING])
    policy, source = context.policy, noise_source()
    zones = door.read(ZONES)
    roles = [row["role"] for row in zones.select("role").distinct().orderBy("role").collect()]
    draws = planned_draws(policy, days, roles)
    drawn = _drawn(context)
    missing = [draw for draw in draws if draw.release_id not in drawn]
    if not missing:
        return JobReport("aggregate", skipped=True)
    wanted = sorted({draw.date for draw in missing})
    counted = counted_zones(zones, door.read(ZONE_TILES)).persist()
    cells = domain(missing, zones, countable_zones(zones, counted, _positions(context)), policy)
    rows = door.read(SEGMENTS).filter(F.col("date").isin(wanted))
    who = door.read(PROFILE).filter(F.col("date").isin(wanted))
    parts = []
    if "footfall" in policy.products:
        shift = hour_offset_seconds(wanted[0], policy.time_zone)
        params = PresenceParams(policy.products["footfall"].purpose, policy.time_zone, shift)
        counts = footfall_counts(main_zones(rows, counted, params))
        parts.append(on_domain(cells.filter("product = 'footfall'"), counts))
    if "panel" in policy.products:
        counts = panel_counts(observed(rows, who, policy.products["panel"].purpose))
        parts.append(on_domain(cells.filter("product = 'panel'"), counts))
    exact = parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])
    noised = exact.mapInArrow(adder(source), f"{_columns()}")  # type: ignore[arg-type]
    door.replace(NOISED, noised, sorted({draw.release_id for draw in missing}))
    counted.unpersist()
    report = context.gate.validate(_of(context, missing), NOISED, f"{wanted[0]}..{wanted[-1]}", min_rows=1)
    if not report.passed:
        raise ReleaseError(report.message())
    total = [r.rows for r in report.results if r.rows is not None]
    return JobReport("aggregate", rows_out=total[0] if total else None, counts={"releases": float(len(missing))})


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
