"""What is shown of the days' cells, of all products at once: rules are columns, so that one plan judges them all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.corridors import CORRIDORS
from expectations.products import CORRIDOR_FLOW, NOISED
from expectations.zones import ZONES
from jobs.aggregate.counts import mechanism
from jobs.aggregate.identity import release_id
from jobs.aggregate.specs import CELL, SPECS, ProductSpec
from jobs.errors import ReleaseError
from jobs.lake import Door
from jobs.release.along import LEVEL, SPEED_LEVEL, AlongParams, flow_domain, judged_along
from jobs.release.disclosure import DisclosureParams, judged_partition, judged_places, lineage
from jobs.settings import Policy

Todo = Mapping[str, Sequence[dt.date]]
"""Products, and their days that are not released yet."""
_FINEST, _PLACE = "finest", "place"
_RULES = (
    "release_id STRING, place BOOLEAN, nested BOOLEAN, least INT, sigma DOUBLE, "
    "merged_over STRING, merged_words ARRAY<STRING>"
)
_WORDS = "release_id STRING, ground STRING, hour INT, part STRING, other STRING"


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


def judged_days(policy: Policy, door: Door, todo: Todo, found: Ground) -> DataFrame:
    """Judge the cells of all products that are due.

    Args:
        policy: For thresholds, noise, hours of the clock.
        door: Reads reference and staging.
        todo: Products and days.
        found: See ``ground``.

    Returns:
        One row a cell of the public domains: ``product, date, release_id, level``, ``CELL``, ``status, persons,
        sigma, covers, speed_band, blocks``. Shuffles product-sized rows alone.

    Raises:
        ReleaseError: The policy switches a product on without noise for its zones.
    """
    dated = [(release_id(product, day), product, day) for product, days in todo.items() for day in days]
    zones = door.read(ZONES)
    noised = door.read(NOISED).filter(F.col("release_id").isin(sorted(name for name, _, _ in dated)))
    parts = []
    zoned = {product: days for product, days in todo.items() if product != CORRIDOR_FLOW.name}
    if zoned:
        parts.append(_judged_zones(policy, zones, noised.filter(F.col("product").isin(sorted(zoned))), zoned, found))
    if CORRIDOR_FLOW.name in todo:
        cells = noised.filter(F.col("product") == CORRIDOR_FLOW.name)
        parts.append(_judged_corridors(policy, door.read(CORRIDORS), cells, todo[CORRIDOR_FLOW.name]))
    judged = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
    if "speed_band" not in judged.columns:
        judged = judged.withColumn("speed_band", F.lit(None).cast("string"))
    of = zones.sparkSession.createDataFrame(dated, "release_id STRING, product STRING, date DATE")
    return judged.join(F.broadcast(of), on="release_id", how="inner").select(
        "product", "date", "release_id", "level", *CELL,
        "status", "persons", "sigma", "covers", "speed_band", "blocks",
    )  # fmt: skip


def of_peopled_days(judged: DataFrame, panel: DataFrame) -> DataFrame:
    """Suppress every figure of the days of which no zone's panel is shown.

    Nobody would stand behind such a figure: among tens of thousands of empty cells, noise alone carries some past the
    margin. Decided on noised figures, so it costs nothing.

    Args:
        judged: See ``judged_days``.
        panel: ``date, status`` of the panel's cells of these days, judged or released.
    """
    peopled = panel.filter("status = 'published'").select("date", F.lit(True).alias("_peopled")).distinct()
    empty = F.col("_peopled").isNull()
    shown = F.col("status").isin("published", "merged")
    changed = {"status": F.when(empty & shown, "suppressed").otherwise(F.col("status"))}
    changed |= {name: F.when(~empty, F.col(name)) for name in ("persons", "covers", "speed_band", "blocks")}
    return judged.join(F.broadcast(peopled), on="date", how="left").select(
        *(changed.get(name, F.col(name)).alias(name) for name in judged.columns)
    )


def min_persons(policy: Policy, product: str) -> int:
    """Threshold of a product before the margin, persons."""
    return policy.min_persons_attributes if policy.products[product].with_attributes else policy.min_persons


def _judged_zones(policy: Policy, zones: DataFrame, noised: DataFrame, todo: Todo, found: Ground) -> DataFrame:
    """Footfall's kind adds up over nested levels; the others', and all at places, stand for themselves."""
    rules = zones.sparkSession.createDataFrame(_rules(policy, todo), _RULES)
    at_place = F.col("level") != found.levels[-1]
    ruled = noised.withColumn("place", at_place).join(F.broadcast(rules), on=["release_id", "place"], how="inner")
    params = DisclosureParams(
        F.col("least"), policy.margin_sigmas, F.col("sigma"), F.col("merged_over"), F.col("merged_words")
    )
    levels, nested = list(found.levels), F.col("nested") & ~F.col("place")
    words = zones.sparkSession.createDataFrame(_words(policy, todo), _WORDS)
    finest = zones.filter("is_finest").select("zone_id", "level", F.lit(_FINEST).alias("ground"))
    places = zones.filter("role = 'place'").select("zone_id", "level", F.lit(_PLACE).alias("ground"))
    # Not every word need exist in every zone: what was not drawn is unresolved, as at places.
    domain = words.join(F.broadcast(finest.unionByName(places)), on="ground", how="inner")
    single = judged_places(ruled.filter(~nested), domain, params)
    if not any(SPECS[product].is_nested for product in todo):
        return single
    return judged_partition(ruled.filter(nested), lineage(zones, levels), levels, params).unionByName(single)


def _rules(policy: Policy, todo: Todo) -> list[tuple[str, bool, bool, int, float, str | None, list[str]]]:
    """The rules of each release, at places and in the partition."""
    rules = []
    for product, day, at_place in _releases(policy, todo):
        hours = len(policy.hours(day))
        found = mechanism(policy, product, _PLACE if at_place else "partition", hours)
        if found is not None:
            spec = SPECS[product]
            merging = spec.merging if policy.adaptive else None
            over, words = (merging.over, list(merging.words)) if merging else (None, [])
            least = min_persons(policy, product)
            rules.append((release_id(product, day), at_place, spec.is_nested, least, found.sigma, over, words))
        elif not at_place:
            raise ReleaseError(
                f"policy switches {product} on without a mechanism for the partition: add one, or drop it"
            )
    return rules


def _words(policy: Policy, todo: Todo) -> list[tuple[str, str, int | None, str | None, str | None]]:
    """The words of each release's domain, without those of nested levels, which are always drawn whole."""
    return [
        (release_id(product, day), _PLACE if at_place else _FINEST, hour, part, other)
        for product, day, at_place in _releases(policy, todo)
        if at_place or not SPECS[product].is_nested
        for hour, part, other in _cells(policy, SPECS[product], day)
    ]


