"""Which plan footprints were solved for, and what a change of the plan touches."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.contract import Contract
from jobs.lake import Door
from jobs.transform.coverage import blocks
from jobs.transform.sectors import FootprintParams

METHOD = "signal-3"
"""Part of the ground's digest: change it with the model, and stored footprints are made anew."""


@dataclass(frozen=True)
class PlanIds:
    """What footprints are made for.

    Attributes:
        plan_id: Digest of the ground and the cells (SHA-256, 16 hexadecimal digits).
        ground_id: Digest of what every footprint hangs on: zones, residents, parameters, method.
        cells: Cells of the plan.
        moved: Cells of which several rows are valid within the run's days.
    """

    plan_id: str
    ground_id: str
    cells: int
    moved: int


def plan_ids(cells: DataFrame, zones: DataFrame, residents: DataFrame, params: FootprintParams) -> PlanIds:
    """Digest a plan, in one action. The order of rows does not matter, nor do validities.

    Rows are digested in 256 groups first, so that no single value grows with a national plan.

    Args:
        cells: See ``sectors.valid_cells``.
        zones: Rows of ``reference.zones``.
        residents: Rows of ``reference.residents``.
        params: See ``FootprintParams``.
    """
    plan = _row_digests(cells, "cells", ("valid_from", "valid_to", "is_moved"))
    ground = _row_digests(zones, "zones").unionByName(_row_digests(residents, "residents"))
    grouped = (
        plan.unionByName(ground)
        .groupBy("is_cell", F.substring("digest", 1, 2).alias("group"))
        .agg(
            F.sha2(F.concat_ws("", F.array_sort(F.collect_list("digest"))), 256).alias("digest"),
            F.count(F.lit(1)).alias("rows"),
            F.sum(F.col("is_moved").cast("int")).alias("moved"),
        )
    )

    def told(is_cell: bool) -> Column:
        digests = F.collect_list(F.when(F.col("is_cell") == F.lit(is_cell), F.col("digest")))
        return F.concat_ws("", F.array_sort(digests))

    method = f"{METHOD} {replace(params, slices=1)!r}"
    ground_id = F.substring(F.sha2(F.concat(told(False), F.lit(method)), 256), 1, 16)
    found = grouped.agg(
        ground_id.alias("ground_id"),
        F.substring(F.sha2(F.concat(told(True), ground_id), 256), 1, 16).alias("plan_id"),
        F.coalesce(F.sum(F.when(F.col("is_cell"), F.col("rows"))), F.lit(0)).alias("cells"),
        F.coalesce(F.sum("moved"), F.lit(0)).alias("moved"),
    ).collect()[0]
    return PlanIds(found["plan_id"], found["ground_id"], int(found["cells"]), int(found["moved"]))


def _row_digests(rows: DataFrame, table: str, apart: tuple[str, ...] = ()) -> DataFrame:
    told = sorted(set(rows.columns) - set(apart))
    return rows.select(
        F.sha2(F.concat(F.lit(table), F.to_json(F.struct(*told))), 256).alias("digest"),
        F.lit(table == "cells").alias("is_cell"),
        (F.col("is_moved") if "is_moved" in rows.columns else F.lit(False)).alias("is_moved"),
    )


def stored_ids(door: Door, contract: Contract) -> set[str]:
    """Plans of a stored table: one where it is whole, none where there is none."""
    if not door.exists(contract):
        return set()
    return {str(row["plan_id"]) for row in door.read(contract).select("plan_id").distinct().limit(2).collect()}


def changed_ground(before: DataFrame, now: DataFrame, params: FootprintParams) -> tuple[DataFrame, DataFrame]:
    """Find the blocks in which a change of the plan can have changed anybody's share.

    They are those with a beam of which the number of a sector's cells changed, and those whose list of beams did.

    Args:
        before: Rows of ``reference.sectors`` as stored.
        now: Rows of ``reference.sectors`` of the new plan.
        params: See ``FootprintParams``.

    Returns:
        The blocks (``block_x, block_y``), and what is to be solved in them (see ``coverage.blocks``).
    """
    counted = [
        plan.groupBy("beam", "sector").agg(F.count(F.lit(1)).alias(name))
        for plan, name in ((before, "was"), (now, "cells"))
    ]
    changed = (
        counted[0].join(counted[1], on=["beam", "sector"], how="full")
        .where(~F.col("was").eqNullSafe(F.col("cells"))).select("beam").distinct()
    )  # fmt: skip
    # Each step is kept: the plan of all of them together takes longer to make than its result.
    with ThreadPoolExecutor(max_workers=2) as pool:
        old, new = pool.map(lambda plan: blocks(plan, params).localCheckpoint(), (before, now))
    told = [
        beams.select("block_x", "block_y", "beam", F.lit(True).alias(mark))
        for beams, mark in ((old, "was"), (new, "stays"))
    ]
    # A mast that comes can push another out of a block's list without being in it itself.
    differs = F.col("was").isNull() | F.col("stays").isNull() | F.col("is_changed").isNotNull()
    here = (
        told[0].join(told[1], on=["block_x", "block_y", "beam"], how="full")
        .join(F.broadcast(changed.withColumn("is_changed", F.lit(True))), on="beam", how="left")
        .where(differs).select("block_x", "block_y").distinct().localCheckpoint()
    )  # fmt: skip
    return here, new.join(F.broadcast(here), on=["block_x", "block_y"], how="left_semi")
