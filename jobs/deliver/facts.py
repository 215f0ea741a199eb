"""The data sheet of a release as plain data: from its rows, its entry and public geography, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import numpy as np
import pandas as pd

from expectations.product_words import STATUSES
from jobs.calendars import calendar_days
from jobs.deliver.limits import limits
from jobs.deliver.read import Delivery
from jobs.deliver.shapes import named
from jobs.deliver.words import READING, STATUS_WORDS, WORDS, daypart_words
from jobs.period_settings import CalendarPolicy
from jobs.release.budget import epsilon
from jobs.settings import Policy

VERSION = "1.0"
_DELTA = 1e-9
_SHOWN = ("published", "merged")
_UNJUDGED = ("speed",)
"""Roles whose counts tell a word of a cell that another role decides to show."""


def facts(delivery: Delivery, calendar: CalendarPolicy, policy: Policy | None = None) -> dict[str, Any]:
    """Everything that a data sheet says.

    Args:
        delivery: The release.
        calendar: Country, subdivision and school holidays, for the kinds of days.
        policy: The policy that it was made under, if it is at hand: it adds what one person can change.

    Returns:
        Data by ``sheet.schema.json``.
    """
    words = WORDS[delivery.product]
    entry = delivery.entry
    shown = delivery.rows["status"].isin(_SHOWN)
    keys = [key for key in delivery.contract.keys if key != "release_id"]
    comments = {column.name: column.comment for column in delivery.contract.columns}
    found: dict[str, Any] = {
        "sheet_version": VERSION,
        "release": {
            "release_id": delivery.release_id,
            "product": delivery.product,
            "correction": int(entry["correction"]),
            "purpose": entry["purpose"],
            "released_at": _instant(entry["released_at"]),
            "digest": entry["digest"],
            "for_release": bool(entry["for_release"]),
            "note": entry["note"] or None,
        },
        "period": period(str(entry["period"]), calendar),
        "counted": {
            "title": words.title,
            "definition": words.counted,
            "unit": words.unit,
            "beware": list(words.beware),
            "keys": {key: comments[key] for key in keys},
            "example": example(delivery),
        },
        "privacy": privacy(delivery, policy),
        "coverage": coverage(delivery),
        "intervals": intervals(delivery),
        "extrapolation": {
            "method": entry["extrapolation"],
            "figures": int(shown.sum()),
            "estimates": int(delivery.rows["estimate"].notna().sum()),
        },
        "limits": limits(delivery),
        "reading": {
            "figures": list(READING),
            "statuses": {s: STATUS_WORDS[s] for s in STATUSES if s in set(delivery.rows["status"])},
        },
    }
    if "median_km" in delivery.rows.columns:
        found["reach"] = reach(delivery)
    if "daypart" in keys:
        found["reading"]["dayparts"] = daypart_words()
    return found


def period(text: str, calendar: CalendarPolicy) -> dict[str, Any]:
    """A day, ISO week or month: its first and last day, and what kinds of days it has.

    Raises:
        ValueError: It is none of them.
    """
    if "-W" in text:
        kind, first = "week", dt.date.fromisoformat(f"{text}-1")
        last, label = first + dt.timedelta(6), f"week {text[-2:]} of {text[:4]}"
    elif len(text) == len("2026-03"):
        kind, first = "month", dt.date.fromisoformat(f"{text}-01")
        last = (first.replace(day=28) + dt.timedelta(4)).replace(day=1) - dt.timedelta(1)
        label = f"{first:%B %Y}"
    else:
        kind, first = "day", dt.date.fromisoformat(text)
        last, label = first, f"{first:%A}, {first.day} {first:%B %Y}"
    days = calendar_days([first + dt.timedelta(i) for i in range((last - first).days + 1)], calendar)
    types = [day.day_type for day in days]
    school = [day.is_school_holiday for day in days]
    return {
        "period": text,
        "kind": kind,
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "label": label,
        "day_types": {name: types.count(name) for name in dict.fromkeys(types)},
        "holidays": [f"{day.holiday} ({day.date.isoformat()})" for day in days if day.holiday],
        "school_holidays": sum(map(bool, school)) if None not in school else None,
    }


def privacy(delivery: Delivery, policy: Policy | None) -> dict[str, Any]:
    """Thresholds, noise and budget; thresholds are persons of the panel."""
    entry, margin = delivery.entry, policy.margin_sigmas if policy else 3.09
    sigma: dict[str, float] = json.loads(entry["sigma"])
    least, rho = int(entry["min_persons"]), float(entry["rho"])
    mechanisms = policy.products[delivery.product].mechanisms if policy else {}
    bounds = {role: m.max_cells for role, m in mechanisms.items() if m.max_cells}
    return {
        "policy": entry["policy"],
        "min_persons": least,
        "margin_sigmas": margin,
        "sigma": sigma,
        "threshold": {
            role: math.ceil(least + margin * scale) for role, scale in sigma.items() if role not in _UNJUDGED
        },
        "max_cells": bounds or None,
        "rho": rho,
        "delta": _DELTA,
        "epsilon": round(epsilon(rho, _DELTA), 3),
        "period_rho": round(delivery.together, 6),
        "period_epsilon": round(epsilon(delivery.together, _DELTA), 3),
    }


def coverage(delivery: Delivery) -> dict[str, Any]:
    """Cells by status: all of them, by level, and by the product's main axis."""
    rows, words = delivery.rows, WORDS[delivery.product]
    axis = pd.crosstab(rows[words.axis], rows["status"]).reindex(columns=STATUSES, fill_value=0)
    order = [word for word in words.order if word in axis.index] or sorted(axis.index)
    return {
        "cells": len(rows),
        "by_status": _statuses(rows["status"]),
        "by_level": [{"level": str(level), **_statuses(group["status"])} for level, group in rows.groupby("level")],
        "axis": words.axis,
        "by_axis": [
            {"value": str(word), **{s: int(axis[s][word]) for s in STATUSES if axis[s].any()}} for word in order
        ],
    }


