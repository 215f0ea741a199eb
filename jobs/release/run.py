"""Job release: from noised counts to a gated release that one commit makes visible."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import functions as F

from expectations.contract import Contract, Schema
from expectations.corridors import CORRIDORS
from expectations.products import NOISED, PANEL, PRODUCTS, RELEASES, staged
from expectations.zones import ZONES
from jobs.aggregate.identity import release_id
from jobs.aggregate.offered import NO_CORRIDORS, offered
from jobs.aggregate.specs import SPECS, daily
from jobs.audit.journal import Journal
from jobs.context import JobReport, RunContext
from jobs.errors import ReleaseError
from jobs.lake import Door
from jobs.release.budget import Charge, charge
from jobs.release.estimates import correction_words, estimated, factors_of, named, people_of, released_panel
from jobs.release.extrapolate import descriptions
from jobs.release.judge import Ground, ground, judged_days, of_peopled_days
from jobs.release.publish import Publication, publish
from jobs.settings import Policy

_SIDE_BY_SIDE = 3


def charge_releases(context: RunContext, days: Sequence[dt.date]) -> None:
    """Charge every release of the days to the privacy ledger; noise may be drawn only after this.

    Raises:
        BudgetError: A cap would be passed.
        ReleaseError: A release was blocked before.
    """
    journal = Journal(context)
    products = offered(context)
    if len(products) < len(daily(context.policy.products)):
        context.say(NO_CORRIDORS)
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

    Staged rows are frozen before the gate looks at them, and what was gated is what is copied. The rows in
    ``products.releases`` come last, in one commit for all products: without its row a release does not
    count, and a restart completes it. Products are worked on side by side, since each waits for small
    commits more than it computes. Shuffles only product-sized rows.

    Raises:
        ReleaseError: The gate blocked a product; the others are released.
    """
    done = released_ids(context)
    products = offered(context)
    todo = {p: [day for day in days if release_id(p, day) not in done] for p in products}
    todo = {p: still for p, still in todo.items() if still}
    made: dict[str, Publication] = {}
    door = _door(context)
    if todo:
        context.say(f"releasing {', '.join(todo)}")
        made = _publish_all(context, door, todo, ground(door.read(ZONES), door.read(CORRIDORS)))
        entries = [entry for product in todo for entry in made[product].entries]
        if entries:
            door.merge(RELEASES, context.spark.createDataFrame(entries, RELEASES.struct).coalesce(1), matched={})
    blocked = [m.blocked for m in made.values() if m.blocked]
    if blocked:
        raise ReleaseError(" ".join(blocked))
    totals = {"published": 0.0, "suppressed": 0.0, "unresolved": 0.0}
    for publication in made.values():
        for status, cells in publication.statuses:
            totals[status] = totals.get(status, 0.0) + cells
    rows = int(sum(totals.values()))
    return JobReport("release", rows_out=rows, counts=totals, skipped=rows == 0)


def _publish_all(
    context: RunContext, door: Door, todo: Mapping[str, Sequence[dt.date]], found: Ground
) -> dict[str, Publication]:
    policy, days = context.policy, sorted({day for still in todo.values() for day in still})
    # Cut from what they are made of: each is read several times, and plans would grow by every step.
    judged = judged_days(policy, door, todo, found).localCheckpoint()
    panel = judged.filter(F.col("product") == PANEL.name).select("date", "zone_id", "status", "persons")
    panel = panel.unionByName(released_panel(door, days))
    shown = of_peopled_days(judged, panel) if PANEL.name in policy.products else judged
    people = people_of(door, days)
    factors = factors_of(policy, door, panel, people, days, found.levels)
    cells = estimated(policy, door, shown, factors, found.levels, days).localCheckpoint()
    how = descriptions(factors, people, door.read(ZONES))

    def work(product: str) -> Publication:
        contract, spec = staged(PRODUCTS[product]), SPECS[product]
        ids = [release_id(product, day) for day in todo[product]]
        rows = named(cells.filter(F.col("product") == product), spec)
        door.replace(contract, rows.coalesce(1), ids)
        told = {day: words + correction_words(policy, product) for day, words in how.items()}
        return publish(context, door, product, todo[product], found, told)

    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        return dict(zip(todo, pool.map(work, todo), strict=True))


def staging_of(policy: Policy, days: Sequence[dt.date]) -> dict[Contract, Sequence[str]]:
    """What led to the days' releases, to be removed: suppressed figures stand there before they are suppressed."""
    ids = {p: [release_id(p, day) for day in days] for p in daily(policy.products)}
    tables: dict[Contract, Sequence[str]] = {staged(PRODUCTS[p]): ids[p] for p in ids}
    tables[NOISED] = [name for names in ids.values() for name in names]
    return tables


def _door(context: RunContext) -> Door:
    return context.lake.door(reads=[Schema.REFERENCE], writes=[Schema.STAGING, Schema.PRODUCTS, Schema.AUDIT])
