"""What of a month's visitors is shown by where they live, and how far a zone reaches, from the shown figures alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.aggregate.specs import CELL
from jobs.release.sums import SumParams, bar

REACH_SHARE = 0.8
"""Share of the shown visitors who live within the radius that is told of a zone."""


def judged_catchment(noised: DataFrame, domain: DataFrame, params: Mapping[str, SumParams]) -> DataFrame:
    """Decide what is shown; cells of the domain without a draw are unresolved by the network.

    Args:
        noised: Rows of ``staging.noised`` of one release of catchment.
        domain: The public domain, places that cannot be told among them: ``release_id, level, role`` and ``CELL``.
        params: Thresholds by role.

    Returns:
        One row a cell: ``release_id, level``, ``CELL``, ``status, persons, sigma``.
    """
    same = [F.col(f"d.{c}").eqNullSafe(F.col(f"n.{c}")) for c in ("release_id", *CELL)]
    cells = domain.alias("d").join(noised.alias("n"), on=reduce(Column.__and__, same), how="left")
    least, sigma = F.lit(None).cast("double"), F.lit(None).cast("double")
    for role, found in sorted(params.items()):
        least = F.when(F.col("d.role") == role, bar(F.lit(1), found)).otherwise(least)
        sigma = F.when(F.col("d.role") == role, F.lit(found.sigma)).otherwise(sigma)
    passes = F.coalesce(F.col("n.noised") >= least, F.lit(False))
    status = F.when(F.col("n.noised").isNull(), "unresolved").when(passes, "published").otherwise("suppressed")
    return cells.select(
        "d.release_id",
        "d.level",
        *(f"d.{c}" for c in CELL),
        status.alias("status"),
        F.when(passes, F.col("n.noised")).alias("persons"),
        sigma.alias("sigma"),
    )


def reach(released: DataFrame, distances: DataFrame) -> DataFrame:
    """How far the visitors live that are shown: median, and the radius within which four in five of them do.

    Distances are those between the centres of the two zones. Visitors whose figures are suppressed, mostly those of
    far zones with few of them, are in neither, so both are lower bounds.

    Args:
        released: ``zone_id, other`` (zone of residence), ``persons`` (null unless shown).
        distances: See ``jobs.aggregate.distances.distances``.

    Returns:
        One row a zone with shown visitors: ``zone_id, median_km, radius_80_km``, rounded to 100 m.
    """
    shown = released.filter("persons > 0").select("zone_id", "other", "persons")
    order = Window.partitionBy("zone_id").orderBy("km", "other")
    so_far = F.sum("persons").over(order.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    all_of_it = F.sum("persons").over(Window.partitionBy("zone_id"))
    ranked = shown.join(distances.select("zone_id", "other", "km"), on=["zone_id", "other"], how="inner").select(
        "zone_id", "km", so_far.alias("so_far"), all_of_it.alias("whole")
    )

    def at(share: float) -> Column:
        return F.round(F.min(F.when(F.col("so_far") >= F.col("whole") * share, F.col("km"))), 1)

    return ranked.groupBy("zone_id").agg(at(0.5).alias("median_km"), at(REACH_SHARE).alias("radius_80_km"))
