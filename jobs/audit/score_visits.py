"""Scoring of what visits tell: how long, from where, who; estimate and truth go through the same definitions."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.aggregate.bounds import bounded
from jobs.aggregate.visit_cells import approach_cells, audience_cells, dwell_cells, zone_centres
from jobs.audit.score_measures import as_measures
from jobs.settings import Policy
from jobs.simulate.people import THING
from jobs.transform.presence import by_unit
from jobs.transform.visits import VisitParams, visits
from udfs.geo import tile_number
from udfs.purposes import EVERY

TRUTH = "truth"
PRODUCTS = ("dwell", "approach", "audience")
LEAST = {"dwell": 2000, "approach": 2000, "audience": 2400}
"""True visits (visitors) of a zone whose distribution is looked at."""

_BY = ("date", "level", "method")


def true_track(itineraries: DataFrame, persons: DataFrame, days: DataFrame, stay_seconds: int) -> DataFrame:
    """True days in the shape of segments, so that the estimator's own definition of a visit applies to them.

    Where somebody rests for a stay's duration or longer is a stay, shorter a contact that a small cell might
    tell. A trip is a move that stands where it began: what is before a visit is the place that was left for it.

    Args:
        itineraries: Rows of ``truth/itineraries``.
        persons: See ``jobs.audit.score_truth.panel_persons``.
        days: ``date, day_start, day_end``.
        stay_seconds: Least duration of a stay.

    Returns:
        The columns of ``jobs.transform.presence.by_unit``.
    """
    rests = F.col("mode").isNull()
    long_enough = F.col("end_s") - F.col("start_s") >= stay_seconds
    begin, end = F.timestamp_seconds("start_s"), F.timestamp_seconds("arrives_s")
    return (
        itineraries.filter((F.col("kind") != THING) & (F.col("leg") == 0))
        .drop("kind")
        .join(F.broadcast(days), on=(begin < F.col("day_end")) & (end > F.col("day_start")), how="inner")
        .join(persons.select("date", "person_id", "pseudonym"), on=["date", "person_id"], how="inner")
        .select(
            *("date", "pseudonym"),
            F.lit(1).cast("smallint").alias("line_no"),
            F.lit(EVERY).cast("tinyint").alias("purposes"),
            F.when(rests & long_enough, F.lit("stay")).otherwise(F.lit("move")).alias("kind"),
            rests.alias("by_small_cell"),
            tile_number(F.col("x0"), F.col("y0")).alias("tile"),
            F.greatest(begin, "day_start").alias("start_time"),
            F.least(end, "day_end").alias("end_time"),
        )
    )


def visit_cells(
    segments: DataFrame, counted: DataFrame, resolution: DataFrame, profile: DataFrame, policy: Policy
) -> DataFrame:
    """What the visits of some segments count for, unbounded, once a unit and cell, for all three products.

    Args:
        segments: Rows of ``pseudonymous.segments``, or ``true_track``.
        counted: See ``jobs.transform.visits.visits``.
        resolution: Rows of ``reference.zone_resolution``.
        profile: Rows of ``pseudonymous.profile``.
        policy: For purpose and clock.

    Returns:
        ``date, pseudonym, role, product`` and the cell.
    """
    made = visits(by_unit(segments), counted, resolution, profile, VisitParams(purpose_of(policy))).persist()
    centres = zone_centres(counted, resolution)
    return (
        dwell_cells(made)
        .unionByName(approach_cells(made, centres, policy.time_zone))
        .unionByName(audience_cells(made, profile))
        .distinct()
    )


def bounded_cells(cells: DataFrame, policy: Policy) -> DataFrame:
    """The cells that the policy's bounds leave of each unit's."""
    parts = []
    for product in (name for name in PRODUCTS if name in policy.products):
        mechanisms = policy.products[product].mechanisms
        most = {str(role): m.max_cells for role, m in mechanisms.items() if m.max_cells}
        parts.append(bounded(cells.filter(F.col("product") == product), most))
    return _united(parts) if parts else cells.limit(0)


def purpose_of(policy: Policy) -> str:
    """Purpose of the products of visits."""
    return next((policy.products[p].purpose for p in PRODUCTS if p in policy.products), "market_research")


def visit_measures(truth: DataFrame, estimates: DataFrame, levels: DataFrame) -> DataFrame:
    """Distance of estimated from true distributions, over zones with so many true visits as ``LEAST`` says.

    ``dwell_js``, ``approach_js``: Jensen-Shannon distance (square root of the divergence to base 2, 0 to 1) over bands
    of duration and over the sectors that are told; ``audience_points``: greatest difference of a share of
    age band and gender, percentage points. Each is the worst zone's, with ``_median`` the median zone's.
    ``approach_told``: share of visits whose sector is told.

    Args:
        truth: ``date, pseudonym, role, product`` and the cell: see ``visit_cells``.
        estimates: The same with ``method``.
        levels: ``zone_id, level`` of the drawn levels.
    """
    told = (F.col("product") != "approach") | (F.col("other") != "unknown")
    one = F.lit(1).alias("n")
    true, found = (
        word_counts(truth.filter(told).select("*", one)),
        word_counts(estimates.filter(told).select("*", one), "method"),
    )
    came = estimates.filter("product = 'approach'").join(F.broadcast(levels), on="zone_id", how="inner")
    share = came.groupBy(*_BY).agg((F.count_if(F.col("other") != "unknown") / F.count("*")).alias("told"))
    return distances(true, found, levels).unionByName(as_measures(share, {"approach_told": ("told", None)}))


def distances(truth: DataFrame, estimates: DataFrame, levels: DataFrame) -> DataFrame:
    """The distances of ``visit_measures`` from counts.

    Args:
        truth: See ``word_counts``.
        estimates: The same with ``method``.
        levels: ``zone_id, level`` of the drawn levels.
    """
    by_zone = _by_zone(truth, estimates).join(F.broadcast(levels.select("zone_id", "level")), on="zone_id", how="inner")
    parts = []
    for product, value, name in (
        ("dwell", "js", "dwell_js"),
        ("approach", "js", "approach_js"),
        ("audience", "points", "audience_points"),
    ):
        large = by_zone.filter((F.col("product") == product) & (F.col("visits") >= LEAST[product]))
        found = large.groupBy(*_BY).agg(
            F.max(value).alias("worst"),
            F.percentile(value, F.lit(0.5)).alias("median"),
            F.count("*").alias("zones"),
        )
        parts.append(as_measures(found, {name: ("worst", "zones"), f"{name}_median": ("median", "zones")}))
    return _united(parts)


def word_counts(cells: DataFrame, *more: str) -> DataFrame:
    """Persons by word: the band, the sector of the whole day, age band with gender.

    Args:
        cells: ``date, product, zone_id, part, other, n``, and maybe ``covers``: what is looked at together.
        more: Further columns to tell apart by.

    Returns:
        ``date, product, zone_id, word, n`` and those columns.
    """
    told = F.coalesce("covers", "other", F.lit("")) if "covers" in cells.columns else F.coalesce("other", F.lit(""))
    word = F.when(F.col("product") == "approach", F.col("other")).otherwise(F.concat_ws(" ", "part", told))
    return cells.groupBy("date", "product", "zone_id", word.alias("word"), *more).agg(F.sum("n").alias("n"))


def _by_zone(truth: DataFrame, estimates: DataFrame) -> DataFrame:
    methods = estimates.select("method").distinct()
    keys = ["date", "product", "zone_id", "word", "method"]
    true = truth.crossJoin(F.broadcast(methods)).withColumnRenamed("n", "t")
    both = true.join(estimates.withColumnRenamed("n", "e"), on=keys, how="full").fillna(0, ["t", "e"])
    zone = Window.partitionBy("date", "product", "zone_id", "method")
    p, q = (F.col(c) / F.nullif(F.sum(c).over(zone), F.lit(0)) for c in ("t", "e"))
    shares = both.select(*keys, "t", F.coalesce(p, F.lit(0.0)).alias("p"), F.coalesce(q, F.lit(0.0)).alias("q"))
    divergence = F.sum((_surprise("p", "q") + _surprise("q", "p")) / 2)
    return shares.groupBy("date", "product", "zone_id", "method").agg(
        F.sum("t").alias("visits"),
        # Sums of doubles differ in their last digits from one partitioning to the next.
        F.round(F.sqrt(F.greatest(divergence, F.lit(0.0))), 9).alias("js"),
        F.round(F.max(F.abs(F.col("p") - F.col("q"))) * 100, 9).alias("points"),
    )


def _surprise(one: str, other: str) -> Column:
    ratio = 2 * F.col(one) / F.nullif(F.col(one) + F.col(other), F.lit(0.0))
    return F.when(F.col(one) > 0, F.col(one) * F.log2(ratio)).otherwise(F.lit(0.0))


def _united(parts: list[DataFrame]) -> DataFrame:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.unionByName(part)
    return whole