def _cells(policy: Policy, spec: ProductSpec, day: dt.date) -> Iterable[tuple[int | None, str | None, str | None]]:
    hours: Sequence[int | None] = policy.hours(day) if spec.by_hour else [None]
    for hour in hours:
        for part in spec.part_words or [None]:
            for other in spec.other_words or [None]:
                yield hour, part, other


def _releases(policy: Policy, todo: Todo) -> Iterable[tuple[str, dt.date, bool]]:
    for product, days in todo.items():
        at_places = _PLACE in policy.products[product].mechanisms
        for day in days:
            yield product, day, False
            if at_places:
                yield product, day, True


def _judged_corridors(policy: Policy, corridors: DataFrame, noised: DataFrame, days: Sequence[dt.date]) -> DataFrame:
    """Flows along corridors have no zones: their own domain, thresholds and speed bands."""
    parts = []
    # Days differ in their noise only where a clock change takes an hour away: one plan a length of day.
    for most in sorted({len(policy.hours(day)) for day in days}):
        hours = {release_id(CORRIDOR_FLOW.name, d): policy.hours(d) for d in days if len(policy.hours(d)) == most}
        persons, speed = (mechanism(policy, CORRIDOR_FLOW.name, level, most) for level in (LEVEL, SPEED_LEVEL))
        if persons is None:
            raise ReleaseError(
                "policy switches corridor_flow on without a mechanism for the corridor: add one, or drop it"
            )
        least = min_persons(policy, CORRIDOR_FLOW.name)
        params = AlongParams(least, policy.margin_sigmas, persons.sigma, speed.sigma if speed else None)
        cells = noised.filter(F.col("release_id").isin(sorted(hours)))
        parts.append(judged_along(cells, flow_domain(corridors, hours), params))
    return reduce(DataFrame.unionByName, parts)
