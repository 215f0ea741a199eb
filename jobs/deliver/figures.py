"""Released figures ready for charts: one value a cell with its interval, and what to say where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd
import shapely  # type: ignore[import-untyped]

from jobs.deliver.read import Delivery, choose, entries, read_delivery
from jobs.deliver.shapes import named
from jobs.deliver.words import WORDS
from jobs.errors import ThreestepError, UsageError
from jobs.lake import Lake

SHOWN = ("published", "merged")
GREY, BLUE, ORANGE, FAINT = "#d5d9dd", "#1f6fb2", "#c2410c", "#5f6b76"
_KEYS = ("zone_id", "hour", "daypart", "sector", "age_band", "gender", "home_zone_id")
_NUMBERS = ("value", "lower", "upper")
_SIMPLIFY_DEGREES = 0.0002  # some 15 m: below what a screen shows


def latest(lake: Lake, product: str, period: str) -> Delivery | None:
    """The valid release of a product and period, or None where there is none yet."""
    found = entries(lake)
    try:
        (entry,) = choose(found, product=product, period=period)
    except ThreestepError as error:
        if isinstance(error, UsageError):
            raise
        return None
    return read_delivery(lake, entry, found)


def figures(delivery: Delivery) -> pd.DataFrame:
    """The rows with names and ``value, lower, upper``: estimates of people, or the panel's where there are none."""
    rows = named(delivery)
    source = "estimate" if rows["estimate"].notna().any() else "persons"
    numbers = {"value": source, "lower": "lower", "upper": "upper"}
    return rows.assign(**{name: pd.to_numeric(rows[column]).astype(float) for name, column in numbers.items()})


def spread(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Give each cell of a merged figure the mean of its cells, and ``merged``; what they are together is not lost.

    Args:
        rows: See ``figures``.
        column: Column that the cells of a merged figure differ in.
    """
    merged = rows[rows["status"] == "merged"]
    if merged.empty:
        return rows
    words = merged["covers"].str.split(",")
    means = merged.assign(**{column: words, **{name: merged[name] / words.str.len() for name in _NUMBERS}})
    means = means.explode(column).astype({column: rows[column].dtype})
    keys = [name for name in _KEYS if name in rows]
    covered = pd.MultiIndex.from_frame(rows[keys]).isin(pd.MultiIndex.from_frame(means[keys]))
    return pd.concat([rows[~covered], means], ignore_index=True)


def unit(delivery: Delivery) -> str:
    """What the values count."""
    words = WORDS[delivery.product].unit
    return words if delivery.rows["estimate"].notna().any() else f"{words}, of the panel only"


def release_line(delivery: Delivery) -> str:
    """The line under a chart's title: which release, and what restricts its use."""
    entry = delivery.entry
    note = "" if entry["for_release"] else f": {(entry['note'] or 'not for release').upper()}"
    return f"Release {delivery.release_id}{note}."


def of_zone(delivery: Delivery, zone: str) -> pd.DataFrame:
    """The figures of one zone.

    Raises:
        UsageError: The zone is not part of the release.
    """
    rows = figures(delivery)
    own = rows[rows["zone_id"] == zone]
    if own.empty:
        raise UsageError(f"zone {zone} is not part of release {delivery.release_id}")
    return own


def gaps(rows: pd.DataFrame) -> str:
    """How many of the cells have no figure, in words."""
    hidden = rows[~rows["status"].isin(SHOWN)]["status"].value_counts()
    why = {"suppressed": "too few people to show", "unresolved": "not told apart by the network"}
    parts = {words: hidden[status] for status, words in why.items() if status in hidden.index}
    if not parts:
        return "Every cell has a figure."
    told = [words if len(parts) == 1 else f"{number} {words}" for words, number in parts.items()]
    return f"{hidden.sum()} of {len(rows)} cells have no figure: {', '.join(told)}."


def tips(**more: str) -> list[alt.Tooltip]:
    """Tooltips of a figure with its interval; ``more`` is field to title, first."""
    numbers = {"value": "Figure", "lower": "95 % from", "upper": "to"}
    return [
        *(alt.Tooltip(f"{field}:N", title=title) for field, title in more.items()),
        alt.Tooltip("status:N", title="Status"),
        *(alt.Tooltip(f"{field}:Q", title=title, format=",.0f") for field, title in numbers.items()),
    ]


def records(rows: pd.DataFrame, *columns: str) -> list[dict[str, Any]]:
    """Rows as plain records; what is null is None, so that nothing is drawn for it."""
    picked = rows[list(columns)]
    return [
        {str(name): (None if pd.isna(value) else _plain(value)) for name, value in record.items()}
        for record in picked.astype(object).to_dict("records")
    ]


def features(shapes: Mapping[Any, str], rows: pd.DataFrame, key: str, *columns: str) -> list[dict[str, Any]]:
    """GeoJSON features of rows, simplified for a screen, with clockwise rings, as d3 wants them.

    Args:
        shapes: Well-known text by key.
        rows: One row a feature.
        key: Column that names the shape.
        columns: Further columns to carry.
    """
    drawn = {name: _drawn(text) for name, text in shapes.items() if name in set(rows[key])}
    found = records(rows, key, *columns)
    return [{"type": "Feature", "geometry": drawn[r[key]], **r} for r in found if r[key] in drawn]


def _drawn(text: str) -> dict[str, Any]:
    simple = shapely.orient_polygons(shapely.simplify(shapely.from_wkt(text), _SIMPLIFY_DEGREES), exterior_cw=True)
    found: dict[str, Any] = shapely.geometry.mapping(shapely.transform(simple, lambda xy: xy.round(5)))
    return found


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value if isinstance(value, int | float | str) else str(value)
