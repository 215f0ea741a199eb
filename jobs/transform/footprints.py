"""Where a phone on a cell may be: the posterior over tiles, and the job that keeps it for the run's cell plan.

Geometry is solved here, once per distinct sector of a cell plan; what is sized like events never meets it.
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.cells import CELLS
from expectations.contract import Schema
from expectations.footprints import CELL_POSITIONS, FOOTPRINTS, SECTORS, ZONE_RESOLUTION
from expectations.residents import RESIDENTS
from expectations.tiles import TILES
from expectations.zones import ZONE_TILES, ZONES
from jobs.errors import InputRejectedError
from jobs.ingest.zone_tiles import tiles_of
from jobs.transform.coverage import blocks, shares
from jobs.transform.plan import PlanIds, plan_ids, stored_ids, touched
from jobs.transform.positions import cell_positions, renewed_positions, zone_resolution
from jobs.transform.prior import MILLION, home_ground, other_ground, tile_priors
from jobs.transform.sectors import FootprintParams, sectors, valid_cells
from udfs.geo import settled
from udfs.time import day_bounds

if TYPE_CHECKING:
    from jobs.context import JobReport, RunContext
    from jobs.lake import Door


def footprints(
    network: DataFrame, around: DataFrame, priors: DataFrame, plan_id: str, params: FootprintParams
) -> DataFrame:
    """Turn shares into posteriors: P(tile | cell) is proportional to the tile's prior times P(cell | tile).

    Tiles below ``least_share`` of the footprint's mean tile are cut off, and the rest made to sum to one: at most
    that share of the whole is cut.

    Args:
        network: Rows of ``reference.sectors``.
        around: See ``coverage.blocks``; a footprint is whole if all blocks of its mast are there.
        priors: See ``prior.tile_priors``, broadcast.
        plan_id: See ``plan.plan_ids``.
        params: See ``FootprintParams``.

    Returns:
        Rows of ``reference.footprints``. The same rows however the input is partitioned.
    """
    prior = F.coalesce("prior", F.lit(other_ground(params.radio)).cast("bigint"))
    weight = F.greatest(F.round(F.col("share") * prior / F.lit(MILLION)), F.lit(1)).cast("bigint")
    weighed = (
        shares(network, around, params)
        .join(F.broadcast(priors), on="tile", how="left")
        .select("sector", F.struct("tile", weight.alias("weight")).alias("pair"))
    )
    gathered = weighed.groupBy("sector").agg(
        F.collect_list("pair").alias("tiles"), F.sum("pair.weight").alias("all"), F.count(F.lit(1)).alias("n")
    )
    kept = settled(gathered, least=F.col("all") / F.col("n") * F.lit(params.least_share)).select(
        "sector", F.filter("tiles", lambda t: t["weight"] >= F.col("least")).alias("tiles")
    )
    add_up = F.aggregate(F.col("tiles.weight"), F.lit(0).cast("bigint"), lambda total, one: total + one)
    return (
        settled(kept, total=add_up)
        .select("sector", "total", F.inline("tiles"))
        .withColumn("probability", F.col("weight") / F.col("total"))
        .withColumn("plan_id", F.lit(plan_id))
        .select(FOOTPRINTS.column_names)
    )


def renewed(
    before: DataFrame, stored: DataFrame, network: DataFrame, priors: DataFrame, plan_id: str, params: FootprintParams
) -> tuple[DataFrame, DataFrame]:
    """Bring footprints to a changed plan: those that the change touches are solved anew, the others stay.

    Args:
        before: Rows of ``reference.sectors`` of the stored plan.
        stored: Rows of ``reference.footprints`` of that plan.
        network: Rows of ``reference.sectors`` of the new plan.
        priors: The same as those that the stored ones were made with.
        plan_id: See ``plan.plan_ids``.
        params: The same, too.

    Returns:
        Rows of ``reference.footprints``, the same as if all were made anew, and the sectors solved (``sector``).
    """
    around, beams = touched(before, network, params)
    anew = network.join(F.broadcast(beams), on="beam", how="left_semi").select("sector").distinct().localCheckpoint()
    others = network.join(F.broadcast(anew), on="sector", how="left_anti").select("sector").distinct()
    kept = stored.withColumn("plan_id", F.lit(plan_id)).join(F.broadcast(others), on="sector", how="left_semi")
    found = footprints(network, around, priors, plan_id, params).join(F.broadcast(anew), on="sector", how="left_semi")
    return kept.select(FOOTPRINTS.column_names).unionByName(found.select(FOOTPRINTS.column_names)), anew


def run_footprints(context: RunContext) -> JobReport:
    """Solve the cell plan: sectors, footprints, their tiles, how well zones resolve, and what events join.

    Skipped while the plan, the zones, the residents and the parameters are those of the stored positions, which
    are written last. Where only cells changed, footprints that they touch are solved anew, and no others.

    Args:
        context: Context of the run; cells count that are valid on one of its days.

    Raises:
        InputRejectedError: No cell is valid on the run's days.
    """
    from jobs.context import JobReport

    params = FootprintParams(context.policy.radio)
    door = context.lake.door(reads=[Schema.REFERENCE], writes=[Schema.REFERENCE])
    start, end = _span(context.settings.days, context.policy.time_zone)
    cells = valid_cells(door.read(CELLS), start, end).persist()
    try:
        ids = plan_ids(cells.drop("is_moved"), door.read(ZONES), _residents(door), params)
        positioned = stored_ids(door, CELL_POSITIONS)
        if positioned == {ids.plan_id}:
            return JobReport("footprints", skipped=True)
        if ids.cells == 0:
            raise InputRejectedError(
                f"cells: none of the plan's rows is valid between {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC:"
                " check valid_from and valid_to, or deliver the plan of those days"
            )
        if ids.moved:
            context.say(f"{ids.moved} cells move within the run's days: each counts where it is for most of them")
        solved = _solve(door, cells, ids, positioned, params)
        context.say(f"footprints of {ids.cells} cells: {solved} sectors solved")
    finally:
        cells.unpersist()
    counts = {"cells_moved": float(ids.moved), "sectors_solved": float(solved)}
    return JobReport("footprints", rows_in=ids.cells, rows_out=ids.cells, counts=counts)


def _solve(door: Door, cells: DataFrame, ids: PlanIds, positioned: set[str], params: FootprintParams) -> int:
    """Write the five tables, ``positioned`` being the plans of the stored positions; returns the sectors solved."""
    zones, zone_tiles = door.read(ZONES), door.read(ZONE_TILES)
    network = sectors(cells, ids.plan_id, ids.ground_id, params).localCheckpoint()
    priors = tile_priors(zones, zone_tiles, _residents(door), params.radio)
    homes = home_ground(zones, zone_tiles, _residents(door), params.radio)
    stored_plan = _renewable(door, ids)
    before = door.read(SECTORS).localCheckpoint() if stored_plan else network
    if not stored_plan:
        found = footprints(network, blocks(network, params), priors, ids.plan_id, params)
        anew = network.select("sector").distinct()
    else:
        found, anew = renewed(before, door.read(FOOTPRINTS), network, priors, ids.plan_id, params)
    door.replace(FOOTPRINTS, found)
    written, solved = door.read(FOOTPRINTS), anew.count()
    beside = {
        TILES: tiles_of(zone_tiles, written),
        ZONE_RESOLUTION: zone_resolution(written, network, zone_tiles),
        SECTORS: network,
    }
    # Small tables wait on their logs more than they compute; positions, which say that all is done, come last.
    with ThreadPoolExecutor(max_workers=len(beside)) as pool:
        list(pool.map(lambda item: door.replace(*item), beside.items()))
    if stored_plan and positioned == {stored_plan}:
        stored = door.read(CELL_POSITIONS)
        positions = renewed_positions(before, stored, written, network, homes, anew, ids.plan_id, params)
    else:
        positions = cell_positions(written, network, homes, ids.plan_id, params)
    door.replace(CELL_POSITIONS, positions)
    return solved


def _renewable(door: Door, ids: PlanIds) -> str | None:
    """Plan of the stored footprints, if they are whole, of the stored sectors, and stand on the same ground."""
    if not door.exists(SECTORS) or not door.exists(FOOTPRINTS):
        return None
    stored = door.read(SECTORS).select("plan_id", "ground_id").distinct().limit(2).collect()
    if len(stored) != 1 or stored[0]["ground_id"] != ids.ground_id:
        return None
    plan_id = str(stored[0]["plan_id"])
    return plan_id if stored_ids(door, FOOTPRINTS) == {plan_id} else None


def _residents(door: Door) -> DataFrame:
    door.create([RESIDENTS])
    return door.read(RESIDENTS)


def _span(days: list[dt.date], time_zone: str) -> tuple[dt.datetime, dt.datetime]:
    return day_bounds(days[0], time_zone)[0], day_bounds(days[-1], time_zone)[1]
