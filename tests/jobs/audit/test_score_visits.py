"""Scoring of visits on distributions that can be reckoned by hand, and true days in the shape of segments."""

from __future__ import annotations

import math

import pytest
from frames import at, frame, rows

from jobs.audit.score_visits import LEAST, bounded_cells, true_track, visit_measures
from jobs.settings import Policy

DAY = "2026-03-03"
CELLS = "date DATE, pseudonym BINARY, role STRING, product STRING, zone_id STRING, hour INT, part STRING, other STRING"


def _cells(product: str, *found: tuple[str, str | None, int]):
    return [
        (DAY, bytes([i]) * 32, "place", product, "z", None, part, other)
        for part, other, number in found
        for i in range(number)
    ]


@pytest.fixture
def small(monkeypatch):
    for product in LEAST:
        monkeypatch.setitem(LEAST, product, 4)


def _measured(spark, truth, estimates):
    levels = frame(spark, "zone_id STRING, level STRING", ("z", "poi"))
    named = [(*row, "threestep") for row in estimates]
    found = visit_measures(frame(spark, CELLS, *truth), frame(spark, CELLS + ", method STRING", *named), levels)
    return {r["measure"]: r["value"] for r in found.collect()}


class TestMeasures:
    def test_distances_and_points(self, spark, small):
        truth = _cells("dwell", ("15-30", None, 4)) + _cells("audience", ("20-29", "male", 2), ("30-39", "male", 2))
        estimates = _cells("dwell", ("15-30", None, 2), ("30-60", None, 2)) + _cells(
            "audience", ("20-29", "male", 3), ("30-39", "male", 1)
        )
        got = _measured(spark, truth, estimates)
        # p = (1, 0), q = (1/2, 1/2): (log2(4/3) + (1/2) log2(2/3) + 1/2) / 2
        divergence = (math.log2(4 / 3) + 0.5 * math.log2(2 / 3) + 0.5) / 2
        assert got["dwell_js"] == got["dwell_js_median"] == pytest.approx(math.sqrt(divergence))
        assert got["audience_points"] == pytest.approx(25.0)

    def test_sectors_are_compared_where_told_whatever_the_daypart(self, spark, small):
        truth = _cells("approach", ("morning", "N", 2), ("evening", "E", 2))
        estimates = _cells("approach", ("midday", "N", 1), ("midday", "E", 1), ("midday", "unknown", 2))
        got = _measured(spark, truth, estimates)
        assert got["approach_js"] == pytest.approx(0.0) and got["approach_told"] == pytest.approx(0.5)

    def test_zones_with_fewer_visits_are_not_looked_at(self, spark):
        assert "dwell_js" not in _measured(
            spark, _cells("dwell", ("15-30", None, 4)), _cells("dwell", ("15-30", None, 4))
        )

    def test_estimates_are_bounded_as_released(self, spark):
        made = [(DAY, bytes(32), "place", "dwell", f"z{i}", None, "15-30", None) for i in range(9)]
        assert bounded_cells(frame(spark, CELLS, *made), Policy()).count() == 4


def test_true_days_are_stays_contacts_and_moves_from_where_they_began(spark):
    itineraries = frame(
        spark,
        "person_id BIGINT, kind STRING, start_s BIGINT, end_s BIGINT, x0 INT, y0 INT, mode STRING, "
        "leg INT, arrives_s BIGINT",
        _whole(1, "resident", *_span("2026-03-02T22:00", "2026-03-03T08:00"), 4_500_050, 3_100_050, None),
        _whole(1, "resident", *_span("2026-03-03T08:00", "2026-03-03T08:20"), 4_500_050, 3_100_050, "walk"),
        _whole(1, "resident", *_span("2026-03-03T08:20", "2026-03-03T08:30"), 4_500_150, 3_100_050, None),
        _whole(2, "thing", *_span("2026-03-03T08:00", "2026-03-03T09:00"), 4_500_050, 3_100_050, None),
    )
    persons = frame(
        spark, "date DATE, person_id BIGINT, pseudonym BINARY", (DAY, 1, bytes(32)), (DAY, 2, bytes([1]) * 32)
    )
    days = frame(
        spark,
        "date DATE, day_start TIMESTAMP, day_end TIMESTAMP",
        (DAY, at("2026-03-02T23:00"), at("2026-03-03T23:00")),
    )
    found = true_track(itineraries, persons, days, 900)
    assert rows(found, "start_time", "end_time", "kind", "by_small_cell", "tile") == [
        ("2026-03-02 23:00:00", "2026-03-03 08:00:00", "stay", True, 4500031000),
        ("2026-03-03 08:00:00", "2026-03-03 08:20:00", "move", False, 4500031000),
        ("2026-03-03 08:20:00", "2026-03-03 08:30:00", "move", True, 4500131000),
    ]


def _whole(*row):
    """A stay, or a trip of one leg."""
    return (*row, 0, row[3])


def _span(start: str, end: str) -> tuple[int, int]:
    return int(at(start).timestamp()), int(at(end).timestamp())
