"""Trips from stays: ground and moves tell them, drawn positions do not; and what a week is given of them."""

from __future__ import annotations

import pytest
from frames import frame, rows, segment

from expectations.segments import SEGMENTS
from jobs.transform.month_visits import month_visits
from jobs.transform.trips import od_contributions, trips

UNIT, WEEKLY, MONTHLY = (bytes([n]) * 32 for n in (1, 7, 8))
STAY, MOVE, SILENT = "stay", "move", "unknown"


@pytest.fixture(scope="module")
def tiles(spark):
    return frame(spark, "tile BIGINT, zone_id STRING", (1, "a"), (2, "a"), (3, "b")).cache()


def _segments(spark, *pieces):
    """Pieces one after the other from midnight UTC: (kind, until, tile, is_new_ground[, purposes[, small]])."""
    made, start = [], "2026-03-03T00:00:00"
    for kind, until, tile, is_new, *more in pieces:
        end = f"2026-03-03T{until}:00"
        purposes, small = (*more, *(15, False)[len(more) :])
        made.append(segment("2026-03-03", UNIT, purposes, kind, start, end, tile, small, is_new))
        start = end
    return frame(spark, ", ".join(f"{c.name} {c.type}" for c in SEGMENTS.columns), *made)


def _trips(spark, tiles, *pieces):
    found = trips(_segments(spark, *pieces), tiles, "Europe/Berlin")
    return rows(found, "origin_zone_id", "destination_zone_id", "daypart", "purposes")


class TestTrips:
    def test_there_and_back(self, spark, tiles):
        """Departures at 7:30 and 18:00 of the local clock, an hour before UTC."""
        day = [(STAY, "06:30", 1, False), (MOVE, "06:50", 2, False), (STAY, "17:00", 3, True), (STAY, "22:00", 1, True)]
        assert _trips(spark, tiles, *day) == [("a", "b", "morning", 15), ("b", "a", "afternoon", 15)]

    def test_a_drawn_position_makes_no_trip(self, spark, tiles):
        """Two draws on overlapping ground lie in two zones; what was seen between them makes a trip of it."""
        assert _trips(spark, tiles, (STAY, "06:00", 2, False), (STAY, "22:00", 3, False)) == []
        out = [(STAY, "06:00", 2, False), (MOVE, "06:50", 1, False), (STAY, "22:00", 3, False)]
        assert _trips(spark, tiles, *out) == [("a", "b", "morning", 15)]

    def test_within_a_zone_only_over_a_move(self, spark, tiles):
        assert _trips(spark, tiles, (STAY, "06:00", 1, False), (STAY, "22:00", 2, True)) == []
        round_trip = [(STAY, "06:00", 1, False), (MOVE, "06:50", 3, False), (STAY, "22:00", 1, False)]
        assert _trips(spark, tiles, *round_trip) == [("a", "a", "morning", 15)]
        silent = [(STAY, "06:00", 1, False), (SILENT, "10:00", None, False), (STAY, "22:00", 1, False)]
        assert _trips(spark, tiles, *silent) == []

    def test_a_stay_outside_breaks_the_chain(self, spark, tiles):
        out = [(STAY, "06:00", 1, False), (STAY, "09:00", 99, True), (STAY, "22:00", 3, True)]
        assert _trips(spark, tiles, *out) == []

    def test_it_serves_what_both_stays_serve(self, spark, tiles):
        half = [(STAY, "06:00", 1, False, 3), (STAY, "12:00", 3, True, 6), (STAY, "22:00", 1, True, 1)]
        assert _trips(spark, tiles, *half) == [("a", "b", "morning", 2)]

    def test_the_week_gets_each_pair_and_daypart_once(self, spark, tiles):
        day = [(STAY, "06:00", 1, False), (STAY, "06:20", 3, True), (STAY, "06:40", 1, True), (STAY, "07:00", 3, True)]
        made = trips(_segments(spark, *day), tiles, "Europe/Berlin")
        weeks = frame(
            spark,
            "date DATE, pseudonym BINARY, week STRING, week_pseudonym BINARY",
            ("2026-03-03", UNIT, "2026-W10", WEEKLY),
        )
        found = rows(od_contributions(made, weeks), "week", "pseudonym", "origin_zone_id", "destination_zone_id")
        assert found == [("2026-W10", WEEKLY, "a", "b"), ("2026-W10", WEEKLY, "b", "a")]


def test_visits_are_stays_by_zone_and_place(spark):
    counted = frame(
        spark,
        "role STRING, zone_id STRING, tile BIGINT, small_cells_only BOOLEAN",
        ("partition", "a", 1, False),
        ("partition", "a", 2, False),
        ("place", "mall", 2, False),
        ("place", "shop", 1, True),
    )
    months = frame(
        spark,
        "date DATE, pseudonym BINARY, month STRING, month_pseudonym BINARY",
        ("2026-03-03", UNIT, "2026-03", MONTHLY),
    )
    day = [(STAY, "06:00", 1, False), (MOVE, "07:00", 2, False), (STAY, "08:00", 1, True, 15, True)]
    found = month_visits(_segments(spark, *day), counted, months)
    assert rows(found, "month", "pseudonym", "role", "zone_id") == [
        ("2026-03", MONTHLY, "partition", "a"),
        ("2026-03", MONTHLY, "place", "shop"),
    ]
    assert rows(month_visits(_segments(spark, (STAY, "06:00", 2, False)), counted, months), "zone_id") == [
        ("a",),
        ("mall",),
    ]
