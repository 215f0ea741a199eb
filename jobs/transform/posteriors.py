"""What footprints are: the weights of tiles, the posterior over tiles, and both of a plan that has changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.footprints import FOOTPRINTS
from jobs.transform.coverage import block_of, shares
from jobs.transform.plan import changed_ground
from jobs.transform.prior import MILLION, other_ground
from jobs.transform.sectors import FootprintParams
from udfs import geo
from udfs.geo import settled


def weights(network: DataFrame, around: DataFrame, priors: DataFrame, params: FootprintParams) -> DataFrame:
    """Weigh the tiles of each footprint: P(tile | cell) is proportional to the tile's prior times P(cell | tile).

    Args:
        network: Rows of ``reference.sectors``.
        around: See ``coverage.blocks``; tiles of other blocks are left out.
        priors: See ``prior.tile_priors``, broadcast.
        params: See ``FootprintParams``.

    Returns:
        ``sector, tile, weight``. The same rows however the input is partitioned.
    """
    prior = F.coalesce("prior", F.lit(other_ground(params.radio)).cast("bigint"))
    weight = F.greatest(F.round(F.col("share") * prior / F.lit(MILLION)), F.lit(1)).cast("bigint")
    return (
        shares(network, around, params)
        .join(F.broadcast(priors), on="tile", how="left")
        .select("sector", "tile", weight.alias("weight"))
    )


def footprints(weighed: DataFrame, plan_id: str, params: FootprintParams) -> DataFrame:
    """Turn weights into posteriors.

    Tiles below ``least_share`` of the footprint's mean tile are cut off, and the rest made to sum to one: at most
    that share of the whole is cut. What is cut stays, with probability 0: a change of the plan needs its weight.

    Args:
        weighed: See ``weights``; all tiles of each sector.
        plan_id: See ``plan.plan_ids``.
        params: See ``FootprintParams``.

    Returns:
        Rows of ``reference.footprints``. One shuffle, by sector.
    """
    pair = F.struct("tile", "weight")
    gathered = weighed.groupBy("sector").agg(
        F.collect_list(pair).alias("tiles"), F.sum("weight").alias("all"), F.count(F.lit(1)).alias("n")
    )
    limited = settled(gathered, least=F.col("all") / F.col("n") * F.lit(params.least_share))

    def add(total: Column, weight: Column) -> Column:
        return total + F.when(weight >= F.col("least"), weight).otherwise(F.lit(0))

    total = F.aggregate(F.col("tiles.weight"), F.lit(0).cast("bigint"), add)
    kept = F.when(F.col("weight") >= F.col("least"), F.col("weight") / F.col("total")).otherwise(F.lit(0.0))
    return (
        settled(limited, total=total)
        .select("sector", "least", "total", F.inline("tiles"))
        .withColumn("probability", kept)
        .withColumn("plan_id", F.lit(plan_id))
        .select(FOOTPRINTS.column_names)
    )


def renewed(
    before: DataFrame, stored: DataFrame, network: DataFrame, priors: DataFrame, plan_id: str, params: FootprintParams
) -> tuple[DataFrame, DataFrame]:
    """Bring footprints to a changed plan: weights on ground that the change touches are solved anew, the others stay.

    Args:
        before: Rows of ``reference.sectors`` of the stored plan.
        stored: Rows of ``reference.footprints`` of that plan.
        network: Rows of ``reference.sectors`` of the new plan.
        priors: The same as those that the stored ones were made with.
        plan_id: See ``plan.plan_ids``.
        params: The same, too.

    Returns:
        Rows of ``reference.footprints``, the same as if all were made anew, and the sectors of which a weight changed
        (``sector``). These are kept in the engine; the others are read when asked for.
    """
    here, around = changed_ground(before, network, params)
    placed = stored.withColumn("block_x", block_of(geo.tile_column(F.col("tile")))).withColumn(
        "block_y", block_of(geo.tile_row(F.col("tile")))
    )
    blocks_here, known = F.broadcast(here), F.broadcast(network.select("sector").distinct())
    gone = placed.join(blocks_here, on=["block_x", "block_y"], how="left_semi").select("sector").distinct()
    # Each step is kept: the plan of all of them together takes longer to make than its result.
    with ThreadPoolExecutor(max_workers=2) as pool:
        frames = weights(network, around, priors, params), gone
        fresh, gone = pool.map(lambda frame: frame.localCheckpoint(), frames)
    anew = fresh.select("sector").union(gone).distinct().join(known, on="sector", how="left_semi").localCheckpoint()
    theirs = (
        placed.join(F.broadcast(anew), on="sector", how="left_semi")
        .join(blocks_here, on=["block_x", "block_y"], how="left_anti")
        .select("sector", "tile", "weight")
    )
    found = footprints(theirs.unionByName(fresh), plan_id, params).localCheckpoint()
    others = network.select("sector").distinct().join(F.broadcast(anew), on="sector", how="left_anti")
    kept = stored.withColumn("plan_id", F.lit(plan_id)).join(F.broadcast(others), on="sector", how="left_semi")
    return kept.select(FOOTPRINTS.column_names).unionByName(found), anew
