"""Flows along corridors: the threshold, corridors without cells, speed bands and emissions."""

from __future__ import annotations

import pytest
from frames import frame, rows

from expectations.product_words import SPEED_BANDS
from jobs.release.along import AlongParams, EmissionFactors, flow_domain, judged_along, with_emissions

RELEASE = "corridor_flow-2026-03-03-r0"
NOISED = "release_id STRING, level STRING, zone_id STRING, hour INT, part STRING, other STRING, noised BIGINT"
PARAMS = AlongParams(min_persons=20, margin_sigmas=3.09, sigma=10.0, sigma_speed=20.0)  # shown from 50.9


def drawn(corridor: str, hour: int, persons: int, *bands: int) -> list[tuple]:
    key = (corridor, hour, "forward")
    split = zip(SPEED_BANDS, bands, strict=False)
    return [
        (RELEASE, "corridor", *key, None, persons),
        *((RELEASE, "speed", *key, band, count) for band, count in split),
    ]


@pytest.fixture(scope="module")
def judged(spark):
    corridors = frame(spark, "corridor_id STRING", ("a",), ("far",))
    noised = frame(
        spark,
        NOISED,
        *drawn("a", 7, 51, -30, 5, 40, 30, 6),
        *drawn("a", 8, 50, 0, 50, 0, 0, 0),
        *drawn("a", 9, 2_000, 15, 1_400, 560, 10, 15),
    )
    domain = flow_domain(corridors, {RELEASE: [7, 8, 9]})
    return {(r[0], r[1], r[2]): r[3:] for r in rows(
        judged_along(noised, domain, PARAMS), "zone_id", "hour", "part", "status", "persons", "speed_band"
    )}  # fmt: skip


def test_the_threshold_is_on_the_persons_alone(judged):
    assert judged["a", 7, "forward"][:2] == ("published", 51)
    assert judged["a", 8, "forward"] == ("suppressed", None, None)


def test_every_corridor_direction_and_hour_has_a_row(judged):
    assert len(judged) == 2 * 2 * 3
    assert {judged["far", hour, part] for hour in (7, 8, 9) for part in ("forward", "backward")} == {
        ("unresolved", None, None)
    }


def test_the_speed_is_the_hours_own_where_persons_are_many_and_the_days_where_they_are_few(judged):
    assert judged["a", 9, "forward"][2] == "15-30"
    # By itself the hour's bands say 30-50; they are noise against what the whole day says.
    assert judged["a", 7, "forward"][2] == "15-30"


def test_emissions_of_roads_alone_and_only_where_there_is_an_estimate(spark):
    corridors = frame(
        spark, "corridor_id STRING, kind STRING, length_m INT", ("a", "road", 6_300), ("b", "rail", 6_300)
    )
    cells = ("corridor", "a", 1_000), ("corridor", "a", None), ("corridor", "b", 1_000), ("district", "a", 900)
    flows = frame(spark, "level STRING, zone_id STRING, estimate BIGINT", *cells)
    found = with_emissions(flows, corridors, EmissionFactors(200.0, 0.5, 1.4, 5 / 9))
    # 1,000 persons over 3.5 km in 1.4 a car: 2,500 vehicle-kilometres.
    assert rows(found, "zone_id", "estimate", "co2_kg", "nox_g") == [
        ("a", 1_000, 500.0, 1_250.0),
        ("a", 900, None, None),
        ("a", None, None, None),
        ("b", 1_000, None, None),
    ]
