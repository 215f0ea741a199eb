"""Moves along corridors: ways between cells, and trips put together, in both directions alike."""

from __future__ import annotations

import itertools
from typing import Any

from frames import at, frame, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from jobs.transform.moves import MoveParams, corridor_moves, speed_band
from jobs.transform.ways import with_ways
from udfs.purposes import EVERY, bit

PARAMS = MoveParams("traffic_planning", "Europe/Berlin")
SEGMENTS = (
    "date DATE, pseudonym BINARY, line_no SMALLINT, purposes TINYINT, kind STRING, start_time TIMESTAMP, "
    "end_time TIMESTAMP, tile BIGINT, ways ARRAY<STRUCT<corridor_id: STRING, metres: INT, chance: INT, seconds: INT>>"
)
DAY = "2026-03-03"
Way = tuple[str, int, int, int]


def segment(clock: str, kind: str = "move", *ways: Way, who: int = 1, purposes: int = EVERY) -> tuple[Any, ...]:
    """A segment that begins at a time of UTC; Berlin is an hour ahead."""
    start = at(f"{DAY}T{clock}")
    return (DAY, bytes([who]) * 32, 1, purposes, kind, start, start, 7, list(ways) or None)


def moves(spark, *segments: tuple[Any, ...], lengths: tuple[tuple[str, int], ...] = (("a", 6_000), ("b", 6_000))):
    made = frame(spark, SEGMENTS, *segments)
    return corridor_moves(made, frame(spark, "corridor_id STRING, length_m INT", *lengths), PARAMS)


class TestMoves:
    def test_ways_of_a_trip_are_one_move_in_the_hour_of_its_middle(self, spark):
        found = moves(
            spark,
            segment("06:00", "stay"),
            segment("06:50", "move", ("a", 1_000, 80, 600)),
            segment("07:00", "move", ("a", 2_000, 80, 240)),
            segment("07:10", "move", ("a", 3_000, 80, 360)),
            segment("07:30", "stay", ("a", 500, 80, 1_800)),
        )
        # First on the way at 6:55, last at 7:15: 5 km in twenty minutes, and the middle at 7:05, 8:05 in Berlin.
        assert rows(found, "corridor_id", "direction", "hour", "metres", "speed_kmh") == [
            ("a", "forward", 8, 6_500, 15.0)
        ]

    def test_a_stay_ends_a_trip(self, spark):
        half = ("a", 1_200, 80, 600)
        assert rows(moves(spark, segment("06:50", "move", half), segment("07:00", "stay", half))) != []
        assert rows(moves(spark, segment("06:50", "stay", half), segment("07:00", "stay", half))) == []

    def test_two_kilometres_or_half(self, spark):
        def one(metres: int, length: int) -> bool:
            return bool(rows(moves(spark, segment("07:00", "stay", ("a", metres, 80, 600)), lengths=(("a", length),))))

        cases = ((1_990, 6_000), (2_000, 6_000), (-2_000, 6_000), (890, 1_800), (900, 1_800))
        assert [one(*case) for case in cases] == [False, True, True, False, True]

    def test_to_and_fro_is_no_move(self, spark):
        there, back = ("a", 3_000, 80, 600), ("a", -1_500, 80, 600)
        assert rows(moves(spark, segment("07:00", "move", there), segment("07:10", "stay", back))) == []

    def test_the_likelier_and_longer_corridor_wins(self, spark):
        both = [("a", 3_000, 40, 600), ("b", -2_000, 90, 600)]
        assert rows(moves(spark, segment("07:00", "stay", *both)), "corridor_id", "direction") == [("b", "backward")]

    def test_only_what_serves_the_purpose_and_short_silences(self, spark):
        way = ("a", 2_000, 80, 600)
        others = EVERY - bit("traffic_planning")
        assert rows(moves(spark, segment("07:00", "stay", way, purposes=others))) == []
        assert rows(moves(spark, segment("07:00", "stay", (*way[:3], 1_810)))) == []

    def test_bands(self, spark):
        speeds = frame(spark, "v DOUBLE", *((v,) for v in (0.0, 14.9, 15.0, 49.9, 50.0, 80.0)))
        assert rows(speeds.select("v", speed_band(F.col("v")))) == [
            (0.0, "<15"), (14.9, "<15"), (15.0, "15-30"), (49.9, "30-50"), (50.0, "50-80"), (80.0, ">80"),
        ]  # fmt: skip


NEAR = "ARRAY<STRUCT<corridor_id: STRING, share: DOUBLE, along_m: INT>>"
GROUPS = "id INT, place_no INT, starts BIGINT, purposes TINYINT, place_no_before INT, ends_before BIGINT, {}"


def test_ways_are_along_shared_corridors_and_for_the_same_purposes(spark):
    nearby = frame(
        spark,
        f"place_no INT, near {NEAR}",
        (1, [("a", 0.5, 100), ("b", 1.0, 0)]),
        (2, [("a", 0.8, 1_604)]),
    )
    groups = frame(
        spark,
        GROUPS.format("purposes_before TINYINT"),
        (1, 2, 1_095, 15, 1, 1_000, 15),
        (2, 1, 1_095, 15, 2, 1_000, 15),
        (3, 2, 1_095, 15, 1, 1_000, 7),
        (4, 2, 9_095, 15, 1, 1_000, 15),
        (5, 2, 1_095, 15, None, None, None),
        (6, 3, 1_095, 15, 1, 1_000, 15),
    )
    found = {row["id"]: row["ways"] for row in with_ways(groups, nearby, 7_200).collect()}
    assert {key: [tuple(way) for way in ways] for key, ways in found.items() if ways} == {
        1: [("a", 1_500, 40, 100)],
        2: [("a", -1_500, 40, 100)],
    }
    assert set(found) == {1, 2, 3, 4, 5, 6}
    assert set(with_ways(groups, None, 7_200).select("ways").distinct().collect()) == {(None,)}


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 600), min_size=3, max_size=6), min_size=12, max_size=25))
def test_the_way_back_is_the_same_move_backward(spark, paths):
    """A path of positions along a corridor, in tens of metres, and the same path from its end to its start."""

    def track(positions: list[int], who: int) -> list[tuple[Any, ...]]:
        made = []
        for n, (before, now) in enumerate(itertools.pairwise(positions)):
            kind = "stay" if n == len(positions) - 2 else "move"
            made.append(segment(f"07:{5 * n:02d}", kind, ("a", 10 * (now - before), 50, 300), who=who))
        return made

    there = [row for who, path in enumerate(paths) for row in track(path, who)]
    back = [row for who, path in enumerate(paths) for row in track(path[::-1], who)]
    told = ("pseudonym", "direction", "hour", "metres", "speed_kmh")
    one, two = rows(moves(spark, *there), *told), rows(moves(spark, *back), *told)
    turned = {"forward": "backward", "backward": "forward"}
    assert [(who, turned[direction], *rest) for who, direction, *rest in one] == [tuple(row) for row in two]
    far = {who for who, path in enumerate(paths) if abs(path[-1] - path[0]) >= 100}
    assert {who[0] for who, *_ in one} <= far
