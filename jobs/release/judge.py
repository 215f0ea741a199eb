"""From noised counts to judged, extrapolated rows of a product, frozen in staging before anything looks at them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.corridors import CORRIDORS
from expectations.footprints import ZONE_RESOLUTION
from expectations.products import CATCHMENT, CORRIDOR_FLOW, NOISED, PANEL, PRODUCTS, RELEASES, staged
from expectations.residents import RESIDENTS
from expectations.zones import ZONE_TILES, ZONES
from jobs.aggregate.counts import Mechanism, mechanism
from jobs.aggregate.identity import release_id
from jobs.aggregate.specs import CELL, SPECS, ProductSpec
from jobs.context import RunContext
from jobs.errors import ReleaseError
from jobs.lake import Door
from jobs.release.along import (
    LEVEL,
    SPEED_LEVEL,
    AlongParams,
    EmissionFactors,
    flow_domain,
    judged_along,
    with_emissions,
)
from jobs.release.disclosure import DisclosureParams, judged_partition, judged_places, lineage
from jobs.release.extrapolate import EstimateParams, with_estimates
from jobs.release.factors import FactorParams, factor_table, homes_of_places, residents_at
from jobs.release.model_error import model_error
from jobs.settings import Policy


@dataclass(frozen=True)
class Ground:
    """What a release has to know of the zones; public.

    Attributes:
        levels: Levels of the partition, coarsest first.
        zones: Number of zones by role.
        finest: Number of zones of the finest level of the partition.
        corridors: Number of corridors.
    """

    levels: tuple[str, ...]
    zones: Mapping[str, int]
    finest: int
    corridors: int = 0


def ground(zones: DataFrame, corridors: DataFrame | None = None) -> Ground:
    """Look the levels and numbers of zones and corridors up."""
    rows = zones.groupBy("role", "level", "depth").agg(F.count("*").alias("zones")).collect()
    nested = sorted((row["depth"], row["level"]) for row in rows if row["role"] == "partition")
    number: dict[str, int] = {}
    for row in rows:
        number[row["role"]] = number.get(row["role"], 0) + int(row["zones"])
    levels = tuple(dict.fromkeys(level for _, level in nested))
    finest = sum(int(row["zones"]) for row in rows if row["role"] == "partition" and row["level"] == levels[-1])
    return Ground(levels, number, finest, corridors.count() if corridors is not None else 0)


def freeze(context: RunContext, door: Door, product: str, days: Sequence[dt.date], found: Ground,
           factors: DataFrame | None) -> None:  # fmt: skip
    """Judge and extrapolate the days' cells of a product, and freeze them in its staging table.

    Args:
        context: Context of the run.
        door: Reads reference, staging and products; writes staging.
        product: Name of the product.
        days: Days that are not released yet.
        found: See ``ground``.
        factors: See ``factors_of``; of the panel itself ``None``: they are made of its own figures.
    """
    contract = PRODUCTS[product]
    zones, policy = door.read(ZONES), context.policy
    ids = {release_id(product, day): day for day in days}
    noised = door.read(NOISED).filter(F.col("release_id").isin(sorted(ids)))
    parts = []
    # Days differ in their noise only where a clock change takes an hour away: one plan a length of day.
    for hours in sorted({len(policy.hours(day)) for day in days}):
        same = {r: day for r, day in ids.items() if len(policy.hours(day)) == hours}
        if product == CORRIDOR_FLOW.name:
            cells = noised.filter(F.col("release_id").isin(sorted(same)))
            parts.append(_judged_along(policy, cells, door.read(CORRIDORS), same))
            continue
        parts.append(
            _judged(context, product, zones, noised.filter(F.col("release_id").isin(sorted(same))), same, found)
        )
    judged = reduce(DataFrame.unionByName, parts)
    dates = context.spark.createDataFrame(list(ids.items()), "release_id STRING, date DATE")
    dated = judged.join(F.broadcast(dates), on="release_id", how="inner")
    table = factors if factors is not None else factors_of(context, door, dated, days, found)
    errors = model_error().of(product) if policy.extrapolation.model_error else {}
    result = with_estimates(dated, table, door.read(ZONE_RESOLUTION), EstimateParams(found.levels, errors))
    if product == CORRIDOR_FLOW.name:
        result = with_emissions(result, door.read(CORRIDORS), EmissionFactors())
    # Not coalesced: that would leave the Monte Carlo to one core.
    door.replace(staged(contract), named(result, SPECS[product]).repartition(1), sorted(ids))


def factors_of(
    context: RunContext, door: Door, panel: DataFrame, days: Sequence[dt.date], found: Ground
) -> DataFrame:  # fmt: skip
    """The factors of the days' zones, see ``jobs.release.factors.factor_table``.

    Args:
        context: Context of the run.
        door: Reads reference and products.
        panel: Panel figures of the days, see ``panel_of``.
        days: The days.
        found: See ``ground``.
    """
    policy, zones = context.policy, door.read(ZONES)
    drawn = mechanism(policy, PANEL.name, "partition", 1)
    params = FactorParams(found.levels, drawn.sigma if drawn else 0.0, policy.extrapolation)
    places = homes_of_places(zones, door.read(ZONE_TILES))
    people = people_of(context, door, days)
    return factor_table(panel, people, zones, places, _catchment(door, min(days)), params)


def people_of(context: RunContext, door: Door, days: Sequence[dt.date]) -> DataFrame:
    """Official residents as of the days, see ``jobs.release.factors.residents_at``."""
    return residents_at(door.read(RESIDENTS), context.spark.createDataFrame([(day,) for day in days], "date DATE"))


def _catchment(door: Door, day: dt.date) -> DataFrame:
    """The latest catchment that has been released, of the day's month or before it."""
    valid = door.read(RELEASES).filter((F.col("product") == CATCHMENT.name) & (F.col("period") <= f"{day:%Y-%m}"))
    latest = valid.agg(F.max_by("release_id", F.struct("period", "correction")).alias("release_id"))
    rows = door.read(CATCHMENT).filter("status = 'published'")
    return rows.join(F.broadcast(latest), on="release_id", how="left_semi").select("zone_id", "home_zone_id", "persons")


