"""What of a month's visitors is shown by where they live, and how far a zone reaches, from the shown figures alone."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.aggregate.specs import SPECS
from jobs.release.disclosure import BLOCKS, DisclosureParams, judged_places
from jobs.release.sums import SumParams

REACH_SHARE = 0.8
"""Share of the shown visitors who live within the radius that is told of a zone."""


def judged_catchment(
    noised: DataFrame, domain: DataFrame, params: Mapping[str, SumParams], *, adaptive: bool
) -> DataFrame:
    """Decide what is shown; cells of the domain without a draw are unresolved by the network.

    Home zones of one band of distance that fail by themselves are offered together (``adaptive.merged_cells``). So
    what is shown of a zone comes near to all its visitors, and the share of a home zone in it to what it is.

    Args:
        noised: Rows of ``staging.noised`` of one release of catchment.
        domain: The public domain, places that cannot be told among them: ``release_id, level, role`` and ``CELL``.
        params: Thresholds by role; the margin is the same for all.
        adaptive: Whether home zones are merged.

    Returns:
        One row a cell: ``release_id, level``, ``CELL``, ``status, persons, sigma, covers, blocks``; ``blocks`` are the
        figure's persons by zone of residence, those of a merged figure in equal parts; null where there is no figure.
    """
    least, sigma = F.lit(None).cast("int"), F.lit(None).cast("double")
    for role, found in sorted(params.items()):
        least = F.when(F.col("role") == role, F.lit(found.min_persons)).otherwise(least)
        sigma = F.when(F.col("role") == role, F.lit(found.sigma)).otherwise(sigma)
    (margin,) = {found.margin_sigmas for found in params.values()}
    merging = SPECS["catchment"].merging if adaptive else None
    roles = F.broadcast(domain.select("level", "role").distinct())
    rules = DisclosureParams(least, margin, sigma, merging.over if merging else None)
    judged = judged_places(noised.join(roles, on="level", how="inner"), domain, rules)
    return judged.withColumn("blocks", F.when(F.col("persons").isNotNull(), _by_home()).cast(BLOCKS))


def _by_home() -> Column:
    homes = F.coalesce(F.split("covers", ","), F.array("other"))
    number = F.size(homes)

    def part(home: Column, nth: Column) -> Column:
        rest = F.when(nth < F.col("persons") % number, F.lit(1)).otherwise(F.lit(0))
        return F.struct(home.alias("zone_id"), (F.floor(F.col("persons") / number) + rest).alias("persons"))

    return F.transform(homes, part)


def reach(released: DataFrame, distances: DataFrame) -> DataFrame:
    """How far the visitors live that are shown: median, and the radius within which four in five of them do.

    Distances are those between the centres of the two zones. Visitors whose figures are suppressed, mostly those of
    far zones with few of them, are in neither, so both are lower bounds.

    Args:
        released: ``zone_id, blocks``: see ``judged_catchment``.
        distances: See ``jobs.aggregate.distances.distances``.

    Returns:
        One row a zone with shown visitors: ``zone_id, median_km, radius_80_km``, rounded to 100 m.
    """
    by_home = released.select("zone_id", F.inline("blocks").alias("other", "persons"))
    shown = by_home.filter("persons > 0")
    order = Window.partitionBy("zone_id").orderBy("km", "other")
    so_far = F.sum("persons").over(order.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    all_of_it = F.sum("persons").over(Window.partitionBy("zone_id"))
    ranked = shown.join(distances.select("zone_id", "other", "km"), on=["zone_id", "other"], how="inner").select(
        "zone_id", "km", so_far.alias("so_far"), all_of_it.alias("whole")
    )

    def at(share: float) -> Column:
        return F.round(F.min(F.when(F.col("so_far") >= F.col("whole") * share, F.col("km"))), 1)

    return ranked.groupBy("zone_id").agg(at(0.5).alias("median_km"), at(REACH_SHARE).alias("radius_80_km"))
