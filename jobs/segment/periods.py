"""The periods that keys live for, and what the policy's ``late_days`` makes of their ends."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from expectations.contract import Contract
from jobs.errors import ThreestepError, UsageError
from jobs.segment.keystore import PERIOD, day_period, month_period
from jobs.settings import Policy
from udfs.time import day_bounds

PeriodKind = Literal["week", "month"]
"""Periods longer than a day, under keys of their own."""


def week_period(day: dt.date) -> str:
    """Key period of the ISO week that holds a local day."""
    year, week, _ = day.isocalendar()
    return f"week-{year:04d}-W{week:02d}"


def periods_of(day: dt.date) -> tuple[str, str, str]:
    """The key periods that hold a local day."""
    return day_period(day), week_period(day), month_period(day)


def period_of(day: dt.date, kind: PeriodKind) -> str:
    """Key period of the week or month that holds a local day."""
    return week_period(day) if kind == "week" else month_period(day)


def days_of(period: str) -> list[dt.date]:
    """The local days of a period, in order.

    Raises:
        UsageError: It is no period.
    """
    first, last = first_day(period), last_day(period)
    return [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]


def split(period: str) -> tuple[str, str]:
    """Kind and value of a period: ``("week", "2026-W10")``.

    Raises:
        UsageError: It is no period.
    """
    if not PERIOD.match(period):
        raise UsageError(f"{period!r} is no key period: day-YYYY-MM-DD, week-YYYY-Www or month-YYYY-MM")
    kind, _, value = period.partition("-")
    return kind, value


def first_day(period: str) -> dt.date:
    """First local day of a period.

    Raises:
        UsageError: It is no period.
    """
    kind, value = split(period)
    try:
        if kind == "week":
            return dt.date.fromisocalendar(int(value[:4]), int(value[6:]), 1)
        return dt.date.fromisoformat(value if kind == "day" else f"{value}-01")
    except ValueError:
        raise UsageError(f"{period!r} is no key period: there is no such {kind}") from None


def last_day(period: str) -> dt.date:
    """Last local day of a period.

    Raises:
        UsageError: It is no period.
    """
    first, kind = first_day(period), split(period)[0]
    if kind == "month":
        return (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
    return first + dt.timedelta(days=6 if kind == "week" else 0)


def release_from(day: dt.date, policy: Policy) -> dt.datetime:
    """Instant from which a day may be released: local midnight ``late_days`` after its end."""
    return day_bounds(day + dt.timedelta(days=policy.late_days), policy.time_zone)[1]


def kept_until(day: dt.date, policy: Policy) -> dt.datetime:
    """Instant at which what belongs to a day is to be gone: a day after its release may be made."""
    return day_bounds(day + dt.timedelta(days=policy.late_days + 1), policy.time_zone)[1]


def deadline(period: str, policy: Policy) -> dt.datetime:
    """Instant at which a period's key is to be gone."""
    return kept_until(last_day(period), policy)


def key_kind(contract: Contract) -> str:
    """Which key a pseudonymous table's rows live under: the month's or the week's if it names one, else the day's."""
    names = set(contract.column_names)
    return next((kind for kind in ("month", "week") if kind in names), "day")


def values_under(contract: Contract, period: str) -> list[str]:
    """Values of a pseudonymous table's period column whose rows live under a key; none if it is of another kind.

    Raises:
        ThreestepError: The rows cannot be found by the table's period column.
    """
    kind, value = split(period)
    if key_kind(contract) != kind:
        return []
    if contract.period == kind:
        return [value]
    if contract.period == "date":
        return [str(day) for day in days_of(period)]
    raise ThreestepError(
        f"{contract.full_name}: a pseudonymous table needs a period column date, week or month, by which its rows go "
        "when their key does"
    )
