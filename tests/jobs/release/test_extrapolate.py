"""From panel to people: factors by zone, what stands in for them, and estimates that give nothing away."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from frames import frame, rows

from jobs.method_settings import ExtrapolationPolicy
from jobs.release.extrapolate import EstimateParams, descriptions, with_estimates
from jobs.release.factors import ANYWHERE, FactorParams, factor_table, homes_of_places, residents_at

DAY = dt.date(2026, 3, 3)
ZONES = "zone_id STRING, level STRING, parent_id STRING, role STRING, is_finest BOOLEAN"
TREE = [
    ("city", "city", None, "partition", False),
    ("n", "borough", "city", "partition", False),
    ("s", "borough", "city", "partition", False),
    *((z, "district", up, "partition", True) for z, up in (("a", "n"), ("b", "n"), ("c", "s"), ("d", "s"))),
    ("mall", "poi", None, "place", False),
]
LEVELS = ("city", "borough", "district")
RESIDENTS = "zone_id STRING, year INT, gender STRING, age_band STRING, residents BIGINT"
PANEL = "date DATE, zone_id STRING, status STRING, persons BIGINT"
CATCHMENT = "zone_id STRING, home_zone_id STRING, persons BIGINT"


class TestResidentsAt:
    def test_latest_year_up_to_the_day_else_the_first_after(self, spark):
        told = frame(
            spark, RESIDENTS,
            ("a", 2020, None, None, 1), ("a", 2024, None, None, 2), ("a", 2027, None, None, 3),
            ("b", 2028, None, None, 4), ("b", 2029, None, None, 5),
            ("c", 2024, None, None, 10), ("c", 2024, "female", None, 6), ("c", 2024, "male", None, 4),
            ("d", 2024, "female", "0-9", 6), ("d", 2024, "male", "0-9", 5),
        )  # fmt: skip
        got = residents_at(told, frame(spark, "date DATE", (DAY,)))
        assert rows(got, "zone_id", "people", "year") == [
            ("a", 2, 2024), ("b", 4, 2028), ("c", 10, 2024), ("d", 11, 2024),
        ]  # fmt: skip


@pytest.fixture(scope="module")
def ground(spark):
    """c's panel is suppressed, d has no residents: both stand for nothing of their own."""
    told = frame(spark, RESIDENTS, *((z, 2024, None, None, n) for z, n in (("a", 1000), ("b", 3000), ("c", 2000))))
    people = residents_at(told, frame(spark, "date DATE", (DAY,))).persist()
    panel = frame(
        spark, PANEL,
        (DAY, "a", "published", 100), (DAY, "b", "published", 500), (DAY, "c", "suppressed", None),
        (DAY, "d", "published", 70), (DAY, "n", "published", 600), (DAY, "s", "suppressed", None),
        (DAY, "city", "published", 900),
    )  # fmt: skip
    tiles = frame(
        spark, "level STRING, zone_id STRING, tile BIGINT",
        *(("poi", "mall", t) for t in (1, 2, 3)), ("district", "a", 1), ("district", "b", 2), ("district", "b", 3),
        ("city", "city", 1), ("city", "city", 2), ("city", "city", 3),
    )  # fmt: skip
    zones = frame(spark, ZONES, *TREE)
    return panel, people, zones, homes_of_places(zones, tiles)


class TestFactorTable:
    def test_own_else_above_else_of_what_there_is(self, spark, ground):
        got = factor_table(*ground, frame(spark, CATCHMENT), FactorParams(LEVELS, sigma=10.0))
        found = {z: (round(f, 3), s) for z, f, s in rows(got, "zone_id", "factor", "source")}
        assert found == {
            "a": (10.0, "own"),
            "b": (6.0, "own"),
            "n": (6.667, "own"),
            "mall": (6.0, "own"),
            # Residents of d are unknown: the whole city's panel of 900 has no residents to stand beside it.
            "city": (6.667, "part"),
            "c": (6.667, "above"),
            "d": (6.667, "above"),
            "s": (6.667, "above"),
            ANYWHERE: (6.667, "part"),
        }
        certain = {z: r for z, r in rows(got, "zone_id", "relative")}
        assert certain["a"] == pytest.approx((10**2 + 100 * 0.9) ** 0.5 / 100)
        assert certain["c"] > certain["n"]
        words = descriptions(got, ground[1], ground[2])[DAY]
        assert "own residents and panel: 4" in words and "of the zone above: 3" in words
        assert "no residents are known for 1 of 4 zones" in words and "2024" in words

    def test_weighted_by_the_catchment_and_completed_by_what_is_known_beside(self, spark, ground):
        visitors = frame(spark, CATCHMENT, ("mall", "a", 300), ("mall", "b", 100), ("mall", "b", None))
        known = {"second_sim_share": 0.1, "second_operator_share": 0.25, "visitor_share": 0.2, "visitor_factor": 3}
        params = FactorParams(LEVELS, 10.0, ExtrapolationPolicy(**known))
        got = {z: (f, s) for z, f, s in rows(factor_table(*ground, visitors, params), "zone_id", "factor", "source")}
        scale, visitors_more = 0.8 * 0.9 / 1.25, 0.2 * 3
        assert got["mall"] == (pytest.approx(scale * (3 * 10 + 6) / 4 + visitors_more), "catchment")
        assert got["a"] == (pytest.approx(scale * 10 + visitors_more), "own")


