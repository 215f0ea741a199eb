"""Adaptive publication: where cells fail by themselves, they are offered together, by noised figures alone."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.release.sums import SumParams, bar
from udfs.time import daypart

_GROUP = ("_hour", "_part", "_other")


def merged_cells(cells: DataFrame, params: SumParams) -> DataFrame:
    """Merge the failing cells of a zone that differ in one column alone, where their sum passes as a sum has to.

    ``_over`` names the column: hours are merged within a part of the day, parts (of the day) within what ``other``
    says, others (genders, home zones) within their part. Looked at are cells that are suppressed and in no shown sum
    (``is_open``): where a coarser zone's figure is shown, that is what is offered instead, and no cell is in two shown
    sums. All such cells are merged, or none: at least two, their noised sum at ``min_persons`` plus the margin of
    their number; to pick some by their size would be to pick by the noise. The first of them carries the figure
    and names what it covers; the others stay suppressed, so that the domain and sums over rows stay what they are. A
    cell that is published by itself stays so.

    Args:
        cells: ``release_id, zone_id, hour, part, other, noised BIGINT, is_open BOOLEAN, _over STRING`` (``hour``,
            ``part``, ``other``; null: nothing is merged), ``_words ARRAY<STRING>`` (those of that column that are
            merged; null or empty: all) and others.
        params: Thresholds.

    Returns:
        The same rows with ``merged BIGINT``, the sum, ``merged_parts INT``, their number, and ``covers``, their words
        (hours as ``01,02``); null on all rows but the first of a merge.
    """
    over, hour = F.col("_over"), F.col("hour").cast("string")
    word = F.when(over == "hour", F.lpad(hour, 2, "0")).when(over == "part", F.col("part")).otherwise(F.col("other"))
    may = (F.coalesce(F.size("_words"), F.lit(0)) <= 0) | F.array_contains("_words", word)
    is_open = F.col("is_open") & over.isNotNull() & may
    grouped = cells.withColumns(
        {
            "_hour": F.when(over == "hour", daypart(F.col("hour"))).otherwise(hour),
            "_part": _unless(over == "part", F.col("part")),
            "_other": _unless(over == "other", F.col("other")),
            "_open": F.coalesce(is_open, F.lit(False)),
            "_word": word,
        }
    )
    group = Window.partitionBy("release_id", "zone_id", *_GROUP, "_open")
    ranked = (
        grouped.withColumn("_nth", F.row_number().over(group.orderBy("_word")))
        .withColumn("_parts", F.count("*").over(group))
        .withColumn("_sum", F.sum("noised").over(group))
        .withColumn("_told", F.sort_array(F.collect_list("_word").over(group)))
    )
    carries = F.col("_open") & (F.col("_nth") == 1) & (F.col("_parts") >= 2)
    carries = carries & (F.col("_sum") >= bar(F.col("_parts"), params))
    return (
        ranked.withColumn("merged", F.when(carries, F.col("_sum")))
        .withColumn("merged_parts", F.when(carries, F.col("_parts").cast("int")))
        .withColumn("covers", F.when(carries, F.array_join("_told", ",")))
        .drop(*_GROUP, "_open", "_word", "_nth", "_parts", "_sum", "_told")
    )


def _unless(condition: Column, value: Column) -> Column:
    return F.when(~F.coalesce(condition, F.lit(False)), value)
