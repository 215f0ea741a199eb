"""Receipts: what each run excluded for each purpose, chained by hash, with a probe that none got through."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import TimestampType

from expectations.consent_ledger import ALL_PURPOSES, PURPOSES
from jobs.consent.lines import of_holder
from udfs.purposes import serves

GENESIS = "0" * 64
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class LedgerState:
    """The ledger that a run goes by.

    Attributes:
        version: Digest of its rows, or ``none`` under a waiver.
        delivered_at: Delivery of the feed.
        lines: Lines under objection at processing time, by purpose.
        waiver: Reason for running without one.
        table_version: Version of its table, which the run reads; None under a waiver.
    """

    version: str
    delivered_at: dt.datetime | None
    lines: Mapping[str, int]
    waiver: str | None = None
    table_version: int | None = None


def counters(days: Sequence[dt.date]) -> list[Column]:
    """Summands for an observation on admitted contacts: by day and purpose, in one pass with the real work."""
    columns = []
    for day in days:
        today = F.col("date") == F.lit(day)
        columns.append(F.count(F.when(today, 1)).alias(f"{day}|in"))
        for purpose in PURPOSES:
            kept = serves(F.col("purposes"), purpose)
            withheld = ~kept & serves(F.col("withheld"), purpose)
            columns.append(F.count(F.when(today & kept, 1)).alias(f"{day}|{purpose}|kept"))
            columns.append(F.count(F.when(today & withheld, 1)).alias(f"{day}|{purpose}|excluded"))
    return columns


def objecting_lines(requests: DataFrame) -> DataFrame:
    """Who objects to what by each line's last word: a second way to the ledger's answer, for the probe.

    Returns:
        ``msisdn, purpose, valid_from, valid_to`` (null), shaped as the ledger's objections.
    """
    spoken = requests.filter(F.col("decision").isin("object", "withdraw"))
    said = F.struct("received_at", (F.col("decision") == "object").alias("objects"))
    lifts_all = (F.col("decision") == "withdraw") & (F.col("purpose") == ALL_PURPOSES)
    words = []
    for purpose in (*PURPOSES, ALL_PURPOSES):
        about = spoken.filter((F.col("purpose") == purpose) | lifts_all)
        last = about.groupBy("msisdn").agg(F.max(said).alias("last")).filter("last.objects")
        words.append(
            last.select(
                "msisdn",
                F.lit(purpose).alias("purpose"),
                F.col("last.received_at").alias("valid_from"),
                F.lit(None).cast("timestamp").alias("valid_to"),
            )
        )
    result = words[0]
    for frame in words[1:]:
        result = result.unionByName(frame)
    return result


def leaks(movement: DataFrame, sims: DataFrame, bound: DataFrame) -> DataFrame:
    """Rows of movement that an objecting line should not have left behind, counted by day and purpose.

    Args:
        movement: Rows of ``pseudonymous.movement`` as written.
        sims: See ``jobs.consent.lines.sims``.
        bound: ``objecting_lines`` bound to persons (``jobs.consent.lines.bound_objections``).

    Returns:
        ``date`` and one count a purpose.
    """
    bits = F.aggregate(of_holder(F.col("objections")), F.lit(0), lambda seen, o: seen.bitwiseOR(o["bits"]))
    silent = (
        sims.join(bound, on="msisdn", how="inner")
        .select("date", "pseudonym", "line_no", bits.alias("bits"))
        .filter("bits <> 0 AND pseudonym IS NOT NULL")
        .distinct()
    )
    found = movement.join(F.broadcast(silent), on=["date", "pseudonym", "line_no"], how="inner")
    counts = [F.count(F.when(serves(F.col("purposes"), p) & serves(F.col("bits"), p), 1)).alias(p) for p in PURPOSES]
    return found.groupBy("date").agg(*counts)


def stored(rows: DataFrame) -> list[dict[str, object]]:
    """Rows of a small table with their instants in UTC, whatever the local clock: equal to what was written."""
    instants = {f.name for f in rows.schema.fields if isinstance(f.dataType, TimestampType)}
    picked = rows.select(*(F.unix_micros(c).alias(c) if c in instants else F.col(c) for c in rows.columns))
    return [
        {k: _EPOCH + dt.timedelta(microseconds=v) if k in instants and v is not None else v for k, v in row.items()}
        for row in (found.asDict() for found in picked.collect())
    ]


def link_hash(row: Mapping[str, object], previous: str) -> str:
    """SHA-256 over the hash before and a row as JSON: names in order, instants as ISO 8601 in UTC."""
    plain = {k: _plain(v) for k, v in row.items() if k not in ("previous_hash", "hash")}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}|{text}".encode()).hexdigest()


def chain(rows: Sequence[dict[str, object]], previous: str) -> list[dict[str, object]]:
    """Add ``previous_hash`` and ``hash``: each covers the row and, by the hash before, all before it."""
    chained = []
    for row in rows:
        current = link_hash(row, previous)
        chained.append({**row, "previous_hash": previous, "hash": current})
        previous = current
    return chained


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone cannot be hashed: it would depend on the local clock")
        return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
    return value.isoformat() if isinstance(value, dt.date) else value
