"""Footprints in the form that events join: quantiles, centre and radius a cell and ring; and how well zones resolve."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.footprints import CELL_POSITIONS, ZONE_RESOLUTION
from jobs.transform.sectors import FootprintParams
from udfs import geo, radio

_FINE = 1_000_000_000  # probabilities are summed as whole billionths, in whatever order
_TOLD_SHARE = 0.01


def cell_positions(
    footprints: DataFrame, network: DataFrame, homes: DataFrame, plan_id: str, params: FootprintParams
) -> DataFrame:
    """Bring footprints into the form that events join: one small row a cell and ring, one a cell for all distances.

    Slot k of ``quantiles`` is the tile at (k + 0.5) / K of the cumulative probability, zone by zone and there along a
    Z-order curve, so that tiles appear as often as they are likely (to 1 / K) and the slots of a zone are a run. A ring
    holds the tiles of the footprint that a timing advance of its steps fits, a half tile's diagonal allowed for.

    For a unit that is registered in a zone with share q of the slots, tiles of the zone are 1 + lift times as likely.
    That is a draw from the zone's run with probability ``at_home`` = lift q / (1 + lift q), else one from all slots.

    Args:
        footprints: Rows of ``reference.footprints``.
        network: The rows of ``reference.sectors`` that they were made from.
        homes: See ``prior.home_ground``, broadcast.
        plan_id: See ``plan.plan_ids``.
        params: See ``FootprintParams``.

    Returns:
        Rows of ``reference.cell_positions``; ``radius_m`` includes the spread within a tile (41 m for a single one).
    """
    # Spread before tiles are repeated in rings: the windows need no further shuffle.
    placed = footprints.repartition(params.slices, "sector").join(F.broadcast(homes), on="tile", how="left")
    ranked = _ranked(_in_rings(placed, network), params)
    ring = ("sector", "width", "ring")
    is_drawn = F.col("slots") > 0
    runs = F.collect_list(F.when(is_drawn, F.struct("first", "slots", "tile")))
    # Zone by zone first: arrays of structs are searched slowly.
    by_zone = ranked.groupBy(*ring, "home").agg(
        F.min(F.when(is_drawn, F.col("first"))).alias("first"),
        F.sort_array(runs).alias("runs"),
        *_moments(),
        F.sum("slots").alias("slots"),
    )
    parts = F.collect_list(F.when(is_drawn, F.struct("first", "slots", "home", "runs")))
    moments = by_zone.groupBy(*ring).agg(
        F.sort_array(parts).alias("parts"),
        F.sum("slots").alias("slots"),
        *(F.sum(name).alias(name) for name in _MOMENTS),
    )
    filled = F.transform(F.flatten("parts.runs"), lambda r: F.array_repeat(r["tile"], r["slots"].cast("int")))
    positions = moments.select(
        *ring,
        F.round((F.col("i1") / F.col("n") + F.lit(0.5)) * F.lit(geo.TILE_M), 1).alias("centre_x"),
        F.round((F.col("j1") / F.col("n") + F.lit(0.5)) * F.lit(geo.TILE_M), 1).alias("centre_y"),
        _radius().alias("radius_m"),
        F.flatten(filled).alias("quantiles"),
        _homes().alias("homes"),
    )
    cells = network.select(
        "cell_id", "sector", "ring_m", "ring_steps", "is_small", F.col("site_id").alias("site_group")
    )
    own = F.col("width").isNull() | (F.col("width") == F.col("ring_m"))
    return (
        positions.join(F.broadcast(cells), on="sector", how="inner")
        .where(own)
        .withColumn("plan_id", F.lit(plan_id))
        .select(CELL_POSITIONS.column_names)
    )


def _homes() -> Column:
    """The zones of a position with their run of slots, see ``cell_positions``; null without any."""

    def told(part: Column) -> Column:
        lifted = part["home"]["lift"] * part["slots"] / F.col("slots")
        return F.struct(
            part["home"]["zone_id"].alias("zone_id"),
            part["first"].cast("int").alias("first"),
            part["slots"].cast("int").alias("slots"),
            (lifted / (lifted + F.lit(1.0))).alias("at_home"),
        )

    found = F.transform(F.filter("parts", lambda part: part["home"].isNotNull()), told)
    return F.when(F.size(found) > 0, found)


def renewed_positions(
    before: DataFrame, stored: DataFrame, footprints: DataFrame, network: DataFrame, homes: DataFrame, anew: DataFrame,
    plan_id: str, params: FootprintParams,
) -> DataFrame:  # fmt: skip
    """Bring positions to a changed plan: those of cells that are as they were, on footprints that stay, are kept.

    Args:
        before: Rows of ``reference.sectors`` of the stored plan.
        stored: Rows of ``reference.cell_positions`` of that plan.
        footprints: Rows of ``reference.footprints`` of the new plan.
        network: Rows of ``reference.sectors`` of the new plan.
        homes: See ``prior.home_ground``; the same as those that the stored ones were made with.
        anew: Sectors whose footprints were solved anew (``sector``).
        plan_id: See ``plan.plan_ids``.
        params: The same as those that the stored ones were made with.

    Returns:
        Rows of ``reference.cell_positions``, the same as if all were made anew.
    """
    told = ["cell_id", "sector", "site_id", "is_small", "ring_m", "ring_steps"]
    same = [F.col(f"a.{name}").eqNullSafe(F.col(f"b.{name}")) for name in told]
    as_before = network.select(told).alias("a").join(before.select(told).alias("b"), on=same, how="left_semi")
    kept = as_before.join(F.broadcast(anew), on="sector", how="left_anti").select("cell_id")
    others = network.join(F.broadcast(kept), on="cell_id", how="left_anti")
    theirs = footprints.join(F.broadcast(others.select("sector").distinct()), on="sector", how="left_semi")
    old = stored.join(F.broadcast(kept), on="cell_id", how="left_semi").withColumn("plan_id", F.lit(plan_id))
    return old.select(CELL_POSITIONS.column_names).unionByName(cell_positions(theirs, others, homes, plan_id, params))


def _in_rings(footprints: DataFrame, network: DataFrame) -> DataFrame:
    """Repeat the tiles of a footprint in the rings that they fit, besides the whole: ``width`` and ``ring`` null."""
    widths = network.groupBy("sector", "x", "y").agg(F.sort_array(F.collect_set("ring_m")).alias("widths"))
    tile = F.col("tile")
    dx, dy = geo.centre_x(tile) - F.col("x"), geo.centre_y(tile) - F.col("y")
    placed = geo.settled(
        footprints.select("sector", "tile", "probability", "home").join(F.broadcast(widths), on="sector", how="inner"),
        away=F.sqrt(dx * dx + dy * dy),
        i=geo.tile_column(tile),
        j=geo.tile_row(tile),
        w=F.round(F.col("probability") * F.lit(_FINE), 0).cast("bigint"),
        z=geo.z_order(tile),
    )

    def fitting(width: Column) -> Column:
        first = F.greatest(F.floor((F.col("away") - F.lit(radio.HALF_DIAGONAL_M)) / width), F.lit(0)).cast("int")
        last = F.floor((F.col("away") + F.lit(radio.HALF_DIAGONAL_M)) / width).cast("int")
        return F.transform(F.sequence(first, last), lambda ring: F.struct(width.alias("width"), ring.alias("ring")))

    whole = F.array(F.struct(F.lit(None).cast("double").alias("width"), F.lit(None).cast("int").alias("ring")))
    rings = F.concat(whole, F.flatten(F.transform("widths", fitting)))
    return placed.where("w > 0").select("sector", "tile", "i", "j", "w", "z", "home", F.inline(rings))


def _ranked(rows: DataFrame, params: FootprintParams) -> DataFrame:
    """Add which slots each tile of a ring fills: ``first`` and ``slots``."""
    ring = ("sector", "width", "ring")
    order = Window.partitionBy(*ring).orderBy("home.zone_id", "z", "tile")
    curve = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    whole = Window.partitionBy(*ring)
    slots = F.when(F.col("ring").isNull(), F.lit(params.radio.quantiles)).otherwise(F.lit(params.radio.ring_quantiles))
    return (
        rows.withColumn("until", F.sum("w").over(curve))
        .withColumn("total", F.sum("w").over(whole))
        .withColumn("first", _slots_before(F.col("until") - F.col("w"), slots))
        .withColumn("slots", _slots_before(F.col("until"), slots) - F.col("first"))
    )


def _slots_before(cumulative: Column, quantiles: Column) -> Column:
    """How many of the points (k + 0.5) / K lie below a cumulative weight, in whole numbers: ceil(K c / n - 1/2)."""
    doubled = cumulative * quantiles.cast("bigint") * 2 - F.col("total")
    return F.greatest(F.ceil(doubled / (F.col("total") * 2)), F.lit(0)).cast("bigint")


_MOMENTS = ("n", "i1", "j1", "i2", "j2")


def _moments() -> list[Column]:
    """Sums of weights and weighted columns and rows of the grid, in whole numbers: no order of rows matters."""
    first = [F.sum(F.col("w") * F.col(axis)).alias(f"{axis}1") for axis in "ij"]
    second = [F.sum(F.col("w") * F.col(axis) * F.col(axis)).alias(f"{axis}2") for axis in "ij"]
    return [F.sum("w").alias("n"), *first, *second]


def _radius() -> Column:
    """Root mean square distance from the centre, metres, spread within a tile included."""
    spread = (_variance("i") + _variance("j")) * F.lit(geo.TILE_AREA_M2) + F.lit(radio.SPREAD_IN_TILE_M2)
    return F.round(F.sqrt(spread), 1)


def _variance(axis: str) -> Column:
    """Variance along an axis, squared tiles, of ``_moments``."""
    mean = F.col(f"{axis}1") / F.col("n")
    return F.greatest(F.col(f"{axis}2") / F.col("n") - mean * mean, F.lit(0.0))


def zone_resolution(footprints: DataFrame, network: DataFrame, zone_tiles: DataFrame) -> DataFrame:
    """Tell how well the network resolves each zone, from public geography and the plan alone.

    Args:
        footprints: Rows of ``reference.footprints``.
        network: Rows of ``reference.sectors``.
        zone_tiles: Rows of ``reference.zone_tiles``.

    Returns:
        Rows of ``reference.zone_resolution``; zones that no footprint touches have none.
    """
    tile = F.col("tile")
    w = F.round(F.col("probability") * F.lit(_FINE), 0).cast("bigint")
    placed = geo.settled(
        footprints.select("sector", "tile", "probability"), w=w, i=geo.tile_column(tile), j=geo.tile_row(tile)
    )
    moments = placed.groupBy("sector").agg(*_moments())
    cells = network.groupBy("sector").agg(F.count(F.lit(1)).alias("cells"))
    radii = moments.select("sector", _radius().alias("radius_m")).join(cells, on="sector", how="inner")
    mass = (
        placed.select("sector", "tile", "w")
        .join(F.broadcast(zone_tiles.select("zone_id", "tile")), on="tile", how="inner")
        .groupBy("zone_id", "sector")
        .agg(F.sum("w").alias("mass"))
        .join(F.broadcast(radii), on="sector", how="inner")
        .withColumn("all", F.col("mass") * F.col("cells"))
    )
    order = Window.partitionBy("zone_id").orderBy("radius_m", "sector")
    upto = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    half = F.sum("all").over(Window.partitionBy("zone_id")) / 2
    told = mass.withColumn("until", F.sum("all").over(upto)).withColumn("half", half)
    squares = F.col("all").cast("decimal(19,0)") * F.col("mass").cast("decimal(19,0)")
    inside = F.sum(squares) / F.sum("all") / F.lit(_FINE)
    seen = F.col("mass") >= F.lit(int(_TOLD_SHARE * _FINE))
    return (
        told.groupBy("zone_id")
        .agg(
            F.coalesce(F.sum(F.when(seen, F.col("cells"))), F.lit(0)).cast("int").alias("cells"),
            F.min(F.when(F.col("until") >= F.col("half"), F.col("radius_m"))).alias("radius_m"),
            F.least(inside.cast("double"), F.lit(1.0)).alias("inside_share"),
        )
        .select(ZONE_RESOLUTION.column_names)
    )
