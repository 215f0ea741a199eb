from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame

from jobs.ingest.population import mark_corridors, mark_residents
from jobs.ingest.subscribers import SubscriberParams, mark_subscribers
from jobs.ingest.tables import CORRIDORS_FILE, POPULATION_FILE, SUBSCRIBERS_FILE

Marked = Callable[..., dict[str, list[str]]]

GOOD = {
    "msisdn": "0171 1234567",
    "imsi": "262011234567890",
    "brand": "A",
    "contract": "Private",
    "valid_from": "2026-01-01T00:00:00Z",
}


def test_every_reason_of_master_data(delivered: Callable[..., DataFrame], reasons: Marked) -> None:
    cases: dict[str, tuple[dict[str, Any], list[str]]] = {
        "good": ({"msisdn": "0171 0000001"}, []),
        "full": ({"msisdn": "0171 0000002", "birth_year": "1970.0", "gender": "Female"}, []),
        "no number": ({"msisdn": None}, ["msisdn_missing"]),
        "number": ({"msisdn": "12"}, ["msisdn_malformed"]),
        "no imsi": ({"imsi": None}, ["imsi_missing"]),
        "imsi": ({"imsi": "2.62E14"}, ["imsi_malformed"]),
        "no brand": ({"brand": None}, ["brand_missing"]),
        "no contract": ({"contract": None}, ["contract_missing"]),
        "contract": ({"contract": "free"}, ["contract_unknown"]),
        "gender": ({"gender": "x"}, ["gender_unknown"]),
        "born": ({"birth_year": "70s"}, ["birth_year_malformed"]),
        "born early": ({"birth_year": "1870"}, ["birth_year_out_of_range"]),
        "no start": ({"valid_from": None}, ["valid_from_missing"]),
        "start": ({"valid_from": "2026-01-01"}, ["valid_from_malformed"]),
        "end": ({"valid_to": "2026-02-30T00:00:00Z"}, ["valid_to_malformed"]),
        "ends first": ({"valid_to": "2025-12-31T00:00:00Z"}, ["valid_to_before_valid_from"]),
        "line": ({"_line": "x"}, ["row_malformed"]),
        "first": ({"msisdn": "0171 0000003"}, []),
        "other spelling": ({"msisdn": "+49 171 0000003"}, ["subscriber_duplicate"]),
        "another start": ({"msisdn": "0171 0000003", "valid_from": "2026-02-01T00:00:00Z"}, []),
    }
    rows = [{"subscriber_id": name, **row} for name, (row, _) in cases.items()]
    found = reasons(mark_subscribers(delivered(SUBSCRIBERS_FILE, GOOD, rows), SubscriberParams()), "subscriber_id")
    # Which of two spellings stays is fixed by their text, not by their order.
    pair = {found.pop("first")[0] if found["first"] else "", *found.pop("other spelling")}
    assert pair == {"", "subscriber_duplicate"} or pair == {"subscriber_duplicate"}
    assert found == {name: want for name, (_, want) in cases.items() if name not in ("first", "other spelling")}


def test_every_reason_of_the_population(delivered: Callable[..., DataFrame], reasons: Marked) -> None:
    cases: dict[str, tuple[dict[str, Any], list[str]]] = {
        "good": ({"gender": "all"}, []),
        "no year": ({"year": None}, ["year_missing"]),
        "year": ({"year": "23"}, ["year_out_of_range"]),
        "no residents": ({"residents": None}, ["residents_missing"]),
        "half": ({"residents": "10.5"}, ["residents_malformed"]),
        "negative": ({"residents": "-1"}, ["residents_out_of_range"]),
        "gender": ({"gender": "m"}, ["gender_unknown"]),
        "line": ({"_line": "x"}, ["row_malformed"]),
    }
    rows = [{"zone_id": name, **row} for name, (row, _) in cases.items()]
    rows += [{"zone_id": "twice", "residents": "7"}, {"zone_id": "twice", "residents": "8"}]
    marked = mark_residents(delivered(POPULATION_FILE, {"year": "2023", "residents": "10"}, rows))
    found = reasons(marked.where("zone_id <> 'twice'"), "zone_id")
    assert found == {name: want for name, (_, want) in cases.items()}
    twice = marked.where("zone_id = 'twice'").orderBy("residents").collect()
    assert [row["_reasons"] for row in twice] == [[], ["residents_duplicate"]]


def test_every_reason_of_corridors(delivered: Callable[..., DataFrame], reasons: Marked) -> None:
    geojson = '{"type": "LineString", "coordinates": [[12.3, 51.3], [12.4, 51.35, 100]]}'
    cases: dict[str, tuple[dict[str, Any], list[str]]] = {
        "wkt": ({}, []),
        "geojson": ({"geometry": geojson}, []),
        "no name": ({"name": None}, ["name_missing"]),
        "no line": ({"geometry": None}, ["geometry_wkt_missing"]),
        "a point": ({"geometry": "POINT (1 2)"}, ["geometry_wkt_malformed"]),
        "one point": ({"geometry": "LINESTRING (1 2)"}, ["geometry_wkt_malformed"]),
        "broken": ({"geometry": '{"type": "LineString", "coordinates": [[12.3'}, ["geometry_wkt_malformed"]),
        "polygon": ({"geometry": geojson.replace("LineString", "Polygon")}, ["geometry_wkt_malformed"]),
        "no length": ({"geometry": "LINESTRING (12.3 51.3, 12.3 51.3)"}, ["length_m_out_of_range"]),
        "elsewhere": ({"geometry": "LINESTRING (512.3 51.3, 12.3 51.3)"}, ["geometry_out_of_area"]),
        "swapped": ({"geometry": "LINESTRING (51.3 12.3, 51.35 12.4)"}, ["geometry_out_of_area"]),
    }
    rows = [{"corridor_id": name, **row} for name, (row, _) in cases.items()]
    good = {"name": "A1", "kind": "road", "geometry": "LineString(12.3 51.3, 12.4 51.35)"}
    marked = mark_corridors(delivered(CORRIDORS_FILE, good, rows))
    found = reasons(marked, "corridor_id")
    assert found.pop("no line") in (["geometry_wkt_missing"], ["geometry_wkt_malformed"])
    assert found == {name: want for name, (_, want) in cases.items() if name != "no line"}
    line = marked.where("corridor_id = 'geojson'").first()
    assert line is not None and line.geometry_wkt == "LINESTRING (12.3 51.3, 12.4 51.35)"
    assert 8_900 < line.length_m < 9_000  # 7.0 km east and 5.6 km north
