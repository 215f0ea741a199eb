"""The end of a run: what has had its time is destroyed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from expectations.contract import Schema
from jobs.audit.journal import Journal
from jobs.context import RunContext
from jobs.periods import drafts_left, open_keys, spent_keys
from jobs.release.run import staging_of
from jobs.segment.keys import destroy, expire, key_store, living_days, overdue
from jobs.segment.keystore import day_period
from jobs.segment.retention import purge_events


def clear_up(
    context: RunContext,
    journal: Journal,
    released: Collection[dt.date],
    waiting: Collection[dt.date],
    done: set[str],
    *,
    ran_periods: bool,
) -> None:
    """Destroy keys of released and of expired periods with their rows, drafts of releases, and old events.

    Comes last, so that a run that breaks off finds all that it goes on from. Does nothing where nothing is over.

    Args:
        context: Context of the run.
        journal: Its journal.
        released: Days that are released.
        waiting: Days whose release waits for late events.
        done: Valid releases.
        ran_periods: Whether the job of weeks and months has run. Where a scheduler runs jobs one by one, it may be
            still ahead, and needs its keys.
    """
    policy, store, living = context.policy, key_store(context), living_days(context)
    over = sorted(set(released) & living)
    days, spent = [day_period(day) for day in over], spent_keys(context, journal, done)
    ahead = set() if ran_periods else open_keys(context, journal, done)
    late = [period for period in overdue(context, waiting) if period not in {*days, *spent, *ahead}]
    needed = {day for day in living - set(released) if day_period(day) not in late} | set(waiting)
    if days:
        context.say("destroying the days' keys, and all that lives under them")
    staging = context.lake.door(writes=[Schema.STAGING])
    left = drafts_left(staging_of(policy, over), policy, spent)
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="clearing") as beside:
        events = beside.submit(purge_events, context, needed)
        drafts = beside.submit(staging.remove_all, left)
        destroy(context.lake, store, days, "last release of the day is made")
        destroy(context.lake, store, spent, "last release of the period is made")
        expire(context, late)
        events.result()
        drafts.result()
