"""What a delivery of requests adds to those that are known, however often and in whatever order it comes."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from expectations.consent_requests import CONSENT_REQUESTS


def unseen(delivered: DataFrame, stored: DataFrame) -> DataFrame:
    """Requests that are not known yet, and those that decide an open case.

    A request is known by its identity, and a known one stays as it is, with two exceptions. An accepted one
    replaces the open case of its identity and number (or of no readable number), as an open one with a number
    does where there was none. And what comes under the identity of another request without being it, and may
    be an objection, becomes an open case under an identity of its own, so that it is not lost.

    Args:
        delivered: See ``jobs.ingest.consent_feed.honoured``.
        stored: Rows of ``restricted.consent_requests``.

    Returns:
        Rows of ``restricted.consent_requests`` to be merged: one an identity.
    """
    known = stored.select(F.col("request_id").alias("known_id"), F.struct("*").alias("known"))
    both = delivered.join(known, on=F.col("request_id") == F.col("known_id"), how="left")
    is_open, was_open = F.col("status") == "open", F.col("known.status") == "open"
    same_line = F.col("msisdn").eqNullSafe(F.col("known.msisdn"))
    decides = was_open & (
        (~is_open & (same_line | F.col("known.msisdn").isNull()))
        | (F.col("known.msisdn").isNull() & F.col("msisdn").isNotNull())
    )
    # An open case may tell a time of its own at each delivery, and be decided already.
    decided = is_open & ~was_open & (same_line | F.col("msisdn").isNull())
    same = (
        same_line
        & (F.col("purpose") == F.col("known.purpose"))
        & (F.col("decision") == F.col("known.decision"))
        & (is_open | was_open | (F.col("received_at") == F.col("known.received_at")))
    )
    added = F.col("known_id").isNull()
    other = ~added & ~decides & ~decided & ~same & (F.col("decision") == "object")
    made = stored.where(F.col("request_id").contains("#")).select(F.col("request_id").alias("made"))
    new = both.where(added | decides).select(CONSENT_REQUESTS.column_names)
    clashing = (
        both.where(other)
        .join(made, on="made", how="left_anti")
        .withColumn("request_id", F.col("made"))
        .withColumn("status", F.lit("open"))
        .select(CONSENT_REQUESTS.column_names)
    )
    # A decision and the case that it decides may come in one delivery: the decision stays.
    order = Window.partitionBy("request_id").orderBy("status", "received_at", "msisdn", "purpose", "channel", "brand")
    found = new.unionByName(clashing).withColumn("_nth", F.row_number().over(order)).where("_nth = 1")
    return found.select(CONSENT_REQUESTS.column_names)


def of_touched_lines(new: DataFrame, stored: DataFrame) -> DataFrame:
    """Every request of the lines that new ones are about, as they will be once these are merged."""
    lines = new.where("msisdn IS NOT NULL").select("msisdn").distinct()
    kept = stored.join(lines, on="msisdn", how="left_semi").join(new.select("request_id"), "request_id", "left_anti")
    return kept.select(CONSENT_REQUESTS.column_names).unionByName(new)
