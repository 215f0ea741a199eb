"""Job release: from noised counts to a gated release that one commit makes visible."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.contract import Contract, Schema
from expectations.gate import TableRule
from expectations.products import NOISED, PANEL, PRODUCTS, RELEASES, staged
from expectations.residents import RESIDENTS
from expectations.zones import ZONES
from jobs.aggregate.counts import Mechanism, mechanism
from jobs.aggregate.identity import release_id
from jobs.aggregate.noise import noise_source
from jobs.audit.journal import Journal
from jobs.context import JobReport, RunContext
from jobs.errors import ReleaseError
from jobs.lake import Door
from jobs.release.budget import Charge, charge
from jobs.release.disclosure import DisclosureParams, judged_partition, judged_places, lineage
from jobs.release.extrapolate import METHOD, NO_METHOD, factors, with_estimates
from jobs.settings import Policy

ORDER = ("panel", "footfall")
"""Order of release: the panel first, since estimates are made from its released figures."""


def charge_releases(context: RunContext, days: Sequence[dt.date]) -> None:
    """Charge every release of the days to the privacy ledger; noise may be drawn only after this.

    Raises:
        BudgetError: A cap would be passed.
        ReleaseError: A release was blocked before.
    """
    journal = Journal(context)
    products = [p for p in ORDER if p in context.policy.products]
    blocked = [r for d in days for p in products if journal.blocked(f"release:{(r := release_id(p, d))}")]
    if blocked:
        raise ReleaseError(
            f"{', '.join(blocked)} was blocked by the gate and stays blocked: drawing again until it passes would "
            "select on the noise. See audit.quality_results; a correction is a new release under a new policy decision"
        )
    charges = [
        Charge(release_id(p, d), p, context.policy.products[p].period, str(d), context.policy.products[p].rho)
        for d in days
        for p in products
    ]
    door = context.lake.door(writes=[Schema.AUDIT])
    charge(context.spark, door, charges, context.policy, dt.datetime.now(dt.UTC))


def released_ids(context: RunContext) -> set[str]:
    """Releases that are valid: those with a row in ``products.releases``."""
    door = context.lake.door(reads=[Schema.PRODUCTS])
    if not door.exists(RELEASES):
        return set()
    return {row["release_id"] for row in door.read(RELEASES).select("release_id").collect()}


def run_release(context: RunContext, days: Sequence[dt.date]) -> JobReport:
    """Judge, extrapolate, gate and publish the days' products; works on noised and public figures alone.

    Staged rows are frozen before the gate looks at them, and what was gated is what is appended. The row in
    ``products.releases`` comes last: without it a release does not count, and a restart completes it.
    Shuffles only product-sized rows.
    """
    totals = {"published": 0.0, "suppressed": 0.0, "unresolved": 0.0}
    for product in (p for p in ORDER if p in context.policy.products):
        done = released_ids(context)
        open_days = [day for day in days if release_id(product, day) not in done]
        if not open_days:
            continue
        context.say(f"releasing {product}")
        _stage(context, product, open_days)
        _gate(context, product, open_days)
        for key, value in _publish(context, product, open_days).items():
            totals[key] = totals.get(key, 0.0) + value
    _clear_staging(context, days)
    rows = int(sum(totals.values()))
    return JobReport("release", rows_out=rows, counts=totals, skipped=rows == 0)


def _clear_staging(context: RunContext, days: Sequence[dt.date]) -> None:
    """Remove what led to the releases: suppressed figures stand there before they are suppressed."""
    ids = {p: [release_id(p, day) for day in days] for p in ORDER if p in context.policy.products}
    tables: dict[Contract, Sequence[str]] = {staged(PRODUCTS[p]): ids[p] for p in ids}
    tables[NOISED] = [name for names in ids.values() for name in names]
    _door(context).remove_all(tables)


def _stage(context: RunContext, product: str, days: Sequence[dt.date]) -> None:
    """Freeze the product's rows in its staging table."""
    door = _door(context)
    contract = PRODUCTS[product]
    zones, policy = door.read(ZONES), context.policy
    ids = {release_id(product, day): day for day in days}
    noised = door.read(NOISED).filter(F.col("release_id").isin(sorted(ids)))
    judged = None
    # Days differ in their noise only where a clock change takes an hour away: one plan a length of day.
    for hours in sorted({len(policy.hours(day)) for day in days}):
        same = [r for r, day in ids.items() if len(policy.hours(day)) == hours]
        part = _judged(context, product, zones, noised.filter(F.col("release_id").isin(same)), same, ids, hours)
        judged = part if judged is None else judged.unionByName(part)
    if judged is None:
        return
    dates = context.spark.createDataFrame(list(ids.items()), "release_id STRING, date DATE")
    dated = judged.join(F.broadcast(dates), on="release_id", how="inner")
    panel = dated if product == PANEL.name else _released_panel(door, days)
    result = with_estimates(dated, factors(panel, door.read(RESIDENTS), zones))
    door.replace(staged(contract), result.select(contract.column_names).coalesce(1), sorted(ids))


def _judged(
    context: RunContext,
    product: str,
    zones: DataFrame,
    noised: DataFrame,
    ids: Sequence[str],
    days: dict[str, dt.date],
    hours: int,
) -> DataFrame:
    policy = context.policy
    partition, place = mechanism(policy, product, "partition", hours), mechanism(policy, product, "place", hours)
    params = _params(policy, product, partition, place)
    levels = _levels(zones)
    within = noised.filter(F.col("level") == levels[-1])
    judged = judged_partition(within, lineage(zones, levels), levels, params)
    if place is None:
        return judged
    clock = [(r, h) for r in ids for h in policy.hours(days[r])]
    cells = context.spark.createDataFrame(clock, "release_id STRING, hour INT").join(
        F.broadcast(zones.filter("role = 'place'").select("zone_id", "level")), how="cross"
    )
    return judged.unionByName(judged_places(noised.filter(F.col("level") != levels[-1]), cells, params))


