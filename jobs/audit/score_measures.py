"""Measures of accuracy: estimates against the truth of a simulation, cell by cell and person-hour by person-hour.

Everything here is pure: small frames of cells in, rows of ``MEASURES_SCHEMA`` out.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.release.disclosure import lineage

MEASURES_SCHEMA = "date DATE, measure STRING, level STRING, method STRING, value DOUBLE, compared BIGINT"

FLOOR = 20
"""Least true count of a cell whose percentage error is looked at."""

LARGE_TILES = 10
"""Points of interest of this many tiles are told apart from smaller ones."""

_BY = ("date", "level", "method")


def levels_above(zones: DataFrame, levels: list[str]) -> DataFrame:
    """Each counted zone at every level at which it is published; places are told apart by size.

    Args:
        zones: Rows of ``reference.zones``.
        levels: Levels of the partitions, coarsest first.

    Returns:
        ``zone_id, counted_id, level``, one row a counted zone and level.
    """
    finest = F.struct(F.lit(levels[-1]).alias("level"), F.col("zone_id").alias("counted_id"))
    above = [
        F.struct(F.lit(levels[i]).alias("level"), F.col(f"up_{i}").alias("counted_id")) for i in range(len(levels) - 1)
    ]
    partition = (
        lineage(zones, levels)
        .select("zone_id", F.inline(F.array(*above, finest)))
        .filter("counted_id IS NOT NULL")
        .select("zone_id", "counted_id", "level")
    )
    large = F.concat("level", F.lit(f", {LARGE_TILES} tiles or more"))
    small = F.concat("level", F.lit(", smaller"))
    places = zones.filter("role = 'place'").select(
        "zone_id",
        F.col("zone_id").alias("counted_id"),
        F.when(F.col("tiles") >= LARGE_TILES, large).otherwise(small).alias("level"),
    )
    return partition.unionByName(places)


def footfall_cells(truth: DataFrame, estimates: DataFrame, above: DataFrame, clock: DataFrame) -> DataFrame:
    """Put true and estimated person-hours on the same fixed domain: zones that can be counted, hours of the clock.

    Args:
        truth: ``date, pseudonym, role, hour, zone_id``: who truly was in which zone.
        estimates: The same with ``method``.
        above: See ``levels_above``; zones that are not in it are left out on both sides.
        clock: ``date, hour``: the domain's hours.

    Returns:
        One row a zone, hour and method: ``date, level, zone_id, hour, method, true, estimated``, zeros included.
    """
    cell = ("date", "zone_id", "hour")
    counted = truth.groupBy(*cell).agg(F.count("*").alias("true"))
    found = estimates.groupBy(*cell, "method").agg(F.count("*").alias("estimated"))
    methods = estimates.select("method").distinct()
    return (
        clock.crossJoin(F.broadcast(above))
        .crossJoin(F.broadcast(methods))
        .join(counted, on=list(cell), how="left")
        .join(found, on=[*cell, "method"], how="left")
        .groupBy("date", "level", F.col("counted_id").alias("zone_id"), "hour", "method")
        .agg(
            F.coalesce(F.sum("true"), F.lit(0)).alias("true"),
            F.coalesce(F.sum("estimated"), F.lit(0)).alias("estimated"),
        )
    )


def cell_measures(cells: DataFrame, name: str) -> DataFrame:
    """Errors over cells, by date, level and method.

    ``mdape``: median of |estimated - true| / true over cells with ``true`` of at least ``FLOOR``; ``mae``: mean
    of |estimated - true|, persons; ``bias``: (sum estimated - sum true) / sum true; ``spearman``: correlation of
    ranks, ties at their mean rank.

    Args:
        cells: ``date, level, method, true, estimated``.
        name: Prefix of the measures' names.
    """
    error = F.abs(F.col("estimated") - F.col("true"))
    is_large = F.col("true") >= FLOOR
    ranked = cells.select(
        *_BY,
        "true",
        "estimated",
        F.when(is_large, error / F.col("true")).alias("relative"),
        error.alias("error"),
        _rank("true").alias("true_rank"),
        _rank("estimated").alias("estimated_rank"),
    )
    total = F.sum("true")
    # corr() divides by zero where all cells are equal; without a spread there is no correlation.
    spread = F.stddev_pop("true_rank") * F.stddev_pop("estimated_rank")
    found = ranked.groupBy(*_BY).agg(
        F.percentile("relative", F.lit(0.5)).alias("mdape"),
        (F.sum("error") / F.count("*")).alias("mae"),
        (F.sum(F.col("estimated") - F.col("true")) / F.nullif(total, F.lit(0))).alias("bias"),
        # Sums of doubles differ in their last digits from one partitioning to the next.
        F.round(F.covar_pop("true_rank", "estimated_rank") / F.nullif(spread, F.lit(0.0)), 9).alias("spearman"),
        F.count("relative").alias("large"),
        F.count("*").alias("cells"),
    )
    compared = {"mdape": "large", "mae": "cells", "bias": "cells", "spearman": "cells"}
    return as_measures(found, {f"{name}_{measure}": (measure, count) for measure, count in compared.items()})


def person_measures(truth: DataFrame, estimates: DataFrame, levels: DataFrame) -> DataFrame:
    """Person-hours one by one, on the drawn levels: who was seen at all, and seen in the right zone.

    ``coverage``: of the true person-hours, the share with an estimated zone of the same kind in that hour;
    ``right_zone``: of the true person-hours that are covered, the share in the right zone.

    Args:
        truth: ``date, pseudonym, role, hour, zone_id``.
        estimates: The same with ``method``, at most one row a person, role, hour and method.
        levels: ``zone_id, level`` of the drawn levels.
    """
    methods = estimates.select("method").distinct()
    placed = estimates.withColumnRenamed("zone_id", "estimated_id")
    paired = (
        truth.join(F.broadcast(levels.select("zone_id", "level")), on="zone_id", how="inner")
        .crossJoin(F.broadcast(methods))
        .join(placed, on=["date", "pseudonym", "role", "hour", "method"], how="left")
    )
    covered, right = F.count("estimated_id"), F.count_if(F.col("estimated_id") == F.col("zone_id"))
    found = paired.groupBy(*_BY).agg(
        (covered / F.count("*")).alias("coverage"), (right / F.nullif(covered, F.lit(0))).alias("right_zone")
    )
    return as_measures(found, {"footfall_coverage": ("coverage", None), "footfall_right_zone": ("right_zone", None)})


def trip_measures(truth: DataFrame, estimates: DataFrame, level: str) -> DataFrame:
    """Trips by cells of origin, destination and day.

    With t and e the trips of a cell: recall = sum min(t, e) / sum t, precision = sum min(t, e) / sum e, and the
    common part of commuters (Lenormand et al. 2012) = 2 sum min(t, e) / (sum t + sum e).

    Args:
        truth: ``date, origin_zone_id, destination_zone_id, trips``.
        estimates: The same with ``method``.
        level: Level of the zones.
    """
    keys = ["date", "origin_zone_id", "destination_zone_id", "method"]
    methods = estimates.select("method").distinct()
    true = truth.crossJoin(F.broadcast(methods)).withColumnRenamed("trips", "true")
    both = true.join(estimates, on=keys, how="full").select(
        *keys, F.coalesce("true", F.lit(0)).alias("t"), F.coalesce("trips", F.lit(0)).alias("e")
    )
    common, t, e = F.sum(F.least("t", "e")), F.sum("t"), F.sum("e")
    found = (
        both.withColumn("level", F.lit(level))
        .groupBy(*_BY)
        .agg(
            (common / F.nullif(t, F.lit(0))).alias("recall"),
            (common / F.nullif(e, F.lit(0))).alias("precision"),
            (2 * common / F.nullif(t + e, F.lit(0))).alias("cpc"),
            F.count("*").alias("cells"),
        )
    )
    return as_measures(found, {f"trips_{measure}": (measure, "cells") for measure in ("recall", "precision", "cpc")})


def home_measures(truth: DataFrame, homes: DataFrame, level: str, min_nights: int) -> DataFrame:
    """Home zones against the truth.

    ``homes_told``: share of persons whose home is told from nights. Of these the shares that are right:
    ``homes_right``; ``homes_right_by_nights``, had nobody been registered; ``homes_right_moved``, of persons
    who are registered elsewhere, so that the register misleads; ``homes_right_unregistered``, of those whose
    address nothing tells.

    Args:
        truth: ``date, pseudonym, zone_id``: true homes of residents of the panel; date: the last of the days.
        homes: ``pseudonym, home_zone_id, night_zone_id, registered_zone_id, nights, is_fallback, method``.
        level: Level of the zones.
        min_nights: Fewest nights of a home that is judged.
    """
    judged = homes.filter((F.col("nights") >= min_nights) & ~F.col("is_fallback"))
    methods = homes.select("method").distinct()
    told = judged.select("pseudonym", "method", "home_zone_id", "night_zone_id", "registered_zone_id")
    paired = (
        truth.crossJoin(F.broadcast(methods))
        .join(told, on=["pseudonym", "method"], how="left")
        .withColumn("level", F.lit(level))
    )
    is_told, registered = F.col("home_zone_id").isNotNull(), F.col("registered_zone_id")
    groups = {
        "homes_right": (is_told, "home_zone_id"),
        "homes_right_by_nights": (is_told, "night_zone_id"),
        "homes_right_moved": (is_told & (registered != F.col("zone_id")), "home_zone_id"),
        "homes_right_unregistered": (is_told & registered.isNull(), "home_zone_id"),
    }
    parts = [F.count_if(is_told).alias("told"), F.count("*").alias("all")]
    for name, (group, zone) in groups.items():
        right = F.count_if(group & (F.col(zone) == F.col("zone_id")))
        parts += [F.count_if(group).alias(f"n_{name}"), (right / F.nullif(F.count_if(group), F.lit(0))).alias(name)]
    found = paired.groupBy(*_BY).agg(*parts).withColumn("share", F.col("told") / F.col("all"))
    return as_measures(found, {"homes_told": ("share", "all"), **{name: (name, f"n_{name}") for name in groups}})


def _rank(column: str) -> Column:
    """Rank from one within date, level and method; equal values share the mean of their ranks."""
    group = Window.partitionBy(*_BY)
    below = F.rank().over(group.orderBy(column))
    ties = F.count("*").over(Window.partitionBy(*_BY, column))
    return below + (ties - 1) / 2


def as_measures(wide: DataFrame, measures: dict[str, tuple[str, str | None]]) -> DataFrame:
    """Rows of ``MEASURES_SCHEMA`` from columns: by measure the column of its value and that of its number."""
    rows = [
        F.struct(
            F.lit(name).alias("measure"),
            F.col(value).cast("double").alias("value"),
            (F.col(count) if count else F.lit(None)).cast("bigint").alias("compared"),
        )
        for name, (value, count) in measures.items()
    ]
    return wide.select(*_BY, F.inline(F.array(*rows))).select("date", "measure", "level", "method", "value", "compared")
