"""The truth in the words of the estimate: who may be counted, where they were, how they travelled."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

from frames import frame, rows

from jobs.audit.score_truth import panel_persons, true_hours, true_trips
from jobs.simulate.clock import Clock
from udfs.keys import pads
from udfs.purposes import EVERY, bit

DAY = "2026-03-03"
PURPOSE = "mobility_statistics"
# Two tiles of 100 m side by side are zone a, the next one is zone b, and inside of it is a place.
X, Y = 4_500_000, 3_100_000
TILE = (X // 100) * 100_000 + Y // 100
EAST = 100_000
ITINERARY = (
    "person_id BIGINT, kind STRING, start_s BIGINT, end_s BIGINT, x0 INT, y0 INT, x1 INT, y1 INT, mode STRING, "
    "leg INT, to_x INT, to_y INT, arrives_s BIGINT"
)


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


def whole(*row):
    """A stay, or a trip of one leg."""
    return (*row, 0, row[6], row[7], row[3])


def test_presence_and_trips_of_the_panel_alone(spark):
    clock = Clock(dt.date(2026, 3, 3), 1, "Europe/Berlin")
    middle = Y + 50
    here, there = X + 50, X + 250
    itineraries = frame(
        spark,
        ITINERARY,
        whole(1, "resident", second("8:00"), second("8:40"), here, middle, here, middle, None),
        whole(1, "resident", second("8:40"), second("8:45"), here, middle, there, middle, "walk"),
        whole(1, "resident", second("8:45"), second("9:30"), there, middle, there, middle, None),
        # Inside of a zone there is no trip between zones.
        whole(1, "resident", second("9:30"), second("9:31"), there, middle, there + 10, middle, "walk"),
        # Back, and out of every zone.
        whole(1, "resident", second("9:31"), second("9:40"), there + 10, middle, X - 950, middle, "walk"),
        whole(1, "resident", second("9:40"), second("11:00"), X - 950, middle, X - 950, middle, None),
        whole(2, "resident", second("8:00"), second("9:00"), there, middle, there, middle, None),
        whole(2, "resident", second("9:00"), second("9:05"), there, middle, here, middle, "walk"),
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
