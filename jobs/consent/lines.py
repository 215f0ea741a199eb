"""Which SIM may serve which purpose on which day, and under which pseudonym: the frame that events join."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.consent_ledger import PURPOSES
from jobs.consent.ledger import in_force, objections
from udfs.keys import hmac_sha256
from udfs.purposes import EVERY, bit, bits_of

KEYED_DAYS_SCHEMA = (
    "date DATE, window_start TIMESTAMP, window_end TIMESTAMP, day_start TIMESTAMP, day_end TIMESTAMP, "
    "inner BINARY, outer BINARY"
)
"""Schema of the keyed days: one row a local day with its window of events and the pads of its key."""


@dataclass(frozen=True)
class LineParams:
    """What decides which SIM may serve.

    Attributes:
        as_of: Processing time against which objections are held.
    """

    as_of: dt.datetime


def units(subscribers: DataFrame) -> DataFrame:
    """Add ``unit``: what is counted and protected (design: a private subscriber, a business line).

    Things (m2m) get a null unit: they are never persons.
    """
    by_person = F.col("subscriber_id").isNotNull() & F.col("contract").isin("private", "prepaid")
    unit = F.when(F.col("contract") == "m2m", F.lit(None).cast("string"))
    unit = unit.when(by_person, F.concat(F.lit("s:"), "subscriber_id")).otherwise(F.concat(F.lit("l:"), "msisdn"))
    return subscribers.withColumn("unit", unit)


def bound_objections(objected: DataFrame, subscribers: DataFrame, links: DataFrame) -> DataFrame:
    """Bind each objection to the person who made it, and to the numbers that this person went on to.

    Who made it is the holder of the number when the objection began, else its first later holder, else its
    last earlier one. Where master data does not tell who that was, the objection stays on the number.

    Args:
        objected: ``msisdn, purpose, valid_from, valid_to`` (see ``jobs.consent.ledger.objections``).
        subscribers: Rows of ``restricted.subscribers``.
        links: See ``jobs.consent.numbers``.

    Returns:
        One row a number: ``msisdn`` and ``objections``, an array of (holder, bits, from, to).
    """
    key = ("msisdn", "purpose", "valid_from", "valid_to")
    held = subscribers.select(
        "msisdn",
        F.struct(
            "subscriber_id", "imsi", F.col("valid_from").alias("held_from"), F.col("valid_to").alias("held_to")
        ).alias("held"),
    )
    by_number = objected.join(held, on="msisdn", how="left").groupBy(*key).agg(F.collect_list("held").alias("rows"))
    maker = _maker(F.col("rows"), F.col("valid_from"))
    bound = by_number.withColumn("maker", maker).select(
        *key, F.col("maker.holder").alias("holder"), F.col("maker.held_from").alias("maker_from")
    )
    # The links of the maker's own rows: of an unknown one, those from the row on that the objection is about.
    own = F.when(F.col("b.holder").isNull(), F.col("l.held_from") >= F.col("b.maker_from")).otherwise(
        F.col("l.holder").isNull() | (F.col("l.holder") == F.col("b.holder"))
    )
    moved = (
        bound.alias("b")
        .join(links.alias("l"), on=(F.col("b.msisdn") == F.col("l.msisdn")) & own, how="inner")
        .select(
            F.col("l.heir").alias("msisdn"),
            F.col("b.purpose").alias("purpose"),
            F.col("b.valid_from").alias("valid_from"),
            F.col("b.valid_to").alias("valid_to"),
            F.coalesce("l.heir_holder", "b.holder").alias("holder"),
        )
    )
    here = bound.select(*key, "holder")
    objection = F.struct(
        "holder",
        bits_of(F.col("purpose")).alias("bits"),
        F.col("valid_from").alias("from"),
        F.col("valid_to").alias("to"),
    )
    every = here.unionByName(moved).groupBy("msisdn")
    return every.agg(F.sort_array(F.collect_set(objection)).alias("objections"))


def _maker(rows: Column, instant: Column) -> Column:
    """Of a number's rows in master data, the one of who held it at an instant: its holder and start."""

    def ranked(row: Column) -> Column:
        rank = (
            F.when(in_force(row["held_from"], row["held_to"], instant), 0)
            .when(row["held_from"] > instant, 1)
            .otherwise(2)
        )
        distance = F.abs(F.unix_micros(row["held_from"]) - F.unix_micros(instant))
        # A row may not know its holder while another of the same SIM and number does.
        named = F.filter(rows, lambda r: (r["imsi"] == row["imsi"]) & r["subscriber_id"].isNotNull())
        holder = F.coalesce(row["subscriber_id"], F.try_element_at(F.array_sort(named), F.lit(1))["subscriber_id"])
        return F.struct(
            rank.alias("rank"), distance.alias("distance"), holder.alias("holder"), row["held_from"].alias("held_from")
        )

    return F.array_min(F.transform(rows, ranked))


def of_holder(objections: Column) -> Column:
    """The objections to a number that its holder on this row made, or that nobody can be told to have made."""
    return F.filter(
        objections,
        lambda o: o["holder"].isNull() | F.col("subscriber_id").isNull() | (o["holder"] == F.col("subscriber_id")),
    )


