"""The life of keys: made when first needed, destroyed with all that lives under them, each step on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from expectations.audit import KEY_EVENTS
from expectations.catalog import ALL
from expectations.contract import Contract, Schema
from jobs.context import RunContext
from jobs.lake import Lake
from jobs.segment.keystore import FileKeyStore, KeyStore
from jobs.segment.periods import deadline, first_day, periods_of, values_under


def key_store(context: RunContext) -> KeyStore:
    """The key store of the run."""
    return FileKeyStore(context.settings.keys)


def living_days(context: RunContext) -> set[dt.date]:
    """Days whose key lives: stage 1 of them was begun, and what it left is not over."""
    return {first_day(period) for period in key_store(context).periods() if period.startswith("day-")}


def keys_live(context: RunContext, days: Iterable[dt.date]) -> bool:
    """Whether the key of every day is there: without it nothing is left of an earlier attempt at the day."""
    return set(days) <= living_days(context)


def make_keys(context: RunContext, periods: Sequence[str], reason: str) -> None:
    """Make the keys that are not there yet, each on record."""
    store = key_store(context)
    living = set(store.periods())
    missing = [period for period in dict.fromkeys(periods) if period not in living]
    for period in missing:
        store.create(period)
    note_keys(context.lake, missing, "created", reason)


def destroy(lake: Lake, store: KeyStore, periods: Sequence[str], reason: str, *, ordered: bool = False) -> list[str]:
    """Destroy keys with every row that lives under them.

    Rows go first: if the process dies in between, the key is still there to say that there is something to do.

    Args:
        lake: The lake.
        store: Its key store.
        periods: Periods whose keys are to go.
        reason: Why, for ``audit.key_events``.
        ordered: Whether somebody ordered it; the order is then on record before anything happens.

    Returns:
        Periods that had a key.
    """
    if ordered:
        note_keys(lake, periods, "ordered", reason)
    lake.door(writes=[Schema.PSEUDONYMOUS]).remove_all(rows_under(periods))
    gone = [period for period in periods if store.destroy(period)]
    note_keys(lake, gone, "destroyed", reason)
    return gone


def rows_under(periods: Sequence[str], contracts: Sequence[Contract] = ALL) -> dict[Contract, Sequence[str]]:
    """What lives under some keys: every pseudonymous table with the values of its period column."""
    pseudonymous = (c for c in contracts if c.schema is Schema.PSEUDONYMOUS)
    return {c: found for c in pseudonymous if (found := [v for p in periods for v in values_under(c, p)])}


def overdue(context: RunContext, needed: Iterable[dt.date]) -> list[str]:
    """Periods whose key lives though they ended more than ``late_days`` + 1 day before the processing time.

    Args:
        context: The run.
        needed: Days that the run has still to release: the keys of their day, week and month are left out.
    """
    spared = {period for day in needed for period in periods_of(day)}
    policy, now = context.policy, context.settings.as_of
    return [p for p in key_store(context).periods() if p not in spared and deadline(p, policy) <= now]


def expire(context: RunContext, periods: Sequence[str]) -> list[str]:
    """Destroy the keys of overdue periods; does nothing, at no cost, where there are none."""
    reason = "late_days + 1 after the end of the period"
    return destroy(context.lake, key_store(context), periods, reason) if periods else []


def note_keys(lake: Lake, periods: Sequence[str], event: str, reason: str) -> None:
    """Enter a step in the life of some keys into ``audit.key_events``."""
    if periods:
        at = dt.datetime.now(dt.UTC)
        rows = [(period, event, reason, at) for period in periods]
        lake.door(writes=[Schema.AUDIT]).append(KEY_EVENTS, rows)
