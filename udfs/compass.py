"""Directions in the plane of the grid, as one of eight sectors of the compass."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from expectations.product_words import SECTORS

_POINTS = SECTORS[:8]
SECTOR_DEGREES = 360 / len(_POINTS)


def sector(east: Column, north: Column) -> Column:
    """Sector of an offset: 45 degrees each, centred on N, NE, … NW; null where an offset is null.

    North is that of EPSG:3035's grid, which in Germany lies within four degrees of true north.

    Args:
        east: Offset to the east, metres.
        north: Offset to the north, metres; both zero is N.
    """
    bearing = F.degrees(F.atan2(east, north))
    index = F.pmod(F.floor((bearing + F.lit(SECTOR_DEGREES / 2)) / F.lit(SECTOR_DEGREES)), F.lit(8).cast("bigint"))
    return F.get(F.array(*(F.lit(point) for point in _POINTS)), index.cast("int"))
