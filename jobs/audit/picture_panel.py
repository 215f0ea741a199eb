"""The panel beside the map: the total, the key to the colours, the list of places. And the style of both."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from jobs.audit.map_parts import class_names
from jobs.audit.released import SHOWN, ReleasedDay

INK, FAINT, PLACE = "#1f2933", "#5f6b76", "#c2410c"
HATCHED: dict[str, Any] = {"facecolor": "#e4e6e8", "hatch": "////", "edgecolor": "#aab1b8", "linewidth": 0}
UNRESOLVED: dict[str, Any] = {
    "marker": "s",
    "markersize": 6,
    "markerfacecolor": "white",
    "markeredgecolor": FAINT,
    "linestyle": "none",
}
BADGE_TEXT: dict[str, Any] = {
    "fontsize": 7.5,
    "fontweight": "bold",
    "color": "white",
    "ha": "center",
    "va": "center_baseline",
}
_HEAD: dict[str, Any] = {"fontsize": 10, "fontweight": "bold", "color": INK, "va": "center"}
_BOX = (0.685, 0.055, 0.305, 0.80)
_LINE = 0.0365  # height of a line of the panel
_MOST_PLACES = 14


def in_order(places: pd.DataFrame) -> pd.DataFrame:
    """Largest figure first, then what is suppressed, then what the network does not resolve."""
    last = places["status"].map({"suppressed": 1, "unresolved": 2}).fillna(0)
    keyed = places.assign(last=last, down=-places["value"].fillna(0))
    return keyed.sort_values(["last", "down", "name"], ignore_index=True)


def draw_panel(
    figure: Figure, day: ReleasedDay, hour: int, places: pd.DataFrame, bounds: list[float], colours: list[Any]
) -> None:
    """Draw the panel.

    Args:
        figure: Figure with the map.
        day: A released day.
        hour: Hour of the local clock.
        places: Places with their figures of the hour, in order.
        bounds: Bounds of the classes, see ``class_bounds``.
        colours: One colour a class.
    """
    axes = figure.add_axes(_BOX)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    y = _panel_total(axes, day, hour, 1.0)
    y = _panel_legend(axes, day, places, bounds, colours, y)
    if len(places):
        _panel_places(axes, day, places, y)


def _panel_total(axes: Any, day: ReleasedDay, hour: int, y: float) -> float:
    total = day.totals.loc[hour]
    known = pd.notna(total["value"])
    axes.text(
        0,
        y,
        f"{total['value']:,.0f} {day.unit}" if known else "Total suppressed",
        fontsize=15 if day.extrapolated else 11,
        fontweight="bold",
        color=INK,
        va="top",
    )
    if known and pd.notna(total["lower"]):
        text = f"in the whole territory (95 %: {total['lower']:,.0f} – {total['upper']:,.0f})"
        axes.text(0, y - 0.055, text, fontsize=8.5, color=FAINT, va="top")
    return y - 0.115


def _panel_legend(
    axes: Any, day: ReleasedDay, places: pd.DataFrame, bounds: list[float], colours: list[Any], y: float
) -> float:
    axes.text(0, y, f"{day.unit.capitalize()} per km²", **_HEAD)
    keys: list[tuple[dict[str, Any], str]] = [
        *(({"facecolor": colour}, name) for colour, name in zip(colours, class_names(bounds), strict=True)),
        (HATCHED, "suppressed: too few to show"),
    ]
    for look, name in keys:
        y -= _LINE
        axes.add_patch(Rectangle((0, y - 0.36 * _LINE), 0.10, 0.78 * _LINE, **look))
        axes.text(0.13, y, name, fontsize=9, color=INK, va="center")
    if (places["status"] == "unresolved").any():
        y -= _LINE
        axes.plot([0.05], [y], **UNRESOLVED)
        axes.text(0.13, y, "unresolved: place too small to tell", fontsize=9, color=INK, va="center")
    return y - 1.6 * _LINE


def _panel_places(axes: Any, day: ReleasedDay, places: pd.DataFrame, y: float) -> None:
    axes.text(0, y, f"Places: {day.unit} there in the hour", **_HEAD)
    step = 1.12 * _LINE
    room = min(int(y / step) - 1, _MOST_PLACES)
    listed = len(places) if len(places) <= room else room - 1
    for number, row in enumerate(places.head(listed).to_dict("records"), start=1):
        y -= step
        known, named = row["status"] in SHOWN, {"fontsize": 9, "va": "center_baseline"}
        if row["status"] == "unresolved":
            axes.plot([0.035], [y], **UNRESOLVED)
        else:
            colour = PLACE if known else FAINT
            axes.plot([0.035], [y], marker="o", markersize=12.5, color=colour, linestyle="none")
            axes.text(0.035, y, str(number), **BADGE_TEXT)
        axes.text(0.10, y, row["name"], color=INK, parse_math=False, **named)
        value = f"{row['value']:,.0f}" if known else row["status"]
        axes.text(1, y, value, color=INK if known else FAINT, ha="right", **named)
    if listed < len(places):
        text = f"and {len(places) - listed} more in the table"
        axes.text(0.10, y - step, text, fontsize=8.5, color=FAINT, va="center_baseline")
