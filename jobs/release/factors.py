"""How many people a unit of the panel stands for, by zone and day: public residents over released panel figures.

Nothing else goes in: no unreleased figure can be reckoned from a factor, and it costs no budget. The formula is in
docs/estimates.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.method_settings import ExtrapolationPolicy
from jobs.release.disclosure import lineage

ANYWHERE = ""
"""Stands for the territory in ``zone_id``: what has no zone of its own, a corridor say."""
SOURCES = {
    "catchment": "by its latest released catchment",
    "own": "by its own residents and panel",
    "part": "by those of its zones that have both",
    "above": "of the zone above",
    "territory": "of the territory",
}
"""What a factor rests on; the last three where a panel figure is suppressed or nobody is registered."""

_FINE = 1_000  # factors are summed as whole thousandths: sums of doubles hang on the order of rows


@dataclass(frozen=True)
class FactorParams:
    """What factors are made with.

    Attributes:
        levels: Levels of the partition, coarsest first.
        sigma: Noise of one zone's panel figure, persons.
        policy: What is known beside residents.
    """

    levels: tuple[str, ...]
    sigma: float
    policy: ExtrapolationPolicy = field(default_factory=ExtrapolationPolicy)


def residents_at(residents: DataFrame, dates: DataFrame) -> DataFrame:
    """Residents of each zone that told any, by day: of the latest year up to the day, else of the first after it.

    Of a table that holds totals beside their parts by gender or age, the totals count.

    Args:
        residents: Rows of ``reference.residents``.
        dates: ``date``, distinct; small.

    Returns:
        ``date, zone_id, people BIGINT, year``.
    """

    def total(condition: str) -> Column:
        return F.sum(F.when(F.expr(condition), F.col("residents")))

    told = F.coalesce(
        total("gender IS NULL AND age_band IS NULL"),
        total("age_band IS NULL"),
        total("gender IS NULL"),
        F.sum("residents"),
    )
    by_year = residents.groupBy("zone_id", "year").agg(told.alias("people"))
    after = F.col("year") - F.year("date")
    distance = F.when(after <= 0, -after).otherwise(after + 10_000)
    return (
        by_year.crossJoin(F.broadcast(dates.select("date")))
        .groupBy("date", "zone_id")
        .agg(F.min_by("people", distance).alias("people"), F.min_by("year", distance).alias("year"))
    )


def homes_of_places(zones: DataFrame, zone_tiles: DataFrame) -> DataFrame:
    """The zone of the finest partition that holds most of a place's tiles: ``zone_id, home_id``."""
    finest, places = zones.filter("is_finest").select("zone_id"), zones.filter("role = 'place'").select("zone_id")
    below = zone_tiles.join(F.broadcast(finest), on="zone_id", how="left_semi")
    return (
        zone_tiles.join(F.broadcast(places), on="zone_id", how="left_semi")
        .select("zone_id", "tile")
        .join(below.select("tile", F.col("zone_id").alias("home_id")), on="tile", how="inner")
        .groupBy("zone_id", "home_id")
        .agg(F.count("*").alias("tiles"))
        .groupBy("zone_id")
        .agg(F.max_by("home_id", F.struct("tiles", "home_id")).alias("home_id"))
    )


