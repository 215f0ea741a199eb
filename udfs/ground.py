"""When two cells cover the same ground, told by the centres and radii of their footprints alone."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

GROUND_RADII = 1.25
"""Centres of footprints closer than this many radii (of the larger) cover the same ground.

Radii are root mean squares, so that some half of a footprint lies farther out. With 2 a third of the stays next to home
were lost in it; with less than 1, phones at rest wander. Chosen on a simulated city: see docs/positions.md.
"""


def distance_m(x: Column, y: Column, other_x: Column, other_y: Column) -> Column:
    """Distance in the plane of EPSG:3035, metres."""
    dx, dy = (x - other_x).cast("double"), (y - other_y).cast("double")
    return F.sqrt(dx * dx + dy * dy)


def same_ground(distance: Column, radius: Column, other_radius: Column) -> Column:
    """Whether footprints at a distance overlap enough to be one ground; all in metres."""
    return distance <= F.lit(GROUND_RADII) * F.greatest(radius, other_radius)
