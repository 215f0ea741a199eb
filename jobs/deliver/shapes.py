"""Names and shapes for the rows of a release: zones as polygons, flows as lines between centres, corridors as lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray

from jobs.deliver.read import Delivery
from jobs.errors import ThreestepError

_PLACED = {"catchment": "home_zone_id", "corridor_flow": "corridor_id"}
"""Column whose shape stands for a row, where it is not ``zone_id``."""


def named(delivery: Delivery) -> pd.DataFrame:
    """The rows with the names of what their keys name: ``zone_name``, ``origin_zone_name``, …; empty where unknown."""
    rows = delivery.rows
    for key in (name for name in delivery.contract.keys if name.endswith("zone_id") or name == "corridor_id"):
        source = delivery.corridors if key == "corridor_id" else delivery.zones
        at = rows.columns.get_loc(key)
        assert isinstance(at, int)
        rows = rows.copy()
        rows.insert(at + 1, key.removesuffix("_id") + "_name", rows[key].map(source["name"]))
    return rows


def centres(delivery: Delivery) -> pd.DataFrame:
    """The rows with names, and longitude and latitude of the centre of each zone or corridor that their keys name."""
    rows = named(delivery)
    for key in (name for name in delivery.contract.keys if name.endswith("zone_id") or name == "corridor_id"):
        points = shapely.centroid(_looked_up(delivery, key))
        lead = "" if key in ("zone_id", "corridor_id") else key.removesuffix("zone_id")
        rows = rows.assign(
            **{
                f"{lead}longitude": np.round(shapely.get_x(points), 6),
                f"{lead}latitude": np.round(shapely.get_y(points), 6),
            }
        )
    return rows


def shapes(delivery: Delivery) -> NDArray[Any]:
    """One shape a row, WGS84, rings counterclockwise; none for sums of flows, and for flows inside a zone.

    Raises:
        ThreestepError: A zone or corridor of the release is not in the reference tables any more.
    """
    if delivery.product == "od":
        start, end = (shapely.centroid(_looked_up(delivery, k)) for k in ("origin_zone_id", "destination_zone_id"))
        apart = (delivery.rows["origin_zone_id"] != delivery.rows["destination_zone_id"]).to_numpy()
        drawn = ~shapely.is_missing(start) & ~shapely.is_missing(end) & apart
        found = np.full(len(delivery.rows), None, dtype=object)
        ends = np.stack([shapely.get_coordinates(start[drawn]), shapely.get_coordinates(end[drawn])], axis=1)
        found[drawn] = shapely.linestrings(ends)
        return found
    key = _PLACED.get(delivery.product, "zone_id")
    found = _looked_up(delivery, key)
    missing = int(shapely.is_missing(found).sum())
    if missing and key != "home_zone_id":
        raise ThreestepError(
            f"{delivery.release_id}: {missing} of {len(found)} rows name a {key} that the reference tables lack: "
            "the geography was replaced since; export as csv, or from a lake with the geography of the time"
        )
    if "direction" in delivery.rows.columns:
        back = (delivery.rows["direction"] == "backward").to_numpy()
        found[back] = shapely.reverse(found[back])
    turned: NDArray[Any] = shapely.orient_polygons(found)
    return turned


def _looked_up(delivery: Delivery, key: str) -> NDArray[Any]:
    """The shape that a key of each row names, or None."""
    source = delivery.corridors if key == "corridor_id" else delivery.zones
    parsed = pd.Series(
        shapely.from_wkt(source["geometry_wkt"].to_numpy(dtype=object)), index=source.index, dtype=object
    )
    found = delivery.rows[key].map(parsed).to_numpy(dtype=object)
    return np.array([None if shape is None or shape != shape else shape for shape in found], dtype=object)
