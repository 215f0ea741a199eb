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
from jobs.consent.ledger import known_at, objections
from jobs.consent.lines import bound_objections, of_holder
from jobs.consent.receipts import stored
from jobs.errors import UsageError
from jobs.lake import Lake
from udfs.purposes import bit
from udfs.text import e164
from udfs.time import day_bounds

NEIGHBOURS = 2
"""How many changes of number or SIM an objection is followed back over."""


@dataclass(frozen=True)
class Objection:
    """An objection that counts for a line.

    Attributes:
        bits: Its purposes.
        since: Start, inclusive.
        until: End by withdrawal, exclusive; None while it holds.
    """

    bits: int
    since: dt.datetime
    until: dt.datetime | None


@dataclass(frozen=True)
class Holding:
    """A row of master data of the line, with the objections that its holder made.

    Attributes:
        since: Start, inclusive.
        until: End, exclusive; None while valid.
        is_thing: Whether the line is a thing's.
        objections: By start.
    """

    since: dt.datetime
    until: dt.datetime | None
    is_thing: bool
    objections: tuple[Objection, ...]


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


def verdict(
    holdings: Sequence[Holding], purpose: str, day: tuple[dt.datetime, dt.datetime], processed_at: dt.datetime
) -> str:
    """Whether a line's events of a day could serve a purpose, by what was known when the day was processed.

    The rule is the one that the run went by: no objection in force at the processing time, and none at the
    event's time.

    Args:
        holdings: Of the holder who asks.
        purpose: The purpose.
        day: Start and end of the local day.
        processed_at: Processing time of the run that made the receipt.
    """
    start, end = day
    held = [h for h in holdings if h.since < end and (h.until is None or h.until > start) and not h.is_thing]
    if not held:
        return "not eligible: no line of this holder on the day"
    about = sorted({o for h in held for o in h.objections if o.bits & bit(purpose)}, key=lambda o: o.since)
    now = [o for o in about if o.since <= processed_at and (o.until is None or processed_at < o.until)]
    if now:
        return f"not eligible: objection since {now[0].since.isoformat()}"
    during = [(max(o.since, start), min(o.until or end, end)) for o in about if o.since < end]
    during = [(since, until) for since, until in during if since < until]
    if not during:
        return "eligible"
    told = ", ".join(f"{since.isoformat()} to {until.isoformat()}" for since, until in during)
    free_from = start
    for since, until in during:
        if since > free_from:
            return f"partly: objection {told}"
        free_from = max(free_from, until)
    return f"partly: objection {told}" if free_from < end else f"not eligible: objection {told}"


def explain_line(lake: Lake, typed: str, time_zone: str) -> Answer:
    """Answer a customer's request for access.

    The line is looked up by joining a frame of one row: its number is part of no statement, plan or log.

    Args:
        lake: The lake; only ledger, master data and receipts are opened.
        typed: The number in any usual spelling.
        time_zone: Time zone of local days.

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
    # A handful of rows: read once.
    people = subscribers.join(F.broadcast(numbers), on="msisdn", how="left_semi").persist()
    said = ledger.join(F.broadcast(numbers), on="msisdn", how="left_semi").persist()
    try:
        rows = stored(said.join(F.broadcast(frame.withColumn("own", F.lit(True))), on="msisdn", how="left"))
        receipts = stored(door.read(CONSENT_RECEIPTS).select("number", "date", "purpose", "processed_at"))
        seen: dict[frozenset[int], list[Holding]] = {}

        def held_as_known(instant: dt.datetime) -> list[Holding]:
            known = frozenset(n for n, row in enumerate(rows) if _knew(row, instant))
            if known not in seen:
                seen[known] = holdings(people, known_at(said, instant), frame)
            return seen[known]

        days = _days(
            receipts, {i: held_as_known(i) for i in {_instant(r["processed_at"]) for r in receipts}}, time_zone
        )
        present = held_as_known(max([dt.datetime.now(dt.UTC), *(_instant(row["recorded_from"]) for row in rows)]))
    finally:
        people.unpersist()
        said.unpersist()
    theirs = {o for held in seen.values() for h in held for o in h.objections}
    since = min((h.since for h in present), default=None)
    return Answer(masked(found["msisdn"]), [_told(row) for row in rows if _is_theirs(row, theirs, since)], days)


def holdings(people: DataFrame, known: DataFrame, asked: DataFrame) -> list[Holding]:
    """The line's rows of master data under its present holder, with what counts against them.

    Args:
        people: Rows of ``restricted.subscribers`` of the line, and of those that its objections may come from.
        known: Rows of ``restricted.consent_ledger`` as known at some instant.
        asked: ``msisdn`` of the line, one row.
    """
    ledger = known.withColumn("recorded_to", F.lit(None).cast("timestamp"))
    bound = bound_objections(objections(ledger), people)
    objected = F.transform(
        of_holder(F.coalesce("objections", F.array())),
        lambda o: F.struct(o["bits"], F.unix_micros(o["from"]).alias("from"), F.unix_micros(o["to"]).alias("to")),
    )
    rows = (
        people.join(F.broadcast(asked), on="msisdn", how="left_semi")
        .join(bound, on="msisdn", how="left")
        .select("subscriber_id", "contract", "valid_from", "valid_to", objected.alias("objections"))
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
        told = days.setdefault(day, {"date": str(day), "processed_at": instant.isoformat()})
        told[purpose] = verdict(held[instant], purpose, day_bounds(day, time_zone), instant)
    return list(days.values())


def _is_theirs(row: Mapping[str, object], objected: set[Objection], since: dt.datetime | None) -> bool:
    """Whether the present holder made a decision: another holder's is not theirs to see."""
    start, end = _instant(row["valid_from"]), _perhaps(row["valid_to"])
    if row["decision"] == "object" and objected:
        return Objection(bit(str(row["purpose"])), start, end) in objected
    return bool(row["own"]) and (since is None or start >= since)


def _told(row: Mapping[str, object]) -> dict[str, object]:
    moved = {} if row["own"] else {"for": "an earlier number of the holder"}
    shown = ("purpose", "decision", "valid_from", "valid_to", "channel", "brand", "recorded_from", "recorded_to")
    return {**{c: v.isoformat() if isinstance(v := row[c], dt.datetime) else v for c in shown}, **moved}


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
