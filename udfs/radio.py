"""Where a phone on a cell may be: reach of a cell, the ground its antenna covers, and how likely near and far are.

A first model from the cell plan alone. It matters to accuracy, never to privacy.

Sources: 3GPP TR 36.942, section 4.2.1 (horizontal antenna pattern, attenuation ``12 (θ / θ_3dB)²`` dB);
F. Ricciato et al., "Towards a methodological framework for estimating present population density from mobile
network operator data", Pervasive and Mobile Computing 68 (2020): areas by cell instead of Voronoi cells;
M. Tennekes and Y. A. P. M. Gootzen, "Bayesian location estimation of mobile devices using a signal strength
model", Journal of Spatial Information Science 25 (2022): the share of phones on a cell falls with distance.
"""

from __future__ import annotations

import math

from pyspark.sql import Column
from pyspark.sql import functions as F

from udfs.geo import st

ARC_STEP_DEG = 5.0
"""Step of the polygon that stands for an arc."""

INSCRIBED = math.cos(math.radians(ARC_STEP_DEG / 2))
"""Radius of the circle inside such a polygon, as a share of its own."""

LOBE_SHARE = 0.15
LOBE_MIN_M = 100.0
"""Back and side lobes serve a circle round the mast of this share of the range, and at least this radius."""

SECTOR_MAX_DEG = 150.0
"""Coverage of one sector among three: 120 degrees and an overlap of 15 on either side."""


def reach_m(near_site_m: Column, limit_m: Column, factor: float, floor_m: float) -> Column:
    """Range of a cell, metres: a multiple of the distance to near sites, within a floor and a limit.

    Args:
        near_site_m: Distance to one of the nearest other sites; null where there is none in reach.
        limit_m: Upper limit; wins over the floor.
        factor: Multiple of the distance.
        floor_m: Lower bound.
    """
    # greatest and least pass over nulls: a cell without neighbours would shrink to the floor.
    grown = F.when(near_site_m.isNotNull(), F.greatest(near_site_m * F.lit(factor), F.lit(floor_m)))
    return F.round(F.least(F.coalesce(grown, limit_m), limit_m), 0)


def coverage_deg(half_power_deg: Column) -> Column:
    """Width of the covered sector, degrees, from the half-power beam width.

    The 10 dB width of the 3GPP pattern, 1.83 times the half-power width, but no wider than 150 for the common
    three-sector site, and at least a quarter wider than the half-power width; 360 means a circle.
    """
    ten_db = half_power_deg * F.lit(1.83)
    wide = F.greatest(half_power_deg * F.lit(1.25), F.least(ten_db, F.lit(SECTOR_MAX_DEG)))
    return F.round(F.least(wide, F.lit(360.0)), 1)


def lobe_m(range_m: Column) -> Column:
    """Radius of the circle round the mast that back and side lobes serve, metres."""
    return F.least(F.greatest(range_m * F.lit(LOBE_SHARE), F.lit(LOBE_MIN_M)), range_m)


def coverage_polygon(x: Column, y: Column, range_m: Column, azimuth_deg: Column, width_deg: Column) -> Column:
    """Ground that a cell covers, as a geometry in EPSG:3035.

    A circle where the azimuth is null or the width is 360, else a sector and a small circle round the mast.

    Args:
        x: Easting of the mast, metres.
        y: Northing of the mast, metres.
        range_m: Range, metres.
        azimuth_deg: Degrees clockwise from grid north.
        width_deg: Width of the sector, degrees, see ``coverage_deg``.
    """
    round_about = azimuth_deg.isNull() | (width_deg >= F.lit(360.0))
    sector = _fan(x, y, range_m, azimuth_deg, width_deg)
    lobe = _circle(x, y, lobe_m(range_m))
    return F.when(round_about, _circle(x, y, range_m)).otherwise(st("ST_Union", sector, lobe))


def off_axis_deg(dx: Column, dy: Column, azimuth_deg: Column) -> Column:
    """Angle between an offset from the mast (metres east, metres north) and the azimuth, 0 to 180 degrees."""
    bearing = F.degrees(F.atan2(dx, dy))
    return F.abs(F.pmod(bearing - azimuth_deg + F.lit(180.0), F.lit(360.0)) - F.lit(180.0))


def edge_m(away_m: Column, off_deg: Column, width_deg: Column) -> Column:
    """Distance to the nearer straight edge of an endless sector, metres, negative outside; null for a circle.

    Args:
        away_m: Distance from the mast.
        off_deg: See ``off_axis_deg``; null for a circle.
        width_deg: Width of the sector.
    """
    turn = width_deg / F.lit(2.0) - off_deg
    # Beyond a right angle from the edge, the mast itself is the edge's nearest point.
    return away_m * F.sin(F.radians(F.greatest(F.least(turn, F.lit(90.0)), F.lit(-90.0))))


def nearness(distance_m: Column, range_m: Column) -> Column:
    """Relative likelihood of a phone on the cell at a distance: ``1 / (1 + (d / r0)²)``, with r0 half the range.

    Received power falls at least with the square of the distance (free space; exponents in towns are higher),
    and is flat below a core radius; far from the mast other cells win. At the rim a fifth of the mast's value.
    """
    ratio = distance_m / (range_m / F.lit(2.0))
    return F.lit(1.0) / (F.lit(1.0) + ratio * ratio)


def _fan(x: Column, y: Column, radius: Column, azimuth_deg: Column, width_deg: Column) -> Column:
    steps = F.greatest(F.ceil(width_deg / F.lit(ARC_STEP_DEG)), F.lit(2)).cast("int")
    start = azimuth_deg - width_deg / F.lit(2.0)
    rim = F.transform(F.sequence(F.lit(0), steps), lambda i: _vertex(x, y, radius, start + width_deg * i / steps))
    apex = F.array(_pair(x, y))
    return _polygon(F.concat(apex, rim, apex))


def _circle(x: Column, y: Column, radius: Column) -> Column:
    count = int(360 / ARC_STEP_DEG)
    # The last vertex repeats the first: a ring must close on the very same number.
    rim = F.transform(
        F.sequence(F.lit(0), F.lit(count)),
        lambda i: _vertex(x, y, radius, F.lit(ARC_STEP_DEG) * F.pmod(i, F.lit(count))),
    )
    return _polygon(rim)


def _vertex(x: Column, y: Column, radius: Column, bearing_deg: Column) -> Column:
    angle = F.radians(bearing_deg)
    return _pair(x + radius * F.sin(angle), y + radius * F.cos(angle))


def _pair(x: Column, y: Column) -> Column:
    return F.format_string("%.2f %.2f", x.cast("double"), y.cast("double"))


def _polygon(pairs: Column) -> Column:
    ring = F.array_join(pairs, ", ")
    return st("ST_GeomFromWKT", F.concat(F.lit("POLYGON(("), ring, F.lit("))")))
