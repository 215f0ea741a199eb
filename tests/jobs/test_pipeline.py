"""The order of a run: what waits, what is gone on from, what is done anew, and what is cleared up at its end."""

from __future__ import annotations

import datetime as dt

import pytest
from frames import at, rows

import jobs.clearing as clearing
import jobs.pipeline as pipeline
from expectations.audit import KEY_EVENTS, RUNS
from expectations.contract import Schema
from jobs.aggregate.identity import Period, release_id
from jobs.consent.receipts import LedgerState
from jobs.context import JobReport
from jobs.lake import Lake
from jobs.periods import PeriodState
from jobs.segment.keys import make_keys
from jobs.segment.keystore import FileKeyStore, day_period
from jobs.settings import Policy, RunSettings

FIRST, SECOND = dt.date(2026, 3, 3), dt.date(2026, 3, 4)
DAILY = {name: product for name, product in Policy().products.items() if product.period == "day"}


class House:
    """A lake whose jobs do nothing but say that they ran; stage 1 makes the keys, the release releases."""

    def __init__(self, spark, folder, patch):
        self.spark, self.folder, self.patch = spark, folder, patch
        self.ran, self.said, self.released, self.dies = [], [], set(), None
        (folder / "landing").mkdir()
        for name in ("cells.csv", "subscribers.csv", "events.csv"):
            (folder / "landing" / name).write_text("x\n")
        self.keys = FileKeyStore(folder / "keys")
        state = LedgerState("v1", None, {})
        fakes = {
            "ALL": (RUNS, KEY_EVENTS),
            "check_feed": lambda *a: None,
            "run_consent": lambda *a: (self._job("consent"), state),
            "released_ids": lambda *a: self.released,
            "charge_releases": lambda context, days: self._job("charge", days),
            "run_release": self._release,
            "run_segment": self._segment,
            "run_transform": lambda context, days: self._job("transform", days),
            "run_aggregate": lambda context, days: self._job("aggregate", days),
        }
        for name in ("reference", "subscribers", "events"):
            fakes[f"run_{name}"] = lambda *a, name=name: self._job(name)
        fakes["run_footprints"] = lambda *a: self._job("footprints")
        fakes["run_corridors"] = lambda *a: None
        for name, fake in fakes.items():
            patch.setattr(pipeline, name, fake)

    def _job(self, name, days=()):
        self.ran.append((name, *(d.day for d in days)))
        if self.dies == name:
            raise KeyboardInterrupt
        return JobReport(name)

    def _segment(self, context, days, ledger):
        make_keys(context, [day_period(day) for day in days], "stage 1 of the day")
        return self._job("segment", days)

    def _release(self, context, days):
        self.released |= {release_id(p, d) for p in context.policy.products for d in days}
        return self._job("release", days)

    def run(self, as_of, until=SECOND, **policy):
        self.ran, self.said = [], []
        settings = RunSettings(
            landing=self.folder / "landing",
            lake=str(self.folder / "lake"),
            date=FIRST,
            until=until,
            keys=self.folder / "keys",
            as_of=at(as_of),
            policy=Policy(**{"products": DAILY, **policy}),
        )
        summary = pipeline.run_pipeline(self.spark, settings, say=lambda event, facts: self.said.append((event, facts)))
        return summary

    def of_days(self):
        return [job for job in self.ran if job[0] not in ("reference", "subscribers", "consent", "footprints")]

    def key_events(self):
        door = Lake(self.spark, str(self.folder / "lake")).door(reads=[Schema.AUDIT])
        return rows(door.read(KEY_EVENTS), "event", "period", "reason")


@pytest.fixture()
def house(spark, tmp_path, monkeypatch):
    return House(spark, tmp_path, monkeypatch)


