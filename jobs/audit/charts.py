"""Interactive charts of a released day, for notebooks: zones by hour on a map, one zone over the day."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import shapely  # type: ignore[import-untyped]

from jobs.audit.released import SHOWN, ReleasedDay
from jobs.errors import UsageError

_GREY, _PLACE, _BLUE, _BAND, _FAINT = "#d5d9dd", "#c2410c", "#1f6fb2", "#a9cbe8", "#5f6b76"
_SIMPLIFY_DEGREES = 0.0002  # some 15 m: below what a screen shows


def zone_map(day: ReleasedDay) -> alt.LayerChart:
    """Map of the finest zones, coloured by density, with a slider for the hour and the places as outlines.

    The chart carries released figures only: what is suppressed has no number in it.
    """
    finest, places = day.zones[day.zones["is_finest"]], day.zones[day.zones["role"] == "place"]
    first, last = int(day.cells["hour"].min()), int(day.cells["hour"].max())
    slider = alt.binding_range(min=first, max=last, step=1, name="Hour ")
    # One scale for all hours, so that colours can be compared; by root, since density is skewed.
    densest = _rows(day, finest)["density"].max()
    shade = alt.Scale(scheme="yellowgreenblue", type="sqrt", domain=[0, densest if densest > 0 else 1])
    density = alt.Color("density:Q", scale=shade, title=f"{day.unit.capitalize()} per km²")
    status = alt.Color("status:N", scale=alt.Scale(domain=["suppressed"], range=[_GREY]), title="No figure")
    tips = [alt.Tooltip("name:N", title="Zone"), *_tips(day)]
    areas = _shapes(day, finest)
    layers = [
        areas.transform_filter({"not": _shown()}).mark_geoshape(stroke="white").encode(color=status, tooltip=tips),
        areas.transform_filter(_shown()).mark_geoshape(stroke="white").encode(color=density, tooltip=tips),
    ]
    if len(places):
        line = alt.condition(_shown(), alt.value(_PLACE), alt.value(_FAINT))
        outlined = _shapes(day, places).mark_geoshape(fillOpacity=0, strokeWidth=2)
        layers.append(outlined.encode(stroke=line, tooltip=tips))
    title = alt.Title(
        f"{day.territory or 'Zones'}, {day.date}: where people were, hour by hour",
        subtitle=[
            "Move the slider for the hour, point at a zone for its figure and interval. Outlined: places.",
            _release(day),
        ],
        anchor="start",
    )
    return (
        alt.layer(*layers)
        .add_params(alt.param(name="hour", value=day.busiest(), bind=slider))
        .resolve_scale(color="independent")
        .project("mercator")
        .properties(width=640, height=560, title=title)
        .configure_view(stroke=None)
    )


def zone_day(day: ReleasedDay, zone_id: str | None = None) -> alt.LayerChart:
    """Curve of one zone over the day with its 95 % interval; hours without a figure are gaps, and marked.

    Args:
        day: A released day.
        zone_id: The zone; by default the place with most figures, else the finest zone with most.

    Raises:
        UsageError: The zone is not part of the release.
    """
    zone = zone_id or leading_zone(day)
    rows = day.cells[day.cells["zone_id"] == zone]
    if rows.empty:
        raise UsageError(f"zone {zone} is not part of release {day.release_id}")
    hidden = sorted(set(rows["status"]) - set(SHOWN))
    base = alt.Chart(rows.assign(until=rows["hour"] + 1, middle=rows["hour"] + 0.5))
    clock = alt.Axis(values=list(range(0, 25, 2)), labelExpr="datum.value + ':00'", grid=False)
    x = alt.X("hour:Q", title="Local time", scale=alt.Scale(domain=[0, 24]), axis=clock)
    y, y_low = (alt.Y(f"{name}:Q", title=day.unit.capitalize()) for name in ("value", "lower"))
    colours = {"figure": _BLUE, "95 % interval": _BAND} | {name: _GREY for name in hidden}
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    key = alt.Color("key:N", scale=scale, title=None, legend=alt.Legend(orient="top", symbolType="square"))
    tips = [alt.Tooltip("hour:Q", title="Hour"), *_tips(day)]

    gap = base.transform_filter({"not": _shown()}).transform_calculate(key="datum.status")
    known = base.transform_filter(_shown())
    band, figure = (known.transform_calculate(key=f"'{name}'") for name in ("95 % interval", "figure"))
    # The line breaks where a figure is null: nothing is drawn through an hour that is not known.
    line = base.mark_line(color=_BLUE, strokeWidth=2, invalid="break-paths-show-domains")
    layers = [
        gap.mark_rect().encode(x=x, x2="until:Q", color=key, tooltip=[tips[0], tips[1]]),
        band.mark_rect().encode(x=x, x2="until:Q", y=y_low, y2="upper:Q", color=key, tooltip=tips),
        line.encode(x="middle:Q", y=y),
        figure.mark_point(filled=True, size=45, opacity=1).encode(x="middle:Q", y=y, color=key, tooltip=tips),
    ]
    name = str(day.zones.loc[day.zones["zone_id"] == zone, "name"].iloc[0])
    why = {"suppressed": "too few people to show", "unresolved": "the place is too small to tell"}
    note = f"Grey hours have no figure: {' or '.join(why[status] for status in hidden)}. " if hidden else ""
    note += "Merged hours, which have a figure together, show its mean. " if (rows["status"] == "merged").any() else ""
    subtitle = f"{note}{_release(day)}"
    title = alt.Title(f"{name}, {day.date}: {day.unit} by hour", subtitle=subtitle, anchor="start")
    return alt.layer(*layers).properties(width=720, height=300, title=title).configure_view(stroke=None)


def leading_zone(day: ReleasedDay) -> str:
    """The place with most hours that have a figure, else the finest zone with most; the larger figure wins a tie."""
    merged = day.cells.merge(day.zones[["zone_id", "role", "is_finest"]], on="zone_id", how="inner")
    wanted = merged[(merged["role"] == "place") | merged["is_finest"]]
    found = wanted.groupby(["role", "zone_id"])["value"].agg(["count", "sum"]).reset_index()
    found["place"] = (found["role"] == "place") & (found["count"] > 0)
    ranked = found.sort_values(["place", "count", "sum", "zone_id"], ascending=[False, False, False, True])
    return str(ranked["zone_id"].iloc[0])


def _shown() -> alt.FieldOneOfPredicate:
    return alt.FieldOneOfPredicate(field="status", oneOf=list(SHOWN))


def _tips(day: ReleasedDay) -> list[alt.Tooltip]:
    figures = {"value": day.unit.capitalize(), "lower": "95 % from", "upper": "to"}
    numbers = [alt.Tooltip(f"{field}:Q", title=title, format=",.0f") for field, title in figures.items()]
    return [alt.Tooltip("status:N", title="Status"), *numbers]


def _release(day: ReleasedDay) -> str:
    return f"Release {day.release_id}{f': {day.note.upper()}' if day.note else ''}."


def _rows(day: ReleasedDay, zones: pd.DataFrame) -> pd.DataFrame:
    rows = zones[["zone_id", "name", "km2"]].merge(day.cells, on="zone_id", how="inner")
    density = (rows["value"] / rows["km2"]).where(rows["km2"] > 0)
    return rows.assign(density=density.round(1)).drop(columns="km2")


def _shapes(day: ReleasedDay, zones: pd.DataFrame) -> alt.Chart:
    """Figures of the hour that the slider names, each with its zone's shape."""
    features = [_feature(str(z), s) for z, s in zip(zones["zone_id"], zones["shape"], strict=True)]
    shapes = alt.LookupData(data=alt.InlineData(values=features), key="zone_id", fields=["type", "geometry"])
    return alt.Chart(_rows(day, zones)).transform_filter("datum.hour == hour").transform_lookup("zone_id", from_=shapes)


def _feature(zone_id: str, shape: Any) -> dict[str, Any]:
    """GeoJSON with clockwise rings, which is how d3 tells a polygon from the rest of the world."""
    simple = shapely.simplify(shape, _SIMPLIFY_DEGREES)
    turned = shapely.orient_polygons(simple, exterior_cw=True)
    rounded = shapely.transform(turned, lambda xy: xy.round(5))
    return {"type": "Feature", "zone_id": zone_id, "geometry": shapely.geometry.mapping(rounded)}
