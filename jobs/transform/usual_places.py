"""Where units live and work, told from the votes of a month: the usual environment that visits are held against."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.transform.homes import HomeParams
from udfs.purposes import serves


def home_zones(votes: DataFrame, lifts: DataFrame, purpose: str, params: HomeParams) -> DataFrame:
    """Tell each unit's home and place of work: the usual environment that visits are held against.

    Home is the zone with most expected minutes at night, those in the registered zone (the latest told) weighing
    ``1 + lift`` times: nights tell zones that share a cell badly, and the register tells them well. It is a
    prior, which enters once: the contacts of many nights on one spot are no independent evidence. Where nights were
    spent on cells that do not reach the registered zone it changes nothing. With fewer than ``min_nights`` nights home
    is the registered zone. A visitor has a country of origin instead, and no home here. Work is the zone with most
    expected minutes in working hours of at least ``min_work_days`` days, unless that is home. Ties go to the zone whose
    id comes first.

    Args:
        votes: Rows of ``pseudonymous.homes`` of a month.
        lifts: See ``jobs.transform.prior.home_lifts``, broadcast; without rows nights alone decide.
        purpose: Purpose of the product.
        params: Fewest nights and days.

    Returns:
        One row a month and unit: ``month, pseudonym, home_zone_id`` (null: not told), ``confidence`` (the home's share
        of the weighed minutes; null if fallback), ``nights, is_fallback, registered_zone_id, night_zone_id`` (what
        nights alone tell), ``work_zone_id`` (null: none), ``origin`` (domestic, or the mobile country code).
    """
    rows = votes.filter(serves(F.col("purposes"), purpose))
    unit = ("month", "pseudonym")
    by_zone = rows.groupBy(*unit, "vote", "zone_id").agg(F.sum("minutes").alias("minutes"), F.max("date").alias("date"))
    at_night, at_work = F.col("vote") == "night", F.col("vote") == "work"
    # The order of a struct's fields: most minutes first, then the smaller id.
    longest = F.struct((-F.col("minutes")).alias("less"), "zone_id")
    latest = F.struct(F.datediff(F.lit("1970-01-01"), F.col("date")).alias("less"), "zone_id")
    chosen = by_zone.groupBy(*unit).agg(
        F.collect_list(F.when(at_night, F.struct("zone_id", "minutes"))).alias("at_night"),
        F.min(F.when(at_night, longest)).alias("by_nights"),
        F.min(F.when(at_work, longest)).alias("work"),
        F.min(F.when(F.col("vote") == "registered", latest))["zone_id"].alias("registered_zone_id"),
        F.coalesce(F.min(F.when(F.col("vote") == "origin", F.col("zone_id"))), F.lit("domestic")).alias("origin"),
    )
    counted = rows.groupBy(*unit).agg(
        F.count_distinct("night").alias("nights"), F.count_distinct(F.when(at_work, F.col("date"))).alias("work_days")
    )
    told = lifts.select(F.col("zone_id").alias("registered_zone_id"), "lift")
    home = F.when(F.col("is_fallback"), F.col("registered_zone_id")).otherwise(F.col("night.zone_id"))
    has_work = (F.col("work_days") >= params.min_work_days) & (F.col("origin") == "domestic")
    has_work &= ~F.col("work.zone_id").eqNullSafe(F.col("home_zone_id"))
    is_measured = (F.col("origin") == "domestic") & ~F.col("is_fallback")
    return (
        chosen.join(counted, on=list(unit), how="inner")
        .join(F.broadcast(told), on="registered_zone_id", how="left")
        .withColumn("weighed", F.transform("at_night", _weighed))
        .withColumn("night", F.array_min("weighed"))
        .withColumn("is_fallback", (F.col("nights") < params.min_nights) & (F.col("origin") == "domestic"))
        .withColumn("home_zone_id", F.when(F.col("origin") == "domestic", home))
        .select(
            *unit,
            "home_zone_id",
            F.when(is_measured, F.col("night.less") / _total("weighed")).alias("confidence"),
            "nights",
            "is_fallback",
            "registered_zone_id",
            F.col("by_nights.zone_id").alias("night_zone_id"),
            F.when(has_work, F.col("work.zone_id")).alias("work_zone_id"),
            "origin",
        )
    )


def _weighed(night: Column) -> Column:
    """Minutes of a zone at night, less than nothing, in thousandths: the longest first, then the smaller id."""
    is_registered = night["zone_id"].eqNullSafe(F.col("registered_zone_id"))
    times = F.when(is_registered, F.lit(1.0) + F.coalesce("lift", F.lit(0.0))).otherwise(F.lit(1.0))
    # Whole numbers: a sum must not hang on the order of rows.
    less = -F.round(night["minutes"] * times * F.lit(1000.0)).cast("bigint")
    return F.struct(less.alias("less"), night["zone_id"].alias("zone_id"))


def _total(weighed: str) -> Column:
    return F.aggregate(F.col(weighed)["less"], F.lit(0).cast("bigint"), lambda total, one: total + one)


def environment(zone_id: Column, home_zone_id: Column, work_zone_id: Column) -> Column:
    """Where in its usual environment a unit is: ``home``, ``work`` or ``neither``; home is told first."""
    at_home, at_work = zone_id.eqNullSafe(home_zone_id), zone_id.eqNullSafe(work_zone_id)
    return F.when(at_home, "home").when(at_work, "work").otherwise("neither")
