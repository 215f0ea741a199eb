"""Known limits of a release: what the network can tell, from the cell plan and geography alone; public."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from jobs.deliver.read import Delivery

_TILE_M2 = 100.0 * 100.0
_DISTANCES_KM = (1, 2, 5, 10)
_MOST = 12


def limits(delivery: Delivery) -> dict[str, Any]:
    """What readers must know beside the figures."""
    found: dict[str, Any] = {
        "notes": [part.strip() for part in (delivery.entry["note"] or "").split(";") if part.strip()],
        "resolution": resolution(delivery),
        "unresolved_places": unresolved(delivery),
    }
    if delivery.product == "approach" and found["resolution"]:
        found["direction"] = direction(found["resolution"]["median_radius_m"])
    return found


def resolution(delivery: Delivery) -> dict[str, Any] | None:
    """How well the network tells the release's zones from their surroundings; none where it is not known.

    A zone is coarse where the radius to which a phone's position is known exceeds the zone's own
    (that of a circle of its area).
    """
    column = next((c for c in ("zone_id", "origin_zone_id") if c in delivery.rows.columns), None)
    if column is None:
        return None
    zones = delivery.zones[delivery.zones["zone_id"].isin(delivery.rows[column].unique())]
    known = zones[["name", "tiles"]].join(delivery.resolution[["radius_m", "inside_share"]], how="inner")
    if known.empty:
        return None
    own = (known["tiles"].astype(float) * _TILE_M2 / math.pi) ** 0.5
    coarse = known.assign(own=own)[known["radius_m"] > own].sort_values(["inside_share", "name"])
    return {
        "zones": len(known),
        "median_radius_m": round(float(known["radius_m"].median())),
        "coarse_zones": len(coarse),
        "coarsest": [_zone(row) for row in coarse.head(_MOST).to_dict("records")],
    }


def _zone(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        "name": str(row["name"]),
        "radius_m": round(float(row["radius_m"])),
        "own_radius_m": round(float(row["own"])),
        "inside_share": round(float(row["inside_share"]), 2),
    }


def unresolved(delivery: Delivery) -> list[str]:
    """Names of zones none of whose cells is resolved."""
    rows = delivery.rows
    if "zone_id" not in rows.columns:
        return []
    never: pd.Series[bool] = (rows["status"] == "unresolved").groupby(rows["zone_id"]).all()
    return sorted(str(name) for name in delivery.zones["name"].reindex(never.index[never]).dropna())


def direction(radius_m: float) -> list[dict[str, float]]:
    """Uncertainty of a direction by distance of the origin.

    Both ends are known to the radius of the footprints: the bearing at distance d is uncertain by
    atan(sqrt(2) radius / d), degrees.
    """
    return [
        {"distance_km": km, "degrees": round(math.degrees(math.atan2(math.sqrt(2) * radius_m, 1000 * km)), 1)}
        for km in _DISTANCES_KM
    ]
