"""Master data: from the landing table to ``restricted.subscribers``."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from expectations.contract import Schema
from expectations.gate import with_reasons
from expectations.subscribers import SUBSCRIBERS
from jobs.context import JobReport, RunContext
from jobs.errors import InputRejectedError, UsageError
from jobs.ingest.admit import admit, keep_raw, line_whole, parsed, raw, repeats
from jobs.ingest.fields import instants, integers, texts
from jobs.ingest.landing import Landing
from jobs.ingest.tables import SUBSCRIBERS_FILE
from jobs.lake import Door
from udfs.text import e164

JOB = "subscribers"


@dataclass(frozen=True)
class SubscriberParams:
    """How numbers are written.

    Attributes:
        country: Country code of numbers written without one.
    """

    country: str = "49"


def mark_subscribers(delivered: DataFrame, params: SubscriberParams) -> DataFrame:
    """Type master data and give each row its reasons.

    Grain: one row a delivered row; columns of ``restricted.subscribers``, ``_raw_…`` and ``_reasons``.
    """
    rows = keep_raw(delivered)
    typed = rows.select(
        "*",
        *texts("subscriber_id", "imsi", "brand", "home_zone_id"),
        *texts("contract", "gender", lower=True),
        e164(raw("msisdn"), params.country).alias("msisdn"),
        *integers(rows, "birth_year"),
        *instants(rows, "valid_from", "valid_to"),
    )
    extra = {**line_whole(), **parsed("msisdn", "birth_year", "valid_from", "valid_to")}
    return repeats(with_reasons(typed, SUBSCRIBERS, extra), SUBSCRIBERS.keys, "subscriber_duplicate")


def run_subscribers(context: RunContext, landing: Landing) -> JobReport:
    """Replace ``restricted.subscribers`` by the delivery; under a waiver, make sure that there is none.

    Raises:
        InputRejectedError: There is no master data and no waiver, or too much of it is bad.
        UsageError: There is a waiver although there is master data.
    """
    door = context.lake.door(writes=[Schema.RESTRICTED])
    delivered = landing.has(SUBSCRIBERS_FILE.name)
    if context.settings.waiver is not None:
        if delivered or _held(door):
            raise UsageError(
                "a consent waiver is only for runs without any subscriber master, and here is one "
                f"({'in the landing directory' if delivered else SUBSCRIBERS.full_name}): run without --waiver, "
                "with a consent feed"
            )
        context.say("no subscriber master: under the waiver, the SIM is the unit")
        return JobReport(JOB, rows_in=0, rows_out=0, skipped=True)
    if not delivered:
        raise InputRejectedError(
            f"subscribers: not delivered; put subscribers.csv, subscribers.parquet or subscribers/ into "
            f"{landing.root}. Without any subscriber master, a run needs a waiver with its reason (--waiver)"
        )
    marked = mark_subscribers(landing.table(SUBSCRIBERS_FILE), SubscriberParams())
    counts = admit(context, door, marked, SUBSCRIBERS, SUBSCRIBERS_FILE.name)
    return JobReport(JOB, rows_in=counts.total, rows_out=counts.good, counts=dict(counts.reasons))


def _held(door: Door) -> bool:
    return door.exists(SUBSCRIBERS) and not door.read(SUBSCRIBERS).isEmpty()
