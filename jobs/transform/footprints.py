"""Where a phone on a cell may be: tiles with probabilities, and the form in which events join them.

Geometry is solved here, once per distinct sector of a cell plan; what is sized like events never meets it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.cells import CELLS
from expectations.contract import Schema
from expectations.footprints import CELL_POSITIONS, FOOTPRINTS
from expectations.tiles import TILES
from expectations.zones import ZONE_TILES, ZONES
from jobs.errors import InputRejectedError
from jobs.ingest.zone_tiles import tiles_of
from jobs.transform.sectors import FootprintParams, sectors, valid_cells
from udfs import geo, radio
from udfs.geo import settled
from udfs.time import day_bounds

if TYPE_CHECKING:
    from jobs.context import JobReport, RunContext

METHOD = "sector-1"
"""Part of the plan's digest: change it with the model, and stored footprints are made anew."""

_WHOLE = 1_000_000  # weights and probabilities are summed as whole millionths, in whatever order
_FINE = 1_000_000_000
_HALF_DIAGONAL_M = 71.0
_SPREAD_IN_TILE_M2 = geo.TILE_AREA_M2 / 6  # variance of a uniform position in a square, both axes


def footprints(cells: DataFrame, params: FootprintParams) -> DataFrame:
    """Spread each cell over the tiles that it covers.

    A tile's weight is the share of it that the sector covers, times ``udfs.radio.nearness`` of its centre;
    weights become probabilities that sum to one over a cell, tiles below ``least_share`` of the likeliest cut off.

    Args:
        cells: Rows of ``reference.cells``, one a cell.
        params: See ``FootprintParams``.

    Returns:
        Rows of ``reference.footprints``. The same rows however the input is partitioned.
    """
    by_cell = sectors(cells, params)
    distinct = by_cell.drop("cell_id", "site_id", "is_small").distinct()
    pairs = F.collect_list(F.struct("tile", "weight"))
    gathered = _weights(distinct.repartition(params.slices, "sector")).groupBy("sector").agg(pairs.alias("around"))
    topped = settled(gathered, least=F.array_max(F.col("around.weight")) * F.lit(params.least_share))
    kept = settled(topped, tiles=F.filter("around", lambda t: t["weight"] >= F.col("least")))
    add_up = F.aggregate(F.col("tiles.weight"), F.lit(0).cast("bigint"), lambda total, weight: total + weight)
    solved = settled(kept, total=add_up).select("sector", "tiles", "total")
    return (
        solved.join(F.broadcast(by_cell.select("cell_id", "sector")), on="sector", how="inner")
        .select("cell_id", "total", F.inline("tiles"))
        .withColumn("probability", F.col("weight") / F.col("total"))
        .select(FOOTPRINTS.column_names)
    )


def _weights(distinct: DataFrame) -> DataFrame:
    """Weigh the tiles around each sector: ``sector, tile, weight`` (BIGINT, millionths), positive ones only.

    Tiles that lie plainly inside or outside are told by arithmetic; the rim goes to ST_Intersection.
    """
    reach, lobe = F.col("range_m"), radio.lobe_m(F.col("range_m"))
    ground = radio.coverage_polygon(F.col("x"), F.col("y"), reach, F.col("azimuth_deg"), F.col("width_deg"))
    around = (
        distinct.withColumn("ground", ground)
        .withColumn("column", F.explode(geo.covering_indices(F.col("x") - reach, F.col("x") + reach)))
        .withColumn("row", F.explode(geo.covering_indices(F.col("y") - reach, F.col("y") + reach)))
    )
    dx, dy = geo.index_centre(F.col("column")) - F.col("x"), geo.index_centre(F.col("row")) - F.col("y")
    off = radio.off_axis_deg(F.col("dx"), F.col("dy"), F.col("azimuth_deg"))
    away = F.col("away")
    edge = F.coalesce(radio.edge_m(away, F.col("off"), F.col("width_deg")), away + _HALF_DIAGONAL_M)
    offsets = settled(around, dx=dx, dy=dy)
    polar = settled(offsets, away=F.sqrt(F.col("dx") * F.col("dx") + F.col("dy") * F.col("dy")), off=off)
    is_outside = (away > reach + _HALF_DIAGONAL_M) | (
        (F.col("edge") < -_HALF_DIAGONAL_M) & (away > lobe + _HALF_DIAGONAL_M)
    )
    is_inside = (away + _HALF_DIAGONAL_M <= reach * radio.INSCRIBED) & (
        (F.col("edge") >= _HALF_DIAGONAL_M) | (away + _HALF_DIAGONAL_M <= lobe * radio.INSCRIBED)
    )
    tile = geo.square(F.col("column") * geo.TILE_M, F.col("row") * geo.TILE_M, geo.TILE_M)
    common = geo.st("ST_Area", geo.st("ST_Intersection", tile, F.col("ground")))
    share = F.when(is_inside, F.lit(1.0)).otherwise(common / F.lit(geo.TILE_AREA_M2))
    weight = F.round(share * radio.nearness(away, reach) * F.lit(_WHOLE), 0).cast("bigint")
    touched = settled(polar, edge=edge).where(~is_outside)
    return (
        settled(touched, tile=geo.tile_at(F.col("column"), F.col("row")), weight=weight)
        .select("sector", "tile", "weight")
        .where(F.col("weight") > 0)
    )


