"""Small cell plans for tests, from cells that name only what differs."""

from __future__ import annotations

from typing import Any

from frames import frame
from pyspark.sql import DataFrame, SparkSession

from expectations.cells import CELLS

LAT, LON = 51.3403, 12.3747
MAST = (4486443.0, 3139290.0)
"""Where that is in EPSG:3035, from PROJ, whole metres."""


def cell(
    cell_id: str,
    azimuth: float | None = None,
    placement: str = "macro",
    lat: float = LAT,
    tech: str = "LTE",
    **more: Any,
) -> tuple[Any, ...]:
    """A row of ``reference.cells``."""
    values = {
        **{"cell_id": cell_id, "technology": tech, "latitude": lat, "longitude": LON, "azimuth_deg": azimuth},
        **{"site_id": "s", "placement": placement, **more},
    }
    return tuple(values.get(name) for name in CELLS.column_names)


def plan(spark: SparkSession, *cells: tuple[Any, ...]) -> DataFrame:
    """Rows of ``reference.cells``."""
    return frame(spark, ", ".join(f"{c.name} {c.type}" for c in CELLS.columns), *cells)
