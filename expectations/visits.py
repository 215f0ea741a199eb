"""pseudonymous.visits: in which zones units stayed, day by day, under the key of the month."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, InSet, NotNull
from expectations.zones import ROLES

VISITS = Contract(
    schema=Schema.PSEUDONYMOUS,
    name="visits",
    comment="One row a unit, day and zone with a stay",
    columns=columns(
        ("date", "DATE!", "Local day that the row was made from"),
        ("month", "STRING!", "Month whose key made the pseudonym, e.g. 2026-03"),
        ("pseudonym", "BINARY!", "HMAC-SHA256(key of the month, unit)"),
        ("purposes", "TINYINT!", "Bit mask of the purposes that the row may serve"),
        ("role", "STRING!", "partition: a zone of the finest partition; place: a point of interest"),
        ("zone_id", "STRING!", "Zone"),
    ),
    keys=("date", "pseudonym", "purposes", "role", "zone_id"),
    mode=WriteMode.REPLACE_WHERE,
    period="date",
    partitioned=True,
    retention="as long as the key of the month",
    rules=(
        NotNull("pseudonym"),
        NotNull("month"),
        NotNull("zone_id"),
        InSet("role", ROLES),
        Between("purposes", 1, 15),
    ),
)
