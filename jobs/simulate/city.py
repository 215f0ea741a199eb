"""The city under the simulation: cells, zones and population in the landing contract's columns."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely.geometry import mapping, shape  # type: ignore[import-untyped]
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]

from jobs.errors import InputRejectedError, UsageError

CELL_COLUMNS = (
    *("cell_id", "technology", "latitude", "longitude", "azimuth_deg", "beam_width_deg", "band", "site_id"),
    *("placement", "range_m", "power_w", "height_m", "valid_from", "valid_to"),
)
POPULATION_COLUMNS = ("zone_id", "year", "gender", "age_band", "residents")
POI_LEVEL = "poi"
Row = dict[str, str]


@dataclass(frozen=True)
class Zone:
    """A published zone; geometry in WGS84."""

    zone_id: str
    name: str
    level: str
    parent_id: str | None
    geometry: BaseGeometry


@dataclass(frozen=True)
class City:
    """One city's reference data, all values as text, as they will land."""

    name: str
    cells: tuple[Row, ...]
    zones: tuple[Zone, ...]
    population: tuple[Row, ...]

    @property
    def base_level(self) -> str:
        """The finest level that partitions the territory: the one with most zones, not counting POIs."""
        levels = sorted(zone.level for zone in self.zones if zone.level != POI_LEVEL)
        return max(dict.fromkeys(levels), key=levels.count)

    def at_level(self, level: str) -> list[Zone]:
        """The zones of a level, ordered by id."""
        return sorted((zone for zone in self.zones if zone.level == level), key=lambda zone: zone.zone_id)


def load_city(folder: Path) -> City:
    """Read ``cells.csv``, ``zones.geojson`` and ``population.csv`` of a real city.

    Raises:
        UsageError: A file is missing.
        InputRejectedError: A required column is missing, or nothing usable is left.
    """
    for name in ("cells.csv", "zones.geojson", "population.csv"):
        if not (folder / name).is_file():
            raise UsageError(f"city folder has no {name}: give a folder with cells, zones and population")
    cells = _read(folder / "cells.csv", CELL_COLUMNS, ("cell_id", "technology", "latitude", "longitude"))
    population = _read(folder / "population.csv", POPULATION_COLUMNS, ("zone_id", "year", "residents"))
    document: dict[str, Any] = json.loads((folder / "zones.geojson").read_text(encoding="utf-8"))
    zones = tuple(_zone(feature) for feature in document["features"])
    if not cells or not any(zone.level != POI_LEVEL for zone in zones):
        raise InputRejectedError("the city has no cells, or no zones that cover its territory")
    names = [zone.name for zone in zones if zone.level == "city"]
    return City(names[0] if len(names) == 1 else folder.name, cells, zones, population)


def write_city(city: City, out: Path) -> dict[str, int]:
    """Write the three files with the contract's columns; returns rows by table."""
    _write(out / "cells.csv", CELL_COLUMNS, city.cells)
    _write(out / "population.csv", POPULATION_COLUMNS, city.population)
    features = [
        {
            "type": "Feature",
            "properties": {
                "zone_id": zone.zone_id,
                "name": zone.name,
                "level": zone.level,
                "parent_id": zone.parent_id,
            },
            "geometry": mapping(zone.geometry),
        }
        for zone in city.zones
    ]
    text = json.dumps({"type": "FeatureCollection", "name": "zones", "features": features})
    (out / "zones.geojson").write_text(text + "\n", encoding="utf-8")
    return {"cells": len(city.cells), "zones": len(city.zones), "population": len(city.population)}


def _zone(feature: dict[str, Any]) -> Zone:
    properties = feature["properties"]
    missing = [name for name in ("zone_id", "name", "level") if properties.get(name) is None]
    if missing:
        raise InputRejectedError(f"zones: missing {', '.join(missing)}")
    parent = properties.get("parent_id")
    return Zone(
        str(properties["zone_id"]),
        str(properties["name"]),
        str(properties["level"]),
        None if parent is None else str(parent),
        shape(feature["geometry"]),
    )


def _read(path: Path, known: tuple[str, ...], required: tuple[str, ...]) -> tuple[Row, ...]:
    with path.open(encoding="utf-8", newline="") as source:
        reader = csv.DictReader(source)
        missing = [name for name in required if name not in (reader.fieldnames or ())]
        if missing:
            raise InputRejectedError(f"{path.stem}: missing required columns {', '.join(missing)}")
        return tuple({name: row.get(name) or "" for name in known if name in row} for row in reader)


def _write(path: Path, known: tuple[str, ...], rows: tuple[Row, ...]) -> None:
    used = [name for name in known if any(name in row for row in rows)]
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, used, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
