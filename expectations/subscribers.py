"""restricted.subscribers: who holds which line on which SIM, over time."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, InSet, Matches, NotNull, Ordered

CONTRACTS = ("private", "business", "prepaid", "m2m")
GENDERS = ("female", "male", "diverse")

SUBSCRIBERS = Contract(
    schema=Schema.RESTRICTED,
    name="subscribers",
    comment="One row a line, SIM and validity interval (business time; system time is the table version)",
    columns=columns(
        ("subscriber_id", "STRING", "Holder of the line; null where master data does not tell persons apart"),
        ("msisdn", "STRING!", "Phone number in E.164"),
        ("imsi", "STRING!", "SIM identity"),
        ("brand", "STRING!", "Brand that sold the line; never a condition for consent"),
        ("contract", "STRING!", "private, business, prepaid or m2m"),
        ("birth_year", "INT", "Year of birth of the holder"),
        ("gender", "STRING", "female, male or diverse"),
        ("home_zone_id", "STRING", "Zone of the registered address"),
        ("valid_from", "TIMESTAMP!", "Start of validity, inclusive"),
        ("valid_to", "TIMESTAMP", "End of validity, exclusive; null while valid"),
    ),
    keys=("msisdn", "imsi", "valid_from"),
    mode=WriteMode.REPLACE_ALL,
    retention="as master data",
    rules=(
        NotNull("msisdn"),
        Matches("msisdn", r"^\+[1-9][0-9]{6,14}$"),
        NotNull("imsi"),
        Matches("imsi", r"^[2-7][0-9]{13,14}$"),
        NotNull("brand"),
        NotNull("contract"),
        InSet("contract", CONTRACTS),
        InSet("gender", GENDERS),
        Between("birth_year", 1900, 2100),
        NotNull("valid_from"),
        Ordered("valid_from", "valid_to"),
    ),
)
