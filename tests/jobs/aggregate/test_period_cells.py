"""What units count for in weeks and months, on which public cells, and the threshold where there are too many."""

from __future__ import annotations

import pytest
from frames import frame, rows

from expectations.od_contributions import OD_CONTRIBUTIONS
from expectations.products import NOISED
from expectations.visits import VISITS
from jobs.aggregate.distances import distance_band, distances, zone_centres
from jobs.aggregate.noise import NoiseSource, threshold_adder
from jobs.aggregate.period_cells import (
    PairBounds,
    catchment_cells,
    catchment_domain,
    od_cells,
    od_domain,
    od_pairs,
    within,
)
from jobs.aggregate.periods import od_threshold
from jobs.aggregate.thresholds import Threshold, least_threshold
from jobs.settings import Policy

A, B = b"a" * 32, b"b" * 32


@pytest.fixture(scope="module")
def between(spark):
    """Three zones of one tile each, in a row: 1 km and 9 km apart; the last one has no residents."""
    tiles = [("west", 4_500_031_000), ("mid", 4_501_031_000), ("east", 4_510_031_000)]
    centres = zone_centres(frame(spark, "zone_id STRING, tile BIGINT", *((z, t // 100 * 100) for z, t in tiles)))
    return distances(centres, centres).cache()


class TestDomain:
    def test_distances_are_those_of_the_centres(self, between):
        found = {(a, b): km for a, b, km in rows(between, "zone_id", "other", "km")}
        assert len(found) == 9 and found["west", "west"] == 0.0
        assert (
            found["west", "east"] == found["east", "west"] == pytest.approx(found["west", "mid"] + found["mid", "east"])
        )

    def test_bands(self, spark):
        found = frame(spark, "km DOUBLE", (0.0,), (1.99,), (2.0,), (19.9,), (50.0,), (400.0,)).select(
            "km", distance_band(frame(spark, "km DOUBLE")["km"]).alias("band")
        )
        assert rows(found) == [
            (0.0, "0-2"),
            (1.99, "0-2"),
            (19.9, "10-20"),
            (2.0, "2-5"),
            (400.0, ">50"),
            (50.0, ">50"),
        ]

    def test_pairs_are_all_or_near_or_inhabited(self, spark, between):
        inhabited = frame(spark, "zone_id STRING", ("west",), ("mid",))
        assert od_pairs(between, inhabited, PairBounds()).count() == 9
        assert ("west", "east") not in rows(od_pairs(between, inhabited, PairBounds(max_distance_km=5.0)))
        lived_in = rows(od_pairs(between, inhabited, PairBounds(with_residents=True)), "zone_id", "other")
        assert lived_in == [("mid", "mid"), ("mid", "west"), ("west", "mid"), ("west", "west")]
        assert od_domain(od_pairs(between, inhabited, PairBounds(with_residents=True))).count() == 4 * 5

    def test_nobody_visits_the_own_zone_but_its_places(self, spark, between):
        zones = frame(spark, "zone_id STRING, role STRING", ("west", "partition"), ("east", "place"))
        found = rows(catchment_domain(zones, between), "role", "zone_id", "other")
        assert found == [
            ("partition", "west", "east"),
            ("partition", "west", "mid"),
            ("place", "east", "east"),
            ("place", "east", "mid"),
            ("place", "east", "west"),
        ]


class TestCells:
    def test_a_trip_counts_once_a_week_and_only_for_its_purpose(self, spark):
        ddl = ", ".join(f"{c.name} {c.type}" for c in OD_CONTRIBUTIONS.columns)
        given = frame(
            spark,
            ddl,
            ("2026-03-02", "2026-W10", A, 4, "west", "mid", "morning"),
            ("2026-03-03", "2026-W10", A, 6, "west", "mid", "morning"),
            ("2026-03-03", "2026-W10", A, 4, "mid", "west", "evening"),
            ("2026-03-03", "2026-W10", B, 3, "west", "mid", "morning"),
        )
        found = rows(od_cells(given, "traffic_planning"), "pseudonym", "zone_id", "other", "part")
        assert found == [(A, "mid", "west", "evening"), (A, "west", "mid", "morning")]

    def test_home_and_work_are_no_visits_in_the_partition_but_at_places(self, spark):
        ddl = ", ".join(f"{c.name} {c.type}" for c in VISITS.columns)
        given = frame(
            spark,
            ddl,
            *(("2026-03-02", "2026-03", A, 15, "partition", z) for z in ("home", "work", "park")),
            ("2026-03-03", "2026-03", A, 15, "partition", "park"),
            ("2026-03-03", "2026-03", A, 15, "place", "mall"),
            ("2026-03-03", "2026-03", B, 15, "place", "mall"),
        )
        homes = frame(
            spark,
            "pseudonym BINARY, home_zone_id STRING, work_zone_id STRING",
            (A, "home", "work"),
            (B, None, None),
        )
        found = rows(catchment_cells(given, homes, "market_research"), "role", "pseudonym", "zone_id", "other")
        assert found == [("partition", A, "park", "home"), ("place", A, "mall", "home")]

    def test_what_is_off_the_domain_is_left_out_and_bands_come_from_it(self, spark):
        domain = frame(
            spark,
            "role STRING, zone_id STRING, hour INT, part STRING, other STRING",
            ("place", "mall", None, "0-2", "home"),
        )
        cells = frame(
            spark,
            "role STRING, pseudonym BINARY, zone_id STRING, hour INT, other STRING",
            ("place", A, "mall", None, "home"),
            ("place", A, "mall", None, "abroad"),
        )
        assert rows(within(cells, domain), "zone_id", "part", "other") == [("mall", "0-2", "home")]


class TestThreshold:
    def test_it_is_the_least_whose_delta_is_small_enough(self):
        found = least_threshold(10.0, 16, 1e-10, 51)
        assert found.value > 51 and 0 < found.delta <= 1e-10 < least_threshold(10.0, 16, 1e-6, 51).delta

    def test_only_of_domains_that_are_too_large(self):
        assert od_threshold(Policy(), 400_000) is None
        found = od_threshold(Policy(), 400_001)
        assert found is not None and found.delta <= Policy().od.threshold_delta

    @pytest.mark.parametrize("source", [NoiseSource(), NoiseSource(3)])
    def test_few_are_never_kept_and_many_always(self, spark, source):
        ddl = ", ".join(f"{c.name} {c.type}" for c in NOISED.columns if c.name != "noised")
        cells = frame(
            spark,
            f"{ddl}, persons BIGINT, sigma DOUBLE",
            *(("r", "od", "d", f"z{i}", None, "night", "y", 1 if i % 2 else 500, 10.0) for i in range(200)),
        )
        add = threshold_adder(source, Threshold(69, 1e-10))
        found = rows(cells.mapInArrow(add, ", ".join(f"{c.name} {c.type}" for c in NOISED.columns)))
        assert [int(row[3][1:]) % 2 for row in found] == [0] * 100
        assert all(400 < row[-1] < 600 for row in found) and len({row[-1] for row in found}) > 5
