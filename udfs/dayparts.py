"""Parts of the local day, by the hour of the clock."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from expectations.product_words import DAYPART_STARTS


def daypart(hour: Column) -> Column:
    """Part of the day that an hour of the local clock lies in."""
    found = F.lit(None).cast("string")
    for name, start in sorted(DAYPART_STARTS.items(), key=lambda item: item[1]):
        found = F.when(hour >= start, F.lit(name)).otherwise(found)
    return found
