"""Where people are before any contact: area, residents of the deepest zone that tells them, factors by level."""

from __future__ import annotations

import pytest
from frames import frame, rows

from jobs.method_settings import RadioPolicy
from jobs.transform.prior import home_ground, other_ground, tile_priors

ZONES = "zone_id string, role string, depth int, tiles int"
TILES = "level string, zone_id string, tile bigint"
PEOPLE = "zone_id string, year int, residents bigint"


def _policy(**changes):
    """A policy that gives no level a factor unless it is told to."""
    return RadioPolicy(**{"prior_level_weights": {}, **changes})


@pytest.fixture(scope="module")
def ground(spark):
    zones = frame(
        spark, ZONES, ("city", "partition", 0, 4), ("west", "partition", 1, 2), ("east", "partition", 1, 2),
        ("wood", "place", -1, 2), ("shop", "place", -1, 1),
    )  # fmt: skip
    tiles = [("district", "west", 1), ("district", "west", 2), ("district", "east", 3), ("district", "east", 4)]
    tiles += [("city", "city", n) for n in (1, 2, 3, 4)] + [
        ("wood", "wood", 2),
        ("wood", "wood", 9),
        ("poi", "shop", 2),
    ]
    return zones, frame(spark, TILES, *tiles)


class TestTilePriors:
    def test_half_by_area_half_by_residents(self, spark, ground):
        people = frame(
            spark, PEOPLE, ("west", 2023, 200), ("west", 2023, 100), ("east", 2023, 100), ("east", 2020, 900)
        )
        # Of 100 residents a tile on average, 150 and 50.
        assert rows(tile_priors(*ground, people, _policy())) == [
            (1, 1_250_000), (2, 1_250_000), (3, 750_000), (4, 750_000),
        ]  # fmt: skip
        alone = tile_priors(*ground, people, _policy(prior_residents_share=1))
        assert [prior for _, prior in rows(alone)] == [1_500_000, 1_500_000, 500_000, 500_000]

    def test_deepest_level_that_tells_residents(self, spark, ground):
        people = frame(spark, PEOPLE, ("city", 2023, 400), ("west", 2023, 300), ("shop", 2023, 7))
        share = _policy(prior_residents_share=1)
        # West has 150 a tile; east tells none, so the city's 100 a tile count there; places tell nothing.
        assert [prior for _, prior in rows(tile_priors(*ground, people, share))] == [1_200_000] * 2 + [800_000] * 2

    def test_grid_squares_are_finer_than_any_zone(self, spark, ground):
        zones, _ = ground
        square = 44864_31392  # the tile of the square's corner
        tiles = frame(spark, TILES, ("district", "west", square), ("district", "west", square + 1))
        people = frame(spark, PEOPLE, ("west", 2023, 2), ("CRS3035RES100mN3139200E4486400", 2023, 3))
        share = _policy(prior_residents_share=1)
        assert rows(tile_priors(zones, tiles, people, share)) == [(square, 1_500_000), (square + 1, 500_000)]

    def test_factors_by_level_and_unknown_ground(self, spark, ground):
        people = frame(spark, PEOPLE, ("west", 2023, 200), ("east", 2023, 200))
        policy = RadioPolicy(prior_level_weights={"wood": 0.1, "poi": 3.0}, prior_unknown=0.2)
        found = dict(rows(tile_priors(*ground, people, policy)))
        assert found == {1: 1_000_000, 2: 300_000, 3: 1_000_000, 4: 1_000_000, 9: 20_000}
        assert other_ground(policy) == 200_000

    def test_without_residents_all_ground_is_alike(self, spark, ground):
        assert rows(tile_priors(*ground, frame(spark, PEOPLE), _policy())) == []

    def test_points_of_interest_draw_people_by_default(self, spark, ground):
        people = frame(spark, PEOPLE, ("west", 2023, 200), ("east", 2023, 200))
        found = dict(rows(tile_priors(*ground, people, RadioPolicy())))
        assert found == {1: 1_000_000, 2: 4_000_000, 3: 1_000_000, 4: 1_000_000}


class TestHomeGround:
    def test_small_zones_are_lifted_more(self, spark, ground):
        zones, tiles = ground
        people = frame(spark, PEOPLE, ("west", 2023, 300), ("east", 2023, 100))
        finest = zones.withColumn("is_finest", zones["zone_id"].isin("west", "east"))
        found = rows(home_ground(finest, tiles, people, RadioPolicy(home_residents=600)))
        assert found == [(1, ("west", 2.0)), (2, ("west", 2.0)), (3, ("east", 6.0)), (4, ("east", 6.0))]

    def test_residents_of_the_level_above_are_spread_over_its_tiles(self, spark, ground):
        zones, tiles = ground
        finest = zones.withColumn("is_finest", zones["zone_id"].isin("west", "east"))
        city = frame(spark, PEOPLE, ("city", 2023, 400))
        assert {home for _, home in rows(home_ground(finest, tiles, city, RadioPolicy(home_residents=600)))} == {
            ("west", 3.0), ("east", 3.0)
        }  # fmt: skip

    @pytest.mark.parametrize(("people", "weight"), [([], 600), ([("west", 2023, 300)], 0)])
    def test_none_without_residents_or_weight(self, spark, ground, people, weight):
        zones, tiles = ground
        finest = zones.withColumn("is_finest", zones["zone_id"].isin("west", "east"))
        told = home_ground(finest, tiles, frame(spark, PEOPLE, *people), RadioPolicy(home_residents=weight))
        assert rows(told) == []
