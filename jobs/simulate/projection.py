"""ETRS89-LAEA (EPSG:3035), the plane in which everybody moves, as closed formulas for the driver.

Source: Lambert azimuthal equal-area, ellipsoidal case, EPSG guidance note 7-2 (method 9820).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_A = 6_378_137.0
_F = 1 / 298.257222101
_E2 = _F * (2 - _F)
_E = float(np.sqrt(_E2))
_LAT0, _LON0 = np.radians(52.0), np.radians(10.0)
_FALSE_EASTING, _FALSE_NORTHING = 4_321_000.0, 3_210_000.0


def _q(lat: Floats | float) -> Floats:
    sine = np.sin(np.asarray(lat, dtype=np.float64))
    log = np.log((1 - _E * sine) / (1 + _E * sine)) / (2 * _E)
    return np.asarray((1 - _E2) * (sine / (1 - _E2 * sine**2) - log), dtype=np.float64)


_QP = float(_q(np.pi / 2))
_RQ = _A * float(np.sqrt(_QP / 2))
_BETA0 = float(np.arcsin(_q(_LAT0) / _QP))
_D = _A * float(np.cos(_LAT0) / np.sqrt(1 - _E2 * np.sin(_LAT0) ** 2)) / (_RQ * float(np.cos(_BETA0)))


def to_laea(longitude: ArrayLike, latitude: ArrayLike) -> tuple[Floats, Floats]:
    """Project WGS84 degrees to metres (easting, northing) in EPSG:3035."""
    lon = np.radians(np.asarray(longitude, dtype=np.float64)) - _LON0
    beta = np.arcsin(np.clip(_q(np.radians(np.asarray(latitude, dtype=np.float64))) / _QP, -1, 1))
    common = 1 + np.sin(_BETA0) * np.sin(beta) + np.cos(_BETA0) * np.cos(beta) * np.cos(lon)
    b = _RQ * np.sqrt(2 / common)
    x = _FALSE_EASTING + b * _D * np.cos(beta) * np.sin(lon)
    north = np.cos(_BETA0) * np.sin(beta) - np.sin(_BETA0) * np.cos(beta) * np.cos(lon)
    return np.asarray(x), np.asarray(_FALSE_NORTHING + b / _D * north)


def to_wgs84(easting: ArrayLike, northing: ArrayLike) -> tuple[Floats, Floats]:
    """Turn EPSG:3035 metres back into degrees (longitude, latitude), to about a millimetre."""
    x = (np.asarray(easting, dtype=np.float64) - _FALSE_EASTING) / _D
    y = (np.asarray(northing, dtype=np.float64) - _FALSE_NORTHING) * _D
    rho = np.maximum(np.hypot(x, y), 1e-9)
    c = 2 * np.arcsin(rho / (2 * _RQ))
    beta = np.arcsin(np.cos(c) * np.sin(_BETA0) + y * np.sin(c) * np.cos(_BETA0) / rho)
    lon = _LON0 + np.arctan2(x * np.sin(c), rho * np.cos(_BETA0) * np.cos(c) - y * np.sin(_BETA0) * np.sin(c))
    e2, e4, e6 = _E2, _E2**2, _E2**3
    lat = (
        beta
        + (e2 / 3 + 31 * e4 / 180 + 517 * e6 / 5040) * np.sin(2 * beta)
        + (23 * e4 / 360 + 251 * e6 / 3780) * np.sin(4 * beta)
        + (761 * e6 / 45360) * np.sin(6 * beta)
    )
    return np.degrees(lon), np.degrees(lat)
