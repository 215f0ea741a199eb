"""Rewards: members are credited by the month from the ledger alone, and the job can see no location."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from end_to_end_tools import threestep
from frames import at, frame, rows

from expectations.catalog import ALL
from expectations.consent_ledger import CONSENT_LEDGER
from expectations.contract import Schema
from expectations.rewards import REWARDS
from jobs.errors import RoomError, UsageError
from jobs.lake import Lake
from jobs.rewards import reward_params, rewards
from jobs.settings import Policy, RewardsPolicy

DDL = ", ".join(f"{c.name} {c.type}" for c in CONSENT_LEDGER.columns)
NUMBERS = {name: f"+49155500000{n:02d}" for n, name in enumerate("ABCDEFGHIJ")}
NAMES = {number: name for name, number in NUMBERS.items()}
ON = Policy(rewards=RewardsPolicy(enabled=True, credit=Decimal("4.50"), min_days=15))


def _row(name, start, end=None, decision="consent", purpose="rewards", brand="b", known_until=None):
    known_from = "2026-01-01T00:00:00"
    return (NUMBERS[name], purpose, decision, start, end, f"r{name}{start}", "web", brand, known_from, known_until)


LEDGER = (
    _row("A", "2025-01-01T00:00:00"),
    _row("B", "2026-03-16T23:00:00"),  # 17 March in Berlin: fifteen days are left
    _row("C", "2026-03-17T23:00:00"),  # fourteen
    _row("D", "2026-02-01T00:00:00", "2026-03-14T23:00:00"),  # until midnight after the 14th
    _row("E", "2026-02-01T00:00:00", "2026-03-14T23:00:01"),  # a second into the 15th
    _row("F", "2026-03-01T00:00:00", "2026-03-05T10:00:00", brand="first"),
    _row("F", "2026-03-05T12:00:00", "2026-03-14T10:00:00", brand="last"),  # fourteen days, though two of them twice
    _row("G", "2026-03-01T00:00:00", "2026-03-08T10:00:00", brand="first"),
    _row("G", "2026-03-24T12:00:00", brand="last"),
    _row("H", "2026-01-01T00:00:00", known_until="2026-02-01T00:00:00"),  # known better since
    _row("I", "2026-01-01T00:00:00", decision="object", purpose="all"),
    _row("J", "2026-04-01T00:00:00"),
)


class TestRewards:
    def test_days_of_membership_decide(self, spark):
        params = reward_params(ON, "2026-03", at("2026-04-01T00:00:00"))
        got = rows(rewards(frame(spark, DDL, *LEDGER), params), "msisdn", "member_days", "brand", "credit", "month")
        paid = Decimal("4.50")
        assert [(NAMES[number], *rest) for number, *rest in got] == [
            ("A", 31, "b", paid, "2026-03"),
            ("B", 15, "b", paid, "2026-03"),
            ("E", 15, "b", paid, "2026-03"),
            ("G", 16, "last", paid, "2026-03"),
        ]

    def test_what_cannot_be_credited(self):
        for policy, month, now, says in (
            (Policy(), "2026-03", "2026-05-01T00:00:00", "enabled"),
            (ON, "2026-13", "2026-05-01T00:00:00", "YYYY-MM"),
            (ON, "2026-03", "2026-03-31T21:59:59", "not over"),
        ):
            with pytest.raises(UsageError, match=says):
                reward_params(policy, month, at(now))
        assert reward_params(ON, "2026-02", at("2026-03-01T00:00:00")).last == dt.date(2026, 2, 28)


class TestJob:
    def test_crediting_again_changes_nothing_and_other_months_stay(self, spark, tmp_path):
        lake = Lake(spark, str(tmp_path / "lake"))
        lake.door(writes=[CONSENT_LEDGER]).merge(CONSENT_LEDGER, frame(spark, DDL, *LEDGER))
        policy = tmp_path / "policy.toml"
        policy.write_text("[rewards]\nenabled = true\nmin_days = 1\n")

        def credit(month):
            assert threestep("job", "rewards", "--lake", lake.root, "--month", month, "--policy", policy) == 0
            got = rows(lake.door(reads=[REWARDS]).read(REWARDS), "month", "msisdn")
            return [(month, NAMES[number]) for month, number in got]

        february = [("2026-02", name) for name in "ADE"]
        march = [("2026-03", name) for name in "ABCDEFG"]
        assert credit("2026-02") == february
        assert credit("2026-03") == credit("2026-03") == february + march
        assert threestep("job", "rewards", "--lake", lake.root, "--month", "2026-03") == 2

    def test_its_door_opens_to_no_other_table(self, spark, tmp_path):
        door = Lake(spark, str(tmp_path / "lake")).door(reads=[CONSENT_LEDGER], writes=[REWARDS])
        refused = [c for c in ALL if c not in (CONSENT_LEDGER, REWARDS)]
        assert {c.name for c in refused} >= {"events", "movement", "segments", "subscribers", "quarantine"}
        for contract in refused:
            with pytest.raises(RoomError, match="may not read"):
                door.read(contract)
        for contract in (c for c in ALL if c is not REWARDS):
            with pytest.raises(RoomError, match="may not write"):
                door.merge(contract, frame(spark, "a INT"))
        assert door.writes == {REWARDS} and not any(isinstance(opened, Schema) for opened in door.reads)