class TestWaiting:
    def test_a_release_waits_for_late_days_and_a_later_run_completes_it(self, house):
        """Two days, one late day: at midnight of the 5th the 3rd may be released, the 4th a day later."""
        early = house.run("2026-03-04T22:59:59", late_days=1)
        assert house.of_days() == [("events",), ("segment", 3, 4), ("transform", 3, 4)]
        assert early.days == [] and early.waiting == {
            FIRST: at("2026-03-04T23:00:00"),
            SECOND: at("2026-03-05T23:00:00"),
        }
        assert [f["until"] for e, f in house.said if e == "release waits"] == [
            "2026-03-04T23:00:00+00:00",
            "2026-03-05T23:00:00+00:00",
        ]
        assert house.keys.periods() == ["day-2026-03-03", "day-2026-03-04"]

        one = house.run("2026-03-04T23:00:00", late_days=1)
        assert house.of_days() == [("charge", 3), ("aggregate", 3), ("release", 3)]
        assert (one.days, list(one.waiting)) == ([FIRST], [SECOND])
        assert house.keys.periods() == ["day-2026-03-04"]

        other = house.run("2026-03-05T23:00:00", late_days=1)
        assert house.of_days()[-3:] == [("charge", 4), ("aggregate", 4), ("release", 4)]
        assert (other.days, other.already, other.waiting) == ([SECOND], [FIRST], {})
        assert house.keys.periods() == []
        assert house.run("2026-03-06T00:00:00", late_days=1).already == [FIRST, SECOND] and house.ran == []
        assert [e[:2] for e in house.key_events()] == [
            ("created", "day-2026-03-03"),
            ("created", "day-2026-03-04"),
            ("destroyed", "day-2026-03-03"),
            ("destroyed", "day-2026-03-04"),
        ]

    def test_keys_that_were_left_over_go_with_the_next_run(self, house):
        for period in ("day-2026-02-28", "day-2026-03-01", "week-2026-W09", "month-2026-03"):
            house.keys.create(period)
        house.run("2026-03-04T05:00:00", until=FIRST, late_days=1)
        assert house.keys.periods() == ["day-2026-03-03", "month-2026-03"]
        reason = "late_days + 1 after the end of the period"
        over = ["day-2026-02-28", "day-2026-03-01", "week-2026-W09"]
        assert house.key_events()[1:] == [("destroyed", period, reason) for period in over]
        house.run("2026-03-05T05:00:00", until=FIRST, late_days=1)
        assert ("destroyed", "day-2026-03-03", "last release of the day is made") in house.key_events()
        assert house.keys.periods() == ["month-2026-03"]


class TestResuming:
    def test_what_was_done_is_skipped_while_the_keys_live_and_done_anew_after(self, house):
        house.dies = "aggregate"
        with pytest.raises(KeyboardInterrupt):
            house.run("2026-03-10T00:00:00", until=FIRST)
        assert house.keys.periods() == ["day-2026-03-03"]
        with pytest.raises(KeyboardInterrupt):
            house.run("2026-03-10T00:00:00", until=FIRST)
        assert house.of_days() == [("charge", 3), ("aggregate", 3)]

        house.keys.destroy("day-2026-03-03")
        house.dies = "transform"
        with pytest.raises(KeyboardInterrupt):
            house.run("2026-03-10T00:00:00", until=FIRST)
        assert house.of_days() == [("events",), ("segment", 3), ("transform", 3)]

        # The key lives again and stage 1 is done; stage 2 was done before that, which counts for nothing.
        house.dies = None
        house.run("2026-03-10T00:00:00", until=FIRST)
        assert house.of_days() == [("transform", 3), ("charge", 3), ("aggregate", 3), ("release", 3)]
        assert house.keys.periods() == []

    def test_a_run_that_broke_off_after_its_release_is_cleared_up_by_the_next(self, house, monkeypatch):
        def dies(*args):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(clearing, "destroy", dies)
            with pytest.raises(KeyboardInterrupt):
                house.run("2026-03-10T00:00:00", until=FIRST)
        assert house.released and house.keys.periods() == ["day-2026-03-03"]
        house.run("2026-03-10T00:00:00", until=FIRST)
        assert house.ran == [] and house.keys.periods() == []


class TestPeriods:
    def test_a_week_that_a_run_left_unreleased_is_released_by_the_next_after_consent(self, house, monkeypatch):
        """The days are released: nothing of them is touched, but objections are taken in before the week is drawn."""
        house.run("2026-03-10T00:00:00")
        period = Period("week", "2026-W10", dt.date(2026, 3, 2), dt.date(2026, 3, 8), (FIRST, SECOND))
        states = [PeriodState("week-2026-W10", period, ("od",), "due")]
        monkeypatch.setattr(pipeline, "period_states", lambda *a: states)
        monkeypatch.setattr(pipeline, "run_periods", lambda context, given: house._job(f"periods {len(given)}"))
        summary = house.run("2026-03-10T00:00:00")
        assert [job[0] for job in house.ran if job[0] in ("consent", "events", "segment", "periods 1")] == [
            "consent",
            "periods 1",
        ]
        assert summary.periods == {"week-2026-W10": "2 of 7 days: released"} and summary.days == []
