"""restricted.consent_ledger: who decided what, from when to when, and since when we have known it."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import InSet, NotNull, Ordered

PURPOSES = ("mobility_statistics", "market_research", "traffic_planning", "location_offers")
ALL_PURPOSES = "all"
REWARDS = "rewards"

CONSENT_LEDGER = Contract(
    schema=Schema.RESTRICTED,
    name="consent_ledger",
    comment="One row a line, purpose, interval of a decision and state of knowledge (SCD2 in valid and system time)",
    columns=columns(
        ("msisdn", "STRING!", "Phone number in E.164"),
        ("purpose", "STRING!", "A purpose or all for an objection; rewards for a membership"),
        ("decision", "STRING!", "object: an objection; consent: a membership"),
        ("valid_from", "TIMESTAMP!", "Start of the decision, inclusive"),
        ("valid_to", "TIMESTAMP", "End by withdrawal, exclusive; null while it holds"),
        ("request_id", "STRING!", "The request that began it"),
        ("channel", "STRING", "Channel of that request"),
        ("brand", "STRING", "Brand that took the request; kept as said, never a condition"),
        ("recorded_from", "TIMESTAMP!", "Processing instant from which we knew it so, inclusive"),
        ("recorded_to", "TIMESTAMP", "Processing instant from which we knew better, exclusive; null: what we know now"),
    ),
    keys=("msisdn", "purpose", "decision", "valid_from", "recorded_from"),
    mode=WriteMode.MERGE,
    retention="as long as the line is known, and the proof is owed",
    rules=(
        NotNull("msisdn"),
        NotNull("purpose"),
        InSet("purpose", (*PURPOSES, ALL_PURPOSES, REWARDS)),
        NotNull("decision"),
        InSet("decision", ("object", "consent")),
        NotNull("valid_from"),
        Ordered("valid_from", "valid_to"),
        NotNull("request_id"),
        NotNull("recorded_from"),
    ),
    checks={
        "membership_is_of_rewards": "(decision = 'consent') = (purpose = 'rewards')",
        # Equal where one processing instant was used twice: what it knew first was known for no time at all.
        "recorded_in_order": "recorded_to IS NULL OR recorded_from <= recorded_to",
    },
)
