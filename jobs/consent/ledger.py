"""The ledger of consent: intervals of objection by line and purpose, made from every request ever received."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.consent_ledger import ALL_PURPOSES, CONSENT_LEDGER, PURPOSES


def ledger(requests: DataFrame) -> DataFrame:
    """Turn requests into intervals of objection.

    Requests may come in any order and more than once: only ``received_at`` counts. Of an objection and a
    withdrawal at one instant the objection wins. Withdrawing ``all`` ends every objection; withdrawing one
    purpose leaves an objection to ``all`` as it is. Joining a programme (``consent``) touches no objection.

    Args:
        requests: Rows of ``restricted.consent_requests``.

    Returns:
        Rows of ``restricted.consent_ledger``: one a line, purpose and interval.
    """
    every = F.array(*(F.lit(p) for p in (*PURPOSES, ALL_PURPOSES)))
    withdraws_all = (F.col("decision") == "withdraw") & (F.col("purpose") == ALL_PURPOSES)
    decisions = (
        requests.filter(F.col("decision").isin("object", "withdraw"))
        .filter(F.col("purpose").isin(*PURPOSES, ALL_PURPOSES))
        .dropDuplicates(["request_id"])
        .withColumn("purpose", F.explode(F.when(withdraws_all, every).otherwise(F.array("purpose"))))
        .withColumn("objects", F.col("decision") == "object")
    )
    in_order = Window.partitionBy("msisdn", "purpose").orderBy("received_at", "objects", "request_id")
    before = F.coalesce(F.lag("objects").over(in_order), F.lit(False))
    changes = decisions.withColumn("_before", before).filter(F.col("objects") != F.col("_before"))
    return (
        changes.withColumn("objected_to", F.lead("received_at").over(in_order))
        .filter("objects")
        .filter(F.col("objected_to").isNull() | (F.col("objected_to") > F.col("received_at")))
        .withColumnRenamed("received_at", "objected_from")
        .select(CONSENT_LEDGER.column_names)
    )


def in_force(objected_from: Column, objected_to: Column, instant: Column) -> Column:
    """Whether an interval of objection holds at an instant."""
    return (objected_from <= instant) & (objected_to.isNull() | (instant < objected_to))


def ledger_digest(rows: DataFrame) -> DataFrame:
    """One row: a digest of the ledger's content, its number of rows, and its lines under objection.

    The digest is a sum of row hashes, so it depends neither on order nor on partitioning.
    """
    row_hash = F.xxhash64(*(F.coalesce(F.col(c).cast("string"), F.lit("-")) for c in CONSENT_LEDGER.column_names))
    return rows.agg(
        F.coalesce(F.sum(row_hash.cast("decimal(38,0)")), F.lit(0)).cast("string").alias("content"),
        F.count("*").alias("rows"),
        F.count_distinct("msisdn").alias("lines"),
    )
