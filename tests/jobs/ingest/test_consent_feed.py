from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame

from jobs.errors import ConsentError
from jobs.ingest.admit import tidy
from jobs.ingest.consent_feed import ConsentParams, honoured, mark_requests, read_consent
from jobs.ingest.delivery_note import verify_note
from jobs.ingest.tables import CONSENT_FILE

AT = dt.datetime(2026, 3, 5, tzinfo=dt.UTC)
GOOD = {
    "msisdn": "0171 1234567",
    "purpose": "market_research",
    "decision": "object",
    "channel": "web",
    "received_at": "2026-03-01T12:00:00Z",
}
OPEN_ALL, OPEN = ("object", "all", "open"), ("object", "market_research", "open")
# What is delivered, its reasons, and what is honoured: decision, purpose, status.
CASES: dict[str, tuple[dict[str, Any], list[str], tuple[str, str, str] | None]] = {
    "objection": ({}, [], ("object", "market_research", "accepted")),
    "to all": ({"purpose": "ALL"}, [], ("object", "all", "accepted")),
    "withdrawal": ({"decision": "withdraw"}, [], ("withdraw", "market_research", "accepted")),
    "rewards": ({"purpose": "rewards", "decision": "consent"}, [], ("consent", "rewards", "accepted")),
    "unknown purpose": ({"purpose": "spam"}, ["purpose_unknown"], OPEN_ALL),
    "no purpose": ({"purpose": None}, ["purpose_missing"], OPEN_ALL),
    "unknown decision": ({"decision": "stop!"}, ["decision_unknown"], OPEN),
    "no decision": ({"decision": None}, ["decision_missing"], OPEN),
    "nothing known": ({"purpose": "x", "decision": "y"}, ["decision_unknown", "purpose_unknown"], OPEN_ALL),
    "no more rewards": ({"purpose": "rewards", "decision": "withdraw"}, [], ("withdraw", "rewards", "accepted")),
    "objection to rewards": ({"purpose": "rewards"}, ["decision_ambiguous"], OPEN_ALL),
    "consent to research": ({"decision": "consent"}, ["decision_ambiguous"], ("consent", "market_research", "open")),
    "no time": ({"received_at": None}, ["received_at_missing"], OPEN),
    "clock": ({"received_at": "12:30"}, ["received_at_malformed"], OPEN),
    "from the future": ({"received_at": "2026-04-01T00:00:00Z"}, ["received_at_in_future"], OPEN),
    "by fax": ({"channel": "fax"}, ["channel_unknown"], OPEN),
    "broken number": ({"msisdn": "17"}, ["msisdn_malformed"], OPEN),
    "no number": ({"msisdn": None}, ["msisdn_missing"], OPEN),
    "withdrawal of nobody": ({"decision": "withdraw", "msisdn": "17"}, ["msisdn_malformed"], None),
    "withdrawal of what": ({"decision": "withdraw", "purpose": "spam"}, ["purpose_unknown"], None),
    "withdrawal to come": (
        {"decision": "withdraw", "received_at": "2026-04-01T00:00:00Z"},
        ["received_at_in_future"],
        None,
    ),
    "cut line": ({"_line": "x"}, ["row_malformed"], OPEN),
}


def test_every_reason_and_what_is_honoured(delivered: Callable[..., DataFrame]) -> None:
    rows = [{"request_id": name, **row} for name, (row, _, _) in CASES.items()]
    params = ConsentParams(AT)
    marked = mark_requests(delivered(CONSENT_FILE, GOOD, rows), params).cache()
    found = marked.select("request_id", tidy(marked["_reasons"]).alias("reasons")).collect()
    reasons = {row.request_id: row.reasons for row in found}
    assert reasons == {name: want for name, (_, want, _) in CASES.items()}
    kept = {row.request_id: row for row in honoured(marked, params).collect()}
    marked.unpersist()
    told = {name: (row.decision, row.purpose, row.status) for name, row in kept.items()}
    assert told == {name: want for name, (_, _, want) in CASES.items() if want}
    assert {name for name, row in kept.items() if row.msisdn is None} == {"broken number", "no number"}
    assert {row.msisdn for row in kept.values()} == {"+491711234567", None}
    # An objection without a usable time holds from the delivery on.
    for name in ("no time", "clock", "from the future"):
        assert kept[name].received_at.timestamp() == AT.timestamp()
    assert kept["by fax"].channel is None


