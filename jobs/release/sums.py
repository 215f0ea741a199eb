"""The rule of sums: what is shown beside a sum gives no suppressed part away. One function for every product.

All of it is post-processing of noised figures: it costs no budget, and cannot see an exact count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

_HUBS = 8
"""So many of a table's columns with most hidden cells are looked at for cycles; fewer only cost utility."""


@dataclass(frozen=True)
class SumParams:
    """What makes a sum fit to be shown; columns, where given, are the same for all parts of a sum.

    Attributes:
        min_persons: Fewest persons.
        margin_sigmas: Margin above that, in standard deviations of the sum's noise.
        sigma: Noise of one part, persons; parts carry independent draws.
    """

    min_persons: int | Column
    margin_sigmas: float
    sigma: float | Column


def bar(parts: Column, params: SumParams) -> Column:
    """Least noised count of a sum of ``parts`` cells that may be shown."""
    return F.lit(params.min_persons) + F.lit(params.margin_sigmas) * F.lit(params.sigma) * F.sqrt(parts)


def protect_sums(
    parts: DataFrame, within: Sequence[str], by: str, ties: Sequence[str], params: SumParams, shown: str = "shown"
) -> DataFrame:
    """Suppress further parts where a sum would give a suppressed remainder away, or the sum itself.

    A sum is shown if its noised count passes the bar of its parts, and only with none or at least two suppressed
    parts whose noised sum passes the bar of their number as well. Otherwise further parts are suppressed,
    smallest first, and where no set of parts passes, the sum is. Parts that another shown sum covers already
    (``covered``) count in the sum, but are no suppressed parts of this one.

    Args:
        parts: ``noised BIGINT, hidden BOOLEAN, covered BOOLEAN``, the columns below, and any others.
        within: Columns inside which sums are made; null equals null.
        by: Column that names the sum; a part where it is null belongs to none.
        ties: Columns that order equal parts; with ``noised`` a total order within a sum.
        params: Thresholds.
        shown: Name of the column that says whether the part's sum is shown.

    Returns:
        The same rows, with ``hidden`` as it has become, and ``shown``.
    """
    group = Window.partitionBy(*within, by)
    # Suppressed parts come first, then the smallest shown ones: the first set that passes is the least loss.
    ordered = Window.partitionBy(*within, by, "covered").orderBy(F.col("hidden").desc(), F.col("noised"), *ties)
    so_far = ordered.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    is_open = ~F.col("covered")
    ranked = (
        parts.withColumn("_nth", F.row_number().over(ordered))
        .withColumn("_sum", F.sum("noised").over(so_far))
        .withColumn("_hidden", F.count_if(is_open & F.col("hidden")).over(group))
    )
    passes = (F.col("_nth") >= 2) & (F.col("_sum") >= bar(F.col("_nth"), params))
    cut = F.min(F.when(is_open & passes & (F.col("_nth") >= F.col("_hidden")), F.col("_nth"))).over(group)
    reaches = F.sum("noised").over(group) >= bar(F.count("*").over(group), params)
    return (
        ranked.withColumn("_cut", F.when(F.col("_hidden") == 0, F.lit(0)).otherwise(cut))
        .withColumn(shown, F.col(by).isNotNull() & F.col("_cut").isNotNull() & reaches)
        .withColumn("hidden", F.col("hidden") | (F.col(shown) & is_open & (F.col("_nth") <= F.col("_cut"))))
        .drop("_nth", "_sum", "_hidden", "_cut")
    )


