"""The local calendar: what kind of day a date is, by public and school holidays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import holidays

from jobs.period_settings import CalendarPolicy

DayType = Literal["workday", "saturday", "sunday_or_holiday"]
Habit = Literal["workday", "friday", "saturday", "sunday_or_holiday"]
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6


@dataclass(frozen=True)
class CalendarDay:
    """A local day.

    Attributes:
        date: The day.
        day_type: workday, saturday, or sunday_or_holiday, as timetables and traffic counts tell days apart.
        holiday: Name of the public holiday; ``None``: none.
        is_school_holiday: Whether schools are closed for holidays; ``None``: neither library nor policy knows.
    """

    date: dt.date
    day_type: DayType
    holiday: str | None
    is_school_holiday: bool | None

    @property
    def habit(self) -> Habit:
        """What people do on such days: Fridays apart from other working days, for their evenings are longer."""
        return "friday" if self.day_type == "workday" and self.date.weekday() == _FRIDAY else self.day_type


def calendar_days(days: Sequence[dt.date], policy: CalendarPolicy) -> list[CalendarDay]:
    """Tell the kind of some days, in their order.

    Public holidays come from the library holidays, of the whole country or of a subdivision. School holidays are the
    policy's, and the library's where it has some for the subdivision.

    Args:
        days: Local days.
        policy: Country, subdivision and school holidays.
    """
    years = sorted({day.year for day in days})
    public = _holidays(policy, years, "public")
    school = _holidays(policy, years, "school") if _has_school(policy) else None
    knows = school is not None or bool(policy.school_holidays)
    found = []
    for day in days:
        name = public.get(day)
        listed = any(first <= day <= last for first, last in policy.school_holidays)
        is_school = (listed or (school is not None and day in school)) if knows else None
        found.append(CalendarDay(day, _type(day, name is not None), name, is_school))
    return found


def day_types(days: Sequence[dt.date], policy: CalendarPolicy) -> dict[DayType, int]:
    """How many days of each type there are among some days, for the sheet of a week or month."""
    types: tuple[DayType, ...] = ("workday", "saturday", "sunday_or_holiday")
    found = [day.day_type for day in calendar_days(days, policy)]
    return {name: found.count(name) for name in types}


def habits(days: Sequence[dt.date], policy: CalendarPolicy) -> dict[dt.date, Habit]:
    """The habit of each day, see ``CalendarDay.habit``."""
    return {day.date: day.habit for day in calendar_days(days, policy)}


def _type(day: dt.date, is_holiday: bool) -> DayType:
    if is_holiday or day.weekday() == _SUNDAY:
        return "sunday_or_holiday"
    return "saturday" if day.weekday() == _SATURDAY else "workday"


def _has_school(policy: CalendarPolicy) -> bool:
    """Whether the library has school holidays: they are a subdivision's own in most countries."""
    if policy.subdivision is None:
        return False
    return "school" in holidays.country_holidays(policy.country, subdiv=policy.subdivision).supported_categories


def _holidays(policy: CalendarPolicy, years: Sequence[int], category: str) -> dict[dt.date, str]:
    found = holidays.country_holidays(
        policy.country, subdiv=policy.subdivision, years=list(years), categories=(category,), language="en_US"
    )
    return dict(found)
