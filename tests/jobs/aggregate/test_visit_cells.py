"""What visits count for: bands at their edges, sectors and when none is told, who visitors are, and the bound."""

from __future__ import annotations

import math

import pytest
from frames import at, frame, rows

from jobs.aggregate.bounds import bounded
from jobs.aggregate.visit_cells import angular_uncertainty, approach_cells, audience_cells, dwell_cells, zone_centres
from udfs.geo import NORTH_STEP

DAY = "2026-03-03"
VISITS = (
    "date DATE, pseudonym BINARY, role STRING, zone_id STRING, start_time TIMESTAMP, end_time TIMESTAMP, "
    "has_stay BOOLEAN, before ARRAY<STRUCT<tile: BIGINT, area: STRING, blur_m: INT>>"
)
CELLS = "date DATE, pseudonym BINARY, role STRING, product STRING, zone_id STRING, hour INT, part STRING, other STRING"
EAST, NORTH = 45_000, 31_000


def _tile(east: int, north: int) -> int:
    return (EAST + east) * NORTH_STEP + NORTH + north


def _visit(who: int, start: str = "08:00", end: str = "09:00", stay: bool = True, before=(), role: str = "place"):
    name = bytes([who]) * 32
    return (DAY, name, role, "z", at(f"{DAY}T{start}:00"), at(f"{DAY}T{end}:00"), stay, list(before))


@pytest.fixture(scope="module")
def centres(spark):
    tiles = frame(spark, "zone_id STRING, tile BIGINT", *(("z", _tile(i, j)) for i in (-1, 0, 1) for j in (-1, 0, 1)))
    return zone_centres(tiles, frame(spark, "zone_id STRING, radius_m DOUBLE", ("z", 300.0))).cache()


class TestDwell:
    @pytest.mark.parametrize(
        ("end", "stay", "band"),
        [
            ("08:10", False, "<15"),
            ("08:10", True, "15-30"),
            ("08:29", True, "15-30"),
            ("08:30", True, "30-60"),
            ("09:00", True, "60-120"),
            ("12:00", True, ">240"),
        ],
    )
    def test_bands(self, spark, end, stay, band):
        assert rows(dwell_cells(frame(spark, VISITS, _visit(1, end=end, stay=stay))), "part", "other") == [(band, None)]

    def test_counts_one_a_unit_and_band(self, spark):
        twice = frame(spark, VISITS, _visit(1), _visit(1, "10:00", "11:00"), _visit(1, "12:00", "16:00"))
        assert rows(bounded(dwell_cells(twice), {"place": 2}), "part") == [("60-120",), (">240",)]


class TestApproach:
    def _sectors(self, spark, centres, *before, role="place"):
        made = frame(spark, VISITS, _visit(1, before=before, role=role))
        return rows(approach_cells(made, centres, "Europe/Berlin"), "part", "other")

    def test_centre_is_the_mean_of_the_tiles(self, spark, centres):
        assert rows(centres) == [("z", (EAST + 0.5) * 100, (NORTH + 0.5) * 100, 300.0)]

    @pytest.mark.parametrize(
        ("east", "north", "told"),
        [
            (0, 9, "N"),
            (9, 9, "NE"),
            (9, 0, "E"),
            (4, -8, "SE"),
            (0, -9, "S"),
            (-9, -9, "SW"),
            (-9, 1, "W"),
            (-9, 9, "NW"),
        ],
    )
    def test_sectors(self, spark, centres, east, north, told):
        assert self._sectors(spark, centres, (_tile(east, north), "y", 400)) == [("morning", told)]

    def test_nearer_than_the_footprints_tell_looks_further_back(self, spark, centres):
        near, far = (_tile(4, 0), "y", 400), (_tile(0, 6), "y", 400)
        assert self._sectors(spark, centres, near) == [("morning", "unknown")]
        assert self._sectors(spark, centres, near, far) == [("morning", "N")]
        assert self._sectors(spark, centres) == [("morning", "unknown")]

    def test_the_same_zone_is_no_origin(self, spark, centres):
        inside = (_tile(0, 9), "z", 400)
        assert self._sectors(spark, centres, inside, role="partition") == [("morning", "unknown")]

    def test_uncertainty_is_public_and_falls_with_distance(self, spark):
        resolution = frame(spark, "zone_id STRING, radius_m DOUBLE", ("z", 300.0))
        (found,) = angular_uncertainty(resolution, (424, 2000)).collect()
        assert found["told_from_m"] == 424 and found["degrees_at_424_m"] == 45.0
        assert found["degrees_at_2000_m"] == round(math.degrees(math.atan(math.sqrt(2) * 300 / 2000)), 1)


def test_audience_counts_visitors_and_tells_unknown_apart(spark):
    made = frame(spark, VISITS, _visit(1), _visit(2), _visit(3, stay=False))
    profile = frame(
        spark,
        "date DATE, pseudonym BINARY, age_band STRING, gender STRING",
        (DAY, bytes([1]) * 32, "30-39", "female"),
    )
    assert rows(audience_cells(made, profile), "pseudonym", "part", "other") == [
        (bytes([1]) * 32, "30-39", "female"),
        (bytes([2]) * 32, "unknown", "unknown"),
    ]


class TestBounded:
    def _cells(self, spark, product: str = "dwell"):
        made = [
            (DAY, bytes([who]) * 32, role, product, f"z{zone}", None, part, None)
            for who in range(1, 30)
            for role, zones in (("partition", who % 9), ("place", 3))
            for zone in range(zones)
            for part in ("15-30", "30-60")
        ]
        return frame(spark, CELLS, *made)

    def test_never_more_than_the_bound_a_role(self, spark):
        kept = bounded(self._cells(spark), {"partition": 4, "place": 2})
        number = {
            (r["pseudonym"][0], r["role"]): r["count"] for r in kept.groupBy("pseudonym", "role").count().collect()
        }
        assert all(number.get((who, "partition"), 0) == min(4, 2 * (who % 9)) for who in range(1, 30))
        assert all(number[who, "place"] == 2 for who in range(1, 30))
        assert kept.filter("role = 'place'").select("zone_id").distinct().count() == 3

    def test_the_choice_hangs_on_unit_and_cell_alone(self, spark):
        cells = self._cells(spark)
        once = rows(bounded(cells.repartition(1), {"partition": 4}))
        assert once == rows(bounded(cells.repartition(7).orderBy("part"), {"partition": 4}))
        other = rows(bounded(self._cells(spark, "approach"), {"partition": 4}), "pseudonym", "zone_id", "part")
        assert other != sorted({(r[1], r[4], r[6]) for r in once}, key=repr)