def protect_crossed(
    parts: DataFrame, within: Sequence[str], rows: str, columns: str, params: SumParams
) -> DataFrame:  # fmt: skip
    """The rule for a table whose cells take part in two sums, as flows do: one of their row, one of their column.

    Each sum keeps the rule of ``protect_sums``. Beyond it, the sums together must not give a cell away: taken as
    the edges of a graph between rows and columns (all sums that are not shown are one node), a hidden cell follows
    from the shown figures if and only if its edge is a bridge (Gusfield 1988). A cell on a hidden rectangle, two rows
    by two columns, is none. Sums of columns with a hidden cell that is on no rectangle are not shown, nor then are
    sums of rows with one such cell alone. Taking a sum away joins nodes, which makes no bridge.
    Not looked at is whether a difference of several sums, of two suppressed parts or more, passes the bar.

    Args:
        parts: ``noised BIGINT, hidden BOOLEAN``, the columns below, and any others; one row a cell.
        within: Columns inside which tables lie; null equals null.
        rows: Column that names the row; its sums are preferred.
        columns: Column that names the column.
        params: Thresholds.

    Returns:
        The same rows, with ``hidden`` as it has become, ``row_shown`` and ``column_shown``.
    """
    cells = parts.withColumn("covered", F.lit(False))
    for by, tie, shown in ((rows, columns, "row_shown"), (columns, rows, "column_shown"), (rows, columns, "row_shown")):
        cells = protect_sums(cells, within, by, [tie], params, shown)
    # What the later pass has hidden may leave an earlier sum with one suppressed part: look once more, hiding nothing.
    cells = cells.withColumn("row_shown", _keeps_rule([*within, rows], params))
    cells = cells.withColumn("column_shown", _keeps_rule([*within, columns], params))
    table = F.to_json(F.struct(*within), {"ignoreNullFields": "false"}) if within else F.lit("")
    cells = cells.withColumn("_table", table)
    safe = _on_rectangles(cells, rows, columns)
    tested = cells.join(safe, on=["_table", columns], how="left")
    loose = F.col("hidden") & ~F.coalesce(F.array_contains("_safe", F.col(rows)), F.lit(False))
    in_column, in_row = Window.partitionBy("_table", columns), Window.partitionBy("_table", rows)
    tested = tested.withColumn("_loose", loose)
    tested = tested.withColumn("column_shown", F.col("column_shown") & (F.count_if("_loose").over(in_column) == 0))
    outside = F.col("hidden") & ~F.col("column_shown")
    alone = (F.count_if(outside).over(in_row) == 1) & (F.count_if("_loose").over(in_row) == 1)
    return tested.withColumn("row_shown", F.col("row_shown") & ~alone).select(
        *parts.columns, "row_shown", "column_shown"
    )


def _keeps_rule(by: Sequence[str], params: SumParams) -> Column:
    """Whether a sum may be shown with the parts that are hidden by now."""
    group = Window.partitionBy(*by)
    hidden = F.count_if("hidden").over(group)
    remainder = F.coalesce(F.sum(F.when(F.col("hidden"), F.col("noised"))).over(group), F.lit(0))
    reaches = F.sum("noised").over(group) >= bar(F.count("*").over(group), params)
    return reaches & ((hidden == 0) | ((hidden >= 2) & (remainder >= bar(hidden, params))))


def _on_rectangles(cells: DataFrame, rows: str, columns: str) -> DataFrame:
    """Hidden cells on a hidden rectangle of two rows by two columns: ``_table``, the column, ``_safe`` (its rows)."""
    by_column = (
        cells.filter("hidden")
        .groupBy("_table", columns)
        .agg(F.sort_array(F.collect_set(rows)).alias("_rows"))
        .withColumn("_size", F.size("_rows"))
    )
    order = Window.partitionBy("_table").orderBy(F.col("_size").desc(), columns)
    hub = F.struct(F.col(columns).alias("name"), F.col("_rows").alias("rows"))
    hubs = (
        by_column.withColumn("_nth", F.row_number().over(order))
        .filter(F.col("_nth") <= _HUBS)
        .groupBy("_table")
        .agg(F.collect_list(hub).alias("_hubs"))
    )
    shared = F.transform(
        F.filter("_hubs", lambda h: h["name"] != F.col(columns)), lambda h: F.array_intersect(h["rows"], F.col("_rows"))
    )
    on_one = F.array_distinct(F.flatten(F.filter(shared, lambda both: F.size(both) >= 2)))
    return by_column.join(hubs, on="_table", how="inner").select("_table", columns, on_one.alias("_safe"))