JUDGED = (
    "product STRING, date DATE, release_id STRING, level STRING, zone_id STRING, hour INT, part STRING, other STRING, "
    "persons BIGINT, sigma DOUBLE, blocks ARRAY<STRUCT<zone_id: STRING, persons: BIGINT>>, status STRING"
)
TABLE = "date DATE, zone_id STRING, factor DOUBLE, relative DOUBLE, source STRING"


def _cell(level, zone, persons, blocks=None, other=None):
    return ("footfall", DAY, "r", level, zone, 1, None, other, persons, 10.0, blocks, "published")


@pytest.fixture(scope="module")
def got(spark):
    judged = frame(
        spark, JUDGED,
        _cell("district", "a", 101), _cell("district", "b", 200), _cell("district", "c", None),
        _cell("borough", "n", 301, [("a", 101), ("b", 200)]),
        _cell("city", "city", 500, [("a", 101), ("b", 200), ("city", 199)]),
        _cell("corridor", "road", 50), _cell("district", "all", 300, None, "b"),
    )  # fmt: skip
    factors = {"a": 10.04, "b": 6.0, "n": 7.0, "city": 8.0, ANYWHERE: 9.0}
    table = frame(spark, TABLE, *((DAY, zone, factor, 0.05, "own") for zone, factor in factors.items()))
    resolution = frame(spark, "zone_id STRING, inside_share DOUBLE", ("a", 0.5), ("city", 1.0))
    errors = {"finest": 0.1, "finest night": 1.0, "coarser": 0.05, "place": 0.3, "place evening": 9.0}
    params = EstimateParams(LEVELS, {"footfall": {name: (error, error) for name, error in errors.items()}})
    return with_estimates(judged, table, resolution, params).collect()


