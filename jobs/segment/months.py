"""From a day's pseudonyms to the month's: a frame that lives while a job runs and is written nowhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.events import EVENTS
from jobs.consent.lines import units
from jobs.consent.run import master
from jobs.context import RunContext
from jobs.segment.days import keyed_days, utc_dates
from jobs.segment.keys import key_store, make_keys
from jobs.segment.keystore import month_period
from udfs.keys import hmac_sha256, pads


def units_of(subscribers: DataFrame, events: DataFrame, home_mcc: int, *, sim_is_unit: bool) -> DataFrame:
    """Everyone who may have a pseudonym, once: units of master data, and SIMs from abroad.

    Args:
        subscribers: Rows of ``restricted.subscribers``.
        events: Rows of ``restricted.events`` of the days; of these only SIMs from abroad are looked at.
        home_mcc: Country code of domestic SIMs.
        sim_is_unit: Whether, for want of any master data and under a waiver, every SIM is a unit.

    Returns:
        ``unit``.
    """
    foreign = events if sim_is_unit else events.filter(F.col("home_mcc") != home_mcc)
    visitors = foreign.select(F.concat(F.lit("v:"), "imsi").alias("unit"))
    return units(subscribers).filter("unit IS NOT NULL").select("unit").unionByName(visitors).distinct()


def paired_pseudonyms(everyone: DataFrame, keyed: DataFrame) -> DataFrame:
    """Both pseudonyms of every unit, by day.

    Args:
        everyone: See ``units_of``.
        keyed: ``date, inner, outer`` of the day's key and ``month, month_inner, month_outer`` of its month's.

    Returns:
        One row a day and unit: ``date, pseudonym, month, month_pseudonym``.
    """
    unit = F.col("unit")
    return everyone.crossJoin(F.broadcast(keyed)).select(
        "date",
        hmac_sha256(F.col("inner"), F.col("outer"), unit).alias("pseudonym"),
        "month",
        hmac_sha256(F.col("month_inner"), F.col("month_outer"), unit).alias("month_pseudonym"),
    )


def month_pseudonyms(context: RunContext, days: Sequence[dt.date]) -> DataFrame:
    """See ``paired_pseudonyms``; makes the months' keys at need. The days' keys must be there."""
    store, policy = key_store(context), context.policy
    make_keys(context, [month_period(day) for day in days], "home zones of the month")
    rows = []
    for day in days:
        inner, outer = pads(store.create(month_period(day)))
        rows.append((day, f"{day:%Y-%m}", bytearray(inner), bytearray(outer)))
    months = context.spark.createDataFrame(rows, "date DATE, month STRING, month_inner BINARY, month_outer BINARY")
    keyed = keyed_days(context.spark, days, policy, store).select("date", "inner", "outer")
    events = context.lake.door(reads=[Schema.RESTRICTED]).read(EVENTS)
    around = events.filter(F.col("event_date").isin(utc_dates(days, policy)))
    waived = context.settings.waiver is not None
    everyone = units_of(master(context), around, policy.home_mcc, sim_is_unit=waived)
    return paired_pseudonyms(everyone, keyed.join(F.broadcast(months), on="date", how="inner"))
