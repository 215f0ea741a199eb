"""The consent feed: every decision delivered, and open cases for what may be an objection."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.consent_ledger import ALL_PURPOSES, PURPOSES, REWARDS
from expectations.consent_requests import CHANNELS, CONSENT_REQUESTS, DECISIONS
from expectations.gate import REASONS, with_reasons
from jobs.ingest.admit import also, keep_raw, line_whole, parsed, raw, rejected, row_json
from jobs.ingest.delivery_note import DeliveryNote, NoteProblem, read_note
from jobs.ingest.fields import instants, texts
from jobs.ingest.landing import Landing
from jobs.ingest.tables import CONSENT_FILE
from jobs.settings import RunSettings
from udfs.text import e164

BATCH = CONSENT_FILE.name
_KNOWN = (*PURPOSES, ALL_PURPOSES)


@dataclass(frozen=True)
class ConsentParams:
    """Against what a request is read.

    Attributes:
        delivered_at: Delivery of the feed; nothing can have been received later.
        country: Country code of numbers written without one.
    """

    delivered_at: dt.datetime
    country: str = "49"


@dataclass(frozen=True)
class ConsentFeed:
    """A delivery of requests.

    Attributes:
        requests: Rows of ``restricted.consent_requests``: those in order, accepted, and those that are not
            but may be objections, open.
        rejected: Rows of ``restricted.quarantine`` in batch ``consent``: every row not in order, open or not.
        delivered: The rows as delivered; their count is what the note is held against.
        note: Delivery note, or why there is none to go by.
    """

    requests: DataFrame
    rejected: DataFrame
    delivered: DataFrame
    note: DeliveryNote | NoteProblem


def mark_requests(delivered: DataFrame, params: ConsentParams) -> DataFrame:
    """Type requests and give each its reasons.

    Grain: one row a delivered row, exact repeats dropped; columns of ``restricted.consent_requests``
    (``status`` is ``accepted``), ``_raw_…`` and ``_reasons``.
    """
    rows = keep_raw(delivered.distinct())
    typed = rows.select(
        "*",
        *texts("request_id", "brand"),
        e164(raw("msisdn"), params.country).alias("msisdn"),
        *texts("purpose", "decision", "channel", lower=True),
        *instants(rows, "received_at"),
        F.lit("accepted").alias("status"),
    )
    known = ", ".join(f"'{purpose}'" for purpose in _KNOWN)
    marked = with_reasons(
        typed,
        CONSENT_REQUESTS,
        {
            **line_whole(),
            **parsed("msisdn", "received_at"),
            "purpose_unknown": f"purpose IS NULL OR purpose IN ({known}) "
            f"OR (purpose = '{REWARDS}' AND coalesce(decision = 'consent', false))",
            "received_at_in_future": "received_at IS NULL OR received_at <= "
            f"timestamp'{params.delivered_at.astimezone(dt.UTC).isoformat()}'",
        },
    )
    # One identity for several decisions: the first stays, objections first, so that none is lost to another.
    order = Window.partitionBy("request_id").orderBy(
        F.size(REASONS) > 0, ~_may_object(), F.col("received_at"), row_json(marked)
    )
    ranked = marked.withColumn("_rank", F.row_number().over(order))
    again = (F.col("_rank") > 1) & F.col("request_id").isNotNull()
    return also(ranked, again, "request_id_duplicate").drop("_rank")


def _may_object() -> Column:
    """Whether the decision is an objection, or cannot be told from one.

    To take back a consent to rewards is one: no purpose in the ledger stands for it, so a person decides.
    """
    plain = F.col("decision").isin("withdraw", "consent")
    back = (F.col("purpose") == REWARDS) & (F.col("decision") == "withdraw")
    return ~F.coalesce(plain & ~F.coalesce(back, F.lit(False)), F.lit(False))


def honoured(marked: DataFrame, params: ConsentParams) -> DataFrame:
    """Rows of ``restricted.consent_requests``: those in order, and every one that may be an objection.

    The latter are open: they count as an objection to the purpose named, or to all where none is, from
    the time told (at the latest from the delivery), until someone decides. Only a number that cannot be
    read leaves nothing to honour; such rows are in quarantine alone, as are withdrawals and consents
    that are not in order, since ignoring these keeps an objection.
    """
    fine = F.size(REASONS) == 0
    delivered_at = F.lit(params.delivered_at)
    clash = F.array_contains(REASONS, "request_id_duplicate") | F.col("request_id").isNull()
    # The row itself names a request without an identity of its own: delivered again, it is the same one.
    made = F.concat_ws("#", "request_id", F.substring(F.sha2(row_json(marked), 256), 1, 16))
    opened = marked.where(~fine & F.col("msisdn").isNotNull() & _may_object()).select(
        F.when(clash, made).otherwise(F.col("request_id")).alias("request_id"),
        F.col("msisdn"),
        F.when(F.col("purpose").isin(*_KNOWN), F.col("purpose")).otherwise(ALL_PURPOSES).alias("purpose"),
        F.lit(DECISIONS[0]).alias("decision"),
        F.when(F.col("channel").isin(*CHANNELS), F.col("channel")).alias("channel"),
        F.col("brand"),
        F.least("received_at", delivered_at).alias("received_at"),
        F.lit("open").alias("status"),
    )
    accepted = marked.where(fine).select(CONSENT_REQUESTS.column_names)
    return accepted.unionByName(opened.select(CONSENT_REQUESTS.column_names))


def read_consent(landing: Landing, settings: RunSettings) -> ConsentFeed | None:
    """Read the consent feed; ``None`` where none was delivered.

    Nothing is decided here on whether the feed may be used: see ``delivery_note.verify_note``.
    """
    if not landing.has(CONSENT_FILE.name):
        return None
    delivered = landing.read(CONSENT_FILE)
    if delivered is None:
        return None
    note = read_note(landing)
    at = note.delivered_at if isinstance(note, DeliveryNote) else settings.as_of
    params = ConsentParams(at if at.tzinfo else at.replace(tzinfo=dt.UTC))
    marked = mark_requests(delivered, params)
    return ConsentFeed(honoured(marked, params), rejected(marked, BATCH, BATCH), delivered, note)
