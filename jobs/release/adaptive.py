"""Adaptive publication: where hours fail by themselves, their part of the day is offered, by noised figures alone."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.release.sums import SumParams, bar
from udfs.time import daypart


def merged_hours(cells: DataFrame, params: SumParams) -> DataFrame:
    """Merge the failing hours of a zone within a part of the day, where their sum passes as a sum has to.

    Looked at are cells that are suppressed and in no shown sum (``is_open``): where a coarser zone's figure is
    shown, that is what is offered instead, and no cell is in two shown sums. All such hours of a zone and part of the
    day are merged, or none: at least two, their noised sum at ``min_persons`` plus the margin of their number. The
    first of them carries the figure, person-hours, and names what it covers; the others stay suppressed, so that
    the domain and sums over rows stay what they are. A cell that is published by itself stays so.

    Args:
        cells: ``release_id, zone_id, hour, part, other, noised BIGINT, is_open BOOLEAN`` and others.
        params: Thresholds.

    Returns:
        The same rows with ``merged BIGINT``, the person-hours, ``merged_parts INT``, their number, and ``covers``,
        their hours as ``01,02``; null on all rows but the first of a merge.
    """
    group = Window.partitionBy("release_id", "zone_id", "part", "other", "_daypart", "is_open")
    ordered = group.orderBy("hour")
    hours = F.sort_array(F.collect_list("hour").over(group))
    ranked = (
        cells.withColumn("_daypart", daypart(F.col("hour")))
        .withColumn("_nth", F.row_number().over(ordered))
        .withColumn("_parts", F.count("*").over(group))
        .withColumn("_sum", F.sum("noised").over(group))
        .withColumn("_hours", hours)
    )
    carries = F.col("is_open") & (F.col("_nth") == 1) & (F.col("_parts") >= 2)
    carries = carries & (F.col("_sum") >= bar(F.col("_parts"), params))
    names = F.array_join(F.transform("_hours", lambda hour: F.lpad(hour.cast("string"), 2, "0")), ",")
    return (
        ranked.withColumn("merged", F.when(carries, F.col("_sum")))
        .withColumn("merged_parts", F.when(carries, F.col("_parts").cast("int")))
        .withColumn("covers", F.when(carries, names))
        .drop("_daypart", "_nth", "_parts", "_sum", "_hours")
    )
