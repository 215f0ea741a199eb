"""Stage 2 on hand-made runs: stays, moves, ping-pong, silences, midnight, and the one draw."""

from __future__ import annotations

import pytest
from frames import at, frame, rows

from expectations.footprints import CELL_POSITIONS
from expectations.movement import MOVEMENT
from jobs.transform.stays import StayParams, segments, settled_runs

PARAMS = StayParams(stay_seconds=900, max_gap_seconds=7200, max_gap_same_ground_seconds=43200)
HOME, HOME2, WORK, FAR = "home", "home2", "work", "far"


@pytest.fixture(scope="module")
def positions(spark):
    ddl = ", ".join(f"{c.name} {c.type}" for c in CELL_POSITIONS.columns)
    place = lambda cell, group, x, tile: ("plan", cell, group, float(x), 0.0, 300.0, False, [tile] * 4, None, None)  # noqa: E731
    return frame(
        spark,
        ddl,
        place(HOME, "s1", 0, 11),
        place(HOME2, "s1", 400, 12),
        place(WORK, "s2", 5000, 21),
        place(FAR, "s3", 9000, 31),
    ).cache()


def _segments(spark, positions, *runs):
    ddl = ", ".join(f"{c.name} {c.type}" for c in MOVEMENT.columns)
    moved = frame(
        spark,
        ddl,
        *(("2026-03-03", b"\1" * 32, 1, 15, at(f"2026-03-{a}"), at(f"2026-03-{b}"), cell, 3) for a, b, cell in runs),
    )
    days = frame(
        spark,
        "date DATE, day_start TIMESTAMP, day_end TIMESTAMP",
        ("2026-03-03", "2026-03-02T23:00:00", "2026-03-03T23:00:00"),
    )
    found = segments(settled_runs(moved, positions, PARAMS), positions, days, PARAMS)
    return [
        (a[5:16], b[5:16], kind, tile) for a, b, kind, tile in rows(found, "start_time", "end_time", "kind", "tile")
    ]


class TestSegments:
    def test_home_work_home(self, spark, positions):
        got = _segments(
            spark,
            positions,
            ("02T22:00:00", "03T07:00:00", HOME),
            ("03T08:00:00", "03T16:00:00", WORK),
            ("03T17:00:00", "04T02:00:00", HOME),
        )
        assert got == [
            ("03-02 23:00", "03-03 07:30", "stay", 11),
            ("03-03 07:30", "03-03 16:30", "stay", 21),
            ("03-03 16:30", "03-03 23:00", "stay", 11),
        ]

    def test_ping_pong_is_no_movement(self, spark, positions):
        got = _segments(
            spark,
            positions,
            ("02T22:00:00", "03T08:00:00", HOME),
            ("03T08:01:00", "03T08:01:00", HOME2),
            ("03T08:02:00", "03T08:02:00", HOME),
            ("03T08:03:00", "03T08:03:00", HOME2),
            ("03T08:04:00", "04T01:00:00", HOME),
        )
        assert got == [("03-02 23:00", "03-03 23:00", "stay", 11)]

    def test_passing_through_is_a_move(self, spark, positions):
        got = _segments(
            spark,
            positions,
            ("02T22:00:00", "03T08:00:00", HOME),
            ("03T08:10:00", "03T08:12:00", WORK),
            ("03T08:20:00", "04T01:00:00", FAR),
        )
        assert [(kind, tile) for _, _, kind, tile in got] == [("stay", 11), ("move", 21), ("stay", 31)]

    def test_long_silence_between_places_stays_open(self, spark, positions):
        got = _segments(spark, positions, ("02T22:00:00", "03T06:00:00", HOME), ("03T16:00:00", "04T01:00:00", WORK))
        assert got == [("03-02 23:00", "03-03 07:00", "stay", 11), ("03-03 15:00", "03-03 23:00", "stay", 21)]

    def test_silence_on_the_same_ground_is_bridged(self, spark, positions):
        got = _segments(spark, positions, ("02T22:00:00", "02T23:30:00", HOME), ("03T08:00:00", "04T01:00:00", HOME2))
        assert [(a, b, kind) for a, b, kind, _ in got] == [("03-02 23:00", "03-03 23:00", "stay")]

    def test_repeating_draws_the_same_tile(self, spark):
        ddl = ", ".join(f"{c.name} {c.type}" for c in CELL_POSITIONS.columns)
        wide = frame(spark, ddl, ("plan", HOME, "s1", 0.0, 0.0, 300.0, False, list(range(256)), None, None))
        runs = [("02T22:00:00", "03T04:00:00", HOME), ("03T18:00:00", "04T01:00:00", HOME)]
        first, again = _segments(spark, wide, *runs), _segments(spark, wide.repartition(3), *runs)
        assert first == again
        assert len({tile for *_, tile in first}) == 1
