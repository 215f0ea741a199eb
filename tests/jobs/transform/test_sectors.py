"""Cells as the model sees them: defaults, what makes a beam and a sector, and which row of a cell counts."""

from __future__ import annotations

import datetime as dt

import pytest
from cell_plans import cell, plan
from frames import at, frame, rows
from pyspark.sql import functions as F

from expectations.footprints import SECTORS
from jobs.method_settings import RadioPolicy
from jobs.transform.plan import plan_ids
from jobs.transform.sectors import FootprintParams, sectors, valid_cells

PARAMS = FootprintParams()


class TestSectors:
    def test_defaults_by_placement_technology_and_band(self, spark):
        cells = plan(
            spark,
            cell("macro", 90.0),
            cell("told", 90.0, range_m=700.0, power_w=40.0, height_m=12.0, tilt_deg=2.0, beam_width_deg=30.0),
            cell("nowhere"),
            cell("short", 90.0, tech="NR", band="n78"),
            cell("micro", 90.0, "micro"),
            cell("indoor", 90.0, "Indoor", tech="GSM"),
            cell("mute", 90.0, power_w=0.0, range_m=1.0),
        )
        found = sectors(cells, "p", "g", PARAMS)
        assert found.columns == SECTORS.column_names
        columns = ("cell_id", "is_small", "beam_deg", "tilt_deg", "power_w", "exponent", "height_m", "range_m")
        assert rows(found, *columns) == [
            ("indoor", True, None, None, 5.0, 6.0, 8.0, 1000.0),
            ("macro", False, 65.0, 5.0, 10.0, 3.75, 30.0, 10000.0),
            ("micro", False, 65.0, 5.0, 5.0, 6.0, 8.0, 1000.0),
            ("mute", False, 65.0, 5.0, 10.0, 3.75, 30.0, 75.0),
            ("nowhere", False, None, 5.0, 10.0, 3.75, 30.0, 10000.0),
            ("short", False, 65.0, 5.0, 10.0, 3.75, 30.0, 4000.0),
            ("told", False, 30.0, 2.0, 40.0, 3.75, 12.0, 700.0),
        ]
        # Turned from true to grid north: east of the grid's middle meridian, north leans to the west.
        azimuths = dict(rows(found, "cell_id", "azimuth_deg"))
        assert azimuths["macro"] == pytest.approx(88.1, abs=0.2)
        assert azimuths["nowhere"] is None and azimuths["indoor"] is None
        names = {row[0]: row[1:] for row in rows(found, "cell_id", "beam", "sector", "ring_m", "ring_steps", "mast")}
        assert names["macro"][0] == names["short"][0] == names["mute"][0]
        assert len({names[name][1] for name in ("macro", "short", "mute")}) == 3
        assert len({values[0] for values in names.values()}) == 5
        assert (names["macro"][2], names["macro"][3]) == (pytest.approx(624.96), 8)
        assert names["indoor"][2:4] == (553.5, 1) and names["short"][2:4] == (None, None)

    def test_policy_arrives(self, spark):
        policy = RadioPolicy(small_range_m=99, max_range_m={"LTE": 3.0e3, "B20": 5.0e3}, timing_advance_ring_steps={})
        cells = plan(spark, cell("lte"), cell("gsm", tech="GSM"), cell("far", band="B20"), cell("shop", None, "pico"))
        found = rows(sectors(cells, "p", "g", FootprintParams(policy)), "cell_id", "range_m", "ring_steps")
        assert found == [("far", 5e3, None), ("gsm", 5e3, None), ("lte", 3e3, None), ("shop", 99.0, None)]


class TestValidCells:
    def test_the_row_that_holds_longest_in_the_window(self, spark):
        def of(cell_id, start, end, lat):
            times = {n: v and at(f"2026-{v}T00:00:00+00:00") for n, v in (("valid_from", start), ("valid_to", end))}
            return cell(cell_id, lat=lat, **times)

        delivered = plan(
            spark,
            of("always", None, None, 1.0),
            of("gone", None, "03-02", 2.0),
            of("moved early", None, "03-03", 3.0),
            of("moved early", "03-03", None, 4.0),
            of("moved late", None, "03-04", 5.0),
            of("moved late", "03-04", None, 6.0),
            of("used again", None, "03-03", 7.0),
            of("used again", "03-04", "03-05", 8.0),
            of("future", "03-05", None, 9.0),
        )
        start, end = dt.datetime(2026, 3, 2, tzinfo=dt.UTC), dt.datetime(2026, 3, 5, tzinfo=dt.UTC)
        kept = valid_cells(delivered, start, end)
        assert rows(kept, "cell_id", "latitude", "is_moved") == [
            ("always", 1.0, False),
            ("moved early", 4.0, True),
            ("moved late", 5.0, True),
            ("used again", 8.0, True),
        ]


class TestPlanIds:
    def test_tell_plans_apart_and_nothing_else(self, spark):
        cells = plan(spark, cell("a", 90.0), cell("b"), cell("c")).withColumn("is_moved", F.col("cell_id") == "a")
        zones = frame(spark, "zone_id string, geometry_wkt string", ("a", "POLYGON"), ("b", "POLYGON"))
        people = frame(spark, "zone_id string, residents bigint", ("a", 5), ("b", 6))

        def of(plan_=cells, zones_=zones, people_=people, params=PARAMS):
            return plan_ids(plan_, zones_, people_, params)

        told = of()
        assert (len(told.plan_id), len(told.ground_id), told.cells, told.moved) == (16, 16, 3, 1)
        spread = of(cells.repartition(4), zones.repartition(3), people.repartition(2), FootprintParams(slices=9))
        assert spread == told
        assert of(cells.withColumn("valid_from", F.lit("2026-01-01").cast("timestamp"))) == told
        fewer = of(cells.where("cell_id <> 'c'"))
        assert fewer.ground_id == told.ground_id and fewer.plan_id != told.plan_id
        others = [
            of(zones_=zones.where("zone_id = 'a'")),
            of(people_=people.withColumn("residents", F.lit(5).cast("bigint"))),
            of(params=FootprintParams(RadioPolicy(tilt_deg=6))),
        ]
        ids = [told, *others]
        assert len({i.ground_id for i in ids}) == len({i.plan_id for i in ids}) == 4
