"""restricted.consent_requests: every decision received, and the open cases among them."""

from __future__ import annotations

from expectations.consent_ledger import ALL_PURPOSES, PURPOSES, REWARDS
from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import InSet, Matches, NotNull

DECISIONS = ("object", "withdraw", "consent")
CHANNELS = ("web", "app", "sms", "phone", "letter", "shop")

CONSENT_REQUESTS = Contract(
    schema=Schema.RESTRICTED,
    name="consent_requests",
    comment="One row a request, kept for good: the ledger is made from it, and no objection is ever lost",
    columns=columns(
        ("request_id", "STRING!", "Identity of the request; a repeated delivery of it changes nothing"),
        ("msisdn", "STRING", "Phone number in E.164; null in an open case whose number cannot be read"),
        ("purpose", "STRING!", "A purpose, all, or rewards"),
        ("decision", "STRING!", "object, withdraw or consent"),
        ("channel", "STRING", "web, app, sms, phone, letter or shop"),
        ("brand", "STRING", "Brand that took the request; kept as said, never a condition"),
        ("received_at", "TIMESTAMP!", "Instant from which the decision holds"),
        ("status", "STRING!", "accepted, or open: someone has to decide; an open objection is honoured until then"),
    ),
    keys=("request_id",),
    mode=WriteMode.MERGE,
    retention="as long as the line is known, and the proof is owed",
    rules=(
        NotNull("request_id"),
        Matches("msisdn", r"^\+[1-9][0-9]{6,14}$"),
        NotNull("purpose"),
        InSet("purpose", (*PURPOSES, ALL_PURPOSES, REWARDS)),
        NotNull("decision"),
        InSet("decision", DECISIONS),
        InSet("channel", CHANNELS),
        NotNull("received_at"),
        InSet("status", ("accepted", "open")),
    ),
    checks={"number_unless_open": "msisdn IS NOT NULL OR status = 'open'"},
)
