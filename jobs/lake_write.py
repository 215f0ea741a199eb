"""How rows take the place of others: whole tables or some periods of them, in one commit."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, DataFrameWriter
from pyspark.sql import functions as F

from expectations.contract import Contract, WriteMode
from jobs.lake_lock import is_local
from jobs.lake_log import latest_version, may_hold
from jobs.lake_sql import period_predicate


def only_adds(root: str, location: str, contract: Contract, periods: Sequence[str] = ()) -> bool:
    """Whether rows that are written meet none: nothing was ever written, or no file may hold a row of the periods.

    A plain write brings in the same rows then, without the queries of looking for others. Known of lakes on this
    machine alone, where one process writes at a time.

    Args:
        root: Root of the lake.
        location: Path or qualified name of the table, which is there.
        contract: The table.
        periods: Values of ``contract.period`` that are written; none: any.
    """
    if not is_local(root):
        return False
    if periods and contract.period and contract.mode is WriteMode.REPLACE_WHERE:
        return not may_hold(location, contract.period, periods)
    return latest_version(location) == 0


def replacing(contract: Contract, rows: DataFrame, periods: Sequence[str], *, adds: bool) -> DataFrameWriter:
    """A writer of rows in the place of all, or of the given periods' by the contract's mode.

    Rows outside these periods make the write fail.

    Args:
        contract: The table.
        rows: Its columns in their order.
        periods: Values of ``contract.period``.
        adds: Whether there is nothing that would be replaced: then nothing is looked for.
    """
    within = period_predicate(contract, periods) if contract.mode is WriteMode.REPLACE_WHERE else None
    if not adds:
        writer = rows.write.format("delta").mode("overwrite")
        return writer.option("replaceWhere", within) if within else writer
    if within and contract.period:
        stray = F.raise_error(F.lit(f"{contract.full_name}: rows outside the periods that are written"))
        own = F.when(F.expr(within), F.col(contract.period)).otherwise(stray)
        rows = rows.withColumn(contract.period, own)
    return rows.write.format("delta").mode("append")
