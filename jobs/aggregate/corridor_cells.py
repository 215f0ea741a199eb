"""Flows along corridors: what a unit adds, and the public domain.

Two levels are drawn. The first counts persons by corridor, direction and hour, and is what is thresholded and
published. The second splits the same persons by speed, at a fraction of the budget: it only tells in which band the
median lies. To draw the bands alone and add them up would cost the sum five times the noise's variance.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.products import CORRIDOR_FLOW
from jobs.aggregate.bounds import bounded
from jobs.aggregate.specs import CELL
from jobs.transform.corridors import outside_of_network
from jobs.transform.moves import MoveParams, corridor_moves, speed_band

PERSONS, SPEED = "corridor", "speed"
"""Roles of the two levels, in the policy and in ``staging.noised``."""


def flow_cells(moves: DataFrame, most: Mapping[str, int]) -> DataFrame:
    """Bound what a unit adds: once a corridor, direction and hour, and the same ones on both levels.

    Of several moves in one cell the farthest tells the speed.

    Args:
        moves: See ``jobs.transform.moves.corridor_moves``.
        most: Bounds (L0) by role.

    Returns:
        See ``jobs.aggregate.bounds.bounded``: at most so many rows a unit and day on each level. No shuffle.
    """
    band = speed_band(F.col("speed_kmh"))
    # Order-free: the farthest, and of equals the slowest.
    farthest = F.max(F.struct("metres", (-F.col("speed_kmh")).alias("slow"), band.alias("band")))
    once = moves.groupBy("date", "pseudonym", "corridor_id", "direction", "hour").agg(farthest.alias("farthest"))
    cells = once.select(
        *("date", "pseudonym"),
        F.lit(PERSONS).alias("role"),
        F.lit(CORRIDOR_FLOW.name).alias("product"),
        F.col("corridor_id").alias("zone_id"),
        F.col("hour").cast("int").alias("hour"),
        F.col("direction").alias("part"),
        F.lit(None).cast("string").alias("other"),
        F.col("farthest.band").alias("band"),
    )
    kept = bounded(cells, {PERSONS: min(most.values())}, carried=("band",))
    level = F.struct(F.lit(PERSONS).alias("role"), F.lit(None).cast("string").alias("other"))
    split = F.struct(F.lit(SPEED).alias("role"), F.col("band").alias("other"))
    levels = {PERSONS: level, SPEED: split}
    drawn = F.array(*(struct for role, struct in levels.items() if role in most))
    return kept.drop("role", "other").select("*", F.inline(drawn)).select("date", "pseudonym", "role", "product", *CELL)


def flow_contributions(
    segments: DataFrame, lengths: DataFrame, purpose: str, time_zone: str, most: Mapping[str, int]
) -> DataFrame:
    """From segments by unit to bounded contributions, see ``flow_cells``."""
    return flow_cells(corridor_moves(segments, lengths, MoveParams(purpose, time_zone)), most)


def flow_lines(corridors: DataFrame, cells: DataFrame) -> DataFrame:
    """Corridors on which flows can be counted, once for each of the two levels.

    Args:
        corridors: Rows of ``reference.corridors``.
        cells: Rows of ``reference.corridor_cells``.

    Returns:
        ``role, zone_id, level, by_small_cells``, as the domain of zones has it.
    """
    served = corridors.join(outside_of_network(corridors, cells), on="corridor_id", how="left_anti")
    return served.select(
        F.explode(F.array(F.lit(PERSONS), F.lit(SPEED))).alias("role"),
        F.col("corridor_id").alias("zone_id"),
    ).select("role", "zone_id", F.col("role").alias("level"), F.lit(False).alias("by_small_cells"))
