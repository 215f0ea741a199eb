"""Which cells serve a phone at a place: the truth of the simulated air, kept apart from any estimator.

Per 50 m point: path loss by distance and frequency, antenna pattern in azimuth and elevation, slow fading
that is correlated in space (hashed lattice noise per mast, 80 m and 320 m), and per cell what no plan
tells: power, azimuth and tilt errors. Load and fast fading make the choice among the strongest random.
Sources: 3GPP TR 36.942 (macro path loss, antenna pattern), TR 36.814 annex A (vertical pattern).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.simulate.city import City
from jobs.simulate.ground import Floats, Ground, Ints
from jobs.simulate.projection import to_laea

# Slots by generation: legacy (GSM, UMTS), LTE, NR; a slot is an equally likely serving cell.
GENERATIONS = (("legacy", ("GSM", "UMTS"), 8), ("lte", ("LTE",), 24), ("nr", ("NR",), 16))
_GHZ = {
    "GSM900": 0.9, "B1": 2.1, "B3": 1.8, "B7": 2.6, "B8": 0.9, "B20": 0.8, "B28": 0.7, "B32": 1.5,
    "N1": 2.1, "N3": 1.8, "N28": 0.7, "N78": 3.5,
}  # fmt: skip
_GHZ_BY_TECHNOLOGY = {"GSM": 0.9, "UMTS": 2.1, "LTE": 1.8, "NR": 3.5}
_NEAR_SITES = 14  # masts considered at a point
_STRONGEST = 10  # cells considered at a point and generation
_SOFTNESS = 3.5  # dB: load and fast fading


@dataclass(frozen=True)
class RadioTruth:
    """Serving cells by grid point.

    Attributes:
        step: Grid step in metres.
        columns: Points from west to east.
        slots: One row a point: point (row * columns + column), cells (cell_ix by slot, GENERATIONS).
        cells: One row a cell: cell_ix, cell_id, technology, x, y (m).
    """

    step: int
    columns: int
    slots: pa.Table
    cells: pa.Table


def make_radio_truth(city: City, ground: Ground, seed: int, max_points: int = 250_000) -> RadioTruth:
    """Solve the air once for every point of the city's grid."""
    network = _Network.of(city, seed)
    width, height = ground.right - ground.left, ground.top - ground.bottom
    step = 50
    while (width // step) * (height // step) > max_points:
        step *= 2
    columns, rows = -(-width // step), -(-height // step)
    points = np.arange(columns * rows)
    slots = np.empty((len(points), sum(size for *_, size in GENERATIONS)), dtype=np.int32)
    for chunk in np.array_split(points, max(1, len(points) // 2_000)):
        x = np.asarray(ground.left + step * (chunk % columns + 0.5), dtype=np.float64)
        y = np.asarray(ground.bottom + step * (chunk // columns + 0.5), dtype=np.float64)
        slots[chunk] = network.serving(x, y)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(slots.ravel()), slots.shape[1])
    table = pa.table({"point": pa.array(points), "cells": lists.cast(pa.list_(pa.int32()))})
    return RadioTruth(step, columns, table, network.table)


@dataclass(frozen=True)
class _Network:
    seed: int
    site_x: Floats
    site_y: Floats
    by_site: Ints  # cell_ix by site, padded with -1
    cell: dict[str, Floats]  # columns of the cells, and of a last one that stands for the padding
    generation: Ints
    table: pa.Table

    @classmethod
    def of(cls, city: City, seed: int) -> _Network:
        rng = np.random.default_rng([seed, 2])
        x, y = to_laea([float(r["longitude"]) for r in city.cells], [float(r["latitude"]) for r in city.cells])
        places, site = np.unique(np.stack([x, y], axis=1).round(1), axis=0, return_inverse=True)
        site = site.ravel()
        members = [np.flatnonzero(site == n) for n in range(len(places))]
        by_site = np.full((len(places), max(len(m) for m in members)), -1)
        for n, m in enumerate(members):
            by_site[n, : len(m)] = m
        count = len(city.cells)
        technology = [row["technology"] for row in city.cells]
        ghz = np.array(
            [_GHZ.get(row.get("band", ""), _GHZ_BY_TECHNOLOGY.get(row["technology"], 1.8)) for row in city.cells]
        )
        indoor = np.array([row.get("placement") == "indoor" for row in city.cells])
        azimuth = np.array([_or_nan(row.get("azimuth_deg")) for row in city.cells])
        supplementary = np.array([row.get("band") == "B32" for row in city.cells])  # downlink only
        columns = {
            # Capacity bands are preferred where they reach: the bias takes back most of their path loss.
            "power": np.where(indoor, 20.0, 61.0) + rng.normal(0, 3.0, count) + 17 * np.log10(ghz / 0.8),
            "bias": np.where(supplementary, -8.0, 0.0),
            "loss": 21 * np.log10(ghz / 2.0),
            "azimuth": azimuth + rng.normal(0, 9.0, count),
            "beam": np.array([_or_nan(row.get("beam_width_deg")) for row in city.cells]),
            "tilt": np.where(indoor, 0.0, rng.uniform(2.0, 9.0, count)),
            "height": np.array(
                [5.0 if row.get("placement") == "indoor" else 27.0 for row in city.cells]
            ) * rng.uniform(0.7, 1.4, count),
        }  # fmt: skip
        columns["beam"] = np.where(np.isnan(columns["beam"]), 65.0, columns["beam"])
        lookup = {name: n for n, (_, names, _) in enumerate(GENERATIONS) for name in names}
        generation = np.array([lookup.get(name, 1) for name in technology])
        table = pa.table(
            {
                "cell_ix": pa.array(np.arange(count), pa.int32()),
                "cell_id": pa.array([row["cell_id"] for row in city.cells]),
                "technology": pa.array(technology),
                "cell_x": pa.array(x),
                "cell_y": pa.array(y),
            }
        )
        return cls(seed, places[:, 0], places[:, 1], by_site, columns, generation, table)

    def serving(self, x: Floats, y: Floats) -> Ints:
        """Cell index by slot for each of the points."""
        dx, dy = x[:, None] - self.site_x, y[:, None] - self.site_y
        distance = np.hypot(dx, dy)
        kept = min(_NEAR_SITES, distance.shape[1])
        near = np.argpartition(distance, kept - 1, axis=1)[:, :kept]
        near = np.take_along_axis(near, np.argsort(np.take_along_axis(distance, near, 1), axis=1), axis=1)
        away = np.maximum(np.take_along_axis(distance, near, 1), 15.0)
        bearing = np.degrees(np.arctan2(np.take_along_axis(dx, near, 1), np.take_along_axis(dy, near, 1)))
        fading = 5.5 * self._lattice(near, x, y, 80.0, 11) + 5.5 * self._lattice(near, x, y, 320.0, 12)
        cells = self.by_site[near]  # points x sites x cells of a site
        level = self._level(cells, away[:, :, None], bearing[:, :, None]) + fading[:, :, None]
        level = np.where(cells < 0, -np.inf, level).reshape(len(x), -1)
        cells = cells.reshape(len(x), -1)
        parts = [self._slots(cells, level, n, size) for n, (_, _, size) in enumerate(GENERATIONS)]
        return np.concatenate(parts, axis=1)

    def _level(self, cells: Ints, away: Floats, bearing: Floats) -> Floats:
        get = {name: values[cells] for name, values in self.cell.items()}
        off = (bearing - get["azimuth"] + 180) % 360 - 180
        horizontal = np.minimum(12 * (off / get["beam"]) ** 2, 25)
        horizontal = np.where(np.isnan(horizontal), 5.0, horizontal)  # omnidirectional: less gain everywhere
        elevation = np.degrees(np.arctan2(get["height"], away))
        vertical = np.minimum(12 * ((elevation - get["tilt"]) / 10) ** 2, 18)
        path = 128.1 + 37.6 * np.log10(away / 1000) + get["loss"]
        return np.asarray(get["power"] + get["bias"] - path - np.minimum(horizontal + vertical, 28), dtype=np.float64)

    def _lattice(self, sites: Ints, x: Floats, y: Floats, spacing: float, salt: int) -> Floats:
        """Near-normal noise by site, smooth over ``spacing`` metres: bilinear between hashed corners."""
        u, v = x[:, None] / spacing, y[:, None] / spacing
        i, j = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
        u, v = u - i, v - j
        corner = [[_hashed_normal(self.seed * 64 + salt, sites, i + a, j + b) for a in (0, 1)] for b in (0, 1)]
        low = corner[0][0] * (1 - u) + corner[0][1] * u
        high = corner[1][0] * (1 - u) + corner[1][1] * u
        # Bilinear means shrink the spread: give it back on average.
        return np.asarray(1.5 * (low * (1 - v) + high * v))

    def _slots(self, cells: Ints, level: Floats, generation: int, size: int) -> NDArray[np.int32]:
        usable = np.where((self.generation[cells] == generation) & (cells >= 0), level, -np.inf)
        # Where a generation is out of reach, its slots fall back on whatever serves.
        usable = np.where((usable.max(axis=1) < -125)[:, None], level, usable)
        kept = min(_STRONGEST, usable.shape[1])
        top = np.argsort(-usable, axis=1, kind="stable")[:, :kept]
        strength = np.take_along_axis(usable, top, 1)
        weight = np.exp((strength - strength[:, :1]) / _SOFTNESS)
        weight[strength < strength[:, :1] - 14] = 0
        passed = np.cumsum(weight, axis=1) / weight.sum(axis=1, keepdims=True)
        marks = (np.arange(size) + 0.5) / size
        index = (passed[:, None, :] < marks[None, :, None]).sum(axis=2)
        chosen = np.take_along_axis(cells, np.take_along_axis(top, np.minimum(index, kept - 1), 1), 1)
        return chosen.astype(np.int32)


def _hashed_normal(salt: int, *parts: Ints) -> Floats:
    with np.errstate(over="ignore"):
        state = np.full(np.broadcast_shapes(*(p.shape for p in parts)), salt, dtype=np.uint64)
        for part in parts:
            state = (state ^ part.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            state ^= state >> np.uint64(29)
            state *= np.uint64(0xBF58476D1CE4E5B9)
            state ^= state >> np.uint64(32)
    mask = np.uint64(0xFFFF)
    total = sum(((state >> np.uint64(16 * n)) & mask).astype(np.float64) for n in range(4))
    return np.asarray((total / 65_536 - 2.0) * np.sqrt(3.0))


def _or_nan(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")
