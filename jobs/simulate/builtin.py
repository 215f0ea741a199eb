"""A small invented city, made by code alone: Musterburg, 120,000 residents on eleven kilometres.

Nothing of it exists; only its coordinates lie in Germany.
"""

from __future__ import annotations

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray
from shapely.geometry import MultiPoint, Point, Polygon, box  # type: ignore[import-untyped]
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]
from shapely.ops import unary_union, voronoi_diagram  # type: ignore[import-untyped]

from jobs.simulate.city import City, Row, Zone
from jobs.simulate.projection import to_laea, to_wgs84

RESIDENTS = 120_000
_CENTRE_LON, _CENTRE_LAT = 11.28, 51.88
_RADIUS = 5_600.0
_DISTRICTS = (
    *("Altstadt", "Bahnhofsviertel", "Nordstadt", "Oststadt", "Südstadt", "Weststadt", "Am Wall"),
    *("Birkenfeld", "Eichenau", "Gartenstadt", "Hafen", "Kaltental", "Lindenhof", "Mühlgrund"),
    *("Neudorf", "Rosenberg", "Seeblick", "Steinbruch"),
)
# Points of interest: id, name, offset of the centre from the city's (m), width and height (m).
_POIS = (
    ("poi-1", "Marktgalerie", 150, 120, 700, 520),
    ("poi-2", "Hauptbahnhof", 700, 1_050, 620, 380),
    ("poi-3", "Universität", -1_350, 500, 900, 640),
    ("poi-4", "Messegelände", 2_900, -1_900, 950, 800),
    ("poi-5", "Stadtpark mit Stadion", -600, -2_300, 820, 760),
    ("poi-6", "Brunnenplatz", -60, -160, 60, 60),
)
_BANDS = (("GSM", "GSM900", 20), ("LTE", "B20", 40), ("LTE", "B3", 40), ("NR", "N78", 120))
_AGES = {
    "0-9": 0.093, "10-19": 0.095, "20-29": 0.125, "30-39": 0.140, "40-49": 0.124,
    "50-59": 0.150, "60-69": 0.124, "70-79": 0.086, "80+": 0.063,
}  # fmt: skip


def built_in_city() -> City:
    """The city, the same at every call."""
    rng = np.random.default_rng(20_240_229)
    x0, y0 = (float(value) for value in to_laea(_CENTRE_LON, _CENTRE_LAT))
    shapes, seeds = _districts(x0, y0)
    ids = [f"d-{number:02d}" for number in range(1, len(shapes) + 1)]
    zones = [
        Zone(zone_id, name, "district", "musterburg", _wgs84(area))
        for zone_id, name, area in zip(ids, _DISTRICTS, shapes, strict=True)
    ]
    zones.append(Zone("musterburg", "Musterburg", "city", None, _wgs84(unary_union(shapes))))
    for poi_id, name, dx, dy, width, height in _POIS:
        x, y = x0 + dx, y0 + dy
        home = int(np.argmin([area.distance(Point(x, y)) for area in shapes]))
        frame = box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        zones.append(Zone(poi_id, name, "poi", ids[home], _wgs84(frame)))
    density = np.array([np.exp(-np.hypot(x - x0, y - y0) / 3_600) for x, y in seeds])
    weights = density * np.array([area.area for area in shapes]) * rng.uniform(0.8, 1.25, len(ids))
    return City("Musterburg", tuple(_cells(rng, x0, y0)), tuple(zones), tuple(_population(rng, ids, weights)))


