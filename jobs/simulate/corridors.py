"""Corridors between the main places of a city: drawn on the ground, written to the landing directory, found by trips.

No road network is among the inputs of a simulation, so lines are drawn: from the centre to the main district of each
direction, and between neighbours among these. A trip takes a corridor if the detour is small.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from jobs.simulate.city import City
from jobs.simulate.ground import Floats, Ground, centre, strata
from jobs.simulate.projection import to_wgs84

ROAD, RAIL = "road", "rail"
COLUMNS = ("corridor_id", "name", "kind", "geometry")
BLOCK = 500  # metres; trips that begin in one block enter a corridor at one point
REACH = 1_500.0  # farthest way from a block to the corridor, metres

_DIRECTIONS = 8
_LEAST, _MOST = 2_000.0, 14_000.0  # length of a corridor, metres
_BEND = 0.08  # of the length, at most, to either side
_RAILS = (1, 5)  # of the directions, counted from the first


@dataclass(frozen=True)
class Corridor:
    """One corridor, drawn in the direction of travel.

    Attributes:
        corridor_id: Identity.
        name: Its two ends.
        kind: ``road`` or ``rail``.
        x: Eastings of its vertices, whole metres, EPSG:3035.
        y: Northings of its vertices.
    """

    corridor_id: str
    name: str
    kind: str
    x: Floats
    y: Floats

    @property
    def along(self) -> Floats:
        """Metres from the start to each vertex."""
        steps = np.hypot(np.diff(self.x), np.diff(self.y))
        return np.concatenate([[0.0], np.cumsum(steps)])


def draw_corridors(city: City, ground: Ground, seed: int) -> tuple[Corridor, ...]:
    """Draw 8 to 16 corridors; fewer in a city that has no districts in some directions."""
    rng = np.random.default_rng([seed, 4])
    people = strata(city, ground)
    residents = np.bincount(people.zone, weights=people.residents, minlength=len(ground.zones))
    a, b = centre(ground)
    x, y = ground.centres()
    ends: list[tuple[float, float, str]] = []
    places = []
    for index, zone in enumerate(ground.zones):
        here = ground.zone == index
        if here.any():
            places.append((float(x[here].mean()), float(y[here].mean()), zone.name, float(residents[index])))
    for number in range(_DIRECTIONS):
        best = max(
            (
                (people * away, px, py, name)
                for px, py, name, people in places
                if _LEAST <= (away := float(np.hypot(px - a, py - b))) <= _MOST and _direction(px - a, py - b) == number
            ),
            default=None,
        )
        if best is not None:
            ends.append(best[1:])
    lines: list[tuple[str, str, tuple[float, float], tuple[float, float]]] = [
        (f"Centre – {name}", RAIL if n in _RAILS else ROAD, (a, b), (px, py)) for n, (px, py, name) in enumerate(ends)
    ]
    for (x0, y0, one), (x1, y1, two) in zip(ends, ends[1:] + ends[:1], strict=True):
        if one != two and _LEAST <= np.hypot(x1 - x0, y1 - y0) <= _MOST:
            lines.append((f"{one} – {two}", ROAD, (x0, y0), (x1, y1)))
    found = []
    for number, (name, kind, start, end) in enumerate(lines, start=1):
        points = _bent(start, end, rng)
        found.append(Corridor(f"corridor-{number:02d}", name, kind, points[0], points[1]))
    return tuple(found)


def write_corridors(corridors: tuple[Corridor, ...], out: Path) -> int:
    """Write ``corridors.csv`` with the landing contract's columns; returns its rows."""
    with (out / "corridors.csv").open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(COLUMNS)
        for corridor in corridors:
            longitude, latitude = to_wgs84(corridor.x, corridor.y)
            points = np.stack([longitude, latitude], axis=1).round(6).tolist()
            geometry = json.dumps({"type": "LineString", "coordinates": points})
            writer.writerow((corridor.corridor_id, corridor.name, corridor.kind, geometry))
    return len(corridors)


def lines_table(corridors: tuple[Corridor, ...]) -> pd.DataFrame:
    """One row a corridor: corridor_ix, corridor_id, is_rail, points (along, x, y; in order)."""
    rows = [
        (index, line.corridor_id, line.kind == RAIL, [
            (float(s), int(x), int(y)) for s, x, y in zip(line.along, line.x, line.y, strict=True)
        ])
        for index, line in enumerate(corridors)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["corridor_ix", "corridor_id", "is_rail", "points"])


LINES_SCHEMA = (
    "corridor_ix int, corridor_id string, is_rail boolean, points array<struct<along: double, x: int, y: int>>"
)
GATES_SCHEMA = (
    "block long, gates array<struct<corridor_ix: int, is_rail: boolean, along: double, away: double, x: int, y: int>>"
)


def block_columns(ground: Ground) -> int:
    """Number of blocks from west to east."""
    return -(-(ground.right - ground.left) // BLOCK)


def gates_table(corridors: tuple[Corridor, ...], ground: Ground) -> pd.DataFrame:
    """One row a block within reach of a corridor: block, gates (where it enters each corridor, and how far off)."""
    columns, rows = block_columns(ground), -(-(ground.top - ground.bottom) // BLOCK)
    keys = np.arange(columns * rows)
    x = np.asarray(ground.left + BLOCK * (keys % columns + 0.5), dtype=np.float64)
    y = np.asarray(ground.bottom + BLOCK * (keys // columns + 0.5), dtype=np.float64)
    gates: dict[int, list[tuple[int, bool, float, float, int, int]]] = {}
    for index, line in enumerate(corridors):
        along, away, px, py = project(line, x, y)
        for key in np.flatnonzero(away <= REACH).tolist():
            gate = (
                *(index, line.kind == RAIL, float(along[key]), float(away[key])),
                *(round(float(px[key])), round(float(py[key]))),
            )
            gates.setdefault(key, []).append(gate)
    return pd.DataFrame(sorted(gates.items()), columns=["block", "gates"])


def project(line: Corridor, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The nearest point of a corridor to each of some points: metres along, metres away, easting, northing."""
    best = np.full(len(x), np.inf)
    along, px, py = (np.zeros(len(x)) for _ in range(3))
    starts = line.along
    for n in range(len(line.x) - 1):
        dx, dy = line.x[n + 1] - line.x[n], line.y[n + 1] - line.y[n]
        length = float(np.hypot(dx, dy))
        share = np.clip(((x - line.x[n]) * dx + (y - line.y[n]) * dy) / length**2, 0, 1)
        qx, qy = line.x[n] + share * dx, line.y[n] + share * dy
        away = np.hypot(x - qx, y - qy)
        nearer = away < best
        best = np.where(nearer, away, best)
        along = np.where(nearer, starts[n] + share * length, along)
        px, py = np.where(nearer, qx, px), np.where(nearer, qy, py)
    return along, best, px, py


def _direction(dx: float, dy: float) -> int:
    return int((np.arctan2(dy, dx) / (2 * np.pi) * _DIRECTIONS + 0.5) % _DIRECTIONS)


def _bent(start: tuple[float, float], end: tuple[float, float], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A line of four vertices, in whole metres."""
    (x0, y0), (x1, y1) = start, end
    shares = np.array([0.0, 1 / 3, 2 / 3, 1.0])
    sides = np.array([0.0, *rng.uniform(-_BEND, _BEND, 2), 0.0])
    x = x0 + shares * (x1 - x0) - sides * (y1 - y0)
    y = y0 + shares * (y1 - y0) + sides * (x1 - x0)
    return np.round(x), np.round(y)