def objecting_rows(subscribers: DataFrame, ledger: DataFrame, links: DataFrame, params: LineParams) -> DataFrame:
    """Rows of master data, each with its ``unit``, its ``objections``, and ``objecting``: bits in force at processing.

    Args:
        subscribers: Rows of ``restricted.subscribers``.
        ledger: Rows of ``restricted.consent_ledger``.
        links: See ``jobs.consent.numbers``.
        params: Processing time.
    """
    as_of = F.lit(params.as_of).cast("timestamp")
    return (
        units(subscribers)
        .join(bound_objections(objections(ledger), subscribers, links), on="msisdn", how="left")
        .withColumn("objections", of_holder(F.coalesce("objections", F.array())))
        .withColumn("objecting", _bits_in_force(F.col("objections"), as_of))
    )


def sims(
    subscribers: DataFrame, ledger: DataFrame, keyed_days: DataFrame, params: LineParams, links: DataFrame
) -> DataFrame:
    """Resolve SIMs for each day: pseudonym, line number, and the purposes that they may serve.

    A purpose is served by one line of a unit: the first by keyed hash among those without an objection to it
    in force at processing time, so that an objecting line leaves the counts exactly as a deleted one would.
    Of rows that claim one SIM for one time the later one counts; where they begin together, the one that objects.

    Args:
        subscribers: Rows of ``restricted.subscribers``.
        ledger: Rows of ``restricted.consent_ledger``.
        keyed_days: Rows of ``KEYED_DAYS_SCHEMA``.
        params: Processing time.
        links: See ``jobs.consent.numbers``.

    Returns:
        One row a day, SIM and validity interval: ``date, msisdn, subscriber_id, imsi, valid_from, valid_to,
        pseudonym, line_no, purposes`` (bits; 0: none), ``past`` (withdrawn objections: array of bits, from, to),
        ``objecting`` (bits in force at processing time), ``is_thing``, and the attributes of master data.
    """
    overlaps = (F.col("valid_from") < F.col("window_end")) & (
        F.col("valid_to").isNull() | (F.col("valid_to") > F.col("window_start"))
    )
    on_sim = Window.partitionBy("date", "imsi").orderBy("valid_from", F.bit_count("objecting"), "msisdn")
    until = F.lead("valid_from").over(on_sim)
    resolved = (
        objecting_rows(subscribers, ledger, links, params)
        .withColumn("past", F.filter("objections", lambda o: o["to"].isNotNull()))
        .join(F.broadcast(keyed_days), on=overlaps, how="inner")
        .withColumn("valid_to", F.least("valid_to", until))
        .filter(F.col("valid_to").isNull() | (F.col("valid_to") > F.col("valid_from")))
        .withColumn("pseudonym", hmac_sha256(F.col("inner"), F.col("outer"), F.col("unit")))
        .withColumn("line_hash", hmac_sha256(F.col("inner"), F.col("outer"), F.concat(F.lit("line:"), "msisdn")))
        .withColumn("covers_day", F.max(_covers_day()).over(Window.partitionBy("date", "unit", "msisdn")))
    )
    by_hash = Window.partitionBy("date", "unit").orderBy("line_hash")
    numbered = resolved.withColumn("line_no", F.dense_rank().over(by_hash).cast("smallint"))
    return numbered.withColumn("purposes", _served()).select(
        "date",
        "msisdn",
        "subscriber_id",
        "imsi",
        "valid_from",
        "valid_to",
        "pseudonym",
        "line_no",
        F.when(F.col("unit").isNull(), F.lit(0)).otherwise(F.col("purposes")).cast("tinyint").alias("purposes"),
        F.transform("past", lambda o: F.struct(o["bits"], o["from"], o["to"])).alias("past"),
        F.col("objecting").cast("tinyint").alias("objecting"),
        F.col("unit").isNull().alias("is_thing"),
        "contract",
        "birth_year",
        "gender",
        "home_zone_id",
    )


def _covers_day() -> Column:
    return (F.col("valid_from") < F.col("day_end")) & (
        F.col("valid_to").isNull() | (F.col("valid_to") > F.col("day_start"))
    )


def _bits_in_force(objections: Column, instant: Column) -> Column:
    return F.aggregate(
        objections,
        F.lit(0),
        lambda bits, o: F.when(in_force(o["from"], o["to"], instant), bits.bitwiseOR(o["bits"])).otherwise(bits),
    )


def _served() -> Column:
    mask = F.lit(0)
    for purpose in PURPOSES:
        free = (F.col("objecting").bitwiseAND(F.lit(bit(purpose))) == 0) & F.col("covers_day")
        order = Window.partitionBy("date", "unit").orderBy(F.when(free, F.col("line_hash")).asc_nulls_last())
        chosen = free & (F.dense_rank().over(order) == 1)
        mask = mask + F.when(chosen, F.lit(bit(purpose))).otherwise(F.lit(0))
    return mask


def allowed_at(purposes: Column, past: Column, instant: Column) -> Column:
    """Purposes that a contact may serve: those of the line less every objection in force at the contact's time."""
    blocked = F.when(F.size(past) > 0, _bits_in_force(past, instant)).otherwise(F.lit(0))
    return purposes.cast("int").bitwiseAND(F.bitwise_not(blocked)).bitwiseAND(F.lit(EVERY))
