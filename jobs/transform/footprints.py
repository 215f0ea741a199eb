"""The job that keeps, for the run's cell plan, where a phone on a cell may be.

Geometry is solved here, once per distinct sector of a cell plan; what is sized like events never meets it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from expectations.cells import CELLS
from expectations.contract import Contract, Schema
from expectations.footprints import CELL_POSITIONS, FOOTPRINTS, SECTORS, ZONE_RESOLUTION
from expectations.residents import RESIDENTS
from expectations.tiles import TILES
from expectations.zones import ZONE_TILES, ZONES
from jobs.errors import InputRejectedError
from jobs.ingest.zone_tiles import tiles_of
from jobs.transform.coverage import blocks
from jobs.transform.plan import PlanIds, plan_ids, stored_ids
from jobs.transform.positions import cell_positions, renewed_positions, zone_resolution
from jobs.transform.posteriors import footprints, renewed, weights
from jobs.transform.prior import home_ground, tile_priors
from jobs.transform.sectors import FootprintParams, sectors, valid_cells
from udfs.time import day_bounds

if TYPE_CHECKING:
    from jobs.context import JobReport, RunContext
    from jobs.lake import Door


def run_footprints(context: RunContext) -> JobReport:
    """Solve the cell plan: sectors, footprints, their tiles, how well zones resolve, and what events join.

    Skipped while the plan, the zones, the residents and the parameters are those of the stored sectors, which are
    written last. Where only cells changed, footprints that they touch are made anew, and no others.

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
        if stored_ids(door, SECTORS) == {ids.plan_id}:
            return JobReport("footprints", skipped=True)
        if ids.cells == 0:
            raise InputRejectedError(
                f"cells: none of the plan's rows is valid between {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC:"
                " check valid_from and valid_to, or deliver the plan of those days"
            )
        if ids.moved:
            context.say(f"{ids.moved} cells move within the run's days: each counts where it is for most of them")
        solved = _solve(door, cells, ids, params)
        context.say(f"footprints of {ids.cells} cells: {solved} sectors solved")
    finally:
        cells.unpersist()
    counts = {"cells_moved": float(ids.moved), "sectors_solved": float(solved)}
    return JobReport("footprints", rows_in=ids.cells, rows_out=ids.cells, counts=counts)


def _solve(door: Door, cells: DataFrame, ids: PlanIds, params: FootprintParams) -> int:
    """Write the five tables, sectors last, which say that all is done; returns the sectors solved."""
    zones, zone_tiles, residents = door.read(ZONES), door.read(ZONE_TILES), _residents(door)
    priors = tile_priors(zones, zone_tiles, residents, params.radio)
    planned = (
        sectors(cells, ids.plan_id, ids.ground_id, params),
        home_ground(zones, zone_tiles, residents, params.radio),
    )
    # All three are small: what takes time is planning them.
    with ThreadPoolExecutor(max_workers=2) as pool:
        made = pool.map(lambda frame: frame.localCheckpoint(), planned)
        stored_plan, written = _renewable(door, ids), dict[Contract, DataFrame]()
        network, homes = made
    if stored_plan:
        # A change is a tenth of the work or less, and each slice costs time of its own.
        params = replace(params, slices=max(1, params.slices // 8))
        before = door.read(SECTORS).localCheckpoint()
        # Of its version: it is replaced while other tables are made of it.
        stored = door.read(FOOTPRINTS, door.version(FOOTPRINTS))
        prints, anew = renewed(before, stored, network, priors, ids.plan_id, params)
        written[FOOTPRINTS] = prints
    else:
        before, anew = network, network.select("sector").distinct()
        weighed = weights(network, blocks(network, params), priors, params)
        door.replace(FOOTPRINTS, footprints(weighed, ids.plan_id, params))
        prints = door.read(FOOTPRINTS)
    prints = prints.where("probability > 0")
    if stored_plan and stored_ids(door, CELL_POSITIONS) == {stored_plan}:
        stored = door.read(CELL_POSITIONS)
        positions = renewed_positions(before, stored, prints, network, homes, anew, ids.plan_id, params)
    else:
        positions = cell_positions(prints, network, homes, ids.plan_id, params)
    resolution, tiles = zone_resolution(prints, network, zone_tiles), tiles_of(zone_tiles, prints)
    _write(door, {CELL_POSITIONS: positions, **written, ZONE_RESOLUTION: resolution, TILES: tiles})
    door.replace(SECTORS, network)
    return anew.count()


def _write(door: Door, tables: Mapping[Contract, DataFrame]) -> None:
    """Write tables side by side: small ones wait on their logs more than they compute."""
    with ThreadPoolExecutor(max_workers=len(tables)) as pool:
        list(pool.map(lambda item: door.replace(*item), tables.items()))


def _renewable(door: Door, ids: PlanIds) -> str | None:
    """Plan of the stored footprints, if they are whole, of the stored sectors, and stand on the same ground."""
    if not door.exists(SECTORS):
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
