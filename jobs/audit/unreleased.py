"""Noised counts that were drawn but not released: what they were drawn from may have changed under them."""

from __future__ import annotations

from expectations.contract import Contract, Schema
from expectations.products import NOISED, PRODUCTS, RELEASES, staged
from jobs.context import RunContext


def forget_draws(context: RunContext) -> None:
    """Remove the drawn counts of releases that a run broke off before they became valid.

    They count lines that have objected since, and an objection reaches back to everything not yet released. Nobody
    has seen them, so drawing anew selects on nothing, and the releases' charges stand.
    """
    door = context.lake.door(writes=[Schema.STAGING, Schema.PRODUCTS])
    tables = [c for p in PRODUCTS.values() for c in (staged(p), p) if door.exists(c)]
    tables += [NOISED] if door.exists(NOISED) else []
    if not tables or not door.exists(RELEASES):
        return
    valid = door.read(RELEASES).select("release_id")
    open_ids: dict[Contract, list[str]] = {}
    for contract in tables:
        drawn = door.read(contract).select("release_id").distinct()
        ids = [row["release_id"] for row in drawn.join(valid, on="release_id", how="left_anti").collect()]
        if ids:
            open_ids[contract] = ids
    if open_ids:
        door.remove_all(open_ids)
