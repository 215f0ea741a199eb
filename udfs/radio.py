"""How strongly a cell is received in a tile, how likely a phone there is on it, and which ring a timing advance names.

It matters to accuracy, never to privacy.

Sources: M. Tennekes and Y. A. P. M. Gootzen, "Bayesian location estimation of mobile devices using a signal
strength model", Journal of Spatial Information Science 25 (2022), and their R package mobloc (ESSnet Big Data):
strength by distance and direction, dominance, defaults. The directional loss is that of 3GPP TR 36.814, table
A.2.1.1-2 (``12 (angle / width)²``, 25 dB at most in azimuth, 20 in elevation), in place of mobloc's fitted curve.
Timing advance: 3GPP TS 45.010 (GSM, 48/13 µs a step), TS 36.211 and 36.213 (LTE, 16 T_s a step).
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from udfs import geo

SPREAD_IN_TILE_M2 = geo.TILE_AREA_M2 / 6
"""Variance of a uniform position in a tile, both axes together, square metres."""

HALF_DIAGONAL_M = 71.0
"""Farthest that a point of a tile lies from its centre, metres."""

AZIMUTH_LOSS_MAX_DB = 25.0
ELEVATION_LOSS_MAX_DB = 20.0
TOTAL_LOSS_MAX_DB = 30.0
"""Front-to-back ratio of the pattern as a whole, decibels."""

TIMING_ADVANCE_M = {"GSM": 553.5, "LTE": 78.12}
"""Distance of one step of timing advance by technology, metres; other technologies tell none that is sure."""


def dbm(watts: Column) -> Column:
    """Power in decibels over a milliwatt."""
    return F.lit(10.0) * F.log10(watts) + F.lit(30.0)


def off_axis_deg(dx: Column, dy: Column, azimuth_deg: Column) -> Column:
    """Angle between an offset from the mast (metres east, metres north) and the azimuth, 0 to 180 degrees."""
    bearing = F.degrees(F.atan2(dx, dy))
    return F.abs(F.pmod(bearing - azimuth_deg + F.lit(180.0), F.lit(360.0)) - F.lit(180.0))


def pattern_db(angle_deg: Column, width_deg: Column, most_db: float) -> Column:
    """Loss of an antenna off its axis, decibels: ``12 (angle / width)²``, so 3 dB at half the half-power width.

    None without an axis: where the angle or the width is null.
    """
    loss = F.lit(12.0) * (angle_deg / width_deg) * (angle_deg / width_deg)
    # least() passes over nulls: without the condition an antenna without an axis would lose the most everywhere.
    return F.when(loss.isNotNull(), F.least(loss, F.lit(most_db))).otherwise(F.lit(0.0))


def strength_db(
    dx: Column, dy: Column, power_w: Column, exponent: Column, height_m: Column, azimuth_deg: Column,
    beam_deg: Column, tilt_deg: Column, elevation_beam_deg: float,
) -> Column:  # fmt: skip
    """Received strength at an offset from the mast, dBm: power, less path loss, less directional loss.

    ``P - 10 γ log10(distance)``, the distance in three dimensions and as the root mean square over a tile, so that the
    tile under a mast is not infinitely near. Without an azimuth there is no directional loss in azimuth, without
    a tilt none in elevation.

    Args:
        dx: Metres east of the mast, to the tile's centre.
        dy: Metres north of the mast.
        power_w: Transmit power, watts.
        exponent: Path loss exponent γ.
        height_m: Height of the antenna above the phones, metres.
        azimuth_deg: Degrees clockwise from grid north; null: all round.
        beam_deg: Half-power width in azimuth.
        tilt_deg: Degrees below the horizon; null: no loss in elevation.
        elevation_beam_deg: Half-power width in elevation.
    """
    flat = dx * dx + dy * dy + F.lit(SPREAD_IN_TILE_M2)
    path = F.lit(5.0) * exponent * F.log10(flat + height_m * height_m)
    sideways = pattern_db(off_axis_deg(dx, dy, azimuth_deg), beam_deg, AZIMUTH_LOSS_MAX_DB)
    below = F.degrees(F.atan2(height_m, F.sqrt(flat))) - tilt_deg
    upright = pattern_db(below, F.lit(elevation_beam_deg), ELEVATION_LOSS_MAX_DB)
    return dbm(power_w) - path - F.least(sideways + upright, F.lit(TOTAL_LOSS_MAX_DB))


def dominance(strength: Column, middle: Column, steepness: float) -> Column:
    """Signal dominance, 0 to 1: ``1 / (1 + exp(-steepness (strength - middle)))``, strengths in dBm."""
    return F.lit(1.0) / (F.lit(1.0) + F.exp((middle - strength) * F.lit(steepness)))


def ring_of(timing_advance: Column, ring_steps: Column) -> Column:
    """Ring (INT) that a timing advance names; null where either is null: see ``reference.cell_positions``."""
    return F.floor(timing_advance / ring_steps).cast("int")
