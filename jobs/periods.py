"""Weeks and months: which are complete, which wait, which never come about; and the job that releases them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pyspark.sql import functions as F

from expectations.contract import Contract, Schema
from expectations.homes import HOMES
from expectations.od_contributions import OD_CONTRIBUTIONS
from expectations.products import NOISED, OD, PRODUCTS, staged
from expectations.residents import RESIDENTS
from expectations.zones import ZONE_TILES, ZONES
from jobs.aggregate.identity import Period, release_id
from jobs.aggregate.period_cells import pairs_of
from jobs.aggregate.periods import od_threshold, run_aggregate_periods
from jobs.audit.journal import Journal
from jobs.context import JobReport, RunContext
from jobs.errors import InputRejectedError
from jobs.release.periods import charge_periods, run_release_periods
from jobs.segment.keys import key_store
from jobs.segment.periods import PeriodKind, days_of, deadline, first_day, last_day, period_of, release_from, split
from jobs.settings import Policy

KINDS: tuple[PeriodKind, ...] = ("week", "month")
_MADE_FROM: dict[PeriodKind, Contract] = {"week": OD_CONTRIBUTIONS, "month": HOMES}
Status = Literal["due", "waiting", "short"]


@dataclass(frozen=True)
class PeriodState:
    """Where a week or month stands whose key lives.

    Attributes:
        key_period: The period as the key store names it.
        period: The period with the days that gave to it.
        products: Products that are still to be released of it.
        status: due: is released now; waiting: for days or for late events; short: has too few days, and no more come.
        until: Of a waiting one: when it is released at the latest.
    """

    key_period: str
    period: Period
    products: tuple[str, ...]
    status: Status
    until: dt.datetime | None = None

    @property
    def told(self) -> str:
        """What a reader of the run's output has to know."""
        days = f"{len(self.period.days)} of {len(self.period.days) + len(self.period.missing)} days"
        if self.status == "due":
            return f"{days}: released"
        if self.status == "waiting":
            return f"{days}: waits until it is complete, or until {self.until:%Y-%m-%dT%H:%M%z}"
        return f"{days}, and no more to come: too few for a release; back-fill its days in one run"


def status_of(
    key_period: str, days: Sequence[dt.date], policy: Policy, now: dt.datetime
) -> tuple[Status, dt.datetime | None]:
    """Decide whether a period is released.

    It is as soon as it is complete, over, and late events have been waited for; one with missing days when its key is
    to go, if the policy's least number of days is there.

    Args:
        key_period: The period as the key store names it.
        days: Its days that gave to it.
        policy: The policy.
        now: Processing time.

    Returns:
        See ``PeriodState``: status and until.
    """
    whole, end = days_of(key_period), deadline(key_period, policy)
    if now < release_from(last_day(key_period), policy):
        return "waiting", end
    if set(whole) <= set(days):
        return "due", None
    if now < end:
        return "waiting", end
    least = policy.periods.min_days_week if split(key_period)[0] == "week" else policy.periods.min_days_month
    return ("due" if len(days) >= least else "short"), None


def period_states(context: RunContext, journal: Journal, done: set[str]) -> list[PeriodState]:
    """Look every week and month up whose key lives and of which a product is not released yet.

    Costs a look at the dates of the pseudonymous table of each kind that has a living key; nothing where none lives.

    Args:
        context: Context of the run.
        journal: Its journal, which knows what was blocked.
        done: Valid releases.
    """
    policy, found = context.policy, []
    for kind in KINDS:
        living = [p for p in key_store(context).periods() if split(p)[0] == kind]
        wanted = {p: _open_products(policy, kind, split(p)[1], done, journal) for p in living}
        wanted = {p: products for p, products in wanted.items() if products}
        dates = _dates(context, _MADE_FROM[kind]) if wanted else []
        for key_period, products in wanted.items():
            first, last = first_day(key_period), last_day(key_period)
            days = tuple(day for day in dates if first <= day <= last)
            status, until = status_of(key_period, days, policy, context.settings.as_of)
            period = Period(kind, split(key_period)[1], first, last, days)
            found.append(PeriodState(key_period, period, products, status, until))
    return found


def open_days(
    policy: Policy, journal: Journal, days: Sequence[dt.date], kind: PeriodKind, done: set[str]
) -> list[dt.date]:
    """Those of some days whose week or month has a product that is still to be released; others give nothing."""
    return [d for d in days if _open_products(policy, kind, split(period_of(d, kind))[1], done, journal)]