class TestCorrected:
    def test_visits_are_made_up_for_by_band_and_sums_by_the_finest_level_s(self, spark):
        def dwell(level, zone, persons, part, blocks=None):
            return ("dwell", DAY, "r", level, zone, None, part, None, persons, 10.0, blocks, "published")

        judged = frame(
            spark, JUDGED,
            dwell("district", "a", 100, "15-30"), dwell("district", "a", 100, "30-60"), dwell("poi", "m", 100, "15-30"),
            dwell("borough", "n", 300, "15-30", [("a", 100), ("b", 200)]), _cell("district", "a", 100),
        )  # fmt: skip
        table = frame(spark, TABLE, *((DAY, zone, 10.0, 0.0, "own") for zone in ("a", "b", "m", "n", ANYWHERE)))
        resolution = frame(spark, "zone_id STRING, inside_share DOUBLE")
        corrections = {"dwell": {"finest": 1.5, "finest 15-30": 4.0, "coarser 15-30": 9.0, "place": 0.5}}
        got = with_estimates(judged, table, resolution, EstimateParams(LEVELS, {}, corrections))
        assert rows(got, "product", "zone_id", "part", "estimate") == [
            ("dwell", "a", "15-30", 4000), ("dwell", "a", "30-60", 1500), ("dwell", "m", "15-30", 500),
            ("dwell", "n", "15-30", 12000), ("footfall", "a", None, 1000),
        ]  # fmt: skip
        assert all(lower <= estimate <= upper for estimate, lower, upper in rows(got, "estimate", "lower", "upper"))

    def test_days_of_other_habits_take_their_own_where_known(self, spark):
        friday, sunday = dt.date(2026, 3, 6), dt.date(2026, 3, 8)

        def cell(product, day, part):
            return (product, day, "r", "poi", "m", None, part, None, 100, 10.0, None, "published")

        judged = frame(
            spark, JUDGED,
            *(cell("dwell", day, band) for day in (DAY, friday, sunday) for band in ("15-30", "30-60")),
            cell("audience", friday, "20-29"), cell("audience", sunday, "20-29"),
        )  # fmt: skip
        table = frame(spark, TABLE, *((day, "m", 10.0, 0.0, "own") for day in (DAY, friday, sunday)))
        resolution = frame(spark, "zone_id STRING, inside_share DOUBLE")
        corrections = {
            "dwell": {"place": 2.0, "place 15-30": 3.0, "place 15-30 friday": 4.0, "place sunday_or_holiday": 0.5},
            "audience": {"place": 2.0, "place sunday_or_holiday": 3.0},
        }
        days = {DAY: "workday", friday: "friday", sunday: "sunday_or_holiday"}
        got = with_estimates(judged, table, resolution, EstimateParams(LEVELS, {}, corrections, days))
        assert rows(got, "product", "date", "part", "estimate") == [
            ("audience", str(friday), "20-29", 2000), ("audience", str(sunday), "20-29", 3000),
            ("dwell", str(DAY), "15-30", 3000), ("dwell", str(DAY), "30-60", 2000),
            ("dwell", str(friday), "15-30", 4000), ("dwell", str(friday), "30-60", 2000),
            # Of a part, its own of all days before that of the day of all parts.
            ("dwell", str(sunday), "15-30", 3000), ("dwell", str(sunday), "30-60", 500),
        ]  # fmt: skip

    def test_trips_between_zones_and_their_sums_are_and_those_within_one_are_not(self, spark):
        def od(origin, destination, persons):
            return ("od", DAY, "r", "district", origin, None, "morning", destination, persons, 10.0, None, "published")

        judged = frame(spark, JUDGED, od("a", "b", 100), od("a", "all", 150), od("all", "b", 100), od("a", "a", 100))
        table = frame(spark, TABLE, *((DAY, zone, 10.0, 0.0, "own") for zone in ("a", "b", ANYWHERE)))
        resolution = frame(spark, "zone_id STRING, inside_share DOUBLE")
        corrections = {"od": {"finest": 1.5, "finest morning": 2.0}}
        got = with_estimates(
            judged, table, resolution, EstimateParams(LEVELS, {"od": {"finest": (0.1, 0.1)}}, corrections)
        )
        assert rows(got, "zone_id", "other", "estimate") == [
            ("a", "a", 1000), ("a", "all", 3000), ("a", "b", 2000), ("all", "b", 2000),
        ]  # fmt: skip

    def test_visitors_of_several_homes_are_people_by_home_and_visits_of_several_parts_have_no_part_s(self, spark):
        def cell(product, part, blocks, status):
            return (product, DAY, "r", "poi", "m", None, part, "a", 100, 10.0, blocks, status)

        judged = frame(
            spark, JUDGED,
            cell("catchment", "2-5", [("a", 60), ("b", 40)], "merged"),
            cell("approach", "morning", None, "merged"), cell("approach", "night", None, "published"),
        )  # fmt: skip
        table = frame(spark, TABLE, *((DAY, zone, f, 0.0, "own") for zone, f in (("a", 10.0), ("b", 5.0), ("m", 1.0))))
        resolution = frame(spark, "zone_id STRING, inside_share DOUBLE")
        corrections = {
            "catchment": {"place": 9.0, "place 2-5": 2.0},
            "approach": {"place": 1.5, "place morning": 9.0, "place night": 3.0},
        }
        got = with_estimates(judged, table, resolution, EstimateParams(LEVELS, {}, corrections))
        assert rows(got, "product", "status", "estimate") == [
            ("approach", "merged", 150), ("approach", "published", 300), ("catchment", "merged", 2 * (600 + 200)),
        ]  # fmt: skip


class TestWithEstimates:
    def test_children_add_up_to_their_parents(self, got):
        estimate = {r["zone_id"]: r["estimate"] for r in got}
        assert estimate["a"] == 1014 and estimate["b"] == 1200 and estimate["c"] is None
        assert estimate["n"] == estimate["a"] + estimate["b"]
        assert estimate["city"] == estimate["n"] + round(199 * 8.0)

    def test_what_is_no_zone_takes_the_territory_s_and_sums_of_flows_their_other_end_s(self, got):
        estimate = {r["zone_id"]: r["estimate"] for r in got}
        assert estimate["road"] == 450 and estimate["all"] == 1800

    def test_each_part_of_the_day_has_its_own_error(self, got):
        width = {r["zone_id"]: math.log(r["upper"] / r["lower"]) for r in got if r["lower"]}
        # One o'clock is at night: an error of 1 on the finest level, and none of the evening's on a corridor.
        assert width["a"] > 3 and width["n"] < 1 and width["road"] < 3

    def test_ends_hold_the_estimate_and_are_null_with_it(self, got):
        for row in got:
            if row["estimate"] is None:
                assert row["lower"] is None and row["upper"] is None
            else:
                assert 0 <= row["lower"] < row["estimate"] < row["upper"]
