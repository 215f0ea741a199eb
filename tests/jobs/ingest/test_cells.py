from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame

from expectations.cells import CELLS
from expectations.gate import good_rows
from jobs.ingest.cells import CellParams, mark_cells
from jobs.ingest.tables import CELLS_FILE

GOOD = {"technology": "LTE", "latitude": "51.34", "longitude": "12.37"}
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "good": ({}, []),
    "alias": ({"technology": "5g", "placement": "Picocell"}, []),
    "far within the network": ({"latitude": "48.1", "longitude": "11.6"}, []),
    "no technology": ({"technology": None}, ["technology_missing"]),
    "6G": ({"technology": "6G"}, ["technology_unknown"]),
    "no latitude": ({"latitude": None}, ["latitude_missing"]),
    "decimal comma": ({"latitude": "51,34"}, ["latitude_malformed"]),
    "latitude 95": ({"latitude": "95"}, ["latitude_out_of_range"]),
    "longitude -200": ({"longitude": "-200"}, ["longitude_out_of_range"]),
    "null island": ({"latitude": "0", "longitude": "0.0"}, ["position_at_zero"]),
    "swapped": ({"latitude": "12.37", "longitude": "51.34"}, ["position_swapped"]),
    "in the atlantic": ({"latitude": "45.0", "longitude": "-30.0"}, ["position_outside_network"]),
    "off the grid": (
        {"latitude": "40.7", "longitude": "-74.0"},
        ["position_outside_area", "position_outside_network"],
    ),
    "azimuth 400": ({"azimuth_deg": "400"}, ["azimuth_deg_out_of_range"]),
    "azimuth north": ({"azimuth_deg": "N"}, ["azimuth_deg_malformed"]),
    "beam 0": ({"beam_width_deg": "0"}, ["beam_width_deg_out_of_range"]),
    "range 0": ({"range_m": "0"}, ["range_m_out_of_range"]),
    "power 5 kW": ({"power_w": "5000"}, ["power_w_out_of_range"]),
    "height": ({"height_m": "-1"}, ["height_m_out_of_range"]),
    "tilt": ({"tilt_deg": "91"}, ["tilt_deg_out_of_range"]),
    "from": ({"valid_from": "2026-01-01"}, ["valid_from_malformed"]),
    "ends first": (
        {"valid_from": "2026-02-01T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"},
        ["valid_to_before_valid_from"],
    ),
    "short line": ({"_line": "x"}, ["row_malformed"]),
}


def test_every_reason(delivered: Callable[..., DataFrame], reasons: Callable[..., dict[str, list[str]]]) -> None:
    rows = [{"cell_id": name, **row} for name, (row, _) in CASES.items()]
    found = reasons(mark_cells(delivered(CELLS_FILE, GOOD, rows), CellParams()), "cell_id")
    want = {name: reasons for name, (_, reasons) in CASES.items()}
    assert found == want


def test_defaults_and_names(delivered: Callable[..., DataFrame]) -> None:
    rows = [{"cell_id": "a", "technology": "4g", "placement": "Macrocell"}, {"cell_id": "b", "site_id": "S1"}]
    marked = mark_cells(delivered(CELLS_FILE, GOOD, rows), CellParams())
    found = good_rows(marked).select(CELLS.column_names).orderBy("cell_id").collect()
    assert [(r.technology, r.site_id, r.placement, r.azimuth_deg) for r in found] == [
        ("LTE", "51.3400_12.3700", "macro", None),
        ("LTE", "S1", None, None),
    ]


def test_one_validity_at_a_time(delivered: Callable[..., DataFrame]) -> None:
    def span(cell: str, start: int | None, end: int | None, height: str) -> dict[str, Any]:
        day = "2026-03-{:02d}T00:00:00Z".format
        return {
            "cell_id": cell, "valid_from": day(start) if start else None, "valid_to": day(end) if end else None,
            "height_m": height,
        }  # fmt: skip

    rows = [
        span("twice", None, None, "10"), span("twice", None, None, "10"),
        span("two heights", None, None, "10"), span("two heights", None, None, "20"),
        span("in turn", None, 5, "10"), span("in turn", 5, None, "20"),
        span("overlapping", 1, 10, "10"), span("overlapping", 5, 20, "20"),
        span("a bad one does not count", None, None, "x"), span("a bad one does not count", None, None, "10"),
    ]  # fmt: skip
    marked = mark_cells(delivered(CELLS_FILE, GOOD, rows), CellParams()).orderBy("cell_id", "valid_from", "height_m")
    found: dict[str, list[tuple[float | None, list[str]]]] = {}
    for row in marked.collect():
        found.setdefault(row.cell_id, []).append((row.height_m, row["_reasons"]))
    again = ["cell_id_duplicate"]
    assert found == {
        "twice": [(10.0, []), (10.0, again)] if found["twice"][0][1] == [] else [(10.0, again), (10.0, [])],
        "two heights": [(10.0, []), (20.0, again)],
        "in turn": [(10.0, []), (20.0, [])],
        "overlapping": [(10.0, []), (20.0, again)],
        "a bad one does not count": [(None, ["height_m_malformed"]), (10.0, [])],
    }


def test_far_islands_belong_to_a_wide_network(delivered: Callable[..., DataFrame]) -> None:
    spain = [("43.3", "-8.4"), ("41.4", "2.2"), ("37.4", "-6.0"), ("40.4", "-3.7"), ("39.5", "-0.4"), ("28.1", "-15.4")]
    rows = [{"cell_id": f"{i}", "latitude": lat, "longitude": lon} for i, (lat, lon) in enumerate(spain)]
    rows.append({"cell_id": "swapped", "latitude": "-8.4", "longitude": "43.3"})
    marked = mark_cells(delivered(CELLS_FILE, GOOD, rows), CellParams())
    found = marked.where("size(_reasons) > 0").select("cell_id", "_reasons").collect()
    assert [tuple(row) for row in found] == [("swapped", ["position_swapped"])]