def short_states(context: RunContext, days: Sequence[dt.date], kind: PeriodKind) -> list[PeriodState]:
    """Weeks or months of some days that have had their time and stay too short even with these days.

    What the days would give to them is never looked at, so it need not be made.

    Args:
        context: Context of the run.
        days: Days of this run.
        kind: week or month.
    """
    policy, now, found = context.policy, context.settings.as_of, []
    over = sorted({p for p in (period_of(day, kind) for day in days) if now >= deadline(p, policy)})
    dates = _dates(context, _MADE_FROM[kind]) if over else []
    for key_period in over:
        first, last = first_day(key_period), last_day(key_period)
        there = tuple(sorted({day for day in (*dates, *days) if first <= day <= last}))
        if status_of(key_period, there, policy, now)[0] == "short":
            period = Period(kind, split(key_period)[1], first, last, there)
            found.append(PeriodState(key_period, period, (), "short"))
    return found


def open_keys(context: RunContext, journal: Journal, done: set[str]) -> set[str]:
    """Living keys of weeks and months of which a product is still to be released."""
    living = key_store(context).periods()
    return {p for p in living if p.startswith(KINDS) and _open(context.policy, p, done, journal)}


def spent_keys(context: RunContext, journal: Journal, done: set[str]) -> list[str]:
    """Living keys of weeks and months whose last release is made, or blocked for good."""
    policy = context.policy
    living = [p for p in key_store(context).periods() if p.startswith(KINDS)]
    return [p for p in living if _products(policy, p) and not _open(policy, p, done, journal)]


def drafts_left(
    of_days: Mapping[Contract, Sequence[str]], policy: Policy, key_periods: Sequence[str]
) -> dict[Contract, Sequence[str]]:
    """What led to releases, to be removed: that of days, and of weeks and months besides."""
    tables = dict(of_days)
    for key_period in key_periods:
        for product in _products(policy, key_period):
            name = release_id(product, split(key_period)[1])
            for contract in (staged(PRODUCTS[product]), NOISED):
                tables[contract] = [*tables.get(contract, ()), name]
    return tables


def run_periods(context: RunContext, states: Sequence[PeriodState]) -> JobReport:
    """Release the weeks and months that are due: charge, draw, judge, gate, publish; each once.

    Raises:
        BudgetError: A cap would be passed; nothing was drawn.
        InputRejectedError: The policy's pairs of zones need residents, and there are none.
        ReleaseError: The gate blocked a product; the others are released.
    """
    wanted = [(product, s.period) for s in states if s.status == "due" for product in s.products]
    if not wanted:
        return JobReport("periods", skipped=True)
    threshold = None
    if any(product == OD.name for product, _ in wanted):
        door = context.lake.door(reads=[Schema.REFERENCE])
        pairs = pairs_of(context.policy, door.read(ZONES), door.read(ZONE_TILES), door.read(RESIDENTS))
        number = pairs.count()
        if number == 0:
            raise InputRejectedError(
                "od.with_residents leaves no pair of zones: reference.residents tells of nobody in any; deliver "
                "population by the zones of the finest level, or switch with_residents off"
            )
        threshold = od_threshold(context.policy, number)
    charge_periods(context, wanted, threshold)
    run_aggregate_periods(context, wanted, threshold)
    return run_release_periods(context, wanted, threshold)


def _products(policy: Policy, key_period: str) -> list[str]:
    kind = split(key_period)[0]
    return policy.of_period("week" if kind == "week" else "month")


def _open(policy: Policy, key_period: str, done: set[str], journal: Journal) -> tuple[str, ...]:
    return _open_products(
        policy, "week" if key_period.startswith("week") else "month", split(key_period)[1], done, journal
    )


def _open_products(policy: Policy, kind: PeriodKind, name: str, done: set[str], journal: Journal) -> tuple[str, ...]:
    """Products of a period that are neither released nor blocked for good."""
    ids = {product: release_id(product, name) for product in policy.of_period(kind)}
    return tuple(p for p, r in ids.items() if r not in done and not journal.blocked(f"release:{r}"))


def _dates(context: RunContext, contract: Contract) -> list[dt.date]:
    door = context.lake.door(reads=[contract])
    if not door.exists(contract):
        return []
    return sorted(row["date"] for row in door.read(contract).select(F.col("date")).distinct().collect())