def _params(policy: Policy, product: str, partition: Mechanism | None, place: Mechanism | None) -> DisclosureParams:
    if partition is None:
        raise ReleaseError(f"policy switches {product} on without a mechanism for the partition: add one, or drop it")
    attributes = policy.products[product].with_attributes
    return DisclosureParams(
        min_persons=policy.min_persons_attributes if attributes else policy.min_persons,
        margin_sigmas=policy.margin_sigmas,
        sigma_partition=partition.sigma,
        sigma_place=place.sigma if place else None,
    )


def _gate(context: RunContext, product: str, days: Sequence[dt.date]) -> None:
    """Hold the frozen rows against contract and domain; what is blocked stays blocked."""
    contract, door, policy = staged(PRODUCTS[product]), _door(context), context.policy
    ids = sorted(release_id(product, day) for day in days)
    rows = door.read(contract).filter(F.col("release_id").isin(ids))
    zones = door.read(ZONES)
    roles = {row["role"]: int(row["n"]) for row in zones.groupBy("role").agg(F.count("*").alias("n")).collect()}
    drawn = policy.products[product].mechanisms
    per_hour = roles.get("partition", 0) + (roles.get("place", 0) if "place" in drawn else 0)
    expected = sum(per_hour * (len(policy.hours(day)) if product == "footfall" else 1) for day in days)
    leaks = rows.filter(
        "status IN ('suppressed', 'unresolved') AND coalesce(persons, estimate, lower, upper) IS NOT NULL"
    )
    rule = TableRule(
        "no_figure_where_suppressed", float(leaks.count()), high=0, blocking=True, remedy="a fault: report it"
    )
    report = context.gate.validate(rows, contract, ",".join(ids), rows=expected, extra_rules=[rule], check_keys=True)
    if not report.passed:
        journal = Journal(context)
        for name in ids:
            journal.block(f"release:{name}", report.message())
        raise ReleaseError(f"{product} was blocked by the gate: {report.message()}")


def _publish(context: RunContext, product: str, days: Sequence[dt.date]) -> dict[str, float]:
    contract, door, policy = PRODUCTS[product], _door(context), context.policy
    ids = {release_id(product, day): day for day in days}
    rows = door.read(staged(contract)).filter(F.col("release_id").isin(sorted(ids)))
    door.replace(contract, rows.coalesce(1), sorted(ids))
    entries = []
    source, waiver = noise_source(), context.settings.waiver
    for row in release_digests(rows, contract).collect():
        day = ids[row["release_id"]]
        found = {role: mechanism(policy, product, role, len(policy.hours(day))) for role in ("partition", "place")}
        notes = [
            "not for release: no consent feed" if waiver else "",
            "" if source.for_release else "not for release: test noise",
        ]
        entries.append(
            (
                row["release_id"],
                product,
                str(day),
                0,
                policy.products[product].purpose,
                policy.digest,
                sum(m.rho for m in found.values() if m),
                json.dumps({role: round(m.sigma, 6) for role, m in found.items() if m}, sort_keys=True),
                policy.min_persons_attributes if policy.products[product].with_attributes else policy.min_persons,
                row["cells"],
                row["published"],
                row["cells"] - row["published"],
                METHOD if row["estimates"] else NO_METHOD,
                "; ".join(n for n in notes if n) or None,
                waiver is None and source.for_release,
                row["digest"],
                dt.datetime.now(dt.UTC),
            )
        )
    door.merge(RELEASES, context.spark.createDataFrame(entries, RELEASES.struct).coalesce(1), matched={})
    statuses = rows_by_status(door.read(contract).filter(F.col("release_id").isin(sorted(ids))))
    return {r["status"]: float(r["rows"]) for r in statuses.collect()}


def rows_by_status(rows: DataFrame) -> DataFrame:
    """``status, rows``."""
    return rows.groupBy("status").agg(F.count("*").alias("rows"))


def release_digests(rows: DataFrame, contract: Contract) -> DataFrame:
    """One row a release: its number of cells, of figures, of estimates, and a digest over rows in key order."""
    keys = [key for key in contract.keys if key != "release_id"]
    line = F.struct(*keys, F.to_json(F.struct(*contract.column_names)).alias("row"))
    ordered = F.transform(F.sort_array(F.collect_list(line)), lambda entry: entry["row"])
    return rows.groupBy("release_id").agg(
        F.sha2(F.array_join(ordered, "\n"), 256).alias("digest"),
        F.count("*").alias("cells"),
        F.count("persons").alias("published"),
        F.count("estimate").alias("estimates"),
    )


def _released_panel(door: Door, days: Sequence[dt.date]) -> DataFrame:
    valid = door.read(RELEASES).select("release_id")
    rows = door.read(PANEL).filter(F.col("date").isin(list(days)))
    return rows.join(F.broadcast(valid), on="release_id", how="left_semi")


def _levels(zones: DataFrame) -> list[str]:
    found = zones.filter("role = 'partition'").select("level", "depth").distinct().orderBy("depth").collect()
    return [row["level"] for row in found]


def _door(context: RunContext) -> Door:
    return context.lake.door(reads=[Schema.REFERENCE], writes=[Schema.STAGING, Schema.PRODUCTS, Schema.AUDIT])
