"""Main zone of the hour: longest presence, the outside competes, places count stays, small places need small cells."""

from __future__ import annotations

import pytest
from frames import frame, rows, segment

from expectations.segments import SEGMENTS
from jobs.transform.presence import PresenceParams, counted_zones, main_zones, observed
from udfs.purposes import EVERY, bit

PARAMS = PresenceParams("mobility_statistics", "Europe/Berlin")


@pytest.fixture(scope="module")
def counted(spark):
    zones = frame(
        spark,
        "zone_id STRING, role STRING, is_finest BOOLEAN, tiles INT",
        ("city", "partition", False, 4),
        ("a", "partition", True, 2),
        ("b", "partition", True, 2),
        ("mall", "place", False, 5),
        ("shop", "place", False, 1),
    )
    tiles = frame(
        spark,
        "zone_id STRING, tile BIGINT",
        *[("a", 1), ("a", 2), ("b", 3), ("b", 4), ("mall", 2), ("shop", 3)],
        *[("city", t) for t in (1, 2, 3, 4)],
    )
    return counted_zones(zones, tiles).cache()


def _segments(spark, *segments):
    ddl = ", ".join(f"{c.name} {c.type}" for c in SEGMENTS.columns)
    return frame(
        spark,
        ddl,
        *(
            segment(
                "2026-03-03", bytes([who]) * 32, mask, kind, f"2026-03-03T{a}:00", f"2026-03-03T{b}:00", tile, small
            )
            for who, mask, kind, a, b, tile, small in segments
        ),
    )


def _main(spark, counted, *segments):
    return rows(main_zones(_segments(spark, *segments), counted, PARAMS), "role", "hour", "zone_id")


class TestMainZones:
    def test_longest_presence_wins(self, spark, counted):
        got = _main(
            spark,
            counted,
            (1, EVERY, "stay", "08:00", "08:20", 1, False),
            (1, EVERY, "move", "08:20", "09:00", 3, False),
        )
        assert got == [("partition", 9, "b")]

    def test_mostly_outside_counts_nowhere(self, spark, counted):
        got = _main(
            spark,
            counted,
            (1, EVERY, "stay", "08:00", "08:20", 1, False),
            (1, EVERY, "stay", "08:20", "09:00", 99, False),
        )
        assert got == []

    def test_place_counts_stays_beside_the_partition(self, spark, counted):
        assert _main(spark, counted, (1, EVERY, "stay", "08:30", "09:30", 2, False)) == [
            ("partition", 10, "a"),
            ("partition", 9, "a"),
            ("place", 10, "mall"),
            ("place", 9, "mall"),
        ]

    def test_passing_a_place_does_not_count(self, spark, counted):
        assert _main(spark, counted, (1, EVERY, "move", "08:00", "09:00", 2, False)) == [("partition", 9, "a")]

    @pytest.mark.parametrize(("small", "expected"), [(False, ["partition"]), (True, ["partition", "place"])])
    def test_small_place_needs_a_small_cell(self, spark, counted, small, expected):
        assert [r[0] for r in _main(spark, counted, (1, EVERY, "stay", "08:00", "09:00", 3, small))] == expected

    def test_silence_competes_with_nothing(self, spark, counted):
        got = _main(
            spark,
            counted,
            (1, EVERY, "stay", "08:00", "08:10", 1, False),
            (1, EVERY, "unknown", "08:10", "10:00", None, False),
        )
        assert got == [("partition", 9, "a")]

    def test_other_purposes_do_not_count(self, spark, counted):
        mask = EVERY - bit("mobility_statistics")
        assert _main(spark, counted, (1, mask, "stay", "08:00", "09:00", 1, False)) == []

    def test_a_unit_is_in_one_zone_an_hour(self, spark, counted):
        got = _main(
            spark,
            counted,
            *((who, EVERY, "stay", "08:00", "08:30", 1, False) for who in range(1, 9)),
            *((who, EVERY, "stay", "08:30", "09:00", 3, False) for who in range(1, 9)),
        )
        assert len(got) == 8 and {zone for _, _, zone in got} == {"a", "b"}


class TestObserved:
    def test_where_units_live(self, spark, counted):
        """1 is registered; 2, 3 and 4 are not: 3 began the day outside, 4 is a visitor; 5 serves another purpose."""
        stays = [(who, EVERY, "stay", "00:00", "07:00", 99 if who == 3 else 1, False) for who in (1, 2, 3, 4)]
        stays += [(2, EVERY, "stay", "08:00", "20:00", 3, False), (3, EVERY, "stay", "08:00", "20:00", 3, False)]
        stays += [(5, bit("market_research"), "stay", "00:00", "07:00", 1, False)]
        who = [
            (1, "domestic", "b"),
            (2, "domestic", None),
            (3, "domestic", None),
            (4, "208", None),
            (5, "domestic", "a"),
        ]
        profile = frame(
            spark,
            "date DATE, pseudonym BINARY, origin STRING, home_zone_id STRING",
            *(("2026-03-03", bytes([n]) * 32, origin, home) for n, origin, home in who),
        )
        got = observed(_segments(spark, *stays), profile, counted, "mobility_statistics")
        assert [(p[0], zone) for p, zone in rows(got, "pseudonym", "zone_id")] == [
            (1, "b"),
            (2, "a"),
            (3, None),
            (4, None),
        ]
