"""Job release: from noised counts to a gated release that one commit makes visible."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from expectations.contract import Contract, Schema
from expectations.corridors import CORRIDORS
from expectations.products import NOISED, PANEL, PRODUCTS, RELEASES, staged
from expectations.zones import ZONES
from jobs.aggregate.identity import release_id
from jobs.aggregate.offered import NO_CORRIDORS, offered
from jobs.aggregate.specs import daily
from jobs.audit.journal import Journal
from jobs.context import JobReport, RunContext
from jobs.errors import ReleaseError
from jobs.lake import Door
from jobs.release.budget import Charge, charge
from jobs.release.extrapolate import descriptions
from jobs.release.judge import Ground, factors_of, freeze, ground, panel_of, people_of
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
    open_panel = todo.get(PANEL.name, [])
    if open_panel:
        # First, since estimates of all others are made from its figures.
        freeze(context, door, PANEL.name, open_panel, found, None)
    days = sorted({day for still in todo.values() for day in still})
    factors = factors_of(context, door, panel_of(door, days, open_panel), days, found).persist()
    how = descriptions(factors, people_of(context, door, days), door.read(ZONES))

    def work(product: str) -> Publication:
        if product != PANEL.name:
            freeze(context, door, product, todo[product], found, factors)
        return publish(context, door, product, todo[product], found, how)

    try:
        with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
            return dict(zip(todo, pool.map(work, todo), strict=True))
    finally:
        factors.unpersist()


def staging_of(policy: Policy, days: Sequence[dt.date]) -> dict[Contract, Sequence[str]]:
    """What led to the days' releases, to be removed: suppressed figures stand there before they are suppressed."""
    ids = {p: [release_id(p, day) for day in days] for p in daily(policy.products)}
    tables: dict[Contract, Sequence[str]] = {staged(PRODUCTS[p]): ids[p] for p in ids}
    tables[NOISED] = [name for names in ids.values() for name in names]
    return tables


def _door(context: RunContext) -> Door:
    return context.lake.door(reads=[Schema.REFERENCE], writes=[Schema.STAGING, Schema.PRODUCTS, Schema.AUDIT])
