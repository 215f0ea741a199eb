"""The truth in the words of the estimate: who may be counted, where they were, how they travelled."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

from frames import frame, rows

from jobs.audit.score_truth import estimated_trips, panel_persons, true_hours, true_trips
from jobs.simulate.clock import Clock
from udfs.keys import pads
from udfs.purposes import EVERY, bit

DAY = "2026-03-03"
PURPOSE = "mobility_statistics"
# Two tiles of 100 m side by side are zone a, the next one is zone b, and inside of it is a place.
X, Y = 4_500_000, 3_100_000
TILE = (X // 100) * 100_000 + Y // 100
EAST = 100_000
ITINERARY = "person_id BIGINT, kind STRING, start_s BIGINT, end_s BIGINT, x0 INT, y0 INT, x1 INT, y1 INT, mode STRING"


def counted(spark):
    return frame(
        spark,
        "role STRING, zone_id STRING, tile BIGINT, small_cells_only BOOLEAN",
        ("partition", "a", TILE, False),
        ("partition", "a", TILE + EAST, False),
        ("partition", "b", TILE + 2 * EAST, False),
        ("place", "station", TILE + 2 * EAST, False),
    )


def second(clock: str) -> int:
    """Epoch second of a local time of the day; Berlin is an hour ahead in March."""
    hour, minute = map(int, clock.split(":"))
    return int(dt.datetime(2026, 3, 3, hour, minute, tzinfo=dt.UTC).timestamp()) - 3600


def test_the_panel_is_who_was_seen_for_the_purpose_however_many_lines_they_have(spark):
    key = bytes(range(32))

    def pseudonym(unit: str) -> bytes:
        return hmac.new(key, unit.encode(), hashlib.sha256).digest()

    keyed = frame(spark, "date DATE, inner BINARY, outer BINARY", (DAY, *pads(key)))
    lines = frame(
        spark,
        "person_id BIGINT, kind STRING, contract STRING, subscriber_id STRING, msisdn STRING, imsi STRING",
        (1, "resident", "private", "P1", "+491", "26299001"),
        (1, "resident", "private", "P1", "+492", "26299002"),
        (2, "resident", "business", "B1", "+493", "26299003"),
        (3, "visitor", None, None, None, "20801001"),
        (4, "thing", "m2m", "M1", "+494", "26299004"),
        (5, "resident", "prepaid", None, "+495", "26299005"),
        (6, "resident", "prepaid", "P6", "+496", "26299006"),
    )
    movement = frame(
        spark,
        "date DATE, pseudonym BINARY, purposes TINYINT",
        (DAY, pseudonym("s:P1"), EVERY),
        (DAY, pseudonym("s:P1"), bit(PURPOSE)),
        (DAY, pseudonym("l:+493"), EVERY),
        (DAY, pseudonym("v:20801001"), EVERY),
        # Seen for other purposes alone.
        (DAY, pseudonym("l:+495"), EVERY - bit(PURPOSE)),
    )
    assert rows(panel_persons(lines, movement, keyed, PURPOSE), "person_id", "pseudonym", "kind") == [
        (1, pseudonym("s:P1"), "resident"),
        (2, pseudonym("l:+493"), "resident"),
        (3, pseudonym("v:20801001"), "visitor"),
    ]


def test_presence_and_trips_of_the_panel_alone(spark):
    clock = Clock(dt.date(2026, 3, 3), 1, "Europe/Berlin")
    middle = Y + 50
    here, there = X + 50, X + 250
    itineraries = frame(
        spark,
        ITINERARY,
        (1, "resident", second("8:00"), second("8:40"), here, middle, here, middle, None),
        (1, "resident", second("8:40"), second("8:45"), here, middle, there, middle, "walk"),
        (1, "resident", second("8:45"), second("9:30"), there, middle, there, middle, None),
        # Inside of a zone there is no trip between zones.
        (1, "resident", second("9:30"), second("9:31"), there, middle, there + 10, middle, "walk"),
        # Back, and out of every zone.
        (1, "resident", second("9:31"), second("9:40"), there + 10, middle, X - 950, middle, "walk"),
        (1, "resident", second("9:40"), second("11:00"), X - 950, middle, X - 950, middle, None),
        (2, "resident", second("8:00"), second("9:00"), there, middle, there, middle, None),
        (2, "resident", second("9:00"), second("9:05"), there, middle, here, middle, "walk"),
    )
    persons = frame(spark, "date DATE, person_id BIGINT, pseudonym STRING", (DAY, 1, "p"))
    hours = clock.hours(spark).select("hour_ix", "date", "hour")
    found = true_hours(itineraries, persons, counted(spark), clock, hours)
    assert rows(found, "pseudonym", "role", "hour", "zone_id") == [
        ("p", "partition", 8, "a"),
        ("p", "partition", 9, "b"),
        ("p", "place", 8, "station"),
        ("p", "place", 9, "station"),
    ]
    trips = true_trips(itineraries, persons, counted(spark), clock)
    assert rows(trips, "origin_zone_id", "destination_zone_id", "trips") == [("a", "b", 1)]


def test_estimated_trips_are_stays_of_one_line_in_other_zones(spark):
    at = [f"2026-03-03 {hour:02d}:00:00" for hour in range(24)]
    a, b = TILE, TILE + 2 * EAST
    serves, not_ours = EVERY, EVERY - bit(PURPOSE)
    segments = frame(
        spark,
        "date DATE, pseudonym STRING, line_no SMALLINT, purposes TINYINT, kind STRING, "
        "start_time TIMESTAMP, tile BIGINT",
        (DAY, "p", 1, serves, "stay", at[7], a),
        (DAY, "p", 1, serves, "move", at[8], b),
        (DAY, "p", 1, serves, "stay", at[9], a + EAST),
        # Outside of every zone: what lies before and after makes the trip.
        (DAY, "p", 1, serves, "stay", at[10], a - EAST),
        (DAY, "p", 1, serves, "stay", at[11], b),
        (DAY, "p", 2, serves, "stay", at[12], a),
        (DAY, "q", 1, serves, "stay", at[13], a),
        (DAY, "q", 1, not_ours, "stay", at[14], b),
    )
    trips = estimated_trips(segments, counted(spark), PURPOSE)
    assert rows(trips, "origin_zone_id", "destination_zone_id", "trips") == [("a", "b", 1)]
