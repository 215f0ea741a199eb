"""The life of a run's keys: where they are kept, and their end with all that lives under them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from expectations.audit import KEY_EVENTS
from expectations.contract import Schema
from expectations.movement import MOVEMENT, PROFILE
from expectations.segments import SEGMENTS
from jobs.context import RunContext
from jobs.segment.keystore import FileKeyStore, KeyStore, day_period


def key_store(context: RunContext) -> KeyStore:
    """The key store of the run."""
    return FileKeyStore(context.settings.keys)


def destroy_keys(context: RunContext, days: Sequence[dt.date], reason: str) -> None:
    """Destroy the keys of days whose last release is made, with all that lives under them."""
    door = context.lake.door(writes=[Schema.PSEUDONYMOUS])
    store = key_store(context)
    gone = [day for day in days if store.destroy(day_period(day))]
    dates = [str(day) for day in days]
    door.remove_all({contract: dates for contract in (MOVEMENT, PROFILE, SEGMENTS)})
    note_keys(context, gone, "destroyed", reason)


def note_keys(context: RunContext, days: Sequence[dt.date], event: str, reason: str) -> None:
    """Enter a step in the life of some days' keys into ``audit.key_events``."""
    if days:
        at = dt.datetime.now(dt.UTC)
        rows = [(day_period(day), event, reason, at) for day in days]
        frame = context.spark.createDataFrame(rows, KEY_EVENTS.struct).coalesce(1)
        context.lake.door(writes=[Schema.AUDIT]).append(KEY_EVENTS, frame)