def cell_positions(footprints: DataFrame, cells: DataFrame, plan_id: str, params: FootprintParams) -> DataFrame:
    """Bring footprints into the form that events join: one small row a cell.

    Slot k of ``quantiles`` is the tile at (k + 0.5) / K of the cumulative probability along a Z-order curve, so
    that tiles appear as often as they are likely (to 1 / K) and near slots lie near each other.

    Args:
        footprints: Rows of ``reference.footprints``.
        cells: The rows of ``reference.cells`` that they were made from, one a cell.
        plan_id: See ``plan_digest``.
        params: See ``FootprintParams``.

    Returns:
        Rows of ``reference.cell_positions``; ``radius_m`` includes the spread within a tile (41 m for a single one).
    """
    by_cell = sectors(cells, params).select("cell_id", "site_id", "is_small", "sector")
    one_each = by_cell.groupBy("sector").agg(F.min("cell_id").alias("cell_id"))
    curve = Window.partitionBy("sector").orderBy("z", "tile")
    so_far = curve.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    whole = Window.partitionBy("sector")
    share = F.round(F.col("probability") * F.lit(_FINE), 0).cast("bigint")
    ranked = (
        footprints.join(F.broadcast(one_each), on="cell_id", how="inner")
        .withColumn("z", geo.z_order(F.col("tile")))
        .withColumn("w", share)
        .withColumn("until", F.sum("w").over(so_far))
        .withColumn("total", F.sum("w").over(whole))
        .withColumn("first", _slots_before(F.col("until") - F.col("w"), params.quantiles))
        .withColumn("slots", _slots_before(F.col("until"), params.quantiles) - F.col("first"))
        .withColumn("i", geo.tile_column(F.col("tile")))
        .withColumn("j", geo.tile_row(F.col("tile")))
    )
    run = F.when(F.col("slots") > 0, F.struct("first", "slots", "tile"))
    moments = ranked.groupBy("sector").agg(
        F.array_sort(F.collect_list(run)).alias("runs"),
        F.sum("w").alias("n"),
        *(F.sum(F.col("w") * F.col(axis)).alias(f"{axis}1") for axis in "ij"),
        *(F.sum(F.col("w") * F.col(axis) * F.col(axis)).alias(f"{axis}2") for axis in "ij"),
    )
    filled = F.flatten(F.transform("runs", lambda r: F.array_repeat(r["tile"], r["slots"].cast("int"))))
    spread = (_variance("i") + _variance("j")) * F.lit(geo.TILE_AREA_M2) + F.lit(_SPREAD_IN_TILE_M2)
    return (
        by_cell.join(moments, on="sector", how="inner")
        .withColumn("plan_id", F.lit(plan_id))
        .withColumn("site_group", F.col("site_id"))
        .withColumn("centre_x", F.round((F.col("i1") / F.col("n") + F.lit(0.5)) * F.lit(geo.TILE_M), 1))
        .withColumn("centre_y", F.round((F.col("j1") / F.col("n") + F.lit(0.5)) * F.lit(geo.TILE_M), 1))
        .withColumn("radius_m", F.round(F.sqrt(spread), 1))
        .withColumn("quantiles", filled)
        .select(CELL_POSITIONS.column_names)
    )


