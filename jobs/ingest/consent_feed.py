"""The consent feed: every decision delivered, and open cases for what may be an objection."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

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
RESOLVED, CLASH = "request_id_resolved", "request_id_duplicate"
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
        marked: See ``mark_requests``.
        params: What they were read against.
        delivered: The rows as delivered; their count is what the note is held against.
        note: Delivery note, or why there is none to go by.
    """

    marked: DataFrame
    params: ConsentParams
    delivered: DataFrame
    note: DeliveryNote | NoteProblem

    @property
    def requests(self) -> DataFrame:
        """See ``honoured``: requests in order, accepted, and those that are not but may be objections, open."""
        return honoured(self.marked, self.params)

    @property
    def rejected(self) -> DataFrame:
        """Rows of ``restricted.quarantine`` in batch ``consent``: every row not in order, open or not."""
        return rejected(self.marked, BATCH, BATCH)

    def held(self) -> ConsentFeed:
        """The same, read once: what is planned on it is cut off from the files."""
        return replace(self, marked=self.marked.localCheckpoint())


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
    marked = with_reasons(
        typed,
        CONSENT_REQUESTS,
        {
            **line_whole(),
            **parsed("msisdn", "received_at"),
            "msisdn_missing": "msisdn IS NOT NULL",
            # To object to a programme may mean to leave it or to be left out of everything; to consent to what
            # needs no consent may mean to take an objection back. A person has to ask.
            "decision_ambiguous": f"NOT coalesce((decision = 'object' AND purpose = '{REWARDS}') "
            f"OR (decision = 'consent' AND purpose <> '{REWARDS}'), false)",
            "received_at_in_future": "received_at IS NULL OR received_at <= "
            f"timestamp'{params.delivered_at.astimezone(dt.UTC).isoformat()}'",
        },
    )
    # One identity for several decisions: the first stays, objections first, so that none is lost to another.
    # A good row resolves the bad ones of its identity and number: that is how an open case is decided.
    order = Window.partitionBy("request_id").orderBy(
        F.size(REASONS) > 0, ~_may_object(), F.col("received_at"), row_json(marked)
    )
    first = F.first(F.when(F.size(REASONS) == 0, F.col("msisdn"))).over(order)
    ranked = marked.withColumn("_rank", F.row_number().over(order)).withColumn("_first", first)
    again = (F.col("_rank") > 1) & F.col("request_id").isNotNull()
    resolved = (F.size(REASONS) > 0) & (F.coalesce("msisdn", "_first") == F.col("_first"))
    found = also(
        ranked.withColumn("_resolved", again & F.coalesce(resolved, F.lit(False))), F.col("_resolved"), RESOLVED
    )
    return also(found, again & ~F.col("_resolved"), CLASH).drop("_rank", "_first", "_resolved")


def _may_object() -> Column:
    """Whether the decision is an objection, or cannot be told from one."""
    return ~F.coalesce(F.col("decision").isin("withdraw", "consent"), F.lit(False))


def honoured(marked: DataFrame, params: ConsentParams) -> DataFrame:
    """Requests in order, and open cases: what may be an objection, and consents to what needs none.

    An open objection counts, to the purpose named, or to all where none is, from the time told (at the latest
    from the delivery), until someone decides; one whose number cannot be read has nobody to count for, but
    stays open. Withdrawals that are not in order are in quarantine alone: ignoring these keeps an objection.

    Returns:
        Columns of ``restricted.consent_requests``, and ``made``: an identity from the request's own content, for
        one that came without, or under that of another.
    """
    fine = F.size(REASONS) == 0
    delivered_at = F.lit(params.delivered_at)
    ambiguous = F.array_contains(REASONS, "decision_ambiguous")
    content = [F.coalesce(F.col("msisdn"), row_json(marked)), F.col("purpose"), F.col("decision"), F.col("received_at")]
    told = F.concat(F.coalesce("request_id", F.lit("")), F.lit("#"), F.hex(F.xxhash64(*content)))
    named = marked.withColumn("made", told)
    clash = F.array_contains(REASONS, CLASH) | F.col("request_id").isNull()
    opened = named.where(~fine & ~F.array_contains(REASONS, RESOLVED) & (_may_object() | ambiguous)).select(
        F.when(clash, F.col("made")).otherwise(F.col("request_id")).alias("request_id"),
        F.col("msisdn"),
        F.when(F.col("purpose").isin(*_KNOWN), F.col("purpose")).otherwise(ALL_PURPOSES).alias("purpose"),
        F.when(F.col("decision") == "consent", "consent").otherwise(DECISIONS[0]).alias("decision"),
        F.when(F.col("channel").isin(*CHANNELS), F.col("channel")).alias("channel"),
        F.col("brand"),
        F.least("received_at", delivered_at).alias("received_at"),
        F.lit("open").alias("status"),
        F.col("made"),
    )
    names = [*CONSENT_REQUESTS.column_names, "made"]
    return named.where(fine).select(names).unionByName(opened.select(names))


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
    return ConsentFeed(mark_requests(delivered, params), params, delivered, note)
