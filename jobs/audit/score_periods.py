"""Scoring of weeks and months: trips by pair of zones and daypart, and where visitors live, against the truth."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.aggregate.bounds import bounded
from jobs.aggregate.period_cells import catchment_cells, od_cells
from jobs.aggregate.specs import CELL
from jobs.audit.score_measures import as_measures
from jobs.simulate.clock import Clock
from udfs.geo import tile_number
from udfs.time import daypart, local_hour

LEAST_VISITORS = 500
"""Least true visitors of a zone whose shares of home zones are looked at."""

_PAIR = ("week", "origin_zone_id", "destination_zone_id", "daypart")


def true_pairs(itineraries: DataFrame, persons: DataFrame, counted: DataFrame, clock: Clock) -> DataFrame:
    """Persons of the panel who truly made a trip between two zones, by week and part of the day of departure.

    Args:
        itineraries: Rows of ``truth/itineraries``.
        persons: See ``score_truth.panel_persons``, by the purpose of od.
        counted: See ``jobs.transform.presence.counted_zones``.
        clock: The days.

    Returns:
        ``week, origin_zone_id, destination_zone_id, daypart, persons``; trips within a zone are left out.
    """
    zones = counted.filter("role = 'partition'").select("tile", "zone_id")
    start = F.timestamp_seconds("start_s")
    ends = {
        "origin_zone_id": tile_number(F.col("x0"), F.col("y0")),
        "destination_zone_id": tile_number(F.col("to_x"), F.col("to_y")),
    }
    made = itineraries.filter("mode IS NOT NULL AND leg = 0").withColumn(
        "date", F.to_date(F.from_utc_timestamp(start, clock.time_zone))
    )
    made = made.join(persons.select("date", "person_id"), on=["date", "person_id"], how="left_semi")
    for name, tile in ends.items():
        named = zones.select(F.col("tile").alias(f"{name}_tile"), F.col("zone_id").alias(name))
        made = made.withColumn(f"{name}_tile", tile).join(F.broadcast(named), on=f"{name}_tile", how="inner")
    return (
        made.filter("origin_zone_id <> destination_zone_id")
        .select(
            week_of().alias("week"), "person_id", *ends, daypart(local_hour(start, clock.time_zone)).alias("daypart")
        )
        .distinct()
        .groupBy(*_PAIR)
        .agg(F.count("*").alias("persons"))
    )


def week_of() -> Column:
    """ISO week of the column ``date``, as keys name it."""
    # The Thursday of a week lies in the year that the week belongs to.
    thursday = F.date_add("date", 3 - F.weekday("date"))
    return F.format_string("%04d-W%02d", F.year(thursday), F.weekofyear("date"))


def estimated_pairs(contributions: DataFrame, purpose: str, most: int) -> DataFrame:
    """Units by pair of zones and daypart, bounded as the product bounds them, before noise.

    Args:
        contributions: Rows of ``pseudonymous.od_contributions``.
        purpose: Purpose of the product.
        most: Cells that a unit counts in, in a week.

    Returns:
        ``week, origin_zone_id, destination_zone_id, daypart, persons``.
    """
    # A unit has another pseudonym each week, so what is bounded by unit is bounded by week.
    weeks = contributions.select("pseudonym", "week").distinct()
    date, product = F.lit("1970-01-01").cast("date").alias("date"), F.lit("od").alias("product")
    cells = od_cells(contributions, purpose).select(date, product, "role", "pseudonym", *CELL)
    return (
        bounded(cells, {"partition": most})
        .join(weeks, on="pseudonym", how="inner")
        .groupBy(
            "week",
            F.col("zone_id").alias("origin_zone_id"),
            F.col("other").alias("destination_zone_id"),
            F.col("part").alias("daypart"),
        )
        .agg(F.count("*").alias("persons"))
    )


def od_measures(truth: DataFrame, estimates: DataFrame, bar: float, level: str, dates: DataFrame) -> DataFrame:
    """Persons by pair of zones, daypart and week against the truth; trips within a zone apart.

    ``od_cpc``: common part of commuters (Lenormand et al. 2012), 2 sum min(t, e) / (sum t + sum e). ``od_published``:
    share of the true trips in cells whose estimate reaches the bar of publication; noise lets about as many pass
    below it as it holds back above.

    Args:
        truth: See ``true_pairs``.
        estimates: See ``estimated_pairs``, with ``method``.
        bar: Least count of a published cell.
        level: Level of the zones.
        dates: ``week, date``: the day to which a week's measures are entered.
    """
    keys = [*_PAIR, "method"]
    methods = estimates.select("method").distinct()
    apart = estimates.filter("origin_zone_id <> destination_zone_id").withColumnRenamed("persons", "found")
    true = truth.crossJoin(F.broadcast(methods)).withColumnRenamed("persons", "true")
    both = true.join(apart, on=keys, how="full").select(
        *keys, F.coalesce("true", F.lit(0)).alias("t"), F.coalesce("found", F.lit(0)).alias("e")
    )
    common, t, e = F.sum(F.least("t", "e")), F.sum("t"), F.sum("e")
    shown = F.sum(F.when(F.col("e") >= bar, F.col("t")).otherwise(0))
    found = (
        both.join(F.broadcast(dates), on="week", how="inner")
        .withColumn("level", F.lit(level))
        .groupBy("date", "level", "method")
        .agg(
            (2 * common / F.nullif(t + e, F.lit(0))).alias("cpc"),
            (shown / F.nullif(t, F.lit(0))).alias("published"),
            F.count("*").alias("cells"),
        )
    )
    return as_measures(found, {"od_cpc": ("cpc", "cells"), "od_published": ("published", "cells")})


def true_visitors(itineraries: DataFrame, persons: DataFrame, homes: DataFrame, counted: DataFrame, clock: Clock,
                  least_seconds: int) -> DataFrame:  # fmt: skip
    """Persons of the panel by zone that they truly visited and zone where they live, by the definition of catchment.

    Args:
        itineraries: Rows of ``truth/itineraries``.
        persons: See ``score_truth.panel_persons``, by the purpose of catchment.
        homes: Rows of ``truth/homes``.
        counted: See ``jobs.transform.presence.counted_zones``.
        clock: The days.
        least_seconds: Shortest stay.

    Returns:
        ``zone_id, other`` (where they live), ``persons``.
    """
    day = F.to_date(F.from_utc_timestamp(F.timestamp_seconds("start_s"), clock.time_zone))
    stays = (
        itineraries.filter("mode IS NULL")
        .filter(F.col("end_s") - F.col("start_s") >= least_seconds)
        .select("person_id", "activity", day.alias("date"), tile_number(F.col("x0"), F.col("y0")).alias("tile"))
        .join(persons.select("date", "person_id"), on=["date", "person_id"], how="left_semi")
        .join(F.broadcast(counted.select("tile", "role", "zone_id")), on="tile", how="inner")
    )
    usual = (
        stays.filter("activity IN ('home', 'main') AND role = 'partition'").select("person_id", "zone_id").distinct()
    )
    at_places = stays.filter("role = 'place'").select("person_id", "zone_id")
    elsewhere = stays.filter("role = 'partition'").select("person_id", "zone_id")
    visited = elsewhere.join(usual, on=["person_id", "zone_id"], how="left_anti").unionByName(at_places).distinct()
    lived = homes.select("person_id", F.col("zone_id").alias("other")).filter("other IS NOT NULL")
    return (
        visited.join(lived, on="person_id", how="inner")
        .filter("zone_id <> other")
        .groupBy("zone_id", "other")
        .agg(F.count("*").alias("persons"))
    )


def estimated_visitors(visits: DataFrame, homes: DataFrame, purpose: str) -> DataFrame:
    """The same as the product counts it, before noise and bound: ``zone_id, other, persons``."""
    cells = catchment_cells(visits, homes, purpose).filter("zone_id <> other")
    return cells.groupBy("zone_id", "other").agg(F.count("*").alias("persons"))


def catchment_measures(truth: DataFrame, estimates: DataFrame, levels: DataFrame) -> DataFrame:
    """Share of the five home zones with most true visitors, of zones with ``LEAST_VISITORS`` true visitors or more.

    ``catchment_top5_points``: mean over zones of the difference of that share, percentage points;
    ``catchment_top5_worst``: the largest one.

    Args:
        truth: See ``true_visitors``, with ``date``: the day to which the measures are entered.
        estimates: See ``estimated_visitors``, with ``method``.
        levels: ``zone_id, level``.
    """
    zone = Window.partitionBy("zone_id")
    nth = F.row_number().over(zone.orderBy(F.col("persons").desc(), "other"))
    true = truth.withColumn("whole", F.sum("persons").over(zone)).filter(F.col("whole") >= LEAST_VISITORS)
    five = true.withColumn("nth", nth).filter("nth <= 5")
    shares = five.groupBy("date", "zone_id").agg((F.sum("persons") / F.max("whole")).alias("t"))
    of_five = F.sum(F.when(F.col("nth").isNotNull(), F.col("persons")).otherwise(0))
    estimated = (
        estimates.join(F.broadcast(five.select("zone_id", "other", "nth")), on=["zone_id", "other"], how="left")
        .groupBy("zone_id", "method")
        .agg((of_five / F.sum("persons")).alias("e"))
    )
    points = F.round(100 * F.abs(F.col("t") - F.col("e")), 9)
    found = (
        shares.join(estimated, on="zone_id", how="inner")
        .join(F.broadcast(levels.select("zone_id", "level")), on="zone_id", how="inner")
        .groupBy("date", "level", "method")
        .agg(F.round(F.avg(points), 6).alias("mean"), F.max(points).alias("worst"), F.count("*").alias("zones"))
    )
    return as_measures(found, {"catchment_top5_points": ("mean", "zones"), "catchment_top5_worst": ("worst", "zones")})
