"""The public domain: which zones can be counted, and which cells exist only where small cells resolve a place."""

from __future__ import annotations

import datetime as dt

import pytest
from frames import frame, rows

from jobs.aggregate.run import countable_tiles, domain, planned_draws
from jobs.settings import Policy

DAY = dt.date(2026, 3, 3)


@pytest.fixture(scope="module")
def zones(spark):
    return frame(
        spark,
        "zone_id STRING, level STRING, role STRING, is_finest BOOLEAN, tiles INT",
        ("city", "city", "partition", False, 9),
        ("d", "district", "partition", True, 9),
        ("mall", "poi", "place", False, 4),
        ("shop", "poi", "place", False, 1),
        ("kiosk", "poi", "place", False, 1),
    ).cache()


@pytest.fixture(scope="module")
def counted(spark, zones):
    tiles = [("d", t) for t in range(9)] + [("mall", t) for t in range(4)] + [("shop", 0), ("kiosk", 8)]
    positions = frame(
        spark,
        "cell_id STRING, is_small BOOLEAN, quantiles ARRAY<BIGINT>",
        ("in the shop", True, [0, 0, 0, 5]),
        ("about the kiosk", True, [7, 7, 7, 8]),
        ("mast", False, [8, 8, 8, 8]),
    )
    return countable_tiles(zones, frame(spark, "zone_id STRING, tile BIGINT", *tiles), positions).cache()


def test_small_places_need_a_small_cell_of_their_own(counted):
    assert rows(counted.select("zone_id", "small_cells_only", "by_small_cells").distinct()) == [
        ("d", False, False),
        ("mall", False, True),
        ("shop", True, True),
    ]


def test_shortest_band_exists_where_small_cells_tell_it(zones, counted):
    policy = Policy()
    draws = planned_draws(policy, [DAY], ["partition", "place"])
    cells = domain(draws, zones, counted.select("zone_id", "by_small_cells").distinct(), policy)
    number = {(r["product"], r["zone_id"]): r["count"] for r in cells.groupBy("product", "zone_id").count().collect()}
    assert {zone: number["dwell", zone] for zone in ("d", "mall", "shop")} == {"d": 5, "mall": 6, "shop": 6}
    assert {product: number[product, "d"] for product in ("panel", "footfall", "approach", "audience")} == {
        "panel": 1, "footfall": 24, "approach": 45, "audience": 40,
    }  # fmt: skip
    assert not [zone for _, zone in number if zone in ("kiosk", "city")]
    assert cells.filter("zone_id <> 'd' AND part = '<15'").count() == 2
