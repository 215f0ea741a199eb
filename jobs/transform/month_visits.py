"""Stage 2 of monthly products: the zones in which a unit stayed, day by day, under the month's key."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.visits import VISITS
from jobs.segment.longer import renamed


def month_visits(segments: DataFrame, counted: DataFrame, months: DataFrame) -> DataFrame:
    """Zones of the finest partition, and points of interest, in which a unit stayed.

    Args:
        segments: Rows of ``pseudonymous.segments``, positions drawn under the month's key: see ``draw.redrawn``.
        counted: See ``jobs.transform.presence.counted_zones``, broadcast; places under four tiles count through small
            cells alone.
        months: See ``jobs.segment.longer.longer_pseudonyms``.

    Returns:
        Rows of ``pseudonymous.visits``. One shuffle of stays, by what makes them distinct.
    """
    stayed = (
        segments.filter("kind = 'stay'")
        .select("date", "pseudonym", "purposes", "by_small_cell", "tile")
        .join(F.broadcast(counted), on="tile", how="inner")
        .filter("by_small_cell OR NOT small_cells_only")
        .select("date", "pseudonym", "purposes", "role", "zone_id")
        .distinct()
    )
    return renamed(stayed, months, "month").select(VISITS.column_names)
