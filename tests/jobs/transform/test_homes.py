"""Homes and places of work: minutes by night and working hour, and what is made of them."""

from __future__ import annotations

import pytest
from frames import frame, rows

from jobs.segment.longer import paired_pseudonyms, units_of
from jobs.transform.homes import HomeParams, cell_zones, home_votes
from jobs.transform.usual_places import environment, home_zones
from udfs.keys import pads
from udfs.purposes import EVERY, bit

PARAMS = HomeParams("Europe/Berlin", max_gap_seconds=7_200)
PURPOSE = "mobility_statistics"
VOTES = (
    "date DATE, month STRING, pseudonym STRING, purposes TINYINT, vote STRING, night DATE, zone_id STRING, minutes INT"
)


def test_a_footprint_is_split_over_zones_and_what_lies_outside_is_left_out(spark):
    positions = frame(spark, "cell_id STRING, quantiles ARRAY<BIGINT>", ("c", [1, 1, 2, 9]), ("outside", [9, 9, 9, 9]))
    tiles = frame(spark, "tile BIGINT, zone_id STRING", (1, "a"), (2, "b"))
    found = cell_zones(positions, tiles).collect()
    assert [(r["cell_id"], [tuple(z) for z in r["zones"]]) for r in found] == [("c", [("a", 500), ("b", 250)])]


def test_minutes_of_nights_and_working_hours_by_the_local_clock(spark):
    """Tuesday 3 March in Berlin lasts from 23:00 to 23:00 UTC; 22 to 6 o'clock are 21 to 5 UTC."""
    movement = frame(
        spark,
        "date DATE, pseudonym STRING, line_no SMALLINT, purposes TINYINT, "
        "start_time TIMESTAMP, end_time TIMESTAMP, cell_id STRING",
        # The evening before belongs to another day's rows; from midnight on it counts.
        ("2026-03-03", "p", 1, EVERY, "2026-03-02 22:00", "2026-03-03 00:00", "c"),
        # Next contact after four hours: the one before stands for two of them, until 03:00 local.
        ("2026-03-03", "p", 1, EVERY, "2026-03-03 04:00", "2026-03-03 04:30", "d"),
        # Half an hour before work and an hour of it, until the next contact.
        ("2026-03-03", "p", 1, EVERY, "2026-03-03 07:30", "2026-03-03 08:40", "d"),
        ("2026-03-03", "p", 1, EVERY, "2026-03-03 09:00", "2026-03-03 09:00", "unknown"),
        # The evening, up to midnight.
        ("2026-03-03", "p", 1, EVERY, "2026-03-03 20:30", "2026-03-03 21:30", "d"),
        ("2026-03-03", "stranger", 1, EVERY, "2026-03-03 21:30", "2026-03-03 22:30", "d"),
        # A Saturday has no working hours; and another purpose stays apart.
        ("2026-03-07", "s", 1, 2, "2026-03-07 08:00", "2026-03-07 10:00", "d"),
        ("2026-03-07", "s", 1, 1, "2026-03-07 21:30", "2026-03-07 22:00", "d"),
    )
    profile = frame(
        spark,
        "date DATE, pseudonym STRING, origin STRING, home_zone_id STRING",
        ("2026-03-03", "p", "domestic", "a"),
        ("2026-03-07", "s", "208", None),
    )
    months = frame(
        spark,
        "date DATE, pseudonym STRING, month STRING, month_pseudonym STRING",
        ("2026-03-03", "p", "2026-03", "P"),
        ("2026-03-07", "s", "2026-03", "S"),
    )
    cells = frame(
        spark,
        "cell_id STRING, zones ARRAY<STRUCT<zone_id: STRING, share: INT>>",
        ("c", [("a", 500), ("b", 250)]),
        ("d", [("a", 1000)]),
    )
    days = frame(
        spark,
        "date DATE, day_start TIMESTAMP, day_end TIMESTAMP",
        ("2026-03-03", "2026-03-02 23:00", "2026-03-03 23:00"),
        ("2026-03-07", "2026-03-06 23:00", "2026-03-07 23:00"),
    )
    found = home_votes(movement, profile, months, cells, days, PARAMS)
    assert rows(found, "date", "pseudonym", "purposes", "vote", "night", "zone_id", "minutes") == [
        # 00:00 to 03:00 local by c, half in a and a quarter in b; 05:00 to 06:00 by d.
        ("2026-03-03", "P", EVERY, "night", "2026-03-02", "a", 90 + 60),
        ("2026-03-03", "P", EVERY, "night", "2026-03-02", "b", 45),
        ("2026-03-03", "P", EVERY, "night", "2026-03-03", "a", 120),
        ("2026-03-03", "P", EVERY, "registered", None, "a", 0),
        ("2026-03-03", "P", EVERY, "work", None, "a", 60),
        ("2026-03-07", "S", 1, "night", "2026-03-07", "a", 90),
        ("2026-03-07", "S", 1, "origin", None, "208", 0),
        ("2026-03-07", "S", 2, "origin", None, "208", 0),
    ]


