"""Charts of one place, for a retailer: how long people stay, from which direction, who they are, where they live."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from expectations.product_words import AGE_BANDS, DAYPARTS, DWELL_BANDS, GENDERS, SECTORS
from jobs.deliver.figures import (
    BLUE,
    FAINT,
    GREY,
    ORANGE,
    SHOWN,
    features,
    figures,
    gaps,
    of_zone,
    records,
    release_line,
    spread,
    tips,
    unit,
)
from jobs.deliver.read import Delivery

_SHOWN = alt.FieldOneOfPredicate(field="status", oneOf=list(SHOWN))
_JOINT_COLOUR = "#5b8a72"
_GENDER_COLOURS = dict(zip(GENDERS, ("#b45309", "#1f6fb2", "#6d28d9", "#9aa5b1"), strict=True))


def leading_place(delivery: Delivery) -> str:
    """The place with most figures in a release, else the finest zone with most; the larger sum, then the name, wins."""
    rows = figures(delivery)
    zones = delivery.zones[(delivery.zones["role"] == "place") | delivery.zones["is_finest"].astype(bool)]
    found = rows[rows["zone_id"].isin(zones["zone_id"])].groupby("zone_id")["value"].agg(["count", "sum"]).reset_index()
    found["place"] = found["zone_id"].map(zones["role"]).eq("place") & (found["count"] > 0)
    ranked = found.sort_values(["place", "count", "sum", "zone_id"], ascending=[False, False, False, True])
    return str(ranked["zone_id"].iloc[0])


def dwell_bars(delivery: Delivery, zone: str) -> alt.LayerChart:
    """Visits by how long they lasted, with their 95 % intervals; a grey mark stands where there is no figure."""
    rows = of_zone(delivery, zone)
    data = alt.InlineData(values=records(rows, "dwell_band", "status", "value", "lower", "upper"))
    base = alt.Chart(data)
    x = alt.X("dwell_band:N", sort=list(DWELL_BANDS), title="Minutes", axis=alt.Axis(labelAngle=0))
    y = alt.Y("value:Q", title=unit(delivery).capitalize())
    known = base.transform_filter(_SHOWN)
    bars = known.mark_bar(color=BLUE).encode(x=x, y=y, tooltip=tips(dwell_band="Minutes"))
    whiskers = known.mark_rule(strokeWidth=2, color="#12324f").encode(x=x, y="lower:Q", y2="upper:Q")
    layers = [bars, whiskers, _no_figure(base, x)]
    return _titled(delivery, zone, rows, "how long people stayed", alt.layer(*layers)).properties(width=460, height=280)


def approach_rose(delivery: Delivery, zone: str) -> alt.LayerChart:
    """A compass rose: visits by the direction they came from, area by number, for a part of the day."""
    rows = spread(of_zone(delivery, zone), "daypart")
    points = rows[rows["sector"] != SECTORS[-1]]
    largest = points["value"].max() if points["value"].notna().any() else 1.0
    turned = points["sector"].map({name: i * math.pi / 4 for i, name in enumerate(SECTORS[:-1])}).astype(float)
    placed = points.assign(
        start=turned - math.pi / 8,
        end=turned + math.pi / 8,
        # A sector's area stands for its visits; where there is no figure a grey stub stands.
        radius=(130 * (points["value"] / largest) ** 0.5).where(points["status"].isin(SHOWN), 22.0),
        x=150 + 146 * turned.map(math.sin),
        y=150 + 146 * turned.map(math.cos),
    )
    columns = ("daypart", "sector", "status", "value", "lower", "upper", "start", "end", "radius", "x", "y")
    shown = points.groupby("daypart")["value"].sum()
    best = str(shown.reindex(DAYPARTS).fillna(0).idxmax())
    select = alt.binding_select(options=list(DAYPARTS), name="Part of the day ")
    base = alt.Chart(alt.InlineData(values=records(placed, *columns))).transform_filter("datum.daypart == daypart")
    colour = alt.condition(_SHOWN, alt.value(BLUE), alt.value(GREY))
    arcs = base.mark_arc(stroke="white").encode(
        theta=alt.Theta("start:Q", scale=None),
        theta2="end:Q",
        radius=alt.Radius("radius:Q", scale=None),
        color=colour,
        tooltip=tips(sector="Direction"),
    )
    plain = alt.Scale(domain=[0, 300], nice=False)
    words = base.mark_text(fontWeight="bold", color=FAINT).encode(
        x=alt.X("x:Q", scale=plain, axis=None), y=alt.Y("y:Q", scale=plain, axis=None), text="sector:N"
    )
    rose = alt.layer(arcs, words).add_params(alt.param(name="daypart", value=best, bind=select))
    joint = ["Where parts of the day have a figure together, its mean is drawn."] if _merges(rows) else []
    return _titled(delivery, zone, rows, "from which direction people came", rose, *joint).properties(
        width=300, height=300
    )


def audience_bars(delivery: Delivery, zone: str) -> alt.LayerChart:
    """Visitors by age and gender with their 95 % intervals."""
    rows = of_zone(delivery, zone)
    apart = spread(rows, "gender")
    joint = rows["covers"].str.replace(",", " and ").where(rows["status"] == "merged")
    told = rows.assign(gender=joint.fillna(rows["gender"]))
    data = alt.InlineData(values=records(told, "age_band", "gender", "status", "value", "lower", "upper"))
    base = alt.Chart(data).transform_filter(_SHOWN)
    y = alt.Y("age_band:N", sort=[*reversed(AGE_BANDS[:-1]), AGE_BANDS[-1]], title="Age")
    colours = _GENDER_COLOURS | dict.fromkeys(sorted(joint.dropna().unique()), _JOINT_COLOUR)
    offset = alt.YOffset("gender:N", sort=list(colours))
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    colour = alt.Color("gender:N", scale=scale, title=None, legend=alt.Legend(orient="top"))
    x = alt.X("value:Q", title=unit(delivery).capitalize())
    bars = base.mark_bar().encode(x=x, y=y, yOffset=offset, color=colour, tooltip=tips(age_band="Age", gender="Gender"))
    whiskers = base.mark_rule(color="#12324f").encode(x="lower:Q", x2="upper:Q", y=y, yOffset=offset)
    both = alt.layer(bars, whiskers)
    return _titled(delivery, zone, apart, "who the visitors were", both).properties(width=460, height=420)


def catchment_map(delivery: Delivery, zone: str) -> alt.LayerChart:
    """Map of the zones where the visitors live; grey: too few to show. The place is outlined."""
    rows = spread(of_zone(delivery, zone), "home_zone_id")
    rows = rows.assign(home_zone_name=rows["home_zone_id"].map(delivery.zones["name"]))
    shapes = delivery.zones["geometry_wkt"].to_dict()
    columns = ("home_zone_name", "status", "value", "lower", "upper")
    homes = features(shapes, rows, "home_zone_id", *columns)
    base = alt.Chart(alt.InlineData(values=homes))
    about = tips(home_zone_name="Home zone")
    shade = alt.Scale(scheme="yellowgreenblue", type="sqrt")
    colour = alt.Color("value:Q", scale=shade, title=unit(delivery).capitalize())
    empty = base.transform_filter({"not": _SHOWN}).mark_geoshape(stroke="white", color=GREY).encode(tooltip=about)
    known = base.transform_filter(_SHOWN).mark_geoshape(stroke="white").encode(color=colour, tooltip=about)
    own = pd.DataFrame({"zone_id": [zone]})
    place = alt.Chart(alt.InlineData(values=features(shapes, own, "zone_id")))
    outline = place.mark_geoshape(fillOpacity=0, stroke=ORANGE, strokeWidth=2.5)
    layers = alt.layer(empty, known, outline).project("mercator")
    told = []
    if rows["median_km"].notna().any():
        half, most = rows["median_km"].max(), rows["radius_80_km"].max()
        told.append(f"Of those shown, half live within {half:g} km, four in five within {most:g} km.")
    if _merges(rows):
        told.append("Where home zones have a figure together, its mean is drawn.")
    return _titled(delivery, zone, rows, "where visitors live", layers, *told).properties(width=560, height=460)


def _merges(rows: pd.DataFrame) -> bool:
    return bool((rows["status"] == "merged").any())


def _no_figure(base: alt.Chart, x: alt.X) -> alt.Chart:
    return (
        base.transform_filter({"not": _SHOWN})
        .mark_text(color=FAINT, baseline="bottom", dy=-4)
        .encode(x=x, y=alt.datum(0), text=alt.value("no figure"), tooltip=[alt.Tooltip("status:N", title="Status")])
    )


def _titled(
    delivery: Delivery, zone: str, rows: pd.DataFrame, what: str, chart: alt.LayerChart, *more: str
) -> alt.LayerChart:  # fmt: skip
    name = delivery.zones["name"].get(zone, zone)
    title = alt.Title(
        f"{name}, {delivery.entry['period']}: {what}",
        subtitle=[*more, gaps(rows), release_line(delivery)],
        anchor="start",
    )
    return chart.properties(title=title).configure_view(stroke=None)