def relative_widths(delivery: Delivery) -> pd.DataFrame:
    """Half width of the 95 % interval ÷ estimate of each estimate above zero: ``level, width``."""
    rows = delivery.rows
    known = rows[rows["estimate"].notna() & (rows["estimate"] > 0).fillna(False)]
    half = (known["upper"] - known["lower"]).astype(float) / 2
    return pd.DataFrame({"level": known["level"], "width": half / known["estimate"].astype(float)})


def intervals(delivery: Delivery) -> dict[str, Any]:
    """How wide the intervals are, relative to the estimates."""
    widths = relative_widths(delivery)
    levels = [{"level": str(level), **_spread(group["width"])} for level, group in widths.groupby("level")]
    return {**_spread(widths["width"]), "by_level": levels}


def _spread(widths: pd.Series[float]) -> dict[str, Any]:
    if not len(widths):
        return {"figures": 0, "median": None, "p90": None}
    return {
        "figures": len(widths),
        "median": round(float(np.median(widths)), 4),
        "p90": round(float(np.quantile(widths, 0.9)), 4),
    }


def reach(delivery: Delivery) -> list[dict[str, Any]]:
    """How far the shown visitors of each zone live, places first: kilometres between centres."""
    rows = delivery.rows[delivery.rows["median_km"].notna()].drop_duplicates("zone_id").set_index("zone_id")
    zones = delivery.zones.loc[delivery.zones["zone_id"].isin(rows.index)]
    ordered = zones.assign(is_place=zones["role"] == "place").sort_values(["is_place", "name"], ascending=[False, True])
    return [
        {
            "name": str(name),
            "median_km": float(rows.loc[zone, "median_km"]),
            "radius_80_km": float(rows.loc[zone, "radius_80_km"]),
        }
        for zone, name in zip(ordered["zone_id"], ordered["name"], strict=True)
    ]


def example(delivery: Delivery) -> str | None:
    """The largest estimate of a place, else of the finest zones, read out; none where there is none to read.

    What is ``unknown`` makes no example.
    """
    rows = named(delivery)
    known = rows[(rows["status"] == "published") & rows["estimate"].notna()]
    if "zone_id" in known.columns:
        role = known["zone_id"].map(delivery.zones["role"])
        finest = known["zone_id"].map(delivery.zones["is_finest"]).fillna(False).astype(bool)
        known = known[role == "place"] if (role == "place").any() else known[finest]
    if "origin_zone_id" in known.columns:
        apart = known["origin_zone_id"] != known["destination_zone_id"]
        known = known[apart & (known["origin_zone_id"] != "all") & (known["destination_zone_id"] != "all")]
    for word in {"sector", "age_band", "gender"} & set(known.columns):
        known = known[known[word] != "unknown"]
    if known.empty:
        return None
    row = known.loc[known["estimate"].astype(float).idxmax()]
    where = [str(row[name]) for name in known.columns if name.endswith("_name")]
    joined = ", home: ".join(where) if delivery.product == "catchment" else " to ".join(where)
    # Names stand for what their keys name.
    keys = [
        k for k in delivery.contract.keys if k != "release_id" and f"{k.removesuffix('_id')}_name" not in known.columns
    ]
    parts = [f"{row[k]:02d}:00" if k == "hour" else f"{k.replace('_', ' ')} {row[k]}" for k in keys]
    told = f"{row['estimate']:,} {WORDS[delivery.product].unit}, between {row['lower']:,} and {row['upper']:,}"
    return f"{', '.join([joined, *parts])}: about {told}."


def _statuses(status: pd.Series[str]) -> dict[str, int]:
    return {s: int((status == s).sum()) for s in STATUSES}


def _instant(value: Any) -> str:
    stamp = pd.Timestamp(value)
    aware = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return aware.strftime("%Y-%m-%dT%H:%M:%SZ")