def factor_table(
    panel: DataFrame, people: DataFrame, zones: DataFrame, places: DataFrame, catchment: DataFrame | None,
    params: FactorParams,
) -> DataFrame:  # fmt: skip
    """The factor of every zone and day, how certain it is, and what it rests on.

    A zone's own factor is its residents over its published panel figure. Where either is missing it is made of those
    of its zones that have both; else it is the factor of the zone above; at last of the territory. With a released
    catchment the factor is the mean of the home zones' factors, weighted by the visitors who live there.

    Args:
        panel: Rows of ``panel`` (judged or released), all levels.
        people: See ``residents_at``.
        zones: Rows of ``reference.zones``.
        places: See ``homes_of_places``.
        catchment: ``zone_id, home_zone_id, persons`` as released; ``None``: none is.
        params: Levels and noise.

    Returns:
        ``date, zone_id, factor, relative, source``, for every zone and for ``ANYWHERE``; no row where there is no
        factor at all. ``relative`` is the standard deviation of the factor over itself: noise and sampling of the
        panel, and, where it is another zone's, how much zones differ.
    """
    shown = panel.filter("status = 'published' AND persons > 0").select(
        "date", "zone_id", F.col("persons").alias("panel")
    )
    lines = lineage(zones, list(params.levels))
    ups = [F.col(f"up_{i}") for i in range(len(params.levels) - 2, -1, -1)]
    line = lines.select("zone_id", F.array(F.col("zone_id"), *ups, F.lit(ANYWHERE)).alias("line"))
    by_node = _node_factors(shown, people, line, params)
    found = F.struct("factor", "relative", "kind", "node", "steps", "spread")
    near = (
        _chain(line, places)
        .join(F.broadcast(by_node), on="node", how="inner")
        .groupBy("date", "zone_id", "start")
        .agg(F.min_by(found, "steps").alias("f"))
    )
    own = F.col("f.steps") == F.col("start")
    source = (
        F.when(own, F.col("f.kind")).when(F.col("f.node") == ANYWHERE, F.lit("territory")).otherwise(F.lit("above"))
    )
    resolved = near.select(
        "date",
        "zone_id",
        F.col("f.factor").alias("factor"),
        F.sqrt(_square("f.relative") + F.when(source == "own", 0.0).otherwise(_square("f.spread"))).alias("relative"),
        source.alias("source"),
    )
    return _completed(resolved if catchment is None else _by_catchment(resolved, catchment), params.policy)


def _chain(line: DataFrame, places: DataFrame) -> DataFrame:
    """Where a zone may have its factor from: ``zone_id, start, node, steps``, the nearer the fewer steps above start.

    Places stand where the zone of the finest partition does that they lie in.
    """
    at_places = line.withColumnRenamed("zone_id", "home_id").join(F.broadcast(places), on="home_id", how="inner")
    upward = F.filter(
        F.transform("line", lambda node, i: F.struct(node.alias("node"), i.alias("steps"))),
        lambda step: step["node"].isNotNull(),
    )
    above = F.inline(F.filter("line", lambda up: up["steps"] >= F.col("start")))
    in_partition = line.select(upward.alias("line")).select("line", F.inline("line").alias("zone_id", "start"))
    from_places = at_places.select(upward.alias("line"), "zone_id", F.lit(0).alias("start"))
    return in_partition.unionByName(from_places).select("zone_id", "start", above).distinct()


def _node_factors(shown: DataFrame, people: DataFrame, line: DataFrame, params: FactorParams) -> DataFrame:
    """Factors that need no other zone's: ``date, node, factor, relative, kind, spread``.

    ``spread`` is how much the finest zones' own factors of the day differ: their standard deviation over their mean.
    """
    told = people.select("date", "zone_id", "people")
    leaves = (
        told.select("date").distinct().crossJoin(F.broadcast(line))
        .join(told, on=["date", "zone_id"], how="left")
        .join(F.broadcast(shown), on=["date", "zone_id"], how="left")
    )  # fmt: skip
    both = F.col("people").isNotNull() & (F.col("people") > 0) & F.col("panel").isNotNull()
    sums = (
        leaves.select("date", "people", "panel", F.posexplode("line").alias("step", "node"))
        .filter("node IS NOT NULL")
        .groupBy("date", "node")
        .agg(
            F.count("*").alias("parts"),
            F.when(F.count("people") == F.count("*"), F.sum("people")).alias("whole"),
            F.sum(F.when(both, F.col("people"))).alias("some"),
            F.sum(F.when(both, F.col("panel"))).alias("some_panel"),
            F.count_if(both).alias("some_parts"),
            (F.min("step") == 0).alias("is_finest"),
        )
    )
    node = F.col("zone_id").alias("node")
    joined = sums.join(
        F.broadcast(told.select("date", node, F.col("people").alias("own"))), on=["date", "node"], how="left"
    ).join(F.broadcast(shown.select("date", node, "panel")), on=["date", "node"], how="left")
    people_of, is_own = F.coalesce("own", "whole"), F.col("panel").isNotNull()
    is_own = is_own & F.coalesce(people_of > 0, F.lit(False))
    figure = F.when(is_own, F.col("panel")).otherwise(F.col("some_panel"))
    factor = F.when(is_own, people_of).otherwise(F.col("some")) / figure
    parts = F.when(is_own, F.col("parts")).otherwise(F.col("some_parts"))
    noise = F.lit(params.sigma**2) * parts + figure * F.greatest(F.lit(0.0), 1 - 1 / F.col("factor"))
    return (
        joined.withColumn("factor", factor)
        .filter("factor IS NOT NULL")
        .select(
            "date",
            "node",
            "factor",
            (F.sqrt(noise) / figure).alias("relative"),
            F.when(is_own, F.lit("own")).otherwise(F.lit("part")).alias("kind"),
            _spread(is_own & F.col("is_finest")).alias("spread"),
        )
    )


