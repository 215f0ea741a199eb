"""Which cells lie along which corridor: solved by Sedona once a plan, so that moves join it by the names of cells.

Of a move from one cell to another all that geometry can tell is a product of what it tells of the two cells, since
footprints of two contacts are independent given the cells. So the table holds cells, not their pairs: it grows with
the plan, and pairs are compared where they occur (see ``jobs.transform.ways``).
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.corridors import CORRIDOR_CELLS, CORRIDORS
from expectations.footprints import CELL_POSITIONS, FOOTPRINTS, SECTORS
from jobs.context import RunContext
from jobs.lake import Door
from jobs.transform.plan import stored_ids
from udfs import geo
from udfs.geo import settled, st

_FINE = 1_000_000_000  # probabilities are summed as whole billionths, in whatever order
_PIECE_VERTICES = 8
_NAMED = 10  # corridors in a message


@dataclass(frozen=True)
class CorridorParams:
    """What lies along a corridor.

    Attributes:
        reach_m: Farthest distance of a tile from the line, metres.
        least_share: Of a cell's footprint within reach.
    """

    reach_m: float = 1_000.0
    least_share: float = 0.25


def corridor_tiles(corridors: DataFrame, params: CorridorParams) -> DataFrame:
    """Find the tiles within reach of each corridor.

    Args:
        corridors: Rows of ``reference.corridors``.
        params: See ``CorridorParams``.

    Returns:
        ``corridor_id, length_m, tile, along_m``: the position of the line's point that is nearest to the tile's centre.
    """
    lines = settled(
        corridors.select("corridor_id", "length_m", "geometry_wkt"),
        line=geo.to_laea(st("ST_GeomFromWKT", F.col("geometry_wkt"))),
    ).drop("geometry_wkt")
    strip = st("ST_Buffer", F.col("line"), F.lit(params.reach_m))
    pieces = lines.select("*", F.explode(st("ST_SubDivide", strip, F.lit(_PIECE_VERTICES))).alias("piece"))
    box = {name.lower(): st(f"ST_{name}", F.col("piece")) for name in ("XMin", "XMax", "YMin", "YMax")}
    around = (
        settled(pieces, **box)
        .withColumn("column", F.explode(geo.covering_indices(F.col("xmin"), F.col("xmax"))))
        .withColumn("row", F.explode(geo.covering_indices(F.col("ymin"), F.col("ymax"))))
        .select("corridor_id", "length_m", "line", geo.tile_at(F.col("column"), F.col("row")).alias("tile"))
        .dropDuplicates(["corridor_id", "tile"])
    )
    centre = geo.tile_centre(F.col("tile"))
    measured = settled(
        around,
        away=st("ST_Distance", F.col("line"), centre),
        share=st("ST_LineLocatePoint", F.col("line"), centre),
    )
    return measured.where(F.col("away") <= params.reach_m).select(
        "corridor_id", "length_m", "tile", F.round(F.col("share") * F.col("length_m")).cast("int").alias("along_m")
    )


def corridor_cells(
    tiles: DataFrame, footprints: DataFrame, network: DataFrame, plan_id: str, params: CorridorParams
) -> DataFrame:
    """Sum footprints over the tiles along corridors.

    Args:
        tiles: See ``corridor_tiles``, broadcast.
        footprints: Rows of ``reference.footprints``.
        network: Rows of ``reference.sectors``.
        plan_id: Digest of what it is made from.
        params: See ``CorridorParams``.

    Returns:
        Rows of ``reference.corridor_cells``.
    """
    weight = F.round(F.col("probability") * F.lit(_FINE)).cast("bigint")
    sums = (
        footprints.select("sector", "tile", weight.alias("weight"))
        .join(F.broadcast(tiles), on="tile", how="inner")
        .groupBy("sector", "corridor_id", "length_m")
        .agg(
            F.sum("weight").alias("near"),
            F.sum(F.col("weight").cast("decimal(19,0)") * F.col("along_m")).alias("moment"),
        )
        .where(F.col("near") >= F.lit(int(params.least_share * _FINE)))
    )
    cells = network.select("cell_id", "sector")
    return (
        sums.join(F.broadcast(cells), on="sector", how="inner")
        .withColumn("plan_id", F.lit(plan_id))
        .withColumn("share", F.least(F.round(F.col("near") / F.lit(_FINE), 6), F.lit(1.0)))
        .withColumn("along_m", F.round(F.col("moment") / F.col("near")).cast("int"))
        .select(CORRIDOR_CELLS.column_names)
    )


def run_corridors(context: RunContext) -> None:
    """Write ``reference.corridor_cells``, unless there are no corridors, or plan and corridors are as they were.

    Corridors that no cell covers are told; their flows come out unresolved.
    """
    door = context.lake.door(reads=[Schema.REFERENCE], writes=[Schema.REFERENCE])
    corridors = door.read(CORRIDORS)
    plan_id = _plan_id(door, corridors)
    if plan_id is None or stored_ids(door, CORRIDOR_CELLS) == {plan_id}:
        return
    params = CorridorParams()
    tiles = corridor_tiles(corridors, params)
    door.replace(
        CORRIDOR_CELLS, corridor_cells(tiles, door.read(FOOTPRINTS), door.read(SECTORS), plan_id, params).coalesce(1)
    )
    outside = sorted(row["corridor_id"] for row in outside_of_network(corridors, door.read(CORRIDOR_CELLS)).collect())
    if outside:
        named = ", ".join(outside[:_NAMED]) + (", …" if len(outside) > _NAMED else "")
        context.say(
            f"corridors: {len(outside)} lie outside of the network ({named}): fewer than two cells cover them, so that "
            "no move along them can be told; their flows come out unresolved"
        )


def outside_of_network(corridors: DataFrame, cells: DataFrame) -> DataFrame:
    """Corridors along which no move can be told: fewer than two cells lie there.

    Args:
        corridors: Rows of ``reference.corridors``.
        cells: Rows of ``reference.corridor_cells``.

    Returns:
        ``corridor_id``.
    """
    served = cells.groupBy("corridor_id").agg(F.count("*").alias("cells")).where("cells >= 2")
    return corridors.select("corridor_id").join(F.broadcast(served), on="corridor_id", how="left_anti")


def _plan_id(door: Door, corridors: DataFrame) -> str | None:
    """Digest of the positions' plan and the corridors; ``None`` where there are no corridors or no positions."""
    rows = F.array_sort(F.collect_list(F.to_json(F.struct(*CORRIDORS.column_names))))
    found = corridors.agg(F.count("*").alias("n"), F.sha2(F.array_join(rows, "\n"), 256).alias("digest")).collect()[0]
    positioned = stored_ids(door, CELL_POSITIONS)
    if not found["n"] or len(positioned) != 1:
        return None
    return f"{next(iter(positioned))}-{found['digest'][:16]}"
