"""Days told apart by weekday, public holidays and school holidays."""

from __future__ import annotations

import datetime as dt

import pytest

from jobs.calendars import calendar_days, day_types, habits
from jobs.period_settings import CalendarPolicy
from jobs.segment.periods import days_of

GOOD_FRIDAY, REFORMATION = dt.date(2026, 4, 3), dt.date(2025, 10, 31)


class TestCalendar:
    def test_day_types(self):
        days = [GOOD_FRIDAY, dt.date(2026, 4, 4), dt.date(2026, 4, 5), dt.date(2026, 4, 7)]
        found = calendar_days(days, CalendarPolicy())
        assert [d.day_type for d in found] == ["sunday_or_holiday", "saturday", "sunday_or_holiday", "workday"]
        assert found[0].holiday == "Good Friday" and found[3].holiday is None
        assert day_types(days_of("week-2026-W14"), CalendarPolicy()) == {
            "workday": 4,
            "saturday": 1,
            "sunday_or_holiday": 2,
        }

    def test_holidays_of_a_subdivision(self):
        types = [calendar_days([REFORMATION], CalendarPolicy(subdivision=s))[0].day_type for s in (None, "SN", "BY")]
        assert types == ["workday", "sunday_or_holiday", "workday"]

    def test_school_holidays_of_library_and_policy(self):
        days = [dt.date(2026, 2, 10), dt.date(2026, 3, 3)]
        assert [d.is_school_holiday for d in calendar_days(days, CalendarPolicy(subdivision="SN"))] == [True, False]
        assert [d.is_school_holiday for d in calendar_days(days, CalendarPolicy())] == [None, None]
        own = CalendarPolicy(country="ES", school_holidays=((days[1], days[1]),))
        assert [d.is_school_holiday for d in calendar_days(days, own)] == [False, True]

    @pytest.mark.parametrize("where", [{"country": "XX"}, {"subdivision": "ZZ"}])
    def test_unknown_places_are_named(self, where):
        with pytest.raises(ValueError, match="knows no"):
            CalendarPolicy(**where)

    def test_fridays_have_habits_of_their_own_unless_they_are_holidays(self):
        days = [GOOD_FRIDAY, *(dt.date(2026, 4, day) for day in (7, 10, 11, 12))]
        assert habits(days, CalendarPolicy()) == dict(
            zip(days, ["sunday_or_holiday", "workday", "friday", "saturday", "sunday_or_holiday"], strict=True)
        )