def _spread(of: Column) -> Column:
    """Over all rows of a day, standard deviation over mean of the factors for which ``of`` holds."""
    whole = F.when(of, F.round(F.col("factor") * _FINE).cast("bigint"))
    day = Window.partitionBy("date")
    n = F.count(whole).over(day)
    mean = F.sum(whole).over(day) / n
    square = F.sum((whole * whole).cast("decimal(38,0)")).over(day).cast("double") / n
    return F.sqrt(F.greatest(F.lit(0.0), square - mean * mean)) / mean


def _by_catchment(table: DataFrame, catchment: DataFrame) -> DataFrame:
    """Put the mean over the home zones in the place of a zone's factor, where its catchment has been released."""
    home = table.filter(F.col("source") != "territory").select(
        "date", F.col("zone_id").alias("home_zone_id"), "factor", "relative"
    )
    share = F.round(F.col("persons") * F.col("factor") * _FINE).cast("bigint")
    error = F.round(F.col("persons") * F.col("factor") * F.col("relative")).cast("decimal(38,0)")
    means = (
        catchment.filter("persons > 0")
        .join(F.broadcast(home), on="home_zone_id", how="inner")
        .groupBy("date", "zone_id")
        .agg(F.sum("persons").alias("n"), F.sum(share).alias("people"), F.sum(error * error).alias("square"))
        .select(
            "date",
            "zone_id",
            (F.col("people") / _FINE / F.col("n")).alias("mean"),
            (F.sqrt(F.col("square").cast("double")) * _FINE / F.col("people")).alias("mean_relative"),
        )
    )
    return table.join(F.broadcast(means), on=["date", "zone_id"], how="left").select(
        "date",
        "zone_id",
        F.coalesce("mean", "factor").alias("factor"),
        F.when(F.col("mean").isNull(), F.col("relative")).otherwise(F.col("mean_relative")).alias("relative"),
        F.when(F.col("mean").isNull(), F.col("source")).otherwise(F.lit("catchment")).alias("source"),
    )


def _completed(table: DataFrame, policy: ExtrapolationPolicy) -> DataFrame:
    """Take off second SIMs and doubles of a second operator, and put inbound visitors in."""
    scale = (1 - policy.visitor_share) * (1 - policy.second_sim_share) / (1 + policy.second_operator_share)
    residents = F.lit(scale) * F.col("factor")
    factor = residents + F.lit(policy.visitor_share * policy.visitor_factor)
    return table.select(
        "date",
        "zone_id",
        factor.alias("factor"),
        (F.col("relative") * residents / factor).alias("relative"),
        "source",
    )


def _square(name: str) -> Column:
    value = F.coalesce(F.col(name), F.lit(0.0))
    return value * value
