"""All daily products over one bringing together of segments: bounds, order-freedom, and the physical plan."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
from frames import at, frame, rows, segment

from expectations.movement import PROFILE
from expectations.segments import SEGMENTS
from jobs.aggregate.daily import CONTRIBUTIONS, Shared, contributions
from jobs.settings import Policy
from jobs.transform.presence import by_unit, kept
from udfs.purposes import EVERY

DAY = "2026-03-03"
HOURS = 24
UNITS = range(1, 40)


def _ddl(contract) -> str:
    return ", ".join(f"{c.name} {c.type}" for c in contract.columns)


def _restless(dice: random.Random, who: int):
    """A unit that goes on to another zone again and again, so that every bound is reached."""
    now = dice.randrange(60)
    while now < 1380:
        end = now + dice.choice([15, 20, 40])
        tile = 4_500_000_000 + dice.randrange(8) * 100_000 * 30 + 31_000
        times = (at(f"{DAY}T{m // 60:02d}:{m % 60:02d}:00") for m in (now, end))
        way = (dice.choice(["a", "b"]), dice.choice([-3_000, 3_000]), 80, 600)
        yield segment(DAY, bytes([who]) * 32, EVERY, "stay", *times, tile, dice.random() < 0.3, ways=[way])
        now = end


@pytest.fixture(scope="module")
def day(spark):
    dice = random.Random(3)
    made = [row for who in UNITS for row in _restless(dice, who)]
    people = [(DAY, bytes([who]) * 32, "domestic", "30-39", "female", "z0") for who in UNITS]
    tiles = [(f"z{i}", 4_500_000_000 + i * 100_000 * 30 + 31_000) for i in range(8)]
    counted = [("partition", zone, tile, False, False) for zone, tile in tiles]
    counted += [("place", f"p{i % 5}", tile, False, i == 0) for i, (_, tile) in enumerate(tiles)]

    def shared(parts: int) -> Shared:
        return Shared(
            segments=kept(by_unit(frame(spark, _ddl(SEGMENTS), *made).repartition(parts), "ways")),
            profile=frame(spark, _ddl(PROFILE), *people),
            counted=frame(
                spark,
                "role STRING, zone_id STRING, tile BIGINT, small_cells_only BOOLEAN, by_small_cells BOOLEAN",
                *counted,
            ),
            resolution=frame(spark, "zone_id STRING, radius_m DOUBLE", *((zone, 200.0) for zone, _ in tiles)),
            time_zone="Europe/Berlin",
            corridors=frame(spark, "corridor_id STRING, length_m INT", ("a", 6_000), ("b", 6_000)),
        )

    return shared


@pytest.fixture(scope="module")
def products():
    policy = Policy().products
    return {
        name: (policy[name].purpose, {str(role): m.max_cells or HOURS for role, m in policy[name].mechanisms.items()})
        for name in CONTRIBUTIONS
    }


def test_no_unit_passes_its_bounds_and_no_order_matters(day, products):
    first, second = day(1), day(5)
    found = rows(contributions(first, products))
    assert found == rows(contributions(second, products))
    assert len(found) == len(set(found))
    touched = Counter((row[1], row[2], row[3]) for row in found)
    for (_, role, product), cells in touched.items():
        assert cells <= products[product][1][role], product
    full = {(role, product) for (_, role, product), cells in touched.items() if cells == products[product][1][role]}
    assert full >= {(role, product) for role in ("partition", "place") for product in ("dwell", "approach", "audience")}
    assert full >= {("corridor", "corridor_flow"), ("speed", "corridor_flow")}
    for shared in (first, second):
        shared.release()


def test_segments_are_shuffled_once_for_all_products(day, products):
    shared = day(2)
    united = contributions(shared, products)
    planned = _shuffled_rows(united)
    assert united.collect()
    # The repartitioning, in the cache, and that of people, who stand in no cache; a further one would be of segments.
    assert planned == _shuffled_rows(united) == {("REPARTITION_BY_COL", False), ("ENSURE_REQUIREMENTS", False)}
    shared.release()


def _shuffled_rows(united) -> set[tuple[str, bool]]:
    """Shuffles by unit of rows, not of partial aggregates: why, and whether they read what is kept.

    Of a plan that has run, the text has both what ran and what was planned.
    """
    lines = united._jdf.queryExecution().executedPlan().toString().splitlines()
    kinds = set()
    for i, line in enumerate(lines):
        found = re.search(r"Exchange hashpartitioning\([^)]*pseudonym[^)]*\), (?:\d+\), )?(\w+)", line)
        # Above an aggregate that has begun there is one row a unit.
        if found and "partial_" not in lines[i + 1]:
            depth = line.index("Exchange")
            ends = [j for j, text in enumerate(lines) if j > i and re.search(r"\w", text[: depth + 1])]
            below = lines[i + 1 : min(ends, default=len(lines))]
            kinds.add((found[1], any("InMemoryTableScan" in text for text in below)))
    return kinds
