"""Exports: names, shapes and metadata are right, by readers that did not write them."""

from __future__ import annotations

import csv
import json

import pytest
import shapely
from released_city import DATE, FACTOR, FINEST, PLACE, SOUTH, STEP, WEST, corridor_rows, delivery

from jobs.deliver.export import write
from jobs.deliver.files import write_csv
from jobs.deliver.read import choose, refuse_restricted
from jobs.deliver.shapes import named, shapes
from jobs.errors import ReleaseError, ThreestepError, UsageError


def by_key(features, **keys):
    (found,) = [f for f in features if all(f["properties"][k] == v for k, v in keys.items())]
    return found


class TestCsv:
    def test_header_names_centre_and_gaps(self, tmp_path):
        write(delivery("footfall"), "csv", tmp_path / "f.csv")
        with (tmp_path / "f.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [*rows[0]][:5] == ["release_id", "date", "zone_id", "zone_name", "hour"]
        (noon,) = [r for r in rows if r["zone_id"] == "z00" and r["hour"] == "13"]
        assert (noon["zone_name"], noon["date"], noon["status"]) == ("District 00", "2026-03-03", "published")
        assert int(noon["estimate"]) == int(noon["persons"]) * FACTOR
        assert float(noon["longitude"]) == pytest.approx(WEST + STEP / 2, abs=1e-6)
        assert float(noon["latitude"]) == pytest.approx(SOUTH + STEP / 2, abs=1e-6)
        hidden = [r for r in rows if r["status"] == "suppressed"]
        assert hidden and all(r["persons"] == r["estimate"] == r["lower"] == "" for r in hidden)

    def test_rows_are_in_order_of_their_keys(self, tmp_path):
        given = delivery("footfall")
        write(given, "csv", tmp_path / "f.csv")
        with (tmp_path / "f.csv").open(encoding="utf-8", newline="") as file:
            keys = [(r["zone_id"], int(r["hour"])) for r in csv.DictReader(file)]
        assert keys == sorted(keys) and len(keys) == len(given.rows)

    def test_both_ends_of_a_flow_have_names_and_centres(self, tmp_path):
        write(delivery("od"), "csv", tmp_path / "od.csv")
        with (tmp_path / "od.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        (row,) = [
            r
            for r in rows
            if (r["origin_zone_id"], r["destination_zone_id"], r["daypart"]) == ("z00", "z01", "morning")
        ]
        assert (row["origin_zone_name"], row["destination_zone_name"]) == ("District 00", "District 01")
        assert float(row["destination_longitude"]) - float(row["origin_longitude"]) == pytest.approx(STEP, abs=2e-6)
        (total,) = [
            r
            for r in rows
            if (r["origin_zone_id"], r["destination_zone_id"]) == ("z00", "all") and r["daypart"] == "night"
        ]
        assert total["destination_zone_name"] == total["destination_longitude"] == ""


class TestGeoJson:
    def test_features_hold_figures_names_and_right_handed_rings(self, tmp_path):
        given = delivery("footfall")
        write(given, "geojson", tmp_path / "f.geojson")
        features = json.loads((tmp_path / "f.geojson").read_text(encoding="utf-8"))["features"]
        assert len(features) == len(given.rows)
        noon = by_key(features, zone_id=PLACE, hour=13)
        assert noon["properties"]["zone_name"] == "Riverside Centre"
        assert noon["properties"]["date"] == "2026-03-03"
        assert isinstance(noon["properties"]["estimate"], int)
        assert shapely.geometry.shape(noon["geometry"]).exterior.is_ccw
        assert by_key(features, zone_id="z00", hour=0)["properties"]["estimate"] is None

    def test_flows_are_lines_and_sums_have_none(self, tmp_path):
        write(delivery("od"), "geojson", tmp_path / "od.geojson")
        features = json.loads((tmp_path / "od.geojson").read_text(encoding="utf-8"))["features"]
        line = by_key(features, origin_zone_id="z00", destination_zone_id="z01", daypart="evening")["geometry"]
        assert line["type"] == "LineString"
        assert line["coordinates"][0][0] < line["coordinates"][1][0]
        assert by_key(features, origin_zone_id="z00", destination_zone_id="z00", daypart="night")["geometry"] is None
        assert by_key(features, origin_zone_id="all", destination_zone_id="z00", daypart="night")["geometry"] is None


class TestShapes:
    def test_a_corridor_runs_in_its_direction(self):
        given = delivery("corridor_flow")
        rows = given.rows.assign(shape=shapes(given))
        drawn = shapely.from_wkt(corridor_rows()[0]["geometry_wkt"])
        first = rows[(rows["corridor_id"] == "c1") & (rows["hour"] == 8)].set_index("direction")["shape"]
        assert first["forward"].equals_exact(drawn, 0)
        assert first["backward"].coords[0] == drawn.coords[-1]

    def test_catchment_has_the_shapes_of_homes(self):
        given = delivery("catchment")
        rows = named(given).assign(shape=shapes(given))
        (row,) = rows[(rows["zone_id"] == PLACE) & (rows["home_zone_id"] == "z00")].to_dict("records")
        assert row["shape"].bounds == pytest.approx((WEST, SOUTH, WEST + STEP, SOUTH + STEP))
        assert (row["zone_name"], row["home_zone_name"]) == ("Riverside Centre", "District 00")

    def test_a_geography_that_was_replaced_is_an_error(self):
        given = delivery("panel")
        given.zones.drop(index=FINEST[0], inplace=True)
        with pytest.raises(ThreestepError, match=r"panel-2026-03-03-r0: 1 of 17 rows name a zone_id"):
            shapes(given)


class TestWhole:
    def test_what_breaks_off_leaves_the_old_file(self, tmp_path):
        class Broken:
            def to_csv(self, part, **_):
                part.write_text("half")
                raise OSError

        (tmp_path / "f.csv").write_text("old")
        with pytest.raises(OSError):
            write_csv(tmp_path / "f.csv", Broken())
        assert [p.name for p in tmp_path.iterdir()] == ["f.csv"]
        assert (tmp_path / "f.csv").read_text() == "old"


class TestChoose:
    FOUND = [
        {"release_id": f"footfall-{DATE}-r{n}", "product": "footfall", "period": str(DATE), "correction": n}
        for n in (1, 0)
    ] + [{"release_id": f"panel-{DATE}-r0", "product": "panel", "period": str(DATE), "correction": 0}]

    def test_the_latest_correction_counts_unless_another_is_named(self):
        ids = [e["release_id"] for e in choose(self.FOUND, period=str(DATE))]
        assert ids == [f"panel-{DATE}-r0", f"footfall-{DATE}-r1"]
        (named_one,) = choose(self.FOUND, release=f"footfall-{DATE}-r0")
        assert named_one["correction"] == 0

    def test_what_is_not_there_is_told_with_what_is(self):
        with pytest.raises(UsageError, match="unknown product 'foot'"):
            choose(self.FOUND, product="foot")
        with pytest.raises(ThreestepError, match=r"footfall of 2026-03-04 has not been released; released: 2026-03-03"):
            choose(self.FOUND, product="footfall", period="2026-03-04")
        with pytest.raises(ThreestepError, match="nothing is"):
            choose([], product="footfall", period="2026-03-04")


class TestRefuseRestricted:
    def test_a_release_under_a_waiver_stays_in_the_house(self):
        with pytest.raises(ReleaseError, match="no consent feed"):
            refuse_restricted(delivery("panel", for_release=False, note="not for release: no consent feed").entry)
        refuse_restricted(delivery("panel").entry)
