"""The privacy ledger: charged once, never past a cap, by one of two at a time."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest

from expectations.audit import PRIVACY_LEDGER
from expectations.contract import Schema
from jobs.errors import BudgetError, ThreestepError
from jobs.lake import Lake
from jobs.release.budget import Charge, charge, epsilon
from jobs.settings import Policy

AT = dt.datetime(2026, 3, 4, tzinfo=dt.UTC)


@pytest.fixture()
def door(spark, tmp_path):
    return Lake(spark, str(tmp_path / "lake")).door(writes=[Schema.AUDIT])


def _charge(spark, door, *names, rho=0.04, correction=0):
    charges = [Charge(name, "footfall", "day", "2026-03-03", rho, correction) for name in names]
    charge(spark, door, charges, Policy(), AT)


def _spent(door):
    row = door.read(PRIVACY_LEDGER).first()
    return float(row["spent"]), float(row["spent_reserve"]), len(row["charges"]), row["epsilon"]


class TestCharge:
    def test_charged_once(self, spark, door):
        _charge(spark, door, "r1")
        _charge(spark, door, "r1", "r2")
        spent, reserve, charges, eps = _spent(door)
        assert (spent, reserve, charges) == (0.08, 0.0, 2)
        assert eps == pytest.approx(epsilon(0.08, 1e-9))

    def test_past_the_cap_is_refused_and_nothing_changes(self, spark, door):
        _charge(spark, door, "r1", "r2")
        with pytest.raises(BudgetError, match=r"day 2026-03-03 is spent.*cap of 0.1"):
            _charge(spark, door, "r3")
        assert _spent(door)[:3] == (0.08, 0.0, 2)

    def test_corrections_spend_the_reserve(self, spark, door):
        _charge(spark, door, "r1", "r2")
        _charge(spark, door, "r1-again", correction=1)
        assert _spent(door)[:3] == (0.08, 0.04, 3)
        with pytest.raises(BudgetError, match="reserve"):
            _charge(spark, door, "r2-again", correction=1)

    def test_a_threshold_adds_its_delta_once(self, spark, door):
        week = Charge("od-2026-W10-r0", "od", "week", "2026-W10", 0.08, delta=8e-11)
        for _ in range(2):
            charge(spark, door, [week], Policy(), AT)
        row = door.read(PRIVACY_LEDGER).first()
        assert (row["delta"], row["charges"][0]["delta"]) == (8e-11, 8e-11)
        charge(spark, door, [Charge("od-2026-W10-r1", "od", "week", "2026-W10", 0.02, delta=1e-11)], Policy(), AT)
        assert door.read(PRIVACY_LEDGER).first()["delta"] == pytest.approx(9e-11)

    def test_two_at_once_cannot_both_take_the_last_of_it(self, spark, door):
        _charge(spark, door, "r0")
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(lambda name: _try(spark, door, name), ["r1", "r2"]))
        assert outcomes.count(None) == 1
        assert _spent(door)[0] == pytest.approx(0.09)


def _try(spark, door, name):
    try:
        _charge(spark, door, name, rho=0.05)
    except ThreestepError as error:
        return error
    return None


def test_epsilon_of_the_day():
    assert epsilon(0.31, 1e-9) == pytest.approx(5.38, abs=0.01)
    assert epsilon(0.0, 1e-9) == 0.0
