"""Who the units are, apart from what they did."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.movement import PROFILE
from udfs.keys import hmac_sha256


def profile(sims: DataFrame, visitors: DataFrame, keyed_days: DataFrame) -> DataFrame:
    """Who the units are, apart from what they did.

    Args:
        sims: See ``jobs.consent.lines.sims``.
        visitors: ``date, imsi, home_mcc`` of SIMs that no line explains, one row each.
        keyed_days: Days with the pads of their keys.

    Returns:
        Rows of ``pseudonymous.profile``; age bands of ten years, ``unknown`` where master data says nothing.
    """
    age = F.year("date") - F.col("birth_year")
    attributes = F.struct("line_no", "valid_from", age_band(age).alias("age_band"), "gender", "home_zone_id")
    domestic = (
        sims.filter("purposes <> 0")
        .groupBy("date", "pseudonym")
        .agg(F.min(attributes).alias("who"))
        .select(
            "date",
            "pseudonym",
            F.lit("domestic").alias("origin"),
            F.coalesce("who.age_band", F.lit("unknown")).alias("age_band"),
            F.coalesce("who.gender", F.lit("unknown")).alias("gender"),
            F.col("who.home_zone_id").alias("home_zone_id"),
        )
    )
    key = F.broadcast(keyed_days.select("date", "inner", "outer"))
    inbound = visitors.join(key, on="date", how="inner").select(
        "date",
        hmac_sha256(F.col("inner"), F.col("outer"), F.concat(F.lit("v:"), "imsi")).alias("pseudonym"),
        F.coalesce(F.col("home_mcc").cast("string"), F.lit("unknown")).alias("origin"),
        F.lit("unknown").alias("age_band"),
        F.lit("unknown").alias("gender"),
        F.lit(None).cast("string").alias("home_zone_id"),
    )
    return domestic.unionByName(inbound).select(PROFILE.column_names)


def age_band(age: Column) -> Column:
    """The band of ten years that an age lies in; null without a possible age."""
    low = (F.floor(age / 10) * 10).cast("int")
    return F.when(age.between(0, 79), F.concat_ws("-", low, low + 9)).when(age.between(80, 120), F.lit("80+"))
