"""Pictures and charts of a fabricated released day; no Spark."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from jobs.audit.charts import leading_zone, zone_day, zone_map
from jobs.audit.map_parts import class_bounds, class_names, local_km, scale_length
from jobs.audit.notebook import Notebook
from jobs.audit.picture import draw_hour
from jobs.audit.released import ReleasedDay, day_of
from jobs.errors import UsageError

LON, LAT, SIDE = 11.0, 51.0, 0.02


def make_zones() -> pd.DataFrame:
    """Four zones in a square, the city over them, and two places; names that a markup reader could stumble over."""
    rows: list[dict[str, Any]] = []
    for n, name in enumerate(("North & West", "East $1 – $2 Street", "South-Western Gardens", "Hafen")):
        x, y = LON + SIDE * (n % 2), LAT + SIDE * (n // 2)
        rows.append(zone(f"z{n}", name, "district", shapely.box(x, y, x + SIDE, y + SIDE), tiles=310))
    rows.append(zone("city", "Musterburg", "city", shapely.box(LON, LAT, LON + 2 * SIDE, LAT + 2 * SIDE), tiles=1240))
    rows.append(zone("p0", "Mall", "poi", shapely.box(LON + 0.004, LAT + 0.004, LON + 0.01, LAT + 0.009), tiles=23))
    rows.append(zone("p1", "Fountain", "poi", shapely.box(LON + 0.03, LAT + 0.03, LON + 0.0301, LAT + 0.0301), tiles=0))
    return pd.DataFrame(rows)


def zone(zone_id: str, name: str, level: str, shape: Any, tiles: int) -> dict[str, Any]:
    return {
        "zone_id": zone_id,
        "name": name,
        "level": level,
        "role": "place" if level == "poi" else "partition",
        "depth": {"city": 0, "district": 1, "poi": -1}[level],
        "is_finest": level == "district",
        "geometry_wkt": shape.wkt,
        "tiles": tiles,
    }


def make_figures(extrapolated: bool = True) -> pd.DataFrame:
    """Hours 0 to 23, most people at 13; zone z3 is suppressed at night, p1 is never resolved."""
    base = {"z0": 900, "z1": 700, "z2": 500, "z3": 300, "city": 2400, "p0": 210, "p1": 0}
    rows = []
    for zone_id, level in base.items():
        for hour in range(24):
            persons = level - 5 * abs(hour - 13)
            status = "unresolved" if zone_id == "p1" else "published"
            if zone_id in ("z3", "p0") and (hour < 6 or hour == 15):
                status = "suppressed"
            shown = status == "published"
            scaled = 6 * persons if shown and extrapolated else None
            rows.append(
                {
                    "zone_id": zone_id,
                    "hour": hour,
                    "status": status,
                    "persons": persons if shown else None,
                    "estimate": scaled,
                    "lower": scaled - 200 if scaled else None,
                    "upper": scaled + 200 if scaled else None,
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture
def day() -> ReleasedDay:
    return day_of(dt.date(2026, 3, 3), "footfall-2026-03-03-r0", None, make_zones(), make_figures())


def words(figure: Any) -> list[str]:
    found = [text.get_text() for text in figure.texts]
    return found + [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_busiest_hour_is_the_one_with_the_largest_published_total(day: ReleasedDay) -> None:
    assert day.busiest() == 13
    assert day.totals.loc[13, "value"] == 6 * 2400


def test_without_a_published_total_the_shown_zones_decide(day: ReleasedDay) -> None:
    cells = day.cells.copy()
    cells.loc[cells["zone_id"] == "city", ["value", "lower", "upper"]] = np.nan
    assert dataclasses.replace(day, cells=cells).busiest() == 13
    cells[["value", "lower", "upper"]] = np.nan
    nothing = dataclasses.replace(day, cells=cells.assign(status="suppressed"))
    assert "Total suppressed" in words(draw_hour(nothing, nothing.busiest()))


def test_the_picture_carries_the_released_figures_and_what_they_are(day: ReleasedDay, tmp_path: Path) -> None:
    figure = draw_hour(day, 13, "simulated people")
    found = words(figure)
    text = "\n".join(found)
    assert "14,400 people" in found
    assert "North\n& West\n5,400" in found
    assert "1,260" in found  # the mall
    assert "unresolved" in found  # the fountain
    assert "Tuesday, 3 March 2026, 13:00 to 14:00 local time" in text
    assert "footfall-2026-03-03-r0" in text
    assert "Source: simulated people" in text
    assert "NOT FOR RELEASE" not in text
    figure.savefig(tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size == (1000, 740)
    assert (tmp_path / "picture.png").stat().st_size < 250_000


def test_a_suppressed_zone_is_hatched_and_has_no_number(day: ReleasedDay) -> None:
    figure = draw_hour(day, 3)
    hatched = [patch for patch in figure.axes[0].patches if patch.get_hatch()]
    assert len(hatched) == 1
    assert not any("Hafen" in text for text in words(figure))
    assert "busiest" not in "\n".join(words(figure))


def test_what_may_not_be_released_says_so_on_picture_and_charts(day: ReleasedDay) -> None:
    barred = dataclasses.replace(day, note="not for release: no consent feed")
    assert "NOT FOR RELEASE" in words(draw_hour(barred, 13))
    assert "NOT FOR RELEASE" in zone_map(barred).to_json()
    assert "NOT FOR RELEASE" in zone_day(barred).to_json()


def test_without_residents_the_picture_speaks_of_the_panel() -> None:
    panel = day_of(dt.date(2026, 3, 3), "r", None, make_zones(), make_figures(extrapolated=False))
    found = words(draw_hour(panel, panel.busiest()))
    assert "2,400 phones of the panel" in found
    assert not any("95 %" in text for text in found)


def test_no_two_labels_overlap(day: ReleasedDay) -> None:
    figure = draw_hour(day, 13)
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    overlapping = [(i, j) for i, a in enumerate(boxes) for j, b in enumerate(boxes) if i < j and a.overlaps(b)]
    assert overlapping == []


def test_the_map_is_true_to_scale() -> None:
    box = local_km(np.array([shapely.box(LON, LAT, LON + 0.1, LAT + 0.1)]))[0]
    west, south, east, north = box.bounds
    assert north - south == pytest.approx(11.13, abs=0.02)
    assert east - west == pytest.approx(7.0, abs=0.02)


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        ([], []),
        ([float("nan"), 0.0], []),
        ([1200.0], []),
        ([900.0, 4000.0], [1000.0, 1500.0, 2000.0, 3000.0]),
        ([3.0, 9000.0], [200.0, 500.0, 1000.0, 2000.0, 5000.0]),
    ],
)
def test_classes_have_round_bounds(values: list[float], bounds: list[float]) -> None:
    found = class_bounds(np.array(values))
    assert found == bounds
    assert len(class_names(found)) == len(found) + 1


@pytest.mark.parametrize(("width", "length"), [(10, 2), (4.9, 0.5), (30, 5), (1, 0.2)])
def test_the_scale_bar_has_a_round_length(width: float, length: float) -> None:
    assert scale_length(width) == pytest.approx(length)


def test_charts_hold_released_figures_alone(day: ReleasedDay) -> None:
    rows = pd.concat(pd.DataFrame(rows) for rows in zone_map(day).to_dict()["datasets"].values())
    held = rows.dropna(subset=["hour"])
    assert len(held) == 6 * 24  # four zones and two places
    hidden = held[held["status"] != "published"]
    assert hidden[["value", "lower", "upper", "density"]].isna().all(axis=None)


def test_the_curve_breaks_where_there_is_no_figure(day: ReleasedDay) -> None:
    assert leading_zone(day) == "p0"
    chart = zone_day(day).to_dict()
    (rows,) = chart["datasets"].values()
    assert [row["hour"] for row in rows if row["value"] is None] == [0, 1, 2, 3, 4, 5, 15]
    assert "Grey hours have no figure" in chart["title"]["subtitle"]
    assert "Grey" not in zone_day(day, "z0").to_dict()["title"]["subtitle"]
    with pytest.raises(UsageError, match="not part of release"):
        zone_day(day, "elsewhere")


def test_a_notebook_takes_widgets_and_displays_on_databricks(day: ReleasedDay, tmp_path: Path) -> None:
    shown: list[Any] = []

    class Widgets:
        def text(self, name: str, default: str) -> None:
            shown.append((name, default))

        def get(self, name: str) -> str:
            return f"widget {name}"

    dbutils = type("Utils", (), {"widgets": Widgets()})()
    notebook = Notebook({"dbutils": dbutils, "display": shown.append, "displayHTML": shown.append})
    assert notebook.parameter("zone", "z1") == "widget zone"
    notebook.show(zone_day(day), "curve")
    figure = draw_hour(day, 13)
    notebook.show(figure, "picture")
    assert shown[0] == ("zone", "z1")
    assert "<script src" not in shown[1]
    assert shown[2] is figure
    assert notebook.saved == []
