"""From noised counts to judged, extrapolated rows of a product, frozen in staging before anything looks at them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.products import NOISED, PANEL, PRODUCTS, RELEASES, staged
from expectations.residents import RESIDENTS
from expectations.zones import ZONES
from jobs.aggregate.counts import Mechanism, mechanism
from jobs.aggregate.identity import release_id
from jobs.aggregate.specs import CELL, SPECS, ProductSpec
from jobs.context import RunContext
from jobs.errors import ReleaseError
from jobs.lake import Door
from jobs.release.disclosure import DisclosureParams, judged_partition, judged_places, lineage
from jobs.release.extrapolate import factors, with_estimates
from jobs.settings import Policy


@dataclass(frozen=True)
class Ground:
    """What a release has to know of the zones; public.

    Attributes:
        levels: Levels of the partition, coarsest first.
        zones: Number of zones by role.
        finest: Number of zones of the finest level of the partition.
    """

    levels: tuple[str, ...]
    zones: Mapping[str, int]
    finest: int


def ground(zones: DataFrame) -> Ground:
    """Look the levels and numbers of zones up, in one action."""
    rows = zones.groupBy("role", "level", "depth").agg(F.count("*").alias("zones")).collect()
    nested = sorted((row["depth"], row["level"]) for row in rows if row["role"] == "partition")
    number: dict[str, int] = {}
    for row in rows:
        number[row["role"]] = number.get(row["role"], 0) + int(row["zones"])
    levels = tuple(dict.fromkeys(level for _, level in nested))
    finest = sum(int(row["zones"]) for row in rows if row["role"] == "partition" and row["level"] == levels[-1])
    return Ground(levels, number, finest)


def freeze(context: RunContext, door: Door, product: str, days: Sequence[dt.date], open_panel: Sequence[dt.date],
           found: Ground) -> None:  # fmt: skip
    """Judge and extrapolate the days' cells of a product, and freeze them in its staging table.

    Args:
        context: Context of the run.
        door: Reads reference, staging and products; writes staging.
        product: Name of the product.
        days: Days that are not released yet.
        open_panel: Days whose panel is frozen in staging but not released yet.
        found: See ``ground``.
    """
    contract = PRODUCTS[product]
    zones, policy = door.read(ZONES), context.policy
    ids = {release_id(product, day): day for day in days}
    noised = door.read(NOISED).filter(F.col("release_id").isin(sorted(ids)))
    parts = []
    # Days differ in their noise only where a clock change takes an hour away: one plan a length of day.
    for hours in sorted({len(policy.hours(day)) for day in days}):
        same = {r: day for r, day in ids.items() if len(policy.hours(day)) == hours}
        parts.append(
            _judged(context, product, zones, noised.filter(F.col("release_id").isin(sorted(same))), same, found)
        )
    judged = reduce(DataFrame.unionByName, parts)
    dates = context.spark.createDataFrame(list(ids.items()), "release_id STRING, date DATE")
    dated = judged.join(F.broadcast(dates), on="release_id", how="inner")
    panel = dated if product == PANEL.name else _panel(door, days, open_panel)
    result = with_estimates(dated, factors(panel, door.read(RESIDENTS), zones))
    door.replace(staged(contract), named(result, SPECS[product]).coalesce(1), sorted(ids))


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


def _panel(door: Door, days: Sequence[dt.date], open_panel: Sequence[dt.date]) -> DataFrame:
    """Panel figures that estimates are made from: released ones, and those frozen for the same release."""
    valid = door.read(RELEASES).select("release_id")
    rows = door.read(PANEL).filter(F.col("date").isin(list(days)))
    released = rows.join(F.broadcast(valid), on="release_id", how="left_semi")
    ids = [release_id(PANEL.name, day) for day in open_panel]
    if not ids:
        return released
    return released.unionByName(door.read(staged(PANEL)).filter(F.col("release_id").isin(ids)))
