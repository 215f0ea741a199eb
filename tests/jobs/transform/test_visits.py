"""Visits: what is merged, what ends one, who visits, what small cells tell; against an oracle of loops."""

from __future__ import annotations

import datetime as dt
import random
from itertools import pairwise
from typing import Any

import pytest
from frames import frame, rows, segment

from expectations.segments import SEGMENTS
from jobs.transform.presence import by_unit
from jobs.transform.visits import VisitParams, visits
from udfs.purposes import EVERY, bit

DAY = "2026-03-03"
PARAMS = VisitParams("market_research")
ROOMS = {1: "home", 2: "a", 3: "a", 4: "b"}  # tile 9 lies outside
PLACES = {3: ["mall", "shop"], 4: ["mall"]}  # the shop is small, and has a small cell of its own
SHOWN = ("pseudonym", "role", "zone_id", "start_time", "end_time", "has_stay")


@pytest.fixture(scope="module")
def counted(spark):
    made = [("partition", zone, tile, False, False) for tile, zone in ROOMS.items()]
    made += [("place", zone, tile, zone == "shop", zone == "shop") for tile, names in PLACES.items() for zone in names]
    return frame(
        spark, "role STRING, zone_id STRING, tile BIGINT, small_cells_only BOOLEAN, by_small_cells BOOLEAN", *made
    ).cache()


@pytest.fixture(scope="module")
def resolution(spark):
    return frame(spark, "zone_id STRING, radius_m DOUBLE", ("home", 100.0), ("a", 200.0), ("b", 300.4)).cache()


def _row(who: int, kind: str, start: str, end: str, tile: int | None, small: bool = False, mask: int = EVERY):
    return segment(DAY, bytes([who]) * 32, mask, kind, f"{DAY}T{start}:00", f"{DAY}T{end}:00", tile, small)


def _visits(spark, counted, resolution, *made):
    ddl = ", ".join(f"{c.name} {c.type}" for c in SEGMENTS.columns)
    homes = frame(
        spark,
        "date DATE, pseudonym BINARY, home_zone_id STRING",
        *((DAY, bytes([who]) * 32, "home") for who in range(1, 60)),
    )
    return visits(by_unit(frame(spark, ddl, *made)), counted, resolution, homes, PARAMS)


def _told(found) -> list[tuple[Any, ...]]:
    return [(role, zone, a[11:16], b[11:16], stay) for _, role, zone, a, b, stay in rows(found, *SHOWN)]


class TestVisits:
    def test_stays_in_one_zone_are_one_visit_unless_apart(self, spark, counted, resolution):
        found = _visits(
            spark, counted, resolution,
            _row(1, "stay", "08:00", "09:00", 2), _row(1, "move", "09:00", "09:10", 4),
            _row(1, "stay", "09:10", "10:00", 3),
            _row(2, "stay", "08:00", "09:00", 2), _row(2, "unknown", "09:00", "09:30", None),
            _row(2, "stay", "09:30", "10:00", 2),
            _row(3, "stay", "08:00", "09:00", 2), _row(3, "stay", "09:00", "09:15", 9),
            _row(3, "stay", "09:15", "10:00", 2),
        )  # fmt: skip
        partition = [r for r in rows(found, *SHOWN) if r[1] == "partition"]
        assert [(r[0][0], r[3][11:16], r[4][11:16]) for r in partition] == [
            (1, "08:00", "10:00"),
            (2, "08:00", "09:00"), (2, "09:30", "10:00"),
            (3, "08:00", "09:00"), (3, "09:15", "10:00"),
        ]  # fmt: skip

    def test_nobody_visits_the_own_zone_but_its_places(self, spark, counted, resolution):
        found = _visits(spark, counted, resolution, _row(1, "stay", "08:00", "09:00", 1))
        assert _told(found) == []
        found = _visits(spark, counted, resolution, _row(1, "stay", "08:00", "09:00", 4))
        assert _told(found) == [("partition", "b", "08:00", "09:00", True), ("place", "mall", "08:00", "09:00", True)]

    def test_small_places_take_small_cells_and_their_short_contacts(self, spark, counted, resolution):
        found = _visits(
            spark, counted, resolution,
            _row(1, "stay", "08:00", "09:00", 3, small=True),
            _row(2, "move", "08:00", "08:05", 3, small=True),
            _row(3, "move", "08:00", "08:05", 3),
            _row(4, "stay", "08:00", "09:00", 3),
            _row(5, "move", "08:00", "08:05", 4, small=True),
        )  # fmt: skip
        at_places = [(r[0][0], r[2], r[5]) for r in rows(found, *SHOWN) if r[1] == "place"]
        assert at_places == [(1, "mall", True), (1, "shop", True), (2, "shop", False), (4, "mall", True)]

    def test_other_purposes_make_no_visit(self, spark, counted, resolution):
        mask = EVERY - bit("market_research")
        assert _told(_visits(spark, counted, resolution, _row(1, "stay", "08:00", "09:00", 2, mask=mask))) == []

    def test_positions_before_reach_back_to_the_last_silence(self, spark, counted, resolution):
        found = _visits(
            spark, counted, resolution,
            _row(1, "stay", "00:00", "07:00", 1), _row(1, "unknown", "07:00", "07:30", None),
            _row(1, "stay", "07:30", "08:00", 9), _row(1, "move", "08:00", "08:10", 4),
            _row(1, "stay", "08:10", "09:00", 2),
            _row(2, "stay", "07:00", "08:00", 1), _row(2, "stay", "08:01", "09:00", 2),
        )  # fmt: skip
        before = {r["pseudonym"][0]: r["before"] for r in found.filter("zone_id = 'a'").collect()}
        assert [(s["tile"], s["area"], s["blur_m"]) for s in before[1]] == [(4, "b", 300), (9, None, None)]
        assert before[2] == []


