"""The ground of a city in 100 m tiles: which zone a tile is in, where people live, where they go.

Everything here is city-sized and made once on the driver; it reaches Spark as small tables that are
joined by whole-number keys. Weighted draws become *slots*: equally likely rows, chosen by a hash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray

from jobs.errors import InputRejectedError
from jobs.simulate.city import POI_LEVEL, City, Zone
from jobs.simulate.projection import to_laea

TILE = 100  # metres
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Ground:
    """The tile grid over a city's bounding box.

    Attributes:
        left: Easting of the grid's left edge (m, EPSG:3035), a multiple of 100.
        bottom: Northing of its lower edge (m).
        columns: Tiles from west to east.
        rows: Tiles from south to north.
        zones: The zones of the finest partition, by index.
        zone: Zone index by tile key (row * columns + column), -1 outside.
        pois: Tile keys by point of interest.
        sites: Easting and northing of each cell of the plan.
    """

    left: int
    bottom: int
    columns: int
    rows: int
    zones: tuple[Zone, ...]
    zone: Ints
    pois: dict[str, Ints]
    sites: tuple[Floats, Floats]

    @property
    def right(self) -> int:
        """Easting of the right edge."""
        return self.left + TILE * self.columns

    @property
    def top(self) -> int:
        """Northing of the upper edge."""
        return self.bottom + TILE * self.rows

    def centres(self, keys: Ints | None = None) -> tuple[Floats, Floats]:
        """Centres of tiles, of all of them by default."""
        keys = np.arange(self.columns * self.rows) if keys is None else keys
        x = self.left + TILE * (keys % self.columns + 0.5)
        y = self.bottom + TILE * (keys // self.columns + 0.5)
        return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


def survey(city: City) -> Ground:
    """Lay the grid over the city and find each tile's zones, by the tile's centre."""
    base = city.at_level(city.base_level)
    shapes = [_plane(zone) for zone in base]
    bounds = np.array([area.bounds for area in shapes])
    left, bottom = (int(value // TILE - 2) * TILE for value in bounds[:, :2].min(axis=0))
    right, top = (int(value // TILE + 3) * TILE for value in bounds[:, 2:].max(axis=0))
    columns, rows = (right - left) // TILE, (top - bottom) // TILE
    lon = np.array([_number(row["longitude"]) for row in city.cells])
    lat = np.array([_number(row["latitude"]) for row in city.cells])
    ground = Ground(left, bottom, columns, rows, tuple(base), np.full(columns * rows, -1), {}, to_laea(lon, lat))
    x, y = ground.centres()
    for index, area in reversed(list(enumerate(shapes))):
        ground.zone[shapely.contains_xy(area, x, y)] = index
    for zone in city.at_level(POI_LEVEL):
        area = _plane(zone)
        keys = np.flatnonzero(shapely.contains_xy(area, x, y))
        if not len(keys):  # smaller than a tile: the tile that it stands on
            point = area.representative_point()
            keys = np.array([np.argmin(np.hypot(x - point.x, y - point.y))])
        ground.pois[zone.zone_id] = keys
    return ground


@dataclass(frozen=True)
class Population:
    """Residents by zone, gender and age in years, one entry a stratum that has any."""

    zone: Ints
    gender: NDArray[np.str_]
    age_low: Ints
    age_high: Ints
    residents: Floats


# Residents per 1,000 by age from 0, in tens of years, where a population table tells no ages.
_AGES = {0: 93, 10: 95, 20: 125, 30: 140, 40: 124, 50: 150, 60: 124, 70: 86, 80: 63}


def strata(city: City, ground: Ground) -> Population:
    """Read the population table: the latest year, strata without age or gender spread by usual shares."""
    index = {zone.zone_id: n for n, zone in enumerate(ground.zones)}
    used = [row for row in city.population if row["zone_id"] in index and float(row["residents"] or 0) > 0]
    if not used:
        raise InputRejectedError(f"population: no residents in zones of level {city.base_level}")
    latest = max(row["year"] for row in used)
    entries: list[tuple[int, str, int, int, float]] = []
    for row in (row for row in used if row["year"] == latest):
        genders = [row["gender"]] if row.get("gender") else ["female", "male"]
        numbers = [int(part) for part in re.findall(r"\d+", row.get("age_band") or "")]
        ages = {(a, a + 10): share / 1000 for a, share in _AGES.items()}
        if numbers:
            high = numbers[1] + 1 if len(numbers) > 1 else numbers[0] + 12
            ages = {(numbers[0] if len(numbers) > 1 or numbers[0] > 40 else 0, high): 1.0}
        for gender in genders:
            for (low, high), share in ages.items():
                count = float(row["residents"]) * share / len(genders)
                entries.append((index[row["zone_id"]], gender, low, high, count))
    zone, gender_names, lows, highs, counts = zip(*entries, strict=True)
    return Population(np.array(zone), np.array(gender_names), np.array(lows), np.array(highs), np.array(counts))


def smooth_noise(ground: Ground, rng: np.random.Generator, spacing: int) -> Floats:
    """A standard normal field over the tiles, smooth over ``spacing`` tiles (bilinear lattice noise)."""
    lattice = rng.standard_normal((ground.rows // spacing + 2, ground.columns // spacing + 2))
    keys = np.arange(ground.columns * ground.rows)
    v, u = (keys // ground.columns) / spacing, (keys % ground.columns) / spacing
    j, i = v.astype(int), u.astype(int)
    v, u = v - j, u - i
    low = lattice[j, i] * (1 - u) + lattice[j, i + 1] * u
    high = lattice[j + 1, i] * (1 - u) + lattice[j + 1, i + 1] * u
    return np.asarray(low * (1 - v) + high * v)


def built_up(ground: Ground, rng: np.random.Generator) -> Floats:
    """Relative density of dwellings by tile: near masts, in clumps, none on two fifths and on POIs."""
    x, y = ground.centres()
    near = np.full(len(x), 0.05)
    for a, b in sorted(set(zip(*ground.sites, strict=True))):
        near += np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 500.0**2))
    clumps = smooth_noise(ground, rng, 3)
    density = np.sqrt(near) * np.exp(0.8 * clumps)
    density[clumps < np.quantile(clumps, 0.4)] *= 0.02
    for keys in ground.pois.values():
        density[keys] *= 0.01 if len(keys) > 1 else 1.0
    density[ground.zone < 0] = 0
    return np.asarray(density)


def centre(ground: Ground) -> tuple[float, float]:
    """Where the network is densest: the middle of the sites nearest to each other."""
    x, y = (np.asarray(part) for part in zip(*sorted(set(zip(*ground.sites, strict=True))), strict=True))
    crowd = np.array([np.sum(np.exp(-np.hypot(x - a, y - b) / 700)) for a, b in zip(x, y, strict=True)])
    top = np.argsort(-crowd, kind="stable")[: max(3, len(x) // 20)]
    return float(np.median(x[top])), float(np.median(y[top]))


def _plane(zone: Zone) -> shapely.geometry.base.BaseGeometry:
    return shapely.transform(zone.geometry, lambda points: np.stack(to_laea(points[:, 0], points[:, 1]), axis=1))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputRejectedError("cells: latitude or longitude is not a number") from error