def _slots_before(cumulative: Column, quantiles: int) -> Column:
    """How many of the points (k + 0.5) / K lie below a cumulative weight, in whole numbers: ceil(K c / n - 1/2)."""
    k = F.lit(quantiles).cast("bigint")
    doubled = cumulative * k * 2 - F.col("total")
    return F.greatest(F.ceil(doubled / (F.col("total") * 2)), F.lit(0)).cast("bigint")


def _variance(axis: str) -> Column:
    """Variance along an axis in squared tiles, from whole-number moments that do not depend on any order."""
    mean = F.col(f"{axis}1") / F.col("n")
    return F.greatest(F.col(f"{axis}2") / F.col("n") - mean * mean, F.lit(0.0))


def plan_digest(cells: DataFrame, zones: DataFrame, params: FootprintParams) -> DataFrame:
    """Digest what footprints and tiles depend on, in one row with ``plan_id`` (SHA-256, 16 hexadecimal digits).

    Rows are digested in 256 groups first, so that no single value grows with a national plan; the order of
    rows does not matter.

    Args:
        cells: Rows of ``reference.cells``, one a cell.
        zones: Rows of ``reference.zones``.
        params: See ``FootprintParams``.
    """
    ground = cells.drop("valid_from", "valid_to")
    parts = [_row_digests(ground, "cells"), _row_digests(zones, "zones")]
    method = f"{METHOD} {replace(params, slices=1)!r}"
    grouped = (
        parts[0]
        .unionByName(parts[1])
        .groupBy(F.substring("digest", 1, 2).alias("group"))
        .agg(F.sha2(F.concat_ws("", F.array_sort(F.collect_list("digest"))), 256).alias("digest"))
    )
    told = F.concat_ws("", F.array_sort(F.collect_list("digest")), F.lit(method))
    return grouped.agg(F.substring(F.sha2(told, 256), 1, 16).alias("plan_id"))


def _row_digests(rows: DataFrame, table: str) -> DataFrame:
    return rows.select(F.sha2(F.concat(F.lit(table), F.to_json(F.struct(*sorted(rows.columns)))), 256).alias("digest"))


def run_footprints(context: RunContext) -> JobReport:
    """Solve the cell plan: write ``reference.footprints``, ``reference.tiles`` and ``reference.cell_positions``.

    Skipped while the plan, the zones and the parameters are those of the stored positions, which are written last.

    Args:
        context: Context of the run; cells count that are valid on one of its days.

    Raises:
        InputRejectedError: No cell is valid on the run's days.
    """
    from jobs.context import JobReport

    params = FootprintParams.from_policy(context.policy.radio)
    door = context.lake.door(reads=[Schema.REFERENCE], writes=[Schema.REFERENCE])
    start, end = _span(context.settings.days, context.policy.time_zone)
    cells = valid_cells(door.read(CELLS), start, end)
    digest = plan_digest(cells, door.read(ZONES), params).first()
    plan_id = str(digest["plan_id"]) if digest else ""
    if door.exists(CELL_POSITIONS) and _stored_plans(door.read(CELL_POSITIONS)) == [plan_id]:
        return JobReport("footprints", skipped=True)
    count = cells.count()
    if count == 0:
        raise InputRejectedError(
            f"cells: none of the plan's rows is valid between {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC: "
            "check valid_from and valid_to, or deliver the plan of those days"
        )
    door.replace(FOOTPRINTS, footprints(cells, params))
    door.replace(TILES, tiles_of(door.read(ZONE_TILES), door.read(FOOTPRINTS)))
    door.replace(CELL_POSITIONS, cell_positions(door.read(FOOTPRINTS), cells, plan_id, params))
    written = door.read(CELL_POSITIONS).count()
    context.say(f"footprints of {written} cells made")
    return JobReport("footprints", rows_in=count, rows_out=written)


def _span(days: list[dt.date], time_zone: str) -> tuple[dt.datetime, dt.datetime]:
    return day_bounds(days[0], time_zone)[0], day_bounds(days[-1], time_zone)[1]


def _stored_plans(positions: DataFrame) -> list[str]:
    return [str(row["plan_id"]) for row in positions.select("plan_id").distinct().limit(2).collect()]
