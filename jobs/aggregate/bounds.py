"""Contribution bounding: what a unit may add to a product, chosen without regard to any order of rows."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.aggregate.specs import CELL


def bounded(cells: DataFrame, most: Mapping[str, int], carried: tuple[str, ...] = ()) -> DataFrame:
    """Keep at most so many cells of a unit, date and role, chosen by a hash of the keyed pseudonym and the cell.

    Args:
        cells: One row a unit and cell: ``date, pseudonym, role, product`` and ``CELL``; each counts one person.
        most: Bound (L0) by role; roles without one are left out.
        carried: Further columns that are handed on; they have no say in the choice.

    Returns:
        The rows that are kept. No shuffle of rows that lie together by unit.
    """
    limit = F.lit(None).cast("int")
    for role, cells_kept in sorted(most.items()):
        limit = F.when(F.col("role") == role, F.lit(cells_kept)).otherwise(limit)
    draw = F.xxhash64("pseudonym", "product", *CELL)
    order = Window.partitionBy("pseudonym", "date", "role", "product").orderBy(
        draw, *(F.col(c).asc_nulls_first() for c in CELL)
    )
    ranked = cells.withColumn("rank", F.row_number().over(order)).filter(F.col("rank") <= limit)
    return ranked.select("date", "pseudonym", "role", "product", *CELL, *carried)
