"""Segments cut at the hours of the clock: the common ground of events and of the truth."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.simulate.clock import Clock


def by_hour(segments: DataFrame, clock: Clock) -> DataFrame:
    """Add hour_ix, from_s and to_s (epoch s): a row for each hour of the window that a segment touches."""
    first = F.floor((F.col("start_s") - clock.begin) / 3600)
    last = F.floor((F.col("end_s") - 1 - clock.begin) / 3600)
    cut = (
        segments.where((F.col("end_s") > clock.begin) & (F.col("start_s") < clock.end))
        .withColumn("first", F.greatest(first, F.lit(0)))
        .withColumn("last", F.least(last, F.lit(clock.hour_count - 1)))
        .withColumn("hour_ix", F.explode(F.sequence(F.col("first"), F.col("last"))))
        .drop("first", "last")
    )
    hour_begins = F.lit(clock.begin) + F.col("hour_ix") * 3600
    return cut.withColumn("from_s", F.greatest(F.col("start_s"), hour_begins)).withColumn(
        "to_s", F.least(F.col("end_s"), hour_begins + 3600)
    )
