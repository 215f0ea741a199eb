"""Disclosure control on noised figures alone: thresholds with margin, sums of levels, what is offered instead.

Everything here is post-processing of figures that already carry their noise, so it costs no budget;
and nothing here can see an exact count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.aggregate.specs import CELL
from jobs.release.adaptive import merged_cells
from jobs.release.sums import SumParams, bar, protect_sums

_CELL = ("release_id", "hour", "part", "other")
_RULES = ("_least", "_sigma", "_over", "_words")
BLOCKS = "ARRAY<STRUCT<zone_id: STRING, persons: BIGINT>>"


@dataclass(frozen=True)
class DisclosureParams:
    """What makes a figure fit to be shown; columns where releases with different rules are judged together.

    Attributes:
        min_persons: Fewest persons; the same for all cells of a release.
        margin_sigmas: Margin above that, in standard deviations of the noise.
        sigma: Noise of one cell, persons; the same for all cells of a release that are judged together.
        over: Column of ``CELL`` over which failing cells are merged; ``None`` or null: nothing is.
        words: Words of that column that are merged; empty or null: all.
    """

    min_persons: int | Column
    margin_sigmas: float
    sigma: float | Column
    over: str | Column | None = None
    words: Column | None = None

    @property
    def columns(self) -> list[Column]:
        """The rules as columns of each row, ``_RULES``."""
        types = ("int", "double", "string", "array<string>")
        values = (self.min_persons, self.sigma, self.over, self.words)
        return [F.lit(value).cast(kind).alias(name) for value, name, kind in zip(values, _RULES, types, strict=True)]

    @property
    def sums(self) -> SumParams:
        """The thresholds, of rows with ``columns``."""
        return SumParams(F.col("_least"), self.margin_sigmas, F.col("_sigma"))


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

    A cell is shown if its noised count reaches ``min_persons`` plus the margin; sums of coarser levels keep the
    rule of ``protect_sums``. Parts below a shown sum of a level in between do not count again. Of what then is in no
    shown sum, cells may be merged (``merged_cells``).

    Args:
        noised: Rows of ``staging.noised`` at the finest level, of one product.
        ancestry: See ``lineage``.
        levels: Levels, coarsest first.
        params: Thresholds.

    Returns:
        One row a cell of every level: ``release_id, level``, ``CELL``, ``status, persons, sigma, covers, blocks``.
        ``blocks`` tells of what a shown sum is made, as a reader could reckon it from shown figures: shown finest
        cells, and the remainder of each shown sum at or below it; null elsewhere.
    """
    finest = len(levels) - 1
    rows = noised.select(*_CELL, "zone_id", "noised", *params.columns)
    leaves = rows.join(F.broadcast(ancestry), on="zone_id", how="inner").select(
        *rows.columns,
        (F.col("noised") < bar(F.lit(1), params.sums)).alias("hidden"),
        F.lit(False).alias("covered"),
        *(c for c in ancestry.columns if c != "zone_id"),
    )
    for i in range(finest - 1, -1, -1):
        leaves = protect_sums(leaves, _CELL, f"up_{i}", ["zone_id"], params.sums, f"shown_{i}")
        leaves = leaves.withColumn("covered", F.col("covered") | F.col(f"shown_{i}"))
    result = _cells(leaves, levels[finest], params)
    if finest == 0:
        return result
    blocks = _with_blocks(leaves, finest)
    for i in range(finest - 1, -1, -1):
        result = result.unionByName(_sums(blocks, i, levels[i]))
    return result


def judged_places(noised: DataFrame, places: DataFrame, params: DisclosureParams) -> DataFrame:
    """Decide what of the points of interest is shown; those without a draw are unresolved by the network.

    Args:
        noised: Rows of ``staging.noised`` at the level of places.
        places: The public domain: ``release_id, level`` and ``CELL``.
        params: Thresholds.

    Returns:
        One row a cell of the domain, columns as of ``judged_partition``.
    """
    drawn = noised.select("release_id", *CELL, "noised", *params.columns)
    same = [F.col(f"p.{c}").eqNullSafe(F.col(f"n.{c}")) for c in ("release_id", *CELL)]
    cells = places.alias("p").join(drawn.alias("n"), on=reduce(Column.__and__, same), how="left")
    known = cells.select(
        "p.release_id",
        "p.level",
        *(f"p.{c}" for c in CELL),
        "n.noised",
        *_RULES,
        F.coalesce(F.col("n.noised") < bar(F.lit(1), params.sums), F.lit(True)).alias("hidden"),
        F.col("n.noised").isNull().alias("covered"),
    )
    return _cells(known, None, params)


def _cells(cells: DataFrame, level: str | None, params: DisclosureParams) -> DataFrame:
    """Rows of drawn cells: published, merged, suppressed, or unresolved where nothing was drawn."""
    is_open = F.col("hidden") & ~F.col("covered")
    marked = merged_cells(cells.withColumn("is_open", is_open), params.sums)
    status = (
        F.when(F.col("noised").isNull(), "unresolved")
        .when(~F.col("hidden"), "published")
        .when(F.col("merged").isNotNull(), "merged")
        .otherwise("suppressed")
    )
    return marked.select(
        "release_id",
        F.lit(level).alias("level") if level is not None else F.col("level"),
        *CELL,
        status.alias("status"),
        F.coalesce(F.when(~F.col("hidden"), F.col("noised")), F.col("merged")).alias("persons"),
        (F.col("_sigma") * F.sqrt(F.coalesce("merged_parts", F.lit(1)))).alias("sigma"),
        "covers",
        F.lit(None).cast(BLOCKS).alias("blocks"),
    )


def _with_blocks(leaves: DataFrame, finest: int) -> DataFrame:
    """Add ``block``: on one leaf of each the zone that shows a hidden leaf's share, or the shown leaf, and its persons.

    A hidden leaf belongs to the lowest shown sum that it is in.
    """
    lowest = [F.when(F.col(f"shown_{i}"), F.col(f"up_{i}")) for i in range(finest - 1, -1, -1)]
    named = leaves.withColumn("_block", F.coalesce(F.when(~F.col("hidden"), F.col("zone_id")), *lowest))
    group = Window.partitionBy(*_CELL, "_block")
    total = F.sum("noised").over(group)
    first = F.row_number().over(group.orderBy("zone_id")) == 1
    block = F.struct(F.col("_block").alias("zone_id"), total.alias("persons"))
    return named.withColumn("block", F.when(first & F.col("_block").isNotNull(), block)).drop("_block")


def _sums(leaves: DataFrame, i: int, level: str) -> DataFrame:
    up, shown = f"up_{i}", F.col("shown")
    return (
        leaves.filter(F.col(up).isNotNull())
        .groupBy(*_CELL, up)
        .agg(
            F.sum("noised").alias("noised"),
            F.count("*").alias("parts"),
            F.first(f"shown_{i}").alias("shown"),
            F.first("_sigma").alias("_sigma"),
            F.sort_array(F.collect_list("block")).alias("blocks"),
        )
        .select(
            "release_id",
            F.lit(level).alias("level"),
            F.col(up).alias("zone_id"),
            *(c for c in CELL if c != "zone_id"),
            F.when(shown, F.lit("published")).otherwise(F.lit("suppressed")).alias("status"),
            F.when(shown, F.col("noised")).alias("persons"),
            (F.col("_sigma") * F.sqrt("parts")).alias("sigma"),
            F.lit(None).cast("string").alias("covers"),
            F.when(shown, F.col("blocks")).alias("blocks"),
        )
    )
