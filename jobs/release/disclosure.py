"""Disclosure control on noised figures alone: thresholds with margin, sums of levels, secondary suppression.

Everything here is post-processing of figures that already carry their noise, so it costs no budget;
and nothing here can see an exact count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.aggregate.specs import CELL

_CELL = ("release_id", "hour", "part", "other")


@dataclass(frozen=True)
class DisclosureParams:
    """What makes a figure fit to be shown.

    Attributes:
        min_persons: Fewest persons.
        margin_sigmas: Margin above that, in standard deviations of the noise.
        sigma_partition: Noise of one cell of the finest partition, persons.
        sigma_place: Noise of one cell at points of interest, persons; ``None``: not drawn.
    """

    min_persons: int
    margin_sigmas: float
    sigma_partition: float
    sigma_place: float | None = None


def lineage(zones: DataFrame, levels: list[str]) -> DataFrame:
    """Ancestors of each finest zone.

    Args:
        zones: Rows of ``reference.zones``.
        levels: Levels of the partitions, coarsest first; the last is the finest.

    Returns:
        One row a finest zone: ``zone_id`` and ``up_<i>``, its ancestor at ``levels[i]`` (null: none).
    """
    steps = zones.filter("role = 'partition'").select("zone_id", "level", "parent_id")
    found = steps.filter(F.col("level") == levels[-1]).select("zone_id", F.col("parent_id").alias("next"))
    for i in range(len(levels) - 2, -1, -1):
        parents = steps.filter(F.col("level") == levels[i]).select(
            F.col("zone_id").alias("next"), F.col("parent_id").alias("after"), F.lit(True).alias("hit")
        )
        found = found.join(F.broadcast(parents), on="next", how="left").select(
            *(c for c in found.columns if c != "next"),
            F.when(F.col("hit"), F.col("next")).alias(f"up_{i}"),
            # A zone may hang below a level further up: it then waits for that level's turn.
            F.when(F.col("hit"), F.col("after")).otherwise(F.col("next")).alias("next"),
        )
    return found.drop("next")


def judged_partition(noised: DataFrame, ancestry: DataFrame, levels: list[str], params: DisclosureParams) -> DataFrame:
    """Decide what of the nested levels is shown.

    A cell is shown if its noised count reaches ``min_persons`` plus the margin. A sum is shown if it reaches
    the same with the margin of its parts, and only with none or at least two suppressed parts whose noised
    sum passes as well; otherwise further parts are suppressed, smallest first; where no set of parts
    passes, the sum itself is suppressed. Parts below a shown sum of a level in between do not count again.

    Args:
        noised: Rows of ``staging.noised`` at the finest level, of one product.
        ancestry: See ``lineage``.
        levels: Levels, coarsest first.
        params: Thresholds.

    Returns:
        One row a cell of every level: ``release_id, level``, ``CELL``, ``status, persons, sigma``.
    """
    finest = len(levels) - 1
    leaves = noised.join(F.broadcast(ancestry), on="zone_id", how="inner").select(
        *_CELL,
        "zone_id",
        "noised",
        (F.col("noised") < _bar(F.lit(1), params)).alias("hidden"),
        F.lit(False).alias("covered"),
        *(c for c in ancestry.columns if c != "zone_id"),
    )
    sums: list[DataFrame] = []
    for i in range(finest - 1, -1, -1):
        leaves = _protect(leaves, f"up_{i}", params)
        sums.append(_sums(leaves, f"up_{i}", levels[i], params))
        leaves = leaves.withColumn("covered", F.col("covered") | F.coalesce("shown", F.lit(False))).drop("shown")
    result = leaves.select(
        "release_id",
        F.lit(levels[finest]).alias("level"),
        *CELL,
        _status(~F.col("hidden")),
        _persons(~F.col("hidden")),
        F.lit(params.sigma_partition).alias("sigma"),
    )
    for frame in sums:
        result = result.unionByName(frame)
    return result


def judged_places(noised: DataFrame, places: DataFrame, params: DisclosureParams) -> DataFrame:
    """Decide what of the points of interest is shown; those without a draw are unresolved by the network.

    Args:
        noised: Rows of ``staging.noised`` at the level of places.
        places: The public domain: ``release_id, level`` and ``CELL``.
        params: Thresholds; ``sigma_place`` is required.

    Returns:
        One row a cell of the domain, columns as of ``judged_partition``.
    """
    sigma = params.sigma_place or 0.0
    shown = F.coalesce(F.col("noised") >= params.min_persons + params.margin_sigmas * sigma, F.lit(False))
    drawn = noised.select("release_id", *CELL, "noised")
    same = [F.col(f"p.{c}").eqNullSafe(F.col(f"n.{c}")) for c in ("release_id", *CELL)]
    cells = places.alias("p").join(drawn.alias("n"), on=reduce(Column.__and__, same), how="left")
    status = F.when(F.col("n.noised").isNull(), "unresolved").when(shown, "published").otherwise("suppressed")
    return cells.select(
        "p.release_id",
        "p.level",
        *(f"p.{c}" for c in CELL),
        status.alias("status"),
        F.when(shown, F.col("n.noised")).alias("persons"),
        F.lit(sigma).alias("sigma"),
    )


def _bar(parts: Column, params: DisclosureParams) -> Column:
    """Least noised count of a sum of ``parts`` cells that may be shown."""
    return F.lit(params.min_persons) + F.lit(params.margin_sigmas * params.sigma_partition) * F.sqrt(parts)


def _protect(leaves: DataFrame, up: str, params: DisclosureParams) -> DataFrame:
    """Suppress further leaves where a sum would give a suppressed remainder away; add ``shown`` for the sum."""
    group = Window.partitionBy(*_CELL, up)
    # Suppressed parts come first, then the smallest shown ones: the first set that passes is the least loss.
    ordered = Window.partitionBy(*_CELL, up, "covered").orderBy(
        F.col("hidden").desc(), F.col("noised"), F.col("zone_id")
    )
    so_far = ordered.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    open_part = ~F.col("covered")
    ranked = (
        leaves.withColumn("nth", F.row_number().over(ordered))
        .withColumn("sum_so_far", F.sum("noised").over(so_far))
        .withColumn("hidden_parts", F.sum(F.when(open_part & F.col("hidden"), 1).otherwise(0)).over(group))
    )
    passes = (F.col("nth") >= 2) & (F.col("sum_so_far") >= _bar(F.col("nth"), params))
    cut = F.min(F.when(open_part & passes & (F.col("nth") >= F.col("hidden_parts")), F.col("nth"))).over(group)
    reaches = F.sum("noised").over(group) >= _bar(F.count("*").over(group), params)
    return (
        ranked.withColumn("cut", F.when(F.col("hidden_parts") == 0, F.lit(0)).otherwise(cut))
        .withColumn("shown", F.col(up).isNotNull() & F.col("cut").isNotNull() & reaches)
        .withColumn("hidden", F.col("hidden") | (F.col("shown") & open_part & (F.col("nth") <= F.col("cut"))))
        .drop("nth", "sum_so_far", "hidden_parts", "cut")
    )


def _sums(leaves: DataFrame, up: str, level: str, params: DisclosureParams) -> DataFrame:
    return (
        leaves.filter(F.col(up).isNotNull())
        .groupBy(*_CELL, up)
        .agg(F.sum("noised").alias("noised"), F.count("*").alias("parts"), F.first("shown").alias("shown"))
        .select(
            "release_id",
            F.lit(level).alias("level"),
            F.col(up).alias("zone_id"),
            *(c for c in CELL if c != "zone_id"),
            _status(F.col("shown")),
            _persons(F.col("shown")),
            (F.lit(params.sigma_partition) * F.sqrt("parts")).alias("sigma"),
        )
    )


def _status(shown: Column) -> Column:
    return F.when(shown, F.lit("published")).otherwise(F.lit("suppressed")).alias("status")


def _persons(shown: Column) -> Column:
    return F.when(shown, F.col("noised")).alias("persons")
