"""The picture of one hour of a released day, for print: zones by density, places by number, what is unknown as such."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely  # type: ignore[import-untyped]
from matplotlib import colormaps, patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, PathPatch
from pyspark.sql import SparkSession

from jobs.audit.map_parts import Labeller, class_bounds, local_km, outline, scale_length
from jobs.audit.picture_panel import BADGE_TEXT, FAINT, HATCHED, INK, PLACE, UNRESOLVED, draw_panel, in_order
from jobs.audit.released import SHOWN, ReleasedDay, released_day
from jobs.lake import Lake

DPI = 100
_SIZE = (10.0, 7.4)  # inches: 1000 by 740 pixels
_WARNING = "#b91c1c"
_MAP = (0.015, 0.055, 0.655, 0.80)


@dataclass(frozen=True)
class Picture:
    """What was drawn: the hour, the total of the territory if it is published, and where the picture lies."""

    path: Path
    hour: int
    total: int | None


def busiest_hour(spark: SparkSession, lake: str, date: dt.date, out_png: Path, source: str = "") -> Picture:
    """Draw the hour of a released day in which most people were counted.

    Args:
        spark: Session.
        lake: Root of the lake.
        date: A released local day.
        out_png: Picture to write.
        source: Where the data come from, for the line at the foot.

    Raises:
        ThreestepError: The day has not been released.
    """
    day = released_day(Lake(spark, lake), date)
    hour = day.busiest()
    draw_hour(day, hour, source).savefig(out_png, dpi=DPI)
    total = day.totals["value"].get(hour)
    return Picture(out_png, hour, None if total is None or pd.isna(total) else int(total))


def draw_hour(day: ReleasedDay, hour: int, source: str = "") -> Figure:
    """Draw the zones of the finest partition in one hour, and the places over them.

    Args:
        day: A released day.
        hour: Hour of the local clock.
        source: Where the data come from.
    """
    figure = Figure(figsize=_SIZE, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    rows = day.at(hour)
    shapes = local_km(rows["shape"].to_numpy(dtype=object))
    west, _, east, _ = shapely.total_bounds(shapes)
    rows["shape"] = shapely.simplify(shapes, (east - west) / 2000)  # a third of a pixel
    rows["density"] = (rows["value"] / rows["km2"]).where(rows["km2"] > 0)
    zones = rows[rows["is_finest"]].reset_index(drop=True)
    places = in_order(rows[rows["role"] == "place"])
    bounds = class_bounds(zones["density"].to_numpy(dtype=float))
    colours = [colormaps["YlGnBu"](x) for x in np.linspace(0.06, 0.90, len(bounds) + 1)]

    axes = _map_axes(figure, zones)
    labeller = Labeller(axes)
    _draw_places(axes, labeller, places)
    _draw_zones(axes, labeller, zones, bounds, colours)
    _draw_scale(axes, zones)
    _draw_words(figure, day, hour, source)
    draw_panel(figure, day, hour, places, bounds, colours)
    return figure


def _map_axes(figure: Figure, zones: pd.DataFrame) -> Any:
    axes = figure.add_axes(_MAP)
    west, south, east, north = shapely.total_bounds(zones["shape"].to_numpy(dtype=object))
    axes.set(xlim=(west, east), ylim=(south - 0.06 * (north - south), north), aspect="equal", anchor="C")
    axes.set_axis_off()
    axes.apply_aspect()
    return axes


def _draw_zones(axes: Any, labeller: Labeller, zones: pd.DataFrame, bounds: list[float], colours: list[Any]) -> None:
    # Large zones speak first: their labels are looked for most.
    order = sorted(range(len(zones)), key=lambda i: -zones["shape"].iloc[i].area)
    for row in (zones.iloc[i] for i in order):
        shown = row["status"] in SHOWN
        nth = int(np.searchsorted(bounds, row["density"], side="right")) if shown else -1
        look: dict[str, Any] = {"facecolor": colours[nth], "linewidth": 0} if shown else HATCHED
        area = outline(row["shape"])
        axes.add_artist(PathPatch(area, **look))
        axes.add_artist(PathPatch(area, facecolor="none", edgecolor="white", linewidth=1.0))
        if shown:
            ink, halo = ("white", colours[nth]) if _is_dark(colours[nth]) else (INK, colours[nth])
            number = f"{row['value']:,.0f}"
            texts = [f"{_wrapped(row['name'])}\n{number}", number]
            style = {"fontsize": 8, "linespacing": 1.05, "parse_math": False, "color": ink}
            labeller.inside(
                row["shape"], texts, path_effects=[patheffects.withStroke(linewidth=2, foreground=halo)], **style
            )


def _draw_places(axes: Any, labeller: Labeller, places: pd.DataFrame) -> None:
    """Outline and number the places; a badge that would cover another moves aside."""
    radius = 0.5 * labeller.size("00", fontsize=10, fontweight="bold")[0]
    for number, row in enumerate(places.to_dict("records"), start=1):
        x, y = row["shape"].centroid.x, row["shape"].centroid.y
        if row["status"] == "unresolved":
            axes.plot([x], [y], **UNRESOLVED, zorder=7)
            labeller.taken.append(shapely.Point(x, y).buffer(0.5 * radius))
            continue
        colour, dashes = (PLACE, "solid") if row["status"] in SHOWN else (FAINT, (0, (3, 1.5)))
        for width, ink, line in ((3.4, "white", "solid"), (1.8, colour, dashes)):
            look = {"edgecolor": ink, "linewidth": width, "linestyle": line}
            axes.add_artist(PathPatch(outline(row["shape"]), facecolor="none", zorder=5, **look))
        x1, y1 = _badge_spot(labeller, x, y, radius)
        axes.plot([x, x1], [y, y1], color=colour, linewidth=1, zorder=7)
        axes.add_artist(Circle((x1, y1), radius, facecolor=colour, edgecolor="white", linewidth=1.2, zorder=8))
        axes.text(x1, y1, str(number), zorder=9, **BADGE_TEXT)
        labeller.taken += [shapely.Point(x1, y1).buffer(radius * 1.15), row["shape"]]


def _badge_spot(labeller: Labeller, x: float, y: float, radius: float) -> tuple[float, float]:
    """The place's middle, or the nearest spot round it where no other badge stands."""
    away = [(r * radius, a) for r in np.arange(2.2, 9) for a in np.arange(0, 2 * np.pi, np.pi / 6)]
    spots = [(x, y), *((x + r * np.cos(a), y + r * np.sin(a)) for r, a in away)]
    badges = [shape for shape in labeller.taken if shape.geom_type == "Polygon"]
    near = shapely.union_all(badges)
    return next((s for s in spots if not shapely.Point(s).buffer(radius * 1.15).intersects(near)), (x, y))


