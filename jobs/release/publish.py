"""From frozen rows to a release: the gate, the product's rows, and the entry that makes them valid."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from expectations.contract import Contract
from expectations.gate import TableRule
from expectations.product_words import DIRECTIONS, STATUSES
from expectations.products import CORRIDOR_FLOW, PRODUCTS, staged
from jobs.aggregate.counts import mechanism
from jobs.aggregate.identity import release_id
from jobs.aggregate.noise import noise_source
from jobs.aggregate.specs import SPECS
from jobs.audit.journal import Journal
from jobs.context import RunContext
from jobs.lake import Door
from jobs.release.extrapolate import NO_METHOD
from jobs.release.judge import Ground, min_persons
from jobs.settings import Policy


@dataclass(frozen=True)
class Issue:
    """One period of a product that is released.

    Attributes:
        period: The day, week or month, as ISO 8601.
        hours: Hours of the clock of a day; 0 of longer periods.
        notes: Limitations that a reader has to know.
        how: How estimates were made.
    """

    period: str
    hours: int
    notes: tuple[str, ...] = ()
    how: str | None = None


@dataclass(frozen=True)
class Publication:
    """What became of one product.

    Attributes:
        entries: Rows of ``products.releases``; none where the gate blocked.
        statuses: Cells by status.
        blocked: The gate's message where it blocked.
    """

    entries: tuple[tuple[object, ...], ...] = ()
    statuses: tuple[tuple[str, float], ...] = ()
    blocked: str | None = None


def publish(context: RunContext, door: Door, product: str, days: Sequence[dt.date], found: Ground,
            how: Mapping[dt.date, str]) -> Publication:  # fmt: skip
    """Gate the frozen rows of a product and copy them to its table; they count only once their entry is written.

    Args:
        context: Context of the run.
        door: Writes staging and products.
        product: Name of the product.
        days: Days whose rows are frozen.
        found: See ``judge.ground``.
        how: How estimates were made, by day.
    """
    expected = _expected_rows(context.policy, product, days, found)
    issues = [Issue(str(day), len(context.policy.hours(day)), how=how.get(day)) for day in days]
    return publish_rows(context, door, product, issues, expected)


def publish_rows(
    context: RunContext, door: Door, product: str, issues: Sequence[Issue], expected: int | None
) -> Publication:
    """See ``publish``; for days, weeks and months alike.

    Args:
        context: Context of the run.
        door: Writes staging and products.
        product: Name of the product.
        issues: What is released.
        expected: Rows that their public domain has; None where it is not laid out.
    """
    contract = PRODUCTS[product]
    ids = {release_id(product, issue.period): issue for issue in issues}
    rows = door.read(staged(contract)).filter(F.col("release_id").isin(sorted(ids)))
    sums = release_digests(rows, contract).collect()
    rule = TableRule(
        "no_figure_where_suppressed",
        float(sum(row["leaks"] for row in sums)),
        high=0,
        blocking=True,
        remedy="a fault: report it",
    )
    report = context.gate.validate(
        rows,
        staged(contract),
        ",".join(sorted(ids)),
        rows=expected,
        extra_rules=[rule],
        check_keys=True,
    )
    if not report.passed:
        journal = Journal(context)
        for name in sorted(ids):
            journal.block(f"release:{name}", report.message())
        return Publication(blocked=f"{product} was blocked by the gate: {report.message()}")
    door.replace(contract, rows.coalesce(1), sorted(ids))
    statuses = [(status, float(sum(row[status] for row in sums))) for status in STATUSES]
    return Publication(
        tuple(_entry(context, product, ids[row["release_id"]], row) for row in sums),
        tuple((status, cells) for status, cells in statuses if cells),
    )


def release_digests(rows: DataFrame, contract: Contract) -> DataFrame:
    """One row a release: cells, figures, estimates, cells by status, leaks, and a digest over rows in key order."""
    keys = [key for key in contract.keys if key != "release_id"]
    line = F.struct(*keys, F.to_json(F.struct(*contract.column_names)).alias("row"))
    ordered = F.transform(F.sort_array(F.collect_list(line)), lambda entry: entry["row"])
    leak = (
        F.col("status").isin("suppressed", "unresolved")
        & F.coalesce("persons", "estimate", "lower", "upper").isNotNull()
    )
    return rows.groupBy("release_id").agg(
        F.sha2(F.array_join(ordered, "\n"), 256).alias("digest"),
        F.count("*").alias("cells"),
        F.count("persons").alias("figures"),
        F.count("estimate").alias("estimates"),
        F.count_if(leak).alias("leaks"),
        *(F.count_if(F.col("status") == status).alias(status) for status in STATUSES),
    )


def _expected_rows(policy: Policy, product: str, days: Sequence[dt.date], found: Ground) -> int:
    if product == CORRIDOR_FLOW.name:
        return found.corridors * len(DIRECTIONS) * sum(len(policy.hours(day)) for day in days)
    spec, roles = SPECS[product], policy.products[product].mechanisms
    number = {"partition": found.zones.get("partition", 0) if spec.is_nested else found.finest}
    number["place"] = found.zones.get("place", 0)
    words = max(1, len(spec.part_words)) * max(1, len(spec.other_words))
    zones = words * sum(number.get(role, 0) for role in roles)
    return sum(zones * (len(policy.hours(day)) if spec.by_hour else 1) for day in days)


def _entry(context: RunContext, product: str, issue: Issue, row: Row) -> tuple[object, ...]:
    policy, source, waiver = context.policy, noise_source(), context.settings.waiver
    found = {role: mechanism(policy, product, role, issue.hours) for role in policy.products[product].mechanisms}
    notes = [
        "not for release: no consent feed" if waiver else "",
        "" if source.for_release else "not for release: test noise",
        *issue.notes,
    ]
    return (
        row["release_id"],
        product,
        issue.period,
        0,
        policy.products[product].purpose,
        policy.digest,
        sum(m.rho for m in found.values() if m),
        json.dumps({role: round(m.sigma, 6) for role, m in found.items() if m}, sort_keys=True),
        min_persons(policy, product),
        row["cells"],
        row["figures"],
        row["cells"] - row["figures"],
        issue.how if issue.how and row["estimates"] else NO_METHOD,
        "; ".join(n for n in notes if n) or None,
        waiver is None and source.for_release,
        row["digest"],
        dt.datetime.now(dt.UTC),
    )
