"""What a unit adds to flows: once a cell, bounded, the same cells on both levels."""

from __future__ import annotations

from frames import frame, rows

from jobs.aggregate.corridor_cells import flow_cells, flow_lines

DAY = "2026-03-03"
MOVES = "date DATE, pseudonym BINARY, corridor_id STRING, direction STRING, hour INT, metres BIGINT, speed_kmh DOUBLE"
ONE, TWO = b"\1" * 32, b"\2" * 32


def test_a_unit_counts_once_a_cell_and_its_farthest_move_tells_the_speed(spark):
    moves = frame(
        spark,
        MOVES,
        (DAY, ONE, "a", "forward", 8, 2_000, 20.0),
        (DAY, ONE, "a", "forward", 8, 3_000, 40.0),
        (DAY, ONE, "a", "backward", 8, 3_000, 10.0),
        (DAY, TWO, "a", "forward", 8, 1_000, 90.0),
    )
    found = flow_cells(moves, {"corridor": 8, "speed": 8})
    assert rows(found, "role", "zone_id", "part", "hour", "other", "pseudonym") == sorted(
        [
            *(("corridor", "a", part, 8, None, who) for who, part in (
                (ONE, "forward"), (ONE, "backward"), (TWO, "forward"),
            )),
            ("speed", "a", "forward", 8, "30-50", ONE),
            ("speed", "a", "backward", 8, "<15", ONE),
            ("speed", "a", "forward", 8, ">80", TWO),
        ],
        key=repr,
    )  # fmt: skip
    assert {row[0] for row in rows(flow_cells(moves, {"corridor": 8}), "role")} == {"corridor"}


def test_bounds_hold_on_both_levels_whatever_the_order(spark):
    made = [(DAY, who, "a", "forward", hour, 2_000, 20.0) for who in (ONE, TWO) for hour in range(24)]
    most = {"corridor": 8, "speed": 8}
    found = flow_cells(frame(spark, MOVES, *made), most)
    kept = rows(found, "pseudonym", "role", "hour")
    for who in (ONE, TWO):
        hours = {role: sorted(h for p, r, h in kept if (p, r) == (who, role)) for role in most}
        assert len(hours["corridor"]) == 8
        assert hours["corridor"] == hours["speed"]
    again = flow_cells(frame(spark, MOVES, *reversed(made)).repartition(5, "hour"), most)
    assert rows(again, "pseudonym", "role", "hour") == kept


def test_only_corridors_that_cells_cover_are_drawn(spark):
    corridors = frame(spark, "corridor_id STRING", ("a",), ("b",), ("c",))
    cells = frame(spark, "cell_id STRING, corridor_id STRING", ("1", "a"), ("2", "a"), ("1", "b"))
    assert rows(flow_lines(corridors, cells), "role", "zone_id", "level") == [
        ("corridor", "a", "corridor"),
        ("speed", "a", "speed"),
    ]