def _draw_scale(axes: Any, zones: pd.DataFrame) -> None:
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    length = scale_length(east - west)
    y = south + 0.015 * (north - south)
    axes.plot([west, west + length], [y, y], color=INK, linewidth=3, solid_capstyle="butt", clip_on=False)
    text = f"{length:g} km" if length >= 1 else f"{1000 * length:g} m"
    axes.text(west + length / 2, y + 0.012 * (north - south), text, ha="center", va="bottom", fontsize=9, color=INK)


def _draw_words(figure: Figure, day: ReleasedDay, hour: int, source: str) -> None:
    def say(x: float, y: float, text: str, size: float, colour: str = INK, **style: Any) -> None:
        figure.text(x, y, text, fontsize=size, color=colour, parse_math=False, **style)

    where = f"{day.territory}: where" if day.territory else "Where"
    which = " in the busiest hour" if hour == day.busiest() else ""
    when = f"{day.date:%A}, {day.date.day} {day.date:%B %Y}, {hour:02d}:00 to {(hour + 1) % 24:02d}:00 local time"
    how = f"Colour: {day.unit} per km². Number in a zone: {day.unit} who spent most of the hour there."
    foot = (
        f"Source: {source}" if source else "",
        f"release {day.release_id}",
        "anonymous statistics made with threestep",
    )
    say(0.02, 0.955, f"{where} people were{which}", 17, fontweight="bold")
    say(0.02, 0.915, when, 12)
    say(0.02, 0.882, how, 9.5, FAINT)
    say(0.02, 0.02, " · ".join(part for part in foot if part), 8, FAINT)
    if day.note:
        across = {"rotation": 28, "ha": "center", "va": "center", "alpha": 0.28, "zorder": 20}
        say(0.34, 0.45, "NOT FOR RELEASE", 46, _WARNING, fontweight="bold", **across)
        say(0.98, 0.02, day.note, 8, _WARNING, fontweight="bold", ha="right")


def _is_dark(colour: Any) -> bool:
    red, green, blue = colour[:3]
    return bool(0.299 * red + 0.587 * green + 0.114 * blue < 0.55)


def _wrapped(name: str) -> str:
    """A long name on two lines, broken at the blank or hyphen nearest to its middle."""
    breaks = [i + 1 for i, c in enumerate(name) if c in " -"]
    if len(name) < 12 or not breaks:
        return name
    at = min(breaks, key=lambda i: abs(i - len(name) / 2))
    return f"{name[:at].rstrip()}\n{name[at:]}"
