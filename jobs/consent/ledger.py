"""The ledger of consent: intervals of decisions by line and purpose, in valid time and in system time."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.consent_ledger import ALL_PURPOSES, CONSENT_LEDGER, PURPOSES, REWARDS
from udfs.purposes import bits_of, serves

_KEY = ("msisdn", "purpose", "decision", "valid_from")
_REST = ("valid_to", "request_id", "channel", "brand")


def intervals(requests: DataFrame) -> DataFrame:
    """Turn requests into intervals of objection and of membership.

    Requests may come in any order and more than once: only ``received_at`` counts. Of contradicting ones at
    one instant the objection wins (of a membership: the end). Withdrawing ``all`` ends every objection, and no
    membership; withdrawing one purpose leaves an objection to ``all`` as it is. Joining a programme
    (``consent`` to ``rewards``) touches no objection, and an objection no membership.

    Args:
        requests: Rows of ``restricted.consent_requests``, all that there are of each line among them.

    Returns:
        Rows of ``restricted.consent_ledger`` without its system time.
    """
    every = F.array(*(F.lit(p) for p in (*PURPOSES, ALL_PURPOSES)))
    withdraws_all = (F.col("decision") == "withdraw") & (F.col("purpose") == ALL_PURPOSES)
    is_reward = F.col("purpose") == REWARDS
    begins = F.when(is_reward, "consent").otherwise("object")
    decisions = (
        requests.filter(F.col("decision").isin("withdraw", "object", "consent") & F.col("msisdn").isNotNull())
        .filter(F.col("purpose").isin(*PURPOSES, ALL_PURPOSES, REWARDS))
        # An objection to a programme, or consent to what needs none, begins nothing: these are open cases.
        .filter((F.col("decision") == "withdraw") | (F.col("decision") == begins))
        .withColumn("purpose", F.explode(F.when(withdraws_all, every).otherwise(F.array("purpose"))))
        .withColumn("begins", F.col("decision") != "withdraw")
    )
    # The last of an instant is the one that counts: there, whatever keeps data from being used.
    safe = F.when(is_reward, ~F.col("begins")).otherwise(F.col("begins"))
    in_order = Window.partitionBy("msisdn", "purpose").orderBy("received_at", safe, F.desc("request_id"))
    last = ~F.coalesce(F.lead("received_at").over(in_order) == F.col("received_at"), F.lit(False))
    said = decisions.withColumn("_last", last).filter("_last")
    before = F.coalesce(F.lag("begins").over(in_order), F.lit(False))
    changes = said.withColumn("_before", before).filter(F.col("begins") != F.col("_before"))
    return (
        changes.withColumn("valid_to", F.lead("received_at").over(in_order))
        .filter("begins")
        .withColumnRenamed("received_at", "valid_from")
        .select(*_KEY, *_REST)
    )


def changes(now: DataFrame, then: DataFrame, as_of: dt.datetime) -> DataFrame:
    """What a MERGE into the ledger has to write so that it knows ``now`` where it knew ``then``.

    Args:
        now: Intervals of some lines (see ``intervals``).
        then: The ledger's current rows of the same lines.
        as_of: Processing instant.

    Returns:
        Rows of ``restricted.consent_ledger``: superseded ones, closed at the instant, and new ones that begin
        there. Rows that stay as they are do not occur. What was recorded at the same instant, or by a run
        that looked further ahead, is overwritten: nobody knew it before.
    """
    instant = F.lit(as_of).cast("timestamp")
    fresh = now.select(F.struct("*").alias("n"))
    known = then.select(F.struct("*").alias("t"))
    same_key = [F.col(f"n.{c}") == F.col(f"t.{c}") for c in _KEY]
    kept = F.col("n").isNotNull() & F.col("t").isNotNull()
    for column in _REST:
        kept = kept & F.col(f"n.{column}").eqNullSafe(F.col(f"t.{column}"))
    overwrites = F.col("t.recorded_from") >= instant
    begun = _row("n", F.when(overwrites, F.col("t.recorded_from")).otherwise(instant), F.lit(None).cast("timestamp"))
    closed = _row("t", F.col("t.recorded_from"), F.greatest(instant, "t.recorded_from"))
    written = F.array(
        F.when(F.col("n").isNotNull(), begun),
        F.when(F.col("t").isNotNull() & ~(F.col("n").isNotNull() & F.coalesce(overwrites, F.lit(False))), closed),
    )
    return (
        fresh.join(known, on=same_key, how="full")
        .filter(~F.coalesce(kept, F.lit(False)))
        .select(F.explode(F.array_compact(written)).alias("row"))
        .select("row.*")
        .select(CONSENT_LEDGER.column_names)
    )


def _row(side: str, recorded_from: Column, recorded_to: Column) -> Column:
    columns = [F.col(f"{side}.{c}").alias(c) for c in (*_KEY, *_REST)]
    return F.struct(*columns, recorded_from.alias("recorded_from"), recorded_to.alias("recorded_to"))


def current(ledger: DataFrame) -> DataFrame:
    """What the ledger knows now."""
    return ledger.filter("recorded_to IS NULL")


def known_at(ledger: DataFrame, instant: dt.datetime) -> DataFrame:
    """What the ledger knew at an earlier instant of processing."""
    return ledger.filter(in_force(F.col("recorded_from"), F.col("recorded_to"), F.lit(instant).cast("timestamp")))


def objections(ledger: DataFrame) -> DataFrame:
    """The objections that the ledger knows now, ended ones included: ``msisdn, purpose, valid_from, valid_to``."""
    return current(ledger).filter("decision = 'object'").select("msisdn", "purpose", "valid_from", "valid_to")


def in_force(start: Column, end: Column, instant: Column) -> Column:
    """Whether an interval holds at an instant."""
    return (start <= instant) & (end.isNull() | (instant < end))


def state_of(ledger: DataFrame, requests: DataFrame, as_of: dt.datetime) -> DataFrame:
    """One row on what the ledger knows now.

    The digest is a sum of row hashes, so it depends neither on order nor on partitioning; nor does it on when
    something became known, so that a run that learns nothing new goes by the same ledger.

    Args:
        ledger: Rows of ``restricted.consent_ledger``.
        requests: Rows of ``restricted.consent_requests``.
        as_of: Processing instant.

    Returns:
        ``content`` (digest), ``rows``, ``lines``, lines under objection at the instant by purpose (``all`` counts
        for each), and ``requests`` and ``open`` cases.
    """
    instant = F.lit(as_of).cast("timestamp")
    row_hash = F.xxhash64(*(F.coalesce(F.col(c).cast("string"), F.lit("-")) for c in (*_KEY, *_REST)))
    holds = (F.col("decision") == "object") & in_force(F.col("valid_from"), F.col("valid_to"), instant)
    by_line = (
        current(ledger)
        .groupBy("msisdn")
        .agg(
            F.sum(row_hash.cast("decimal(38,0)")).alias("content"),
            F.count("*").alias("rows"),
            F.bit_or(F.when(holds, bits_of(F.col("purpose"))).otherwise(0)).alias("bits"),
        )
    )
    known = by_line.agg(
        F.coalesce(F.sum("content"), F.lit(0)).cast("string").alias("content"),
        F.coalesce(F.sum("rows"), F.lit(0)).alias("rows"),
        F.count("*").alias("lines"),
        *(F.count(F.when(serves(F.col("bits"), p), 1)).alias(p) for p in PURPOSES),
    )
    cases = requests.agg(F.count("*").alias("requests"), F.count(F.when(F.col("status") == "open", 1)).alias("open"))
    return known.join(cases, how="cross")


def version_of(content: str) -> str:
    """The digest in the form in which receipts name a ledger."""
    return f"{abs(int(content)):x}"
