"""What a customer is told of a line: its decisions, and on which days it could serve which purpose.

The answer is made from ledger, receipts and master data alone. No record of who was counted is kept to give
it, and none of where anybody was is read: *eligible* says that events of the line, if there were any, could
be used, not that there were some.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from expectations.audit import CONSENT_RECEIPTS
from expectations.consent_ledger import CONSENT_LEDGER, PURPOSES
from expectations.subscribers import SUBSCRIBERS
from jobs.consent.eligibility import Holding, Objection, verdict
from jobs.consent.ledger import known_at
from jobs.consent.lines import LineParams, objecting_rows
from jobs.consent.numbers import closed_links
from jobs.consent.receipts import stored
from jobs.errors import UsageError
from jobs.lake import Lake
from udfs.purposes import bit
from udfs.text import e164
from udfs.time import day_bounds

NEIGHBOURS = 2
"""How many changes of number or SIM an objection is followed back over."""


@dataclass(frozen=True)
class ExplainParams:
    """What of the policy decides the answer.

    Attributes:
        time_zone: Time zone of local days.
        covers_holder: Whether an objection extends to the other lines of a private subscriber.
    """

    time_zone: str
    covers_holder: bool = False


@dataclass(frozen=True)
class Answer:
    """What is told of a line; it holds no number.

    Attributes:
        masked: The number, masked.
        decisions: Rows of the ledger that its holder made, superseded knowledge included.
        days: One row a day with a receipt: the date, its latest processing, and a word a purpose.
    """

    masked: str
    decisions: list[dict[str, object]]
    days: list[dict[str, object]]


def explain_line(lake: Lake, typed: str, params: ExplainParams) -> Answer:
    """Answer a customer's request for access.

    The line is looked up by joining a frame of one row: its number is part of no statement, plan or log.

    Args:
        lake: The lake; only ledger, master data and receipts are opened.
        typed: The number in any usual spelling.
        params: Local days, and how far objections reach.

    Raises:
        UsageError: The text cannot be read as a phone number.
    """
    door = lake.door(reads=[CONSENT_LEDGER, SUBSCRIBERS, CONSENT_RECEIPTS])
    frame = lake.spark.createDataFrame([(typed,)], "typed STRING").select(e164(F.col("typed")).alias("msisdn"))
    found = frame.first()
    if found is None or found["msisdn"] is None:
        raise UsageError("the text given cannot be read as a phone number: write it as +49 151 …, 0049 … or 0151 …")
    subscribers, ledger = door.read(SUBSCRIBERS), door.read(CONSENT_LEDGER)
    numbers = frame
    for _ in range(NEIGHBOURS):
        numbers = _neighbours(numbers, subscribers)
    # A handful of rows: found and read once.
    numbers = numbers.persist()
    people = subscribers.join(F.broadcast(numbers), on="msisdn", how="left_semi").persist()
    said = ledger.join(F.broadcast(numbers), on="msisdn", how="left_semi").persist()
    try:
        with closed_links(people, covers_holder=params.covers_holder) as links:
            rows = stored(said.join(F.broadcast(frame.withColumn("own", F.lit(True))), on="msisdn", how="left"))
            receipts = stored(door.read(CONSENT_RECEIPTS).select("number", "date", "purpose", "processed_at"))
            seen: dict[frozenset[int], list[Holding]] = {}

            def held_as_known(instant: dt.datetime) -> list[Holding]:
                known = frozenset(n for n, row in enumerate(rows) if _knew(row, instant))
                if known not in seen:
                    seen[known] = holdings(people, links, known_at(said, instant), frame)
                return seen[known]

            processed = sorted({_instant(row["processed_at"]) for row in receipts})
            days = _days(receipts, {instant: held_as_known(instant) for instant in processed}, params.time_zone)
            present = held_as_known(max([dt.datetime.now(dt.UTC), *(_instant(row["recorded_from"]) for row in rows)]))
    finally:
        for held in (said, people, numbers):
            held.unpersist()
    theirs = {o for held in seen.values() for h in held for o in h.objections}
    since = min((h.since for h in present), default=None)
    return Answer(masked(found["msisdn"]), [_told(row) for row in rows if _is_theirs(row, theirs, since)], days)


def holdings(people: DataFrame, links: DataFrame, known: DataFrame, asked: DataFrame) -> list[Holding]:
    """The line's rows of master data under its present holder, with what counts against them.

    Args:
        people: Rows of ``restricted.subscribers`` of the line, and of those that its objections may come from.
        links: See ``jobs.consent.numbers``, of these rows.
        known: Rows of ``restricted.consent_ledger`` as known at some instant.
        asked: ``msisdn`` of the line, one row.
    """
    ledger = known.withColumn("recorded_to", F.lit(None).cast("timestamp"))
    # The rule that the runs go by; what is in force at which instant is told apart below.
    judged = objecting_rows(people, ledger, links, LineParams(dt.datetime.now(dt.UTC)))
    objected = F.transform(
        "objections",
        lambda o: F.struct(o["bits"], F.unix_micros(o["from"]).alias("from"), F.unix_micros(o["to"]).alias("to")),
    )
    rows = judged.join(F.broadcast(asked), on="msisdn", how="left_semi").select(
        "subscriber_id", "contract", "valid_from", "valid_to", objected.alias("objections")
    )
    found = sorted(stored(rows), key=lambda row: _instant(row["valid_from"]))
    holder = found[-1]["subscriber_id"] if found else None
    return [
        Holding(
            _instant(row["valid_from"]),
            _perhaps(row["valid_to"]),
            row["contract"] == "m2m",
            tuple(_objection(o) for o in cast(Iterable[Row], row["objections"])),
        )
        for row in found
        if row["subscriber_id"] == holder
    ]


def masked(msisdn: str) -> str:
    """A number of which its owner knows it, and nobody else: country code and last two digits."""
    return f"{msisdn[:3]}{'•' * (len(msisdn) - 5)}{msisdn[-2:]}"


def _neighbours(numbers: DataFrame, subscribers: DataFrame) -> DataFrame:
    """The numbers, and those that share a holder or a SIM with one of them."""
    rows = subscribers.join(F.broadcast(numbers), on="msisdn", how="left_semi")
    people = rows.filter("subscriber_id IS NOT NULL").select("subscriber_id").distinct()
    cards = rows.select("imsi").distinct()
    by_person = subscribers.join(F.broadcast(people), on="subscriber_id", how="left_semi").select("msisdn")
    by_card = subscribers.join(F.broadcast(cards), on="imsi", how="left_semi").select("msisdn")
    return numbers.unionByName(by_person).unionByName(by_card).distinct()


def _days(
    receipts: Iterable[Mapping[str, object]], held: Mapping[dt.datetime, Sequence[Holding]], time_zone: str
) -> list[dict[str, object]]:
    latest: dict[tuple[dt.date, str], Mapping[str, object]] = {}
    for row in sorted(receipts, key=lambda r: cast(int, r["number"])):
        latest[cast(dt.date, row["date"]), str(row["purpose"])] = row
    days: dict[dt.date, dict[str, object]] = {}
    for (day, purpose), row in sorted(latest.items(), key=lambda item: (item[0][0], PURPOSES.index(item[0][1]))):
        instant = _instant(row["processed_at"])
        told = days.setdefault(day, {"date": str(day), "processed_at": instant.isoformat(), **dict.fromkeys(PURPOSES)})
        told[purpose] = verdict(held[instant], purpose, day_bounds(day, time_zone), instant)
    return list(days.values())


def _is_theirs(row: Mapping[str, object], objected: set[Objection], since: dt.datetime | None) -> bool:
    """Whether the present holder made a decision: another holder's is not theirs to see."""
    start, end = _instant(row["valid_from"]), _perhaps(row["valid_to"])
    if row["decision"] == "object" and objected:
        return Objection(bit(str(row["purpose"])), start, end) in objected
    return bool(row["own"]) and (since is None or start >= since)


def _told(row: Mapping[str, object]) -> dict[str, object]:
    made_for = "this number" if row["own"] else "an earlier number of the holder"
    shown = ("purpose", "decision", "valid_from", "valid_to", "channel", "brand", "recorded_from", "recorded_to")
    return {**{c: v.isoformat() if isinstance(v := row[c], dt.datetime) else v for c in shown}, "made_for": made_for}


def _knew(row: Mapping[str, object], instant: dt.datetime) -> bool:
    until = _perhaps(row["recorded_to"])
    return _instant(row["recorded_from"]) <= instant and (until is None or instant < until)


def _objection(found: Row) -> Objection:
    return Objection(int(found["bits"]), _at(found["from"]), None if found["to"] is None else _at(found["to"]))


def _at(micros: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)


def _instant(value: object) -> dt.datetime:
    return cast(dt.datetime, value)


def _perhaps(value: object) -> dt.datetime | None:
    return cast("dt.datetime | None", value)
