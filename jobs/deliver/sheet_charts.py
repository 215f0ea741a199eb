"""Pictures of a data sheet, as SVG that needs no script: what could be shown, how sure it is, and where."""

from __future__ import annotations

import itertools
import json
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import shapely  # type: ignore[import-untyped]
import vl_convert

from jobs.deliver.facts import coverage, relative_widths
from jobs.deliver.read import Delivery
from jobs.deliver.words import WORDS

COLOURS = {"published": "#1f6fb2", "merged": "#7fb2dc", "suppressed": "#d5d9dd", "unresolved": "#8b949e"}
_STEPS = (0.05, 0.1, 0.2, 0.3, 0.5)
_WIDTH, _HEIGHT = 340, 200


def charts(delivery: Delivery) -> dict[str, str]:
    """SVG by name: ``coverage``, ``intervals`` and ``map``; without those for which there is nothing to draw."""
    drawn = {"coverage": _coverage(delivery), "intervals": _intervals(delivery), "map": _map(delivery)}
    return {name: _svg(chart) for name, chart in drawn.items() if chart is not None}


def _coverage(delivery: Delivery) -> alt.Chart:
    words = WORDS[delivery.product]
    found = coverage(delivery)["by_axis"]
    rows = [
        {"value": entry["value"], "status": status, "cells": entry[status], "nth": nth}
        for entry in found
        for nth, status in enumerate(COLOURS)
        if entry.get(status)
    ]
    axis = (
        alt.Axis(labelAngle=0, values=[str(hour) for hour in range(0, 24, 3)])
        if words.axis == "hour"
        else alt.Axis(labelAngle=0)
    )
    x = alt.X("value:N", sort=[entry["value"] for entry in found], title=words.axis_title, axis=axis)
    seen = [s for s in COLOURS if any(row["status"] == s for row in rows)]
    scale = alt.Scale(domain=seen, range=[COLOURS[s] for s in seen])
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=x,
            y=alt.Y("cells:Q", title="Cells", stack="zero"),
            color=alt.Color("status:N", scale=scale, title=None, legend=alt.Legend(orient="top")),
            order=alt.Order("nth:Q"),
        )
        .properties(width=_WIDTH, height=_HEIGHT)
    )


def _intervals(delivery: Delivery) -> alt.Chart | None:
    widths = relative_widths(delivery)
    if widths.empty:
        return None
    names = ["under 5 %", *(f"{a:.0%} to {b:.0%}".replace("%", " %") for a, b in itertools.pairwise(_STEPS))]
    names.append(f"over {_STEPS[-1]:.0%}".replace("%", " %"))
    bins = np.searchsorted(np.array(_STEPS), widths["width"].to_numpy(dtype=float), side="right")
    counted = pd.DataFrame({"width": [names[i] for i in bins], "level": widths["level"].to_numpy()})
    rows = [
        {"width": width, "level": level, "figures": len(group)}
        for (width, level), group in counted.groupby(["width", "level"])
    ]
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=alt.X(
                "width:N", sort=names, title="Half width of the interval ÷ estimate", axis=alt.Axis(labelAngle=-30)
            ),
            y=alt.Y("figures:Q", title="Figures", stack="zero"),
            color=alt.Color(
                "level:N", scale=alt.Scale(scheme="tableau10"), title=None, legend=alt.Legend(orient="top")
            ),
        )
        .properties(width=_WIDTH, height=_HEIGHT)
    )


def _map(delivery: Delivery) -> alt.LayerChart | None:
    """Share of each finest zone's cells that have a figure, with the places over them."""
    column = next((c for c in ("zone_id", "origin_zone_id") if c in delivery.rows.columns), None)
    zones = delivery.zones[delivery.zones["is_finest"].astype(bool) | (delivery.zones["role"] == "place")]
    if column is None or zones.empty:
        return None
    shown = delivery.rows["status"].isin(("published", "merged")).groupby(delivery.rows[column]).mean()
    zones = zones[zones["zone_id"].isin(shown.index)]
    if zones.empty:
        return None
    scale = alt.Scale(scheme="blues", domain=[0, 1])
    share = alt.Color(
        "share:Q",
        scale=scale,
        title="Cells with a figure",
        legend=alt.Legend(format=".0%", orient="top", values=[0, 0.5, 1]),
    )
    parts = []
    for is_place, look in ((False, {"stroke": "white"}), (True, {"stroke": "#c2410c", "strokeWidth": 1.5})):
        some = zones[(zones["role"] == "place") == is_place]
        values = [_feature(row["geometry_wkt"], float(shown[row["zone_id"]])) for row in some.to_dict("records")]
        if values:
            parts.append(alt.Chart(alt.InlineData(values=values)).mark_geoshape(**look).encode(color=share))
    return alt.layer(*parts).project("mercator").properties(width=_WIDTH, height=_WIDTH)


def _feature(wkt: str, share: float) -> dict[str, Any]:
    # d3 takes clockwise rings for the inside, and a screen shows some 30 m.
    shape = shapely.orient_polygons(shapely.simplify(shapely.from_wkt(wkt), 0.0003), exterior_cw=True)
    rounded = shapely.transform(shape, lambda xy: xy.round(5))
    return {"type": "Feature", "geometry": shapely.geometry.mapping(rounded), "share": round(share, 4)}


def _svg(chart: alt.Chart | alt.LayerChart) -> str:
    font = "DejaVu Sans, Helvetica, Arial, sans-serif"
    spec = chart.configure(font=font, background="white").configure_view(stroke=None).to_dict()
    return str(vl_convert.vegalite_to_svg(json.dumps(spec)))