def _districts(x0: float, y0: float) -> tuple[list[Polygon], list[tuple[float, float]]]:
    """Voronoi cells of three rings of seeds, cut to a disc: they share their edges, so leave no gap."""
    seeds = [(x0 + 40, y0 - 30)]
    for count, radius, turn in ((6, 1_900.0, 0.3), (len(_DISTRICTS) - 7, 4_100.0, 0.1)):
        for n in range(count):
            angle, bulge = 2 * np.pi * n / count + turn, 1 + 0.09 * np.sin(5.0 * n)
            seeds.append((x0 + radius * bulge * float(np.cos(angle)), y0 + radius * bulge * float(np.sin(angle))))
    disc = Point(x0, y0).buffer(_RADIUS, quad_segs=24)
    cells = list(voronoi_diagram(MultiPoint(seeds), envelope=disc.buffer(2_000)).geoms)
    shapes = []
    for seed in seeds:
        shapes.append(next(cell for cell in cells if cell.contains(Point(seed))).intersection(disc))
    return shapes, seeds


def _cells(rng: np.random.Generator, x0: float, y0: float) -> list[Row]:
    """Sixty sites of three sectors, denser towards the centre, and two indoor cells."""
    rows: list[Row] = []
    sites: list[tuple[float, float]] = []
    while len(sites) < 60:
        radius, angle = _RADIUS * float(rng.uniform()) ** 0.75, float(rng.uniform(0, 2 * np.pi))
        x, y = x0 + radius * float(np.cos(angle)), y0 + radius * float(np.sin(angle))
        apart = 260 + 0.10 * radius
        if all(np.hypot(x - a, y - b) > apart for a, b in sites):
            sites.append((x, y))
    for number, (x, y) in enumerate(sites, start=1):
        turn, height = int(rng.integers(0, 120)), int(rng.integers(18, 42))
        for sector in range(3):
            azimuth = (turn + 120 * sector) % 360
            for technology, band, power in _BANDS:
                cell = f"M{number:03d}{sector + 1}{band}"
                rows.append(_cell(cell, f"S{number:03d}", technology, band, x, y, azimuth, power, height))
    for number, (_poi, _name, dx, dy, *_size) in enumerate(_POIS[:2], start=61):
        row = _cell(f"M{number:03d}1B3", f"S{number:03d}", "LTE", "B3", x0 + dx, y0 + dy, None, 1, 4)
        rows.append({**row, "placement": "indoor"})
    return rows


def _cell(
    cell: str, site: str, technology: str, band: str, x: float, y: float,
    azimuth: int | None, power: int, height: int,
) -> Row:  # fmt: skip
    longitude, latitude = to_wgs84(x, y)
    return {
        "cell_id": cell,
        "technology": technology,
        "latitude": f"{float(latitude):.6f}",
        "longitude": f"{float(longitude):.6f}",
        "azimuth_deg": "" if azimuth is None else str(azimuth),
        "beam_width_deg": "" if azimuth is None else "65",
        "band": band,
        "site_id": site,
        "placement": "building" if height < 30 else "freestanding",
        "power_w": str(power),
        "height_m": str(height),
    }


def _population(rng: np.random.Generator, ids: list[str], weights: NDArray[np.float64]) -> list[Row]:
    rows: list[Row] = []
    for zone_id, share in zip(ids, weights / weights.sum(), strict=True):
        tilt = rng.normal(0, 0.10)  # younger or older districts
        ages = np.array(list(_AGES.values())) * np.exp(tilt * np.linspace(-1, 1, len(_AGES)))
        for gender, part in (("female", 0.508), ("male", 0.492)):
            for band, age_share in zip(_AGES, ages / ages.sum(), strict=True):
                count = round(RESIDENTS * float(share) * part * float(age_share))
                rows.append(
                    {"zone_id": zone_id, "year": "2025", "gender": gender, "age_band": band,
                     "residents": str(count)}
                )  # fmt: skip
    return rows


def _wgs84(area: BaseGeometry) -> BaseGeometry:
    """To degrees with seven decimals (a centimetre); shared corners round alike, so edges stay shared."""

    def corners(points: NDArray[np.float64]) -> NDArray[np.float64]:
        longitude, latitude = to_wgs84(points[:, 0], points[:, 1])
        return np.stack([longitude, latitude], axis=1).round(7)

    return shapely.transform(area, corners)
