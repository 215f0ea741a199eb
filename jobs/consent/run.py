"""Job consent: checks the feed against its delivery note, takes it in, and updates the ledger; fails closed."""

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
from jobs.consent.ledger import changes, current, intervals, state_of, version_of
from jobs.consent.receipts import LedgerState
from jobs.consent.requests import of_touched_lines, unseen
from jobs.context import JobReport, RunContext
from jobs.errors import ConsentError, UsageError
from jobs.ingest.consent_feed import BATCH, ConsentFeed, read_consent
from jobs.ingest.delivery_note import DeliveryNote, verify_note
from jobs.ingest.landing import Landing
from jobs.lake import Door


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
    """Take in the feed, bring the ledger up to date, and return the state that the run goes by.

    Requests are kept for good, so a feed that no longer holds an objection does not end it. Costs a join by
    request identity; only lines with requests that were not known are decided anew, and where there are none,
    nothing is written.

    Raises:
        ConsentError: What would be written breaks the contract, or the ledger is empty.
    """
    if feed is None or not isinstance(feed.note, DeliveryNote):
        state = LedgerState("none", None, dict.fromkeys(PURPOSES, 0), context.settings.waiver)
        return JobReport("consent", rows_in=0), state
    door = context.lake.door(writes=[Schema.RESTRICTED])
    held = feed.held()
    new = unseen(held.requests, door.read(CONSENT_REQUESTS)).localCheckpoint()
    added = new.count()
    if added:
        _record(context, door, new, of_touched_lines(new, door.read(CONSENT_REQUESTS)))
        door.merge(CONSENT_REQUESTS, new)
    _quarantine(door, held.rejected)
    found = state_of(door.read(CONSENT_LEDGER), door.read(CONSENT_REQUESTS), context.settings.as_of).first()
    if found and found["requests"] and not found["rows"]:
        # The ledger is gone, or there is nothing in force: which of the two, only all requests can tell.
        _record(context, door, door.read(CONSENT_REQUESTS), door.read(CONSENT_REQUESTS))
        found = state_of(door.read(CONSENT_LEDGER), door.read(CONSENT_REQUESTS), context.settings.as_of).first()
    rows = int(found["rows"]) if found else 0
    if found is None or (rows == 0 and not context.policy.consent.allow_empty_ledger):
        raise ConsentError(
            "the consent ledger is empty: an operator without a single objection is not believed. "
            "Check the feed, or set consent.allow_empty_ledger in the policy; nothing was processed"
        )
    state = LedgerState(
        version=version_of(found["content"]),
        delivered_at=feed.note.delivered_at,
        lines={p: int(found[p]) for p in PURPOSES},
        table_version=door.version(CONSENT_LEDGER),
    )
    context.say(
        f"{CONSENT_LEDGER.full_name}: {rows:,} decisions of {found['lines']:,} lines, {added:,} new requests, "
        f"{found['open']:,} open cases"
    )
    counts = {"lines": float(found["lines"]), "new_requests": float(added), "open_cases": float(found["open"])}
    return JobReport("consent", rows_in=feed.note.rows, rows_out=rows, counts=counts), state


def _record(context: RunContext, door: Door, new: DataFrame, requests: DataFrame) -> None:
    """Bring the ledger up to date on the lines of some new requests, before these count as known.

    A run that breaks off in between finds them new again, and the ledger as it should be.
    """
    lines = new.where("msisdn IS NOT NULL").select("msisdn").distinct()
    known = current(door.read(CONSENT_LEDGER)).join(lines, on="msisdn", how="left_semi")
    written = changes(intervals(requests), known.select(CONSENT_LEDGER.column_names), context.settings.as_of)
    written = written.localCheckpoint()
    rows = written.count()
    if not rows:
        return
    report = context.gate.validate(written, CONSENT_LEDGER, "ledger", rows=rows, check_keys=True)
    if not report.passed:
        raise ConsentError(report.message())
    door.merge(CONSENT_LEDGER, written)


def _quarantine(door: Door, rejected: DataFrame) -> None:
    """Replace the feed's rows in quarantine where they differ from what is there."""
    there = door.read(QUARANTINE).where(F.col("batch") == BATCH).select("row", "reasons", F.lit(-1).alias("side"))
    sides = rejected.select("row", "reasons", F.lit(1).alias("side")).unionByName(there)
    differ = sides.groupBy("row", "reasons").agg(F.sum("side").alias("more")).where("more <> 0")
    if not differ.isEmpty():
        door.replace(QUARANTINE, rejected, [BATCH])


def master(context: RunContext) -> DataFrame:
    """The subscriber master, or an empty frame under a waiver."""
    door = context.lake.door(reads=[Schema.RESTRICTED])
    if context.settings.waiver is not None:
        return context.spark.createDataFrame([], SUBSCRIBERS.struct)
    return door.read(SUBSCRIBERS)