Segment = tuple[str, int, int, int | None, bool]  # kind, start, end (minutes of the day), tile, by a small cell


def _day(dice: random.Random) -> list[Segment]:
    now, found = dice.choice([0, 0, 300]), []
    while now < 1400:
        kind = dice.choice(["stay", "stay", "move", "move", "unknown"])
        length = {"stay": [15, 40, 200], "move": [1, 7], "unknown": [3, 29, 30, 90]}[kind]
        end = min(1439, now + dice.choice(length))
        tile = None if kind == "unknown" else dice.choice([1, 2, 3, 3, 4, 9])
        found.append((kind, now, end, tile, kind != "unknown" and dice.random() < 0.5))
        now = end
    return [s for s in found if s[1] < s[2]]


def _oracle(day: list[Segment]) -> list[tuple[str, str, int, int, bool]]:
    """Visits of a unit that lives in ``home``, by loops over its day."""
    found = []
    for role in ("partition", "place"):
        seen = [s for s in day if s[0] == "stay" or (role == "place" and s[0] == "move" and s[4])]
        for zone in ("a", "b", "mall", "shop"):

            def counts(s: Segment, role: str = role, zone: str = zone) -> bool:
                if role == "partition":
                    return ROOMS.get(s[3] or 0) == zone
                inside = zone in PLACES.get(s[3] or 0, [])
                return inside and (zone == "shop" or s[0] == "stay") and (zone == "mall" or s[4])

            at_zone = [i for i, s in enumerate(seen) if counts(s)]
            runs = [[i] for i in at_zone[:1]]
            for i, j in pairwise(at_zone):
                if j == i + 1 and seen[j][1] - max(seen[k][2] for k in at_zone if k <= i) < 30:
                    runs[-1].append(j)
                else:
                    runs.append([j])
            found += [
                (role, zone, seen[run[0]][1], max(seen[i][2] for i in run), any(seen[i][0] == "stay" for i in run))
                for run in runs
            ]
    return sorted(found)


class TestOracle:
    def test_many_days(self, spark, counted, resolution):
        dice = random.Random(6)
        days = {who: _day(dice) for who in range(1, 50)}
        clock = lambda minutes: f"{minutes // 60:02d}:{minutes % 60:02d}"  # noqa: E731
        made = [
            _row(who, kind, clock(a), clock(b), tile, small)
            for who, day in days.items()
            for kind, a, b, tile, small in day
        ]
        dice.shuffle(made)
        found: dict[int, list[tuple[str, str, int, int, bool]]] = {who: [] for who in days}
        midnight = dt.datetime.fromisoformat(DAY)
        for r in _visits(spark, counted, resolution, *made).collect():
            spent = [int((r[c] - midnight).total_seconds() // 60) for c in ("start_time", "end_time")]
            found[r["pseudonym"][0]].append((r["role"], r["zone_id"], spent[0], spent[1], r["has_stay"]))
        assert sum(map(len, found.values())) > 300
        for who, day in days.items():
            assert sorted(found[who]) == _oracle(day), day