def named(cells: DataFrame, spec: ProductSpec) -> DataFrame:
    """Give cells the product's own column names, with null in columns that nothing has filled."""
    own = {place: name for name, place in spec.keys.items()}
    named = cells.select(*(F.col(c).alias(own.get(c, c)) for c in cells.columns if c not in CELL or c in own))
    empty = {c.name: F.lit(None).cast(c.type) for c in spec.contract.columns if c.name not in named.columns}
    return named.withColumns(empty).select(spec.contract.column_names)


def _judged(
    context: RunContext, product: str, zones: DataFrame, noised: DataFrame, ids: Mapping[str, dt.date], found: Ground
) -> DataFrame:
    policy = context.policy
    hours = len(policy.hours(next(iter(ids.values()))))
    partition, place = mechanism(policy, product, "partition", hours), mechanism(policy, product, "place", hours)
    params = _params(policy, product, partition, place)
    spec = SPECS[product]
    levels = list(found.levels) if spec.is_nested else [found.levels[-1]]
    within, beyond = noised.filter(F.col("level") == levels[-1]), noised.filter(F.col("level") != levels[-1])
    if spec.is_nested:
        judged = judged_partition(within, lineage(zones, levels), levels, params)
    else:
        # Not every word need exist in every zone: what was not drawn is unresolved, as at places.
        finest = _cells(context, policy, spec, ids, zones.filter("is_finest"))
        judged = judged_places(within, finest, replace(params, sigma_place=params.sigma_partition))
    if place is None:
        return judged
    cells = _cells(context, policy, spec, ids, zones.filter("role = 'place'"))
    return judged.unionByName(judged_places(beyond, cells, params))


def _judged_along(policy: Policy, noised: DataFrame, corridors: DataFrame, ids: Mapping[str, dt.date]) -> DataFrame:
    """Flows along corridors have no zones: their own domain, thresholds and speed bands."""
    hours = {r: policy.hours(day) for r, day in ids.items()}
    most = len(next(iter(hours.values())))
    persons, speed = (mechanism(policy, CORRIDOR_FLOW.name, level, most) for level in (LEVEL, SPEED_LEVEL))
    if persons is None:
        raise ReleaseError("policy switches corridor_flow on without a mechanism for the corridor: add one, or drop it")
    params = AlongParams(
        min_persons(policy, CORRIDOR_FLOW.name), policy.margin_sigmas, persons.sigma, speed.sigma if speed else None
    )
    return judged_along(noised, flow_domain(corridors, hours), params)


def _cells(
    context: RunContext, policy: Policy, spec: ProductSpec, ids: Mapping[str, dt.date], zones: DataFrame
) -> DataFrame:
    """Every cell of some zones: ``release_id, level`` and ``CELL``."""
    words = [
        (r, hour, part, other)
        for r, day in ids.items()
        for hour in (policy.hours(day) if spec.by_hour else [None])
        for part in spec.part_words or [None]
        for other in spec.other_words or [None]
    ]
    return context.spark.createDataFrame(words, "release_id STRING, hour INT, part STRING, other STRING").join(
        F.broadcast(zones.select("zone_id", "level")), how="cross"
    )


def _params(policy: Policy, product: str, partition: Mechanism | None, place: Mechanism | None) -> DisclosureParams:
    if partition is None:
        raise ReleaseError(f"policy switches {product} on without a mechanism for the partition: add one, or drop it")
    return DisclosureParams(
        min_persons=min_persons(policy, product),
        margin_sigmas=policy.margin_sigmas,
        sigma_partition=partition.sigma,
        sigma_place=place.sigma if place else None,
        adaptive=policy.adaptive and "covers" in PRODUCTS[product].column_names,
    )


def min_persons(policy: Policy, product: str) -> int:
    """Threshold of a product before the margin, persons."""
    return policy.min_persons_attributes if policy.products[product].with_attributes else policy.min_persons


def panel_of(door: Door, days: Sequence[dt.date], open_panel: Sequence[dt.date]) -> DataFrame:
    """Panel figures that estimates are made from: released ones, and those frozen for the same release."""
    valid = door.read(RELEASES).select("release_id")
    rows = door.read(PANEL).filter(F.col("date").isin(list(days)))
    released = rows.join(F.broadcast(valid), on="release_id", how="left_semi")
    ids = [release_id(PANEL.name, day) for day in open_panel]
    if not ids:
        return released
    return released.unionByName(door.read(staged(PANEL)).filter(F.col("release_id").isin(ids)))
