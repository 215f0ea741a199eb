"""Charts of a city's flows, for a planner: trips between zones, what leaves and reaches them, corridors by hour."""

from __future__ import annotations

import altair as alt
import pandas as pd

from expectations.product_words import ALL_ZONES, DAYPARTS, SPEED_BANDS
from jobs.deliver.figures import (
    BLUE,
    FAINT,
    GREY,
    ORANGE,
    SHOWN,
    features,
    figures,
    gaps,
    records,
    release_line,
    tips,
    unit,
)
from jobs.deliver.read import Delivery
from jobs.deliver.shapes import shapes
from jobs.errors import UsageError

_SHOWN = alt.FieldOneOfPredicate(field="status", oneOf=list(SHOWN))
_STROKES = alt.Legend(symbolType="stroke")
_SPEED_COLOURS = ("#7f1d1d", "#c2410c", "#d99a1c", "#3f8f63", "#1f6fb2")


def flow_map(delivery: Delivery, most: int = 120) -> alt.LayerChart:
    """Lines between the centres of zones, as wide as people are many; the largest of each part of the day.

    Args:
        delivery: A release of od.
        most: Lines a part of the day.
    """
    rows = figures(delivery)
    rows = rows.assign(shape=shapes(delivery))
    pairs = rows[rows["shape"].notna()]
    known = pairs[pairs["status"].isin(SHOWN)].sort_values("value", ascending=False, kind="stable")
    drawn = known.groupby("daypart").head(most).reset_index(drop=True)
    drawn["line"] = drawn.index.astype(str)
    texts = {line: shape.wkt for line, shape in zip(drawn["line"], drawn["shape"], strict=True)}
    columns = ("daypart", "status", "value", "lower", "upper", "origin_zone_name", "destination_zone_name")
    lines = alt.Chart(alt.InlineData(values=features(texts, drawn, "line", *columns)))
    widest = float(drawn["value"].max()) if len(drawn) else 1.0
    width = alt.StrokeWidth(
        "value:Q", scale=alt.Scale(domain=[0, widest], range=[0.2, 9]), title=unit(delivery), legend=_STROKES
    )
    about = tips(origin_zone_name="From", destination_zone_name="To")
    strokes = lines.transform_filter("datum.daypart == daypart").mark_geoshape(
        filled=False, stroke=BLUE, strokeOpacity=0.45, strokeCap="round"
    )
    select = alt.binding_select(options=list(DAYPARTS), name="Part of the day ")
    base = _ground(delivery, pairs["origin_zone_id"])
    title = alt.Title(
        f"Who travels from where to where, {delivery.entry['period']}",
        subtitle=[f"The {most} largest flows of the part of the day. {gaps(pairs)}", release_line(delivery)],
        anchor="start",
    )
    return (
        alt.layer(base, strokes.encode(strokeWidth=width, tooltip=about))
        .add_params(alt.param(name="daypart", value="morning", bind=select))
        .project("mercator")
        .properties(width=620, height=520, title=title)
        .configure_view(stroke=None)
    )


def balance(delivery: Delivery, most: int = 12) -> alt.LayerChart:
    """What leaves and what reaches the zones with most traffic, by part of the day, with 95 % intervals."""
    rows = figures(delivery)
    out = rows[rows["destination_zone_id"] == ALL_ZONES].assign(way="leaves", zone=rows["origin_zone_name"])
    back = rows[rows["origin_zone_id"] == ALL_ZONES].assign(way="arrives", zone=rows["destination_zone_name"])
    sums = pd.concat([out, back])
    top = sums.groupby("zone")["value"].sum().sort_values(ascending=False, kind="stable").head(most).index
    kept = sums[sums["zone"].isin(top)]
    data = alt.InlineData(values=records(kept, "zone", "way", "daypart", "status", "value", "lower", "upper"))
    base = alt.Chart(data).transform_filter(_SHOWN)
    y = alt.Y("daypart:N", sort=list(DAYPARTS), title=None)
    offset = alt.YOffset("way:N", sort=["leaves", "arrives"])
    scale = alt.Scale(domain=["leaves", "arrives"], range=[ORANGE, BLUE])
    colour = alt.Color("way:N", scale=scale, title=None, legend=alt.Legend(orient="top"))
    bars = base.mark_bar().encode(
        x=alt.X("value:Q", title=unit(delivery).capitalize(), axis=alt.Axis(tickCount=4)),
        y=y, yOffset=offset, color=colour, tooltip=tips(zone="Zone", daypart="Part of the day", way="Way"),
    )  # fmt: skip
    whiskers = base.mark_rule(color="#12324f").encode(x="lower:Q", x2="upper:Q", y=y, yOffset=offset)
    title = alt.Title(
        f"What leaves and reaches the busiest zones, {delivery.entry['period']}",
        subtitle=[gaps(kept), release_line(delivery)],
        anchor="start",
    )
    return (
        alt.layer(bars, whiskers)
        .properties(width=170, height=110)
        .facet(alt.Facet("zone:N", title=None, sort=list(top)), columns=4)
        .properties(title=title)
    )


