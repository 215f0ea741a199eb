"""Job periods, its release: from noised counts of weeks and months to gated releases, as for days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.product_words import DAYPARTS
from expectations.products import CATCHMENT, NOISED, OD, PRODUCTS, RELEASES, staged
from expectations.residents import RESIDENTS
from expectations.zones import ZONE_TILES, ZONES
from jobs.aggregate.counts import mechanism
from jobs.aggregate.distances import distances, zone_centres
from jobs.aggregate.identity import Period, release_id
from jobs.aggregate.period_cells import catchment_domain, pairs_of
from jobs.aggregate.specs import CELL, SPECS
from jobs.aggregate.thresholds import Threshold
from jobs.context import JobReport, RunContext
from jobs.errors import ReleaseError
from jobs.lake import Door
from jobs.release.budget import Charge, charge
from jobs.release.catchment import judged_catchment, reach
from jobs.release.disclosure import BLOCKS
from jobs.release.estimates import correction_words, estimated, factors_of, named, people_of, released_panel
from jobs.release.extrapolate import descriptions
from jobs.release.flows import judged_flows, judged_found
from jobs.release.judge import ground, min_persons
from jobs.release.publish import Issue, publish_rows
from jobs.release.sums import SumParams
from jobs.settings import Policy

FALLBACK_NOTE = "who was seen on too few nights counts by the registered zone of residence"
THRESHOLD_NOTE = "the domain is too large: only cells above a threshold are drawn for and listed, and no sums"


def charge_periods(context: RunContext, wanted: Sequence[tuple[str, Period]], threshold: Threshold | None) -> None:
    """Charge releases of weeks and months to the privacy ledger; noise may be drawn only after this.

    Args:
        context: Context of the run.
        wanted: Products and their periods.
        threshold: Of od, where its domain is not laid out.

    Raises:
        BudgetError: A cap would be passed.
    """
    products, charges = context.policy.products, []
    for product, period in wanted:
        delta = threshold.delta if threshold and product == OD.name else 0.0
        name = release_id(product, period.name)
        charges.append(Charge(name, product, period.kind, period.name, products[product].rho, delta=delta))
    door = context.lake.door(writes=[Schema.AUDIT])
    charge(context.spark, door, charges, context.policy, dt.datetime.now(dt.UTC))


def run_release_periods(
    context: RunContext, wanted: Sequence[tuple[str, Period]], threshold: Threshold | None
) -> JobReport:
    """Judge, extrapolate, gate and publish weeks and months; works on noised and public figures alone.

    Raises:
        ReleaseError: The gate blocked a product; the others are released.
    """
    door = context.lake.door(reads=[Schema.REFERENCE], writes=[Schema.STAGING, Schema.PRODUCTS, Schema.AUDIT])
    entries: list[tuple[object, ...]] = []
    blocked: list[str] = []
    totals: dict[str, float] = {}
    for product, period in wanted:
        context.say(f"releasing {product} of {period.name}")
        if product == OD.name:
            expected, how = _freeze_od(context, door, period, threshold)
        else:
            expected, how = _freeze_catchment(context, door, period)
        issue = Issue(period.name, 0, notes(product, period, threshold), how)
        made = publish_rows(context, door, product, [issue], expected)
        entries += made.entries
        blocked += [made.blocked] if made.blocked else []
        for status, cells in made.statuses:
            totals[status] = totals.get(status, 0.0) + cells
    if entries:
        door.merge(RELEASES, context.spark.createDataFrame(entries, RELEASES.struct).coalesce(1), matched={})
    if blocked:
        raise ReleaseError(" ".join(blocked))
    return JobReport("periods", rows_out=int(sum(totals.values())), counts=totals)


def notes(product: str, period: Period, threshold: Threshold | None) -> tuple[str, ...]:
    """What limits a release: days that are missing, and how it was made."""
    found = []
    if period.missing:
        days = ", ".join(str(day) for day in period.missing)
        whole = len(period.days) + len(period.missing)
        found.append(f"made from {len(period.days)} of the {period.kind}'s {whole} days; missing: {days}")
    if product == OD.name and threshold is not None:
        found.append(THRESHOLD_NOTE)
    if product == CATCHMENT.name:
        found.append(FALLBACK_NOTE)
    return tuple(found)


def period_factors(by_day: DataFrame, period: Period) -> DataFrame:
    """The factors of a period: of each zone the mean of its days', rounded to six digits; entered to the last day.

    Args:
        by_day: See ``jobs.release.factors.factor_table``.
        period: The period.

    Returns:
        ``date, zone_id, factor, relative, source``; what a factor rests on is that of the last day that has one.
    """
    mean = {name: F.round(F.avg(name), 6).alias(name) for name in ("factor", "relative")}
    within = by_day.filter(F.col("date").between(F.lit(period.first), F.lit(period.last)))
    return (
        within.groupBy("zone_id")
        .agg(mean["factor"], mean["relative"], F.max_by("source", "date").alias("source"))
        .select(F.lit(period.last).alias("date"), "zone_id", "factor", "relative", "source")
    )


def _freeze_od(
    context: RunContext, door: Door, period: Period, threshold: Threshold | None
) -> tuple[int | None, str | None]:
    policy = context.policy
    params = _params(policy, OD.name, "partition")
    noised = _noised(door, OD.name, period)
    judged = judged_flows(noised, params) if threshold is None else judged_found(noised, params)
    # A sum's estimate takes the factor of its one end; there are no parts that a reader could tell apart.
    how = _freeze(context, door, OD.name, period, judged.withColumn("blocks", F.lit(None).cast(BLOCKS)))
    if threshold is not None:
        return None, how
    pairs = pairs_of(policy, door.read(ZONES), door.read(ZONE_TILES), door.read(RESIDENTS))
    apart = pairs.filter("zone_id <> other")
    found = pairs.agg(F.count("*").alias("n")).crossJoin(
        apart.agg(F.count_distinct("zone_id").alias("out"), F.count_distinct("other").alias("into"))
    )
    return len(DAYPARTS) * sum(found.collect()[0]), how


def _freeze_catchment(context: RunContext, door: Door, period: Period) -> tuple[int, str | None]:
    policy, zones = context.policy, door.read(ZONES)
    roles = sorted(map(str, policy.products[CATCHMENT.name].mechanisms))
    params = {role: _params(policy, CATCHMENT.name, role) for role in roles}
    centres = zone_centres(door.read(ZONE_TILES))
    finest = F.broadcast(zones.filter("is_finest").select("zone_id"))
    between = distances(centres, centres.join(finest, on="zone_id", how="left_semi"))
    shown = zones.filter("is_finest OR role = 'place'").filter(F.col("role").isin(sorted(params)))
    domain = catchment_domain(shown, between).join(F.broadcast(zones.select("zone_id", "level")), "zone_id", "inner")
    domain = domain.withColumn("release_id", F.lit(release_id(CATCHMENT.name, period.name))).persist()
    # Visitors stand for people by where they live, not by where they go: blocks name their homes.
    judged = judged_catchment(_noised(door, CATCHMENT.name, period), domain, params, adaptive=policy.adaptive)
    frozen = judged.join(F.broadcast(reach(judged, between)), on="zone_id", how="left")
    how = _freeze(context, door, CATCHMENT.name, period, frozen)
    expected = domain.count()
    domain.unpersist()
    return expected, how


def _freeze(context: RunContext, door: Door, product: str, period: Period, judged: DataFrame) -> str | None:
    """Extrapolate, and freeze in the product's staging table before anything looks at the rows.

    Args:
        context: Context of the run.
        door: Reads reference, staging and products; writes staging.
        product: Name of the product.
        period: The period.
        judged: ``release_id, level``, ``CELL``, ``status, persons, sigma, blocks`` and columns of the product's own.

    Returns:
        How estimates were made.
    """
    policy, zones = context.policy, door.read(ZONES)
    found, days = ground(zones), list(period.days)
    panel = released_panel(door, days)
    by_day = factors_of(policy, door, panel, people_of(door, days), days, found.levels)
    table = period_factors(by_day, period).localCheckpoint()
    dated = judged.withColumns({"date": F.lit(period.last), "product": F.lit(product)})
    result = estimated(policy, door, dated, table, found.levels).drop("date", "product")
    rows = named(result.withColumn("period", F.lit(period.name)), SPECS[product]).repartition(1)
    door.replace(staged(PRODUCTS[product]), rows, [release_id(product, period.name)])
    told = descriptions(table, people_of(door, [period.last]), zones).get(period.last)
    return f"{told}; factors are the means of the days'{correction_words(policy, product)}" if told else None


def _noised(door: Door, product: str, period: Period) -> DataFrame:
    rows = door.read(NOISED).filter(F.col("release_id") == release_id(product, period.name))
    return rows.select("release_id", "level", *CELL, "noised")


def _params(policy: Policy, product: str, role: str) -> SumParams:
    found = mechanism(policy, product, role, 0)
    if found is None:
        raise ReleaseError(f"policy switches {product} on without a mechanism for the {role}: add one, or drop it")
    return SumParams(min_persons(policy, product), policy.margin_sigmas, found.sigma)
