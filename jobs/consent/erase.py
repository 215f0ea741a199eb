"""Whom to erase, from what, and what must not be found afterwards: pure transforms, identifiers in frames alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.consent.ledger import current, in_force, known_at
from jobs.consent.lines import LineParams, objecting_rows
from udfs.keys import hmac_sha256
from udfs.purposes import EVERY, bits_of
from udfs.traces import hash_forms, number_forms, traces

KEYS_SCHEMA = "period STRING, inner BINARY, outer BINARY"
"""Schema of the living keys: one row a period with the pads of its key."""

NUMBER, SIM, PSEUDONYM, UNIT = "number", "sim", "pseudonym", "unit"


@dataclass(frozen=True)
class EraseParams:
    """When objections are held, and what was erased before.

    Attributes:
        as_of: Processing time.
        since: Instant of the last erasure; None before the first.
        country: Country code of phone numbers that are written without one.
    """

    as_of: dt.datetime
    since: dt.datetime | None
    country: str = "49"


def objecting(subscribers: DataFrame, ledger: DataFrame, links: DataFrame, params: EraseParams) -> DataFrame:
    """Master data with what each row's line objects to.

    Args:
        subscribers: Rows of ``restricted.subscribers``.
        ledger: Rows of ``restricted.consent_ledger``.
        links: See ``jobs.consent.numbers``.
        params: When.

    Returns:
        ``msisdn, imsi, valid_from, valid_to, unit, bits`` (purposes objected to at processing time; 0: none)
        and ``fresh`` (those among them that the last erasure did not know of).
    """
    held, row = LineParams(params.as_of), ("msisdn", "imsi", "valid_from")
    now = objecting_rows(subscribers, ledger, links, held).select(
        *row, "valid_to", "unit", F.col("objecting").alias("bits")
    )
    if params.since is None:
        return now.withColumn("fresh", F.col("bits"))
    # As the ledger stood then, held at the same instant: what is new is not what only came into force.
    then = known_at(ledger, params.since).withColumn("recorded_to", F.lit(None).cast("timestamp"))
    before = objecting_rows(subscribers, then, links, held).groupBy(*row).agg(F.bit_and("objecting").alias("known"))
    fresh = F.col("bits").bitwiseAND(F.bitwise_not("known"))
    return now.join(before, on=list(row), how="inner").withColumn("fresh", fresh).drop("known")


def silent_sims(lines: DataFrame) -> DataFrame:
    """SIMs and intervals of lines that object to every purpose: ``imsi, valid_from, valid_to``."""
    return lines.filter(F.col("bits") == EVERY).select("imsi", "valid_from", "valid_to").distinct()


def marks(lines: DataFrame, ledger: DataFrame, params: EraseParams) -> DataFrame:
    """By what a line can be told: its number, its SIMs, its unit.

    Args:
        lines: See ``objecting``.
        ledger: For numbers that master data does not know.
        params: When.

    Returns:
        ``kind, value, gone`` (all that goes by it objects to every purpose: it must not be found anywhere) and
        ``fresh`` (some line of it objects to something the last erasure did not know of), where either holds.
    """
    mark = F.explode(
        F.array(
            F.struct(F.lit(NUMBER).alias("kind"), F.col("msisdn").alias("value")),
            F.struct(F.lit(SIM).alias("kind"), F.col("imsi").alias("value")),
            F.struct(F.lit(UNIT).alias("kind"), F.col("unit").alias("value")),
        )
    )
    held = lines.select(
        mark.alias("mark"), (F.col("bits") == EVERY).alias("gone"), (F.col("fresh") != 0).alias("fresh")
    )
    instant = F.lit(params.as_of).cast("timestamp")
    in_ledger = (
        current(ledger)
        .filter(F.col("decision") == "object")
        .filter(in_force(F.col("valid_from"), F.col("valid_to"), instant))
        .groupBy("msisdn")
        .agg((F.bit_or(bits_of(F.col("purpose"))) == EVERY).alias("gone"))
        .select(F.struct(F.lit(NUMBER).alias("kind"), F.col("msisdn").alias("value")).alias("mark"), "gone")
        .withColumn("fresh", F.lit(False))
    )
    return (
        held.unionByName(in_ledger)
        .select("mark.kind", "mark.value", "gone", "fresh")
        .filter("value IS NOT NULL")
        .groupBy("kind", "value")
        .agg(F.bool_and("gone").alias("gone"), F.bool_or("fresh").alias("fresh"))
        .filter("gone OR fresh")
    )


def pseudonyms(marked: DataFrame, keys: DataFrame) -> DataFrame:
    """Every pseudonym that a living key makes of some marks, whatever a line may have counted as.

    Args:
        marked: See ``marks``.
        keys: Rows of ``KEYS_SCHEMA``.

    Returns:
        ``pseudonym, gone``; a unit with lines that still serve has ``gone`` false.
    """
    message = (
        F.when(F.col("kind") == UNIT, F.array("value"))
        .when(F.col("kind") == SIM, F.array(F.concat(F.lit("v:"), "value")))
        .otherwise(F.array(F.concat(F.lit("l:"), "value"), F.concat(F.lit("line:"), "value")))
    )
    # A number or SIM that others go by as well says nothing of the line alone.
    named = marked.filter(f"gone OR kind = '{UNIT}'").select("gone", F.explode(message).alias("message"))
    return named.join(F.broadcast(keys), how="cross").select(
        hmac_sha256(F.col("inner"), F.col("outer"), F.col("message")).alias("pseudonym"), "gone"
    )


def needles(marked: DataFrame, hashes: DataFrame, params: EraseParams) -> DataFrame:
    """What a scan must not find: every form of the numbers, SIMs and pseudonyms that are gone.

    Args:
        marked: See ``marks``.
        hashes: See ``pseudonyms``.
        params: For the way numbers are written.

    Returns:
        Rows of ``jobs.audit.scan.NEEDLES_SCHEMA``, each once.
    """
    gone = marked.filter("gone")
    numbers = gone.filter(F.col("kind") == NUMBER).select(F.explode(number_forms(F.col("value"), params.country)))
    sims = gone.filter(F.col("kind") == SIM).select(F.upper("value"))
    keyed = hashes.filter("gone").select(F.explode(hash_forms(F.col("pseudonym"))))
    named = [
        frame.toDF("trace").withColumn("kind", F.lit(kind))
        for frame, kind in ((numbers, NUMBER), (sims, SIM), (keyed, PSEUDONYM))
    ]
    return named[0].unionByName(named[1]).unionByName(named[2]).groupBy("trace").agg(F.min("kind").alias("kind"))


def quarantined(quarantine: DataFrame, looked_for: DataFrame, apart: str) -> DataFrame:
    """Quarantined rows that tell of a line that is gone: ``batch, row``.

    Args:
        quarantine: Rows of ``restricted.quarantine``.
        looked_for: See ``needles``.
        apart: Rows that are not looked at, in SQL: those of master data and of the consent feed.
    """
    rows = quarantine.filter(f"NOT ({apart})").select(
        "batch", "row", F.explode(traces(F.col("row").cast("binary"))).alias("trace")
    )
    return rows.join(looked_for.select("trace"), on="trace", how="left_semi").select("batch", "row").distinct()
