"""Stage 2 on hand-made runs: stays, moves, ping-pong, silences, midnight, and the one draw."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from frames import at, frame, rows
from pyspark.sql import functions as F

from expectations.footprints import CELL_POSITIONS
from expectations.movement import MOVEMENT, PROFILE
from jobs.transform.stays import StayParams, located, numbered_places, segments, settled_runs

PARAMS = StayParams(stay_seconds=900, max_gap_seconds=7200, max_gap_same_ground_seconds=43200, ping_pong_seconds=60)
HOME, HOME2, WORK, FAR = "home", "home2", "work", "far"


def _places(spark, *cells):
    """Footprints from (cell, group, x, tiles), and with rings from (cell, group, x, tiles, ring, steps a ring)."""
    names = ("cell_id", "site_group", "centre_x", "quantiles", "ring", "ring_steps")
    values = {"plan_id": "plan", "centre_y": 0.0, "radius_m": 300.0, "is_small": False, "homes": None}
    ddl = ", ".join(f"{c.name} {c.type}" for c in CELL_POSITIONS.columns if c.name not in names[-2:])
    rows = [{**values, **dict.fromkeys(names[-2:]), **dict(zip(names, cell, strict=False))} for cell in cells]
    columns = [c for c in CELL_POSITIONS.column_names if c not in names[-2:]]
    made = frame(
        spark, f"{ddl}, ring INT, ring_steps INT", *(tuple(r[c] for c in (*columns, *names[-2:])) for r in rows)
    )
    return numbered_places(made)


@pytest.fixture(scope="module")
def places(spark):
    return _places(
        spark,
        (HOME, "s1", 0.0, [11] * 4),
        (HOME2, "s1", 350.0, [12] * 4),
        (WORK, "s2", 5000.0, [21] * 4),
        (WORK, "s2", 5200.0, [22] * 4, 1, 8),
        (WORK, "s2", 7000.0, [23] * 4, 3, 8),
        (FAR, "s3", 9000.0, [31] * 4),
    ).cache()


def _segments(spark, places, *runs):
    ddl = ", ".join(f"{c.name} {c.type}" for c in MOVEMENT.columns)
    moved = frame(
        spark,
        ddl,
        *(
            ("2026-03-03", b"\1" * 32, 1, 15, at(f"2026-03-{a}"), at(f"2026-03-{b}"), cell, 3, *(ta or [None]))
            for a, b, cell, *ta in runs
        ),
    )
    days = frame(
        spark,
        "date DATE, day_start TIMESTAMP, day_end TIMESTAMP",
        ("2026-03-03", "2026-03-02T23:00:00", "2026-03-03T23:00:00"),
    )
    nobody = frame(spark, ", ".join(f"{c.name} {c.type}" for c in PROFILE.columns))
    found = segments(settled_runs(located(moved, places), PARAMS), places, nobody, days, PARAMS)
    return [
        (a[5:16], b[5:16], kind, tile) for a, b, kind, tile in rows(found, "start_time", "end_time", "kind", "tile")
    ]


def test_the_way_home_belongs_to_the_day_on_which_it_was_made(spark, places):
    """Home from half past nine in the evening, one way on a corridor; and out again at noon, another."""
    near = "place_no INT, near ARRAY<STRUCT<corridor_id: STRING, share: DOUBLE, along_m: INT>>"
    numbers = dict(rows(places.filter("ring IS NULL"), "cell_id", "place_no"))
    nearby = frame(spark, near, (numbers[WORK], [("road", 1.0, 0)]), (numbers[HOME], [("road", 1.0, 4000)]))
    runs = (
        ("02T16:00:00", "02T21:00:00", WORK),
        ("02T21:30:00", "03T11:00:00", HOME),
        ("03T11:30:00", "03T20:00:00", WORK),
    )
    ddl = ", ".join(f"{c.name} {c.type}" for c in MOVEMENT.columns)
    spans = [(at(f"2026-03-{a}"), at(f"2026-03-{b}"), cell, 3, None) for a, b, cell in runs]
    moved = frame(spark, ddl, *(("2026-03-03", b"\1" * 32, 1, 15, *span) for span in spans))
    day = ("2026-03-03", "2026-03-02T23:00:00", "2026-03-03T23:00:00")
    days = frame(spark, "date DATE, day_start TIMESTAMP, day_end TIMESTAMP", day)
    nobody = frame(spark, ", ".join(f"{c.name} {c.type}" for c in PROFILE.columns))
    found = segments(settled_runs(located(moved, places), PARAMS), places, nobody, days, PARAMS, nearby)
    stays = found.filter("kind = 'stay'").withColumn("way", F.expr("ways[0].metres"))
    assert [(start[5:16], way) for start, way in rows(stays, "start_time", "way")] == [
        ("03-02 23:00", None), ("03-03 11:15", -4000),
    ]  # fmt: skip


def test_away_from_the_longest_stay_the_registered_zone_is_less_likely(spark):
    """Both cells cover the zone; with a factor of nought nobody is drawn into it away from home."""
    slots = [5] * 50 + [6] * 50
    here = F.expr("array(named_struct('zone_id', 'here', 'first', 0, 'slots', 50, 'at_home', 0.999999999D))")
    places = _places(spark, (HOME, "s1", 0.0, slots), (WORK, "s2", 5000.0, slots)).withColumn("homes", here)
    runs = (
        ("02T22:00:00", "03T07:00:00", HOME),
        ("03T08:00:00", "03T16:00:00", WORK),
        ("03T17:00:00", "04T02:00:00", HOME),
    )
    units = [bytes([n]) * 32 for n in range(60)]
    ddl = ", ".join(f"{c.name} {c.type}" for c in MOVEMENT.columns)
    spans = [(at(f"2026-03-{a}"), at(f"2026-03-{b}"), cell, 3, None) for a, b, cell in runs]
    moved = frame(spark, ddl, *(("2026-03-03", u, 1, 15, *span) for u in units for span in spans))
    who = frame(spark, "date DATE, pseudonym BINARY, home_zone_id STRING", *(("2026-03-03", u, "here") for u in units))
    day = ("2026-03-03", "2026-03-02T23:00:00", "2026-03-03T23:00:00")
    days = frame(spark, "date DATE, day_start TIMESTAMP, day_end TIMESTAMP", day)
    params = replace(PARAMS, away_factor=0.0)
    found = segments(settled_runs(located(moved, places), params), places, who, days, params)
    tiles = Counter((start[11:13], tile) for start, tile in rows(found, "start_time", "tile"))
    assert (tiles["23", 5], tiles["16", 5]) == (60, 60)
    assert tiles["07", 6] > 15 and tiles["07", 5] + tiles["07", 6] == 60
    # What weeks and months draw from: the cell, and whether it is the home's ground.
    told = {(start[11:13], *more) for start, *more in rows(found, "start_time", "cell_id", "ring", "on_home_ground")}
    assert told == {("23", HOME, None, True), ("07", WORK, None, False), ("16", HOME, None, True)}


class TestSegments:
    def test_home_work_home(self, spark, places):
        got = _segments(
            spark,
            places,
            ("02T22:00:00", "03T07:00:00", HOME),
            ("03T08:00:00", "03T16:00:00", WORK),
            ("03T17:00:00", "04T02:00:00", HOME),
        )
        assert got == [
            ("03-02 23:00", "03-03 07:30", "stay", 11),
            ("03-03 07:30", "03-03 16:30", "stay", 21),
            ("03-03 16:30", "03-03 23:00", "stay", 11),
        ]

    def test_ping_pong_is_no_movement(self, spark, places):
        got = _segments(
            spark,
            places,
            ("02T22:00:00", "03T08:00:00", HOME),
            ("03T08:01:00", "03T08:01:00", HOME2),
            ("03T08:02:00", "03T08:02:00", HOME),
            ("03T08:03:00", "03T08:03:00", HOME2),
            ("03T08:04:00", "04T01:00:00", HOME),
        )
        assert got == [("03-02 23:00", "03-03 23:00", "stay", 11)]

    def test_passing_through_is_a_move(self, spark, places):
        got = _segments(
            spark,
            places,
            ("02T22:00:00", "03T08:00:00", HOME),
            ("03T08:10:00", "03T08:12:00", WORK),
            ("03T08:20:00", "04T01:00:00", FAR),
        )
        assert [(kind, tile) for _, _, kind, tile in got] == [("stay", 11), ("move", 21), ("stay", 31)]

    def test_ping_pong_on_the_way_is_one_move(self, spark, places):
        got = _segments(
            spark,
            places,
            ("02T22:00:00", "03T07:50:00", WORK),
            ("03T08:00:00", "03T08:00:00", WORK),
            ("03T08:05:00", "03T08:05:00", HOME),
            ("03T08:05:20", "03T08:05:20", HOME2),
            ("03T08:05:40", "03T08:05:45", HOME),
            ("03T08:10:00", "04T01:00:00", FAR),
        )
        assert [(kind, tile) for _, _, kind, tile in got] == [("stay", 21), ("move", 11), ("stay", 31)]

    def test_long_silence_between_places_is_unknown(self, spark, places):
        got = _segments(spark, places, ("02T22:00:00", "03T06:00:00", HOME), ("03T16:00:00", "04T01:00:00", WORK))
        assert got == [
            ("03-02 23:00", "03-03 07:00", "stay", 11),
            ("03-03 07:00", "03-03 15:00", "unknown", None),
            ("03-03 15:00", "03-03 23:00", "stay", 21),
        ]

    def test_silence_of_half_a_day_on_one_ground_is_unknown_too(self, spark, places):
        got = _segments(spark, places, ("02T23:30:00", "03T06:00:00", HOME), ("03T18:00:01", "03T18:00:01", HOME2))
        assert got == [
            ("03-02 23:00", "03-03 07:00", "stay", 11),
            ("03-03 07:00", "03-03 17:00", "unknown", None),
            ("03-03 17:00", "03-03 19:00", "move", 12),
            ("03-03 19:00", "03-03 23:00", "unknown", None),
        ]

    def test_a_phone_that_hops_over_rings_is_at_rest(self, spark, places):
        hops = [(f"03T{h:02d}:00:00", f"03T{h:02d}:50:00", WORK, (7, 15, 31)[h % 3]) for h in range(8, 20)]
        got = _segments(spark, places, *hops)
        assert [kind for _, _, kind, _ in got] == ["unknown", "stay", "unknown"]

    def test_timing_advance_narrows_where_the_plan_has_its_ring(self, spark, places):
        got = _segments(
            spark,
            places,
            ("02T23:10:00", "03T04:00:00", WORK, 15),
            ("03T06:00:00", "03T08:00:00", FAR),
            ("03T10:00:00", "03T12:00:00", WORK, 31),
            ("03T14:00:00", "03T16:00:00", FAR),
            ("03T20:00:00", "03T22:30:00", WORK, 7),
        )
        assert [tile for _, _, kind, tile in got if kind == "stay"] == [22, 31, 23, 31, 21]

    def test_silence_on_the_same_ground_is_bridged(self, spark, places):
        got = _segments(spark, places, ("02T22:00:00", "02T23:30:00", HOME), ("03T08:00:00", "04T01:00:00", HOME2))
        assert [(a, b, kind) for a, b, kind, _ in got] == [("03-02 23:00", "03-03 23:00", "stay")]

    def test_repeating_draws_the_same_tile(self, spark):
        wide = _places(spark, (HOME, "s1", 0.0, list(range(256))))
        runs = [("02T22:00:00", "03T04:00:00", HOME), ("03T18:00:00", "04T01:00:00", HOME)]
        first, again = _segments(spark, wide, *runs), _segments(spark, wide.repartition(3), *runs)
        assert first == again
        assert len({tile for *_, tile in first if tile is not None}) == 1
