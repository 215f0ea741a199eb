"""restricted.consent_ledger: who objected to what, from when to when."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import InSet, NotNull, Ordered

PURPOSES = ("mobility_statistics", "market_research", "traffic_planning", "location_offers")
ALL_PURPOSES = "all"

CONSENT_LEDGER = Contract(
    schema=Schema.RESTRICTED,
    name="consent_ledger",
    comment="One row a line, purpose and interval of objection (SCD2)",
    columns=columns(
        ("msisdn", "STRING!", "Phone number in E.164"),
        ("purpose", "STRING!", "A purpose, or all"),
        ("objected_from", "TIMESTAMP!", "Start of the objection, inclusive"),
        ("objected_to", "TIMESTAMP", "End by withdrawal, exclusive; null while it holds"),
        ("request_id", "STRING!", "The request that began it"),
        ("channel", "STRING", "Channel of that request"),
    ),
    keys=("msisdn", "purpose", "objected_from"),
    mode=WriteMode.REPLACE_ALL,
    retention="as long as the line is known, and the proof is owed",
    rules=(
        NotNull("msisdn"),
        NotNull("purpose"),
        InSet("purpose", (*PURPOSES, ALL_PURPOSES)),
        NotNull("objected_from"),
        Ordered("objected_from", "objected_to"),
        NotNull("request_id"),
    ),
)
