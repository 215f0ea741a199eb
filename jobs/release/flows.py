"""What of a week's trips is shown: the cells, and what leaves and reaches each zone, as sums of the noised figures."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.product_words import ALL_ZONES
from jobs.aggregate.specs import CELL
from jobs.release.sums import SumParams, bar, protect_crossed


def judged_flows(noised: DataFrame, params: SumParams) -> DataFrame:
    """Decide what is shown of pairs of zones, and of their sums by origin and by destination.

    Trips within a zone stand in a row of their own and are in no sum. Sums keep the rule of ``protect_crossed``.

    Args:
        noised: Rows of ``staging.noised`` of od.
        params: Thresholds.

    Returns:
        One row a cell and sum: ``release_id, level``, ``CELL``, ``status, persons, sigma``.
    """
    cells = noised.select(
        "release_id", "level", *CELL, "noised", (F.col("noised") < bar(F.lit(1), params)).alias("hidden")
    )
    crossed = protect_crossed(
        cells.filter("zone_id <> other"), ("release_id", "level", "part"), "zone_id", "other", params
    )
    within = cells.filter("zone_id = other")
    shown = within.unionByName(crossed.select(within.columns))
    out = _sums(crossed, "zone_id", "row_shown", params)
    into = _sums(crossed, "other", "column_shown", params)
    return (
        shown.select("release_id", "level", *CELL, *_figures(~F.col("hidden")), F.lit(params.sigma).alias("sigma"))
        .unionByName(out)
        .unionByName(into)
    )


def judged_found(noised: DataFrame, params: SumParams) -> DataFrame:
    """The same where only cells above a threshold were drawn: they are shown, and no sums, which would lack some.

    Args:
        noised: Rows of ``staging.noised`` of od.
        params: Thresholds.
    """
    passes = F.col("noised") >= bar(F.lit(1), params)
    return noised.select("release_id", "level", *CELL, *_figures(passes), F.lit(params.sigma).alias("sigma"))


def _sums(cells: DataFrame, by: str, shown: str, params: SumParams) -> DataFrame:
    """Rows of the sums by origin (``zone_id``) or by destination (``other``); the other end is ``all``."""
    end = "other" if by == "zone_id" else "zone_id"
    totals = cells.groupBy("release_id", "level", "hour", "part", by).agg(
        F.sum("noised").alias("noised"), F.count("*").alias("parts"), F.first(shown).alias("shown")
    )
    return totals.withColumn(end, F.lit(ALL_ZONES)).select(
        "release_id",
        "level",
        *CELL,
        *_figures(F.col("shown")),
        (F.lit(params.sigma) * F.sqrt("parts")).alias("sigma"),
    )


def _figures(shown: Column) -> tuple[Column, Column]:
    return (
        F.when(shown, F.lit("published")).otherwise(F.lit("suppressed")).alias("status"),
        F.when(shown, F.col("noised")).alias("persons"),
    )