def corridor_map(delivery: Delivery) -> alt.LayerChart:
    """Corridors as wide as people in motion are many, coloured by speed, with a slider for the hour.

    The two directions lie side by side, as on a road where one keeps to the right.
    """
    rows = figures(delivery).assign(shape=shapes(delivery))
    rows = rows.reset_index(drop=True).assign(line=lambda r: r["corridor_id"] + "/" + r["direction"])
    texts = {line: _beside(shape) for line, shape in zip(rows["line"], rows["shape"], strict=True)}
    columns = ("corridor_name", "direction", "hour", "status", "value", "lower", "upper", "speed_band")
    base = alt.Chart(alt.InlineData(values=features(texts, rows, "line", *columns)))
    base = base.transform_filter("datum.hour == hour")
    about = [*tips(corridor_name="Corridor", direction="Direction"), alt.Tooltip("speed_band:N", title="km/h")]
    widest = float(rows["value"].max()) if rows["value"].notna().any() else 1.0
    width = alt.StrokeWidth(
        "value:Q", scale=alt.Scale(domain=[0, widest], range=[0.8, 11]), title=unit(delivery), legend=_STROKES
    )
    speed = alt.Scale(domain=list(SPEED_BANDS), range=list(_SPEED_COLOURS))
    colour = alt.Stroke("speed_band:N", scale=speed, title="km/h", legend=_STROKES)
    none = base.transform_filter({"not": _SHOWN}).mark_geoshape(filled=False, stroke=FAINT, strokeDash=[3, 3])
    shown = base.transform_filter(_SHOWN).mark_geoshape(filled=False, strokeCap="round")
    slider = alt.binding_range(min=0, max=23, step=1, name="Hour ")
    totals = rows.groupby("hour")["value"].sum()
    title = alt.Title(
        f"People in motion on corridors, {delivery.entry['period']}",
        subtitle=[f"Dashed: no figure in the hour. {gaps(rows)}", release_line(delivery)],
        anchor="start",
    )
    finest = delivery.zones.loc[delivery.zones["is_finest"].astype(bool), "zone_id"]
    return (
        alt.layer(
            _ground(delivery, finest),
            none.encode(tooltip=about),
            shown.encode(strokeWidth=width, stroke=colour, tooltip=about),
        )
        .add_params(alt.param(name="hour", value=int(totals.idxmax()), bind=slider))
        .project("mercator")
        .properties(width=620, height=520, title=title)
        .configure_view(stroke=None)
    )


def corridor_day(delivery: Delivery, corridor: str) -> alt.LayerChart:
    """One corridor over the day in both directions, with 95 % intervals.

    Raises:
        UsageError: The corridor is not part of the release.
    """
    rows = figures(delivery)
    own = rows[rows["corridor_id"] == corridor]
    if own.empty:
        raise UsageError(f"corridor {corridor} is not part of release {delivery.release_id}")
    data = alt.InlineData(values=records(own, "direction", "hour", "status", "value", "lower", "upper"))
    x = alt.X(
        "hour:Q", title="Local time", scale=alt.Scale(domain=[0, 23]), axis=alt.Axis(labelExpr="datum.value + ':00'")
    )
    scale = alt.Scale(domain=["forward", "backward"], range=[BLUE, ORANGE])
    colour = alt.Color("direction:N", scale=scale, title=None, legend=alt.Legend(orient="top"))
    base = alt.Chart(data)
    # An hour without a figure is a gap: nothing is drawn through it.
    band = base.mark_area(opacity=0.25, invalid="break-paths-show-domains").encode(
        x=x, y=alt.Y("lower:Q", title=unit(delivery).capitalize()), y2="upper:Q", color=colour
    )
    line = base.mark_line(point=True, invalid="break-paths-show-domains").encode(
        x=x, y="value:Q", color=colour, tooltip=tips(direction="Direction", hour="Hour")
    )
    title = alt.Title(
        f"{own['corridor_name'].iloc[0]}, {delivery.entry['period']}: people in motion by hour",
        subtitle=[gaps(own), release_line(delivery)],
        anchor="start",
    )
    return alt.layer(band, line).properties(width=680, height=280, title=title).configure_view(stroke=None)


def emissions(delivery: Delivery) -> pd.DataFrame:
    """Emissions of the day by corridor and direction, over the hours that have a figure: an estimate of an estimate.

    Returns:
        ``corridor, direction, hours, co2_kg, nox_g``, the largest first; corridors without factors are left out.
    """
    rows = figures(delivery)
    known = rows[rows["co2_kg"].notna()]
    sums = known.groupby(["corridor_name", "direction"], as_index=False).agg(
        hours=("hour", "count"), co2_kg=("co2_kg", "sum"), nox_g=("nox_g", "sum")
    )
    ranked = sums.sort_values(["co2_kg", "corridor_name", "direction"], ascending=[False, True, True])
    return ranked.round({"co2_kg": 0, "nox_g": 0}).rename(columns={"corridor_name": "corridor"}).reset_index(drop=True)


def leading_corridor(delivery: Delivery) -> str:
    """The corridor with most people over the day's shown hours."""
    sums = figures(delivery).groupby("corridor_id")["value"].sum()
    return str(sums.sort_index().idxmax())


def _ground(delivery: Delivery, zones: pd.Series[str]) -> alt.Chart:
    named = delivery.zones.loc[delivery.zones["zone_id"].isin(set(zones)), ["zone_id", "name"]]
    shapes_of = delivery.zones["geometry_wkt"].to_dict()
    data = alt.InlineData(values=features(shapes_of, named, "zone_id", "name"))
    return (
        alt.Chart(data).mark_geoshape(color="#eef1f4", stroke=GREY).encode(tooltip=alt.Tooltip("name:N", title="Zone"))
    )


def _beside(shape: object) -> str:
    """A line moved a little to its right, degrees."""
    import shapely  # type: ignore[import-untyped]

    return str(shapely.to_wkt(shapely.offset_curve(shape, -0.0012), rounding_precision=6))
