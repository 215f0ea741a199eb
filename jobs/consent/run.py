"""Job consent: checks the feed against its delivery note, takes it in, and rebuilds the ledger; fails closed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.consent_ledger import CONSENT_LEDGER, PURPOSES
from expectations.consent_requests import CONSENT_REQUESTS
from expectations.contract import Schema
from expectations.quarantine import QUARANTINE
from expectations.subscribers import SUBSCRIBERS
from jobs.consent.ledger import changes, current, in_force, intervals, ledger_digest, objections
from jobs.consent.receipts import LedgerState
from jobs.context import JobReport, RunContext
from jobs.errors import ConsentError, UsageError
from jobs.ingest.consent_feed import ConsentFeed, read_consent
from jobs.ingest.delivery_note import DeliveryNote, verify_note
from jobs.ingest.landing import Landing
from udfs.purposes import bit, bits_of


@dataclass(frozen=True)
class ConsentParams:
    """What makes a feed fit to go by.

    Attributes:
        as_of: Processing time.
        max_age: How old the feed may be.
    """

    as_of: dt.datetime
    max_age: dt.timedelta


def check_age(note: DeliveryNote, params: ConsentParams) -> None:
    """Refuse a feed that is too old, or from the future.

    Raises:
        ConsentError: It is.
    """
    age = params.as_of - note.delivered_at
    if age > params.max_age:
        raise ConsentError(
            f"consent feed is {age.total_seconds() / 3600:.1f} hours old by consent_delivery.json (delivered_at "
            f"{note.delivered_at.isoformat()}); the policy allows consent.max_age_hours = "
            f"{params.max_age.total_seconds() / 3600:g}. Deliver a fresh consent table and note; nothing was processed"
        )
    if age < -dt.timedelta(minutes=5):
        raise ConsentError(
            f"consent_delivery.json says delivered_at {note.delivered_at.isoformat()}, which lies in the future: "
            "correct the note or the clocks; nothing was processed"
        )


def lines_by_purpose(rows: DataFrame, as_of: dt.datetime) -> DataFrame:
    """One row: lines under objection at processing time, one column a purpose (``all`` counts for each)."""
    instant = F.lit(as_of).cast("timestamp")
    holding = objections(rows).filter(in_force(F.col("valid_from"), F.col("valid_to"), instant))
    by_line = holding.groupBy("msisdn").agg(F.bit_or(bits_of(F.col("purpose"))).alias("bits"))
    return by_line.agg(*(F.count(F.when(F.col("bits").bitwiseAND(F.lit(bit(p))) != 0, 1)).alias(p) for p in PURPOSES))


def check_feed(context: RunContext, landing: Landing) -> ConsentFeed | None:
    """Read the feed and hold it against its note, before anything else of a run is read or written.

    Returns:
        The feed; None under a waiver.

    Raises:
        ConsentError: It is missing, old, empty, or not what the note says.
        UsageError: A waiver was given where there is a feed or a subscriber master.
    """
    settings, policy = context.settings, context.policy.consent
    feed = read_consent(landing, settings)
    if settings.waiver is not None:
        if feed is not None or landing.has("subscribers"):
            raise UsageError(
                "a waiver is accepted only where there is neither a consent feed nor a subscriber master: "
                "this landing directory has one, so deliver the consent feed and drop --waiver"
            )
        return None
    if feed is None:
        raise ConsentError(
            f"there is no consent table in {settings.landing}: deliver consent and consent_delivery.json. "
            "Nothing was processed. (Where there is no subscriber master at all, --waive-consent REASON lets "
            "a run through whose outputs are not for release)"
        )
    note = verify_note(feed.note, landing, feed.delivered.count())
    params = ConsentParams(settings.as_of, dt.timedelta(hours=policy.max_age_hours))
    check_age(note, params)
    return feed


def run_consent(context: RunContext, feed: ConsentFeed | None) -> tuple[JobReport, LedgerState]:
    """Take in the feed, rebuild ``restricted.consent_ledger``, and return the state that the run goes by.

    Costs one small shuffle by line and purpose. Requests are kept for good, so a feed that no longer
    holds an objection does not end it.
    """
    if feed is None or not isinstance(feed.note, DeliveryNote):
        state = LedgerState("none", None, dict.fromkeys(PURPOSES, 0), context.settings.waiver)
        return JobReport("consent", rows_in=0), state
    door = context.lake.door(reads=[Schema.RESTRICTED], writes=[Schema.RESTRICTED])
    door.merge(CONSENT_REQUESTS, feed.requests, matched={})
    door.replace(QUARANTINE, feed.rejected, ["consent"])
    now = intervals(door.read(CONSENT_REQUESTS))
    door.merge(CONSENT_LEDGER, changes(now, current(door.read(CONSENT_LEDGER)), context.settings.as_of))
    rows = door.read(CONSENT_LEDGER)
    report = context.gate.validate(rows, CONSENT_LEDGER, "ledger", check_keys=True)
    if not report.passed:
        raise ConsentError(report.message())
    found = ledger_digest(rows).first()
    lines = lines_by_purpose(rows, context.settings.as_of).first()
    count = int(found["rows"]) if found else 0
    if count == 0 and not context.policy.consent.allow_empty_ledger:
        raise ConsentError(
            "the consent ledger is empty: an operator without a single objection is not believed. "
            "Check the feed, or set consent.allow_empty_ledger in the policy; nothing was processed"
        )
    state = LedgerState(
        version=f"{abs(int(found['content'])):x}" if found else "none",
        delivered_at=feed.note.delivered_at,
        lines={p: int(lines[p]) for p in PURPOSES} if lines else dict.fromkeys(PURPOSES, 0),
    )
    report_out = JobReport(
        "consent", rows_in=feed.note.rows, rows_out=count, counts={"lines": float(found["lines"])} if found else {}
    )
    return report_out, state


def master(context: RunContext) -> DataFrame:
    """The subscriber master, or an empty frame under a waiver."""
    door = context.lake.door(reads=[Schema.RESTRICTED])
    if context.settings.waiver is not None:
        return context.spark.createDataFrame([], SUBSCRIBERS.struct)
    return door.read(SUBSCRIBERS)
