"""From a day's pseudonyms to those of its week or month: a frame that lives while a job runs and is written nowhere."""

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
from jobs.segment.periods import PeriodKind, period_of, split
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


def paired_pseudonyms(everyone: DataFrame, keyed: DataFrame, kind: PeriodKind) -> DataFrame:
    """Both pseudonyms of every unit, by day.

    Args:
        everyone: See ``units_of``.
        keyed: ``date, inner, outer`` of the day's key and ``<kind>, <kind>_inner, <kind>_outer`` of the longer one's.
        kind: week or month.

    Returns:
        One row a day and unit: ``date, pseudonym, <kind>, <kind>_pseudonym``.
    """
    unit = F.col("unit")
    return everyone.crossJoin(F.broadcast(keyed)).select(
        "date",
        hmac_sha256(F.col("inner"), F.col("outer"), unit).alias("pseudonym"),
        kind,
        hmac_sha256(F.col(f"{kind}_inner"), F.col(f"{kind}_outer"), unit).alias(f"{kind}_pseudonym"),
    )


def renamed(rows: DataFrame, pairs: DataFrame, kind: PeriodKind) -> DataFrame:
    """Put rows of some days under the longer period's pseudonym, beside the ``<kind>`` itself; the day's is gone.

    Args:
        rows: Rows with ``date, pseudonym``.
        pairs: See ``paired_pseudonyms``.
        kind: week or month.
    """
    paired = rows.join(pairs, on=["date", "pseudonym"], how="inner")
    return paired.drop("pseudonym").withColumnRenamed(f"{kind}_pseudonym", "pseudonym")


def longer_pseudonyms(context: RunContext, days: Sequence[dt.date], kind: PeriodKind) -> DataFrame:
    """See ``paired_pseudonyms``; makes the longer periods' keys at need. The days' keys must be there."""
    store, policy = key_store(context), context.policy
    make_keys(context, [period_of(day, kind) for day in days], f"products of the {kind}")
    rows = []
    for day in days:
        period = period_of(day, kind)
        inner, outer = pads(store.create(period))
        rows.append((day, split(period)[1], bytearray(inner), bytearray(outer)))
    ddl = f"date DATE, {kind} STRING, {kind}_inner BINARY, {kind}_outer BINARY"
    longer = context.spark.createDataFrame(rows, ddl)
    keyed = keyed_days(context.spark, days, policy, store).select("date", "inner", "outer")
    events = context.lake.door(reads=[Schema.RESTRICTED]).read(EVENTS)
    around = events.filter(F.col("event_date").isin(utc_dates(days, policy)))
    waived = context.settings.waiver is not None
    everyone = units_of(master(context), around, policy.home_mcc, sim_is_unit=waived)
    return paired_pseudonyms(everyone, keyed.join(F.broadcast(longer), on="date", how="inner"), kind)
