"""restricted.rewards: what members of the rewards programme are credited."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, Matches, NotNull

REWARDS = Contract(
    schema=Schema.RESTRICTED,
    name="rewards",
    comment="One row a month and line that is credited for its membership; made from the ledger of consent alone",
    columns=columns(
        ("month", "STRING!", "Month, YYYY-MM"),
        ("msisdn", "STRING!", "Phone number in E.164"),
        ("brand", "STRING", "Brand that took the membership; kept as said, never a condition"),
        ("member_days", "INT!", "Local days of the month on which the membership held"),
        ("credit", "DECIMAL(9,2)!", "Credit for the month, in the currency of the contract"),
    ),
    keys=("month", "msisdn"),
    mode=WriteMode.REPLACE_WHERE,
    period="month",
    partitioned=True,
    retention="as long as the account that it is credited to",
    rules=(
        NotNull("month"),
        Matches("month", r"^[0-9]{4}-[0-9]{2}$"),
        NotNull("msisdn"),
        Matches("msisdn", r"^\+[1-9][0-9]{6,14}$"),
        Between("member_days", 1, 31),
        NotNull("credit"),
    ),
    checks={"credit_is_positive": "credit > 0"},
)
