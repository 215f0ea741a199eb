"""Stage 3 of weeks and months: persons by cell with noise, once a release."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.contract import Contract, Schema
from expectations.footprints import CELL_POSITIONS
from expectations.homes import HOMES
from expectations.od_contributions import OD_CONTRIBUTIONS
from expectations.product_words import DAYPARTS
from expectations.products import CATCHMENT, NOISED, OD
from expectations.residents import RESIDENTS
from expectations.visits import VISITS
from expectations.zones import ZONE_TILES, ZONES
from jobs.aggregate.bounds import bounded
from jobs.aggregate.counts import cell_counts, mechanism, on_domain
from jobs.aggregate.distances import distances, zone_centres
from jobs.aggregate.identity import Period, release_id
from jobs.aggregate.noise import adder, noise_source, threshold_adder
from jobs.aggregate.period_cells import (
    catchment_cells,
    catchment_domain,
    od_cells,
    od_domain,
    pairs_of,
    within,
)
from jobs.aggregate.run import countable_zones
from jobs.aggregate.specs import CELL
from jobs.aggregate.thresholds import Threshold, least_threshold
from jobs.context import JobReport, RunContext
from jobs.errors import ReleaseError
from jobs.lake import Door
from jobs.settings import Policy
from jobs.transform.homes import HomeParams
from jobs.transform.presence import counted_zones
from jobs.transform.prior import home_lifts
from jobs.transform.usual_places import home_zones

_NOISED = ", ".join(f"{c.name} {c.type}" for c in NOISED.columns)


def od_threshold(policy: Policy, pairs: int) -> Threshold | None:
    """The threshold of trips where their public domain is too large to be laid out; else None.

    Args:
        policy: The policy.
        pairs: Number of pairs, see ``pairs_of``.
    """
    found = mechanism(policy, OD.name, "partition", 0)
    if found is None or pairs * len(DAYPARTS) <= policy.od.max_cells:
        return None
    bar = policy.min_persons + policy.margin_sigmas * found.sigma
    return least_threshold(found.sigma, found.max_cells, policy.od.threshold_delta, bar)


def run_aggregate_periods(
    context: RunContext, wanted: Sequence[tuple[str, Period]], threshold: Threshold | None
) -> JobReport:
    """Draw the noised counts of weekly and monthly releases into ``staging.noised``; budget must be charged before.

    A release that was drawn before is left as it is: drawing again would average the noise out.

    Args:
        context: Context of the run.
        wanted: Products and their periods.
        threshold: See ``od_threshold``.
    """
    door = context.lake.door(reads=[Schema.PSEUDONYMOUS, Schema.REFERENCE], writes=[Schema.STAGING])
    drawn = {row["release_id"] for row in door.read(NOISED).select("release_id").distinct().collect()}
    missing = [(p, period) for p, period in wanted if release_id(p, period.name) not in drawn]
    if not missing:
        return JobReport("periods", skipped=True)
    source, parts = noise_source(), []
    for product, period in missing:
        counts = _od_counts if product == OD.name else _catchment_counts
        if product == OD.name and threshold is not None:
            exact = counts(context, door, period, lays_out=False)
            add = threshold_adder(source, threshold)
        else:
            exact, add = counts(context, door, period, lays_out=True), adder(source)
        parts.append(exact.mapInArrow(add, _NOISED))  # type: ignore[arg-type]
    ids = sorted(release_id(p, period.name) for p, period in missing)
    door.replace(NOISED, reduce(DataFrame.unionByName, parts), ids)
    written = door.read(NOISED).filter(F.col("release_id").isin(ids))
    report = context.gate.validate(written, NOISED, ",".join(ids), min_rows=0 if threshold else 1)
    if not report.passed:
        raise ReleaseError(report.message())
    return JobReport("periods", counts={"releases": float(len(missing))})


def _od_counts(context: RunContext, door: Door, period: Period, *, lays_out: bool) -> DataFrame:
    policy, zones = context.policy, door.read(ZONES)
    pairs = pairs_of(policy, zones, door.read(ZONE_TILES), door.read(RESIDENTS))
    domain = od_domain(pairs)
    rows = _of_period(door, OD_CONTRIBUTIONS, period)
    inside = within(od_cells(rows, policy.products[OD.name].purpose), domain)
    return _counted(policy, OD.name, period, inside, domain if lays_out else None, zones)


def _catchment_counts(context: RunContext, door: Door, period: Period, *, lays_out: bool) -> DataFrame:
    policy, zones, tiles = context.policy, door.read(ZONES), door.read(ZONE_TILES)
    countable = countable_zones(zones, counted_zones(zones, tiles), door.read(CELL_POSITIONS).filter("ring IS NULL"))
    visited = zones.filter("is_finest OR role = 'place'").join(countable, on="zone_id", how="left_semi")
    centres = zone_centres(tiles)
    finest = F.broadcast(zones.filter("is_finest").select("zone_id"))
    between = distances(centres, centres.join(finest, on="zone_id", how="left_semi"))
    domain = catchment_domain(visited, between)
    purpose = policy.products[CATCHMENT.name].purpose
    gap = 60 * policy.segments.max_gap_minutes
    params = HomeParams.from_policy(policy.homes, policy.time_zone, gap)
    lifts = home_lifts(zones, tiles, door.read(RESIDENTS), policy.radio)
    homes = home_zones(_of_period(door, HOMES, period), lifts, purpose, params)
    cells = catchment_cells(_of_period(door, VISITS, period), homes, purpose)
    return _counted(policy, CATCHMENT.name, period, within(cells, domain), domain if lays_out else None, zones)


def _of_period(door: Door, contract: Contract, period: Period) -> DataFrame:
    days = F.col("date").between(F.lit(period.first), F.lit(period.last))
    return door.read(contract).filter(days & (F.col(period.kind) == period.name))


def _counted(
    policy: Policy, product: str, period: Period, cells: DataFrame, domain: DataFrame | None, zones: DataFrame
) -> DataFrame:
    """Bounded units by cell: on the whole domain, zeros included, or, without one, where there are any."""
    roles = policy.products[product].mechanisms
    found = {str(role): m for role in roles if (m := mechanism(policy, product, role, 0)) is not None}
    date, name = F.lit(period.last).alias("date"), F.lit(product).alias("product")
    kept = bounded(cells.select(date, name, "role", "pseudonym", *CELL), {r: m.max_cells for r, m in found.items()})
    counts = cell_counts(kept)
    public = domain if domain is not None else kept.select("role", *CELL).distinct()
    sigma = F.lit(None).cast("double")
    for role, m in sorted(found.items()):
        sigma = F.when(F.col("role") == role, F.lit(m.sigma)).otherwise(sigma)
    laid_out = public.join(F.broadcast(zones.select("zone_id", "level")), on="zone_id", how="inner").select(
        F.lit(release_id(product, period.name)).alias("release_id"), date, name, "level", *CELL, sigma.alias("sigma")
    )
    return on_domain(laid_out.filter("sigma IS NOT NULL"), counts)