def test_one_identity_for_several_requests_loses_none(delivered: Callable[..., DataFrame]) -> None:
    rows = [
        {"request_id": "1"},
        {"request_id": "1"},  # delivered twice
        {"request_id": "1", "purpose": "all"},
        {"request_id": "1", "decision": "withdraw"},
        {"request_id": None},
        {"request_id": None, "decision": "withdraw"},
    ]
    params = ConsentParams(AT)
    kept = honoured(mark_requests(delivered(CONSENT_FILE, GOOD, rows), params), params).collect()
    assert len({row.request_id for row in kept}) == len(kept) == 3
    assert sorted((row.purpose, row.decision, row.status) for row in kept) in (
        [("all", "object", "accepted"), ("market_research", "object", "open"), ("market_research", "object", "open")],
        [("all", "object", "open"), ("market_research", "object", "accepted"), ("market_research", "object", "open")],
    )


def test_a_good_row_decides_the_bad_ones_of_its_identity_and_number(delivered: Callable[..., DataFrame]) -> None:
    rows = [
        {"request_id": "1", "purpose": "spam"},
        {"request_id": "1", "decision": "withdraw"},
        {"request_id": "2", "msisdn": "17"},
        {"request_id": "2", "purpose": "all"},
        {"request_id": "3", "purpose": "spam", "msisdn": "0171 7654321"},
        {"request_id": "3", "purpose": "all"},
    ]
    params = ConsentParams(AT)
    marked = mark_requests(delivered(CONSENT_FILE, GOOD, rows), params)
    kept = honoured(marked, params).collect()
    assert sorted((row.request_id[:1], row.msisdn, row.purpose, row.decision, row.status) for row in kept) == [
        ("1", "+491711234567", "market_research", "withdraw", "accepted"),
        ("2", "+491711234567", "all", "object", "accepted"),
        # Another number's: nothing says that it was decided.
        ("3", "+491711234567", "all", "object", "accepted"),
        ("3", "+491717654321", "all", "object", "open"),
    ]


FEED = """request_id,msisdn,purpose,decision,channel,received_at
1,01711234567,all,object,web,2026-03-01T12:00:00Z
2,x
"""


def test_the_feed_and_its_note(context_of: Callable[..., Any], write: Callable[[str, str], Path]) -> None:
    context, landing = context_of()
    assert read_consent(landing, context.settings) is None
    path = write("consent.csv", FEED)

    def verified(note: object) -> Any:
        if note is not None:
            write("consent_delivery.json", note if isinstance(note, str) else json.dumps(note))
        feed = read_consent(landing, context.settings)
        assert feed is not None
        return verify_note(feed.note, landing, 2)

    def refused(note: object) -> str:
        with pytest.raises(ConsentError) as caught:
            verified(note)
        assert caught.value.exit_code == 4
        return str(caught.value)

    good = {"delivered_at": "2026-03-05T00:00:00+01:00", "rows": 2}
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    assert "there is no consent_delivery.json" in refused(None)
    for broken in ("{", "[]", '"x"', {"rows": 2}, {**good, "rows": "2"}, {**good, "rows": True},
                   {**good, "delivered_at": "2026-03-05T00:00:00"}, {**good, "sha256": ["x"]}):  # fmt: skip
        assert "cannot be read as a delivery note" in refused(broken)
    assert "says 3 rows, 2 were delivered" in refused({**good, "rows": 3})
    assert "sha256 of consent.csv differs" in refused({**good, "sha256": {"consent.csv": "0" * 64}})
    assert "lists other.csv" in refused({**good, "sha256": {"consent.csv": sha, "other.csv": sha}})
    assert verified(good).delivered_at == dt.datetime(2026, 3, 4, 23, tzinfo=dt.UTC)
    assert verified({**good, "sha256": {"consent.csv": sha.upper()}}).rows == 2
    feed = read_consent(landing, context.settings)
    assert feed is not None and feed.delivered.count() == 2
    # The cut line may be an objection, and says whose: nobody's that can be read.
    assert sorted((row.status, row.msisdn) for row in feed.requests.collect()) == [
        ("accepted", "+491711234567"),
        ("open", None),
    ]
    (rejected,) = feed.rejected.collect()
    assert rejected.batch == rejected.table_name == "consent" and rejected.row == '{"line":"2,x"}'
    assert "row_malformed" in rejected.reasons
