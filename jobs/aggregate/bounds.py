"""Contribution bounding: what a unit may add to a product, chosen without regard to any order of rows."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.aggregate.specs import CELL


def bounded(cells: DataFrame, most: Mapping[str, int], carried: tuple[str, ...] = ()) -> DataFrame:
    """Keep at most so many cells of a unit, date and role, chosen by a hash of the keyed pseudonym and the cell.

    Args:
        cells: Cells that units touch: ``date, pseudonym, role, product`` and ``CELL``; one that is there more
            than once counts once.
        most: Bound (L0) by role; roles without one are left out.
        carried: Further columns that are handed on, one value a unit and cell; they have no say in the choice.

    Returns:
        One row a unit and cell that is kept. No shuffle of rows that lie together by unit.
    """
    limit = F.lit(None).cast("int")
    for role, cells_kept in sorted(most.items()):
        limit = F.when(F.col("role") == role, F.lit(cells_kept)).otherwise(limit)
    draw = F.xxhash64("pseudonym", "product", *CELL)
    order = Window.partitionBy("pseudonym", "date", "role", "product").orderBy(
        draw, *(F.col(c).asc_nulls_first() for c in CELL)
    )
    nth = {"cell": F.dense_rank(), "row": F.row_number(), "first": F.rank()}
    ranked = cells.select("*", *(number.over(order).alias(f"nth_{name}") for name, number in nth.items()))
    kept = ranked.filter((F.col("nth_cell") <= limit) & (F.col("nth_row") == F.col("nth_first")))
    return kept.select("date", "pseudonym", "role", "product", *CELL, *carried)
