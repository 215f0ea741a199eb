"""Which weeks and months are released, which wait, and which never come about."""

from __future__ import annotations

import datetime as dt

import pytest
from frames import at, frame

from expectations.contract import Schema
from expectations.od_contributions import OD_CONTRIBUTIONS
from expectations.products import NOISED, OD, staged
from jobs.audit.journal import Journal
from jobs.context import RunContext
from jobs.lake import Lake
from jobs.periods import drafts_left, open_days, open_keys, period_states, short_states, spent_keys, status_of
from jobs.segment.keys import key_store
from jobs.segment.periods import days_of
from jobs.settings import Policy, RunSettings

WEEK, MONTH = "week-2026-W10", "month-2026-03"
DAYS = days_of(WEEK)


class TestStatus:
    @pytest.mark.parametrize(
        ("days", "now", "late", "expected"),
        [
            # The week ends with Sunday 8 March, 23:00 UTC; its key goes a day later.
            (7, "2026-03-08T22:59:59", 0, "waiting"),
            (7, "2026-03-08T23:00:00", 0, "due"),
            (7, "2026-03-09T22:59:59", 1, "waiting"),
            (7, "2026-03-09T23:00:00", 1, "due"),
            (6, "2026-03-09T22:59:59", 0, "waiting"),
            (6, "2026-03-09T23:00:00", 0, "due"),
            (5, "2026-03-10T22:59:59", 1, "waiting"),
            (5, "2026-03-10T23:00:00", 1, "due"),
            (4, "2026-03-09T23:00:00", 0, "short"),
            (1, "2026-11-01T00:00:00", 0, "short"),
        ],
    )
    def test_of_a_week(self, days, now, late, expected):
        assert status_of(WEEK, DAYS[:days], Policy(late_days=late), at(now))[0] == expected

    def test_of_a_month(self):
        days, now = days_of(MONTH), at("2026-04-01T22:00:00")
        assert [status_of(MONTH, days[:n], Policy(), now)[0] for n in (19, 20)] == ["short", "due"]
        assert status_of(MONTH, days[:20], Policy(), at("2026-04-01T21:59:59")) == ("waiting", now)


@pytest.fixture()
def context(spark, tmp_path):
    settings = RunSettings(
        landing=tmp_path / "landing",
        lake=str(tmp_path / "lake"),
        keys=tmp_path / "keys",
        date=DAYS[0],
        until=DAYS[0],
        as_of=at("2026-03-12T00:00:00"),
    )
    from expectations.gate import Gate

    return RunContext(spark, Lake(spark, settings.lake), settings, Gate(None), "run")


class TestStates:
    def test_weeks_by_their_keys_and_contributions(self, context):
        ddl = ", ".join(f"{c.name} {c.type}" for c in OD_CONTRIBUTIONS.columns)
        weeks = {"2026-W10": DAYS, "2026-W09": days_of("week-2026-W09")[:3]}
        given = [(str(day), week, b"p", 15, "a", "b", "morning") for week, days in weeks.items() for day in days]
        door = context.lake.door(writes=[Schema.PSEUDONYMOUS])
        door.replace(OD_CONTRIBUTIONS, frame(context.spark, ddl, *given), [g[0] for g in given])
        journal, store = Journal(context), key_store(context)
        assert period_states(context, journal, set()) == []
        for period in (WEEK, "week-2026-W09", "week-2026-W11", MONTH, "day-2026-03-02"):
            store.create(period)
        found = {s.key_period: s for s in period_states(context, journal, set())}
        assert {key: (s.status, len(s.period.days), s.products) for key, s in found.items()} == {
            WEEK: ("due", 7, ("od",)),
            "week-2026-W09": ("short", 3, ("od",)),
            "week-2026-W11": ("waiting", 0, ("od",)),
            MONTH: ("waiting", 0, ("catchment",)),
        }
        assert found["week-2026-W09"].period.missing == days_of("week-2026-W09")[3:]
        assert "3 of 7 days, and no more to come" in found["week-2026-W09"].told

        done = {"od-2026-W10-r0"}
        assert WEEK not in {s.key_period for s in period_states(context, journal, done)}
        assert spent_keys(context, journal, done) == [WEEK]
        assert open_keys(context, journal, done) == {"week-2026-W09", "week-2026-W11", MONTH}
        assert open_days(context.policy, journal, [*DAYS, dt.date(2026, 3, 9)], "week", done) == [dt.date(2026, 3, 9)]
        old = days_of("week-2026-W09")
        assert [s.key_period for s in short_states(context, old[3:4], "week")] == ["week-2026-W09"]
        assert short_states(context, old[3:5], "week") == short_states(context, DAYS, "week") == []
        assert short_states(context, [dt.date(2026, 3, 9)], "week") == []
        assert drafts_left({NOISED: ["x"]}, context.policy, [WEEK]) == {
            NOISED: ["x", "od-2026-W10-r0"],
            staged(OD): ["od-2026-W10-r0"],
        }