def test_homes_need_nights_and_work_needs_days(spark):
    def night(unit, date, zone, minutes, purposes=EVERY):
        return (date, "2026-03", unit, purposes, "night", date, zone, minutes)

    def work(unit, date, zone, minutes):
        return (date, "2026-03", unit, EVERY, "work", None, zone, minutes)

    def registered(unit, date, zone):
        return (date, "2026-03", unit, EVERY, "registered", None, zone, 0)

    days = ["2026-03-02", "2026-03-03", "2026-03-04"]
    votes = frame(
        spark,
        VOTES,
        # Three nights, most minutes in b on the whole though a leads on two of them; works in c.
        *(night("full", d, "a", 200) for d in days[:2]),
        night("full", days[2], "b", 500),
        registered("full", days[0], "a"),
        *(work("full", d, "c", 100) for d in days),
        *(work("full", d, "b", 99) for d in days),
        # Two nights: the address told last. Two days of work are none.
        *(night("short", d, "a", 400) for d in days[:2]),
        registered("short", days[0], "x"),
        registered("short", days[1], "y"),
        *(work("short", d, "c", 100) for d in days[:2]),
        # Never away: no place of work beside home. A tie goes to the smaller id.
        *(night("tied", d, zone, 100) for d in days for zone in ("b", "a")),
        *(work("tied", d, "a", 100) for d in days),
        # Nights that may not serve the purpose do not count.
        *(night("silent", d, "a", 100, EVERY - bit(PURPOSE)) for d in days),
        night("silent", days[0], "b", 50),
        # Registered in c, which weighs three times; where no night was spent, the register adds nothing.
        *(night("likely", d, zone, n) for d in days for zone, n in (("b", 200), ("c", 100))),
        registered("likely", days[0], "c"),
        *(night("moved", d, zone, n) for d in days for zone, n in (("b", 301), ("c", 100))),
        registered("moved", days[0], "c"),
        *(night("far", d, "b", 100) for d in days),
        registered("far", days[0], "c"),
        # A visitor lives abroad.
        *(night("visitor", d, "a", 100) for d in days),
        (days[0], "2026-03", "visitor", EVERY, "origin", None, "208", 0),
    )
    lifts = frame(spark, "zone_id STRING, lift DOUBLE", ("c", 2.0))
    found = home_zones(votes, lifts, PURPOSE, PARAMS)
    assert rows(
        found, "pseudonym", "home_zone_id", "confidence", "nights", "is_fallback", "work_zone_id", "origin"
    ) == [
        ("far", "b", 1.0, 3, False, None, "domestic"),
        ("full", "b", pytest.approx(500 / 900), 3, False, "c", "domestic"),
        ("likely", "c", pytest.approx(300 / 500), 3, False, None, "domestic"),
        ("moved", "b", pytest.approx(301 / 601), 3, False, None, "domestic"),
        ("short", "y", None, 2, True, None, "domestic"),
        ("silent", None, None, 1, True, None, "domestic"),
        ("tied", "a", 0.5, 3, False, None, "domestic"),
        ("visitor", None, None, 3, False, None, "208"),
    ]
    told = rows(found, "pseudonym", "registered_zone_id", "night_zone_id")
    assert [t for t in told if t[0] in ("likely", "short", "tied")] == [
        ("likely", "c", "b"), ("short", "y", "a"), ("tied", None, "a"),
    ]  # fmt: skip


def test_the_usual_environment_is_home_work_or_neither(spark):
    visits = frame(
        spark,
        "zone STRING, home STRING, work STRING",
        ("a", "a", "b"), ("b", "a", "b"), ("c", "a", "b"), ("c", None, None), ("a", "a", "a"),
    )  # fmt: skip
    from pyspark.sql import functions as F

    told = visits.select(environment(F.col("zone"), F.col("home"), F.col("work")).alias("e"))
    assert [r["e"] for r in told.collect()] == ["home", "work", "neither", "neither", "home"]


def test_both_pseudonyms_of_a_unit_and_none_of_things(spark):
    import hashlib
    import hmac

    day_key, month_key = bytes(range(32)), bytes(range(32, 64))
    keyed = frame(
        spark,
        "date DATE, inner BINARY, outer BINARY, month STRING, month_inner BINARY, month_outer BINARY",
        ("2026-03-03", *pads(day_key), "2026-03", *pads(month_key)),
    )
    subscribers = frame(
        spark,
        "subscriber_id STRING, msisdn STRING, contract STRING",
        ("S1", "+491", "private"),
        ("S1", "+492", "private"),
        ("B1", "+493", "business"),
        ("M1", "+494", "m2m"),
    )

    def pseudonym(key, unit):
        return hmac.new(key, unit, hashlib.sha256).digest()

    events = frame(spark, "imsi STRING, home_mcc INT", ("26299001", 262), ("20801001", 208), ("20801001", 208))
    found = paired_pseudonyms(units_of(subscribers, events, 262, sim_is_unit=False), keyed, "month")
    assert rows(found, "month", "pseudonym", "month_pseudonym") == sorted(
        (("2026-03", pseudonym(day_key, u), pseudonym(month_key, u)) for u in (b"s:S1", b"l:+493", b"v:20801001")),
        key=repr,
    )
