"""Stage 1, identity goes: contacts that may serve a purpose become runs of cells under the day's pseudonym."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.window import WindowSpec

from expectations.movement import MOVEMENT, PROFILE
from jobs.consent.lines import allowed_at
from udfs.keys import hmac_sha256
from udfs.purposes import EVERY

_EVENT_COLUMNS = ("imsi", "event_time", "cell_id", "event_type", "timing_advance", "home_mcc")


@dataclass(frozen=True)
class MovementParams:
    """How SIMs without a line and silences are treated.

    Attributes:
        home_mcc: Country code of domestic SIMs; others without a line are inbound visitors.
        sim_is_unit: Whether, for want of any master data and under a waiver, every SIM is a unit.
        max_gap_seconds: A longer silence ends a run even on one cell.
    """

    home_mcc: int
    sim_is_unit: bool
    max_gap_seconds: int


def admitted(events: DataFrame, sims: DataFrame, days: DataFrame, params: MovementParams) -> DataFrame:
    """Join contacts with the SIMs of each day's window and decide what each may serve.

    Event-sized, and the only place where identity meets movement. One shuffle by (date, imsi) serves the
    join (where it is not broadcast) and every window after it.

    Args:
        events: Rows of ``restricted.events`` on known cells.
        sims: See ``jobs.consent.lines.sims``.
        days: ``date, window_start, window_end``, small.
        params: How to treat SIMs without a line.

    Returns:
        One row a contact and day: the contact, ``pseudonym`` (null: a visitor's, made later),
        ``line_no``, ``purposes`` (0: serves none), ``withheld`` (purposes that an objection keeps it from).
    """
    in_window = (F.col("event_time") >= F.col("window_start")) & (F.col("event_time") < F.col("window_end"))
    dated = events.select(*_EVENT_COLUMNS).join(F.broadcast(days), on=in_window, how="inner")
    served = sims.select(
        "date", "imsi", "valid_from", "valid_to", "pseudonym", "line_no", "purposes", "past", "objecting"
    )
    matches = (
        (F.col("e.date") == F.col("s.date"))
        & (F.col("e.imsi") == F.col("s.imsi"))
        & (F.col("e.event_time") >= F.col("s.valid_from"))
        & (F.col("s.valid_to").isNull() | (F.col("e.event_time") < F.col("s.valid_to")))
    )
    is_visitor = F.lit(True) if params.sim_is_unit else F.coalesce(F.col("home_mcc") != params.home_mcc, F.lit(False))
    explained = F.col("s.purposes").isNotNull()
    purposes = (
        F.when(explained, allowed_at(F.col("s.purposes"), F.col("past"), F.col("event_time")))
        .when(is_visitor, F.lit(EVERY))
        .otherwise(F.lit(0))
    )
    lost = F.col("s.purposes").cast("int").bitwiseAND(F.bitwise_not(purposes))
    withheld = F.coalesce(F.col("s.objecting").cast("int").bitwiseOR(lost), F.lit(0))
    return (
        dated.alias("e")
        .join(served.alias("s"), on=matches, how="left")
        .select(
            *(F.col(f"e.{c}") for c in ("date", *_EVENT_COLUMNS)),
            F.col("s.pseudonym").alias("pseudonym"),
            F.coalesce("s.line_no", F.lit(1)).cast("smallint").alias("line_no"),
            purposes.cast("tinyint").alias("purposes"),
            withheld.cast("tinyint").alias("withheld"),
        )
    )


def flagged_runs(contacts: DataFrame, params: MovementParams) -> DataFrame:
    """Flag exact repeats and the first contact of each run of one cell.

    Args:
        contacts: Contacts that serve at least one purpose.
        params: Longest silence inside a run.

    Returns:
        The contacts with ``is_repeat``, ``starts_run``, ``previous_time``, ``nth``, ``last_time``, ``last_nth``.
    """
    order = _order()
    so_far = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    whole = order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    same = F.lit(True)
    for column in ("event_time", "cell_id", "event_type", "timing_advance"):
        same = same & F.col(column).eqNullSafe(F.lag(column).over(order))
    silence = F.col("event_time").cast("long") - F.col("previous_time").cast("long")
    starts = (
        F.col("previous_time").isNull()
        | (F.col("cell_id") != F.lag("cell_id").over(order))
        | (F.col("purposes") != F.lag("purposes").over(order))
        | ~F.col("pseudonym").eqNullSafe(F.lag("pseudonym").over(order))
        | (silence > params.max_gap_seconds)
    )
    return (
        contacts.withColumn("previous_time", F.lag("event_time").over(order))
        .withColumn("is_repeat", same & F.col("previous_time").isNotNull())
        .withColumn("starts_run", starts)
        .withColumn("nth", F.sum(F.when(F.col("is_repeat"), 0).otherwise(1)).over(so_far))
        .withColumn("last_time", F.max("event_time").over(whole))
        .withColumn("last_nth", F.max("nth").over(whole))
    )


def movement(runs: DataFrame, keyed_days: DataFrame) -> DataFrame:
    """Close runs, put visitors under their pseudonym, and drop identity.

    Args:
        runs: See ``flagged_runs``.
        keyed_days: Days with the pads of their keys, broadcast to the collapsed rows only.

    Returns:
        Rows of ``pseudonymous.movement``.
    """
    order = _order()
    key = F.broadcast(keyed_days.select("date", "inner", "outer"))
    visitor = hmac_sha256(F.col("inner"), F.col("outer"), F.concat(F.lit("v:"), "imsi"))
    return (
        runs.filter("starts_run")
        .withColumn("end_time", F.coalesce(F.lead("previous_time").over(order), F.col("last_time")))
        .withColumn("after", F.coalesce(F.lead("nth").over(order), F.col("last_nth") + 1))
        .join(key, on="date", how="inner")
        .select(
            "date",
            F.coalesce("pseudonym", visitor).alias("pseudonym"),
            "line_no",
            "purposes",
            F.col("event_time").alias("start_time"),
            "end_time",
            "cell_id",
            (F.col("after") - F.col("nth")).cast("int").alias("contacts"),
        )
        .select(MOVEMENT.column_names)
    )


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
    low = (F.floor(age / 10) * 10).cast("int")
    band = F.when(age.between(0, 79), F.concat_ws("-", low, low + 9)).when(age.between(80, 120), F.lit("80+"))
    attributes = F.struct("line_no", "valid_from", band.alias("age_band"), "gender", "home_zone_id")
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


def _order() -> WindowSpec:
    return Window.partitionBy("date", "imsi").orderBy("event_time", "cell_id", "event_type", "timing_advance")
