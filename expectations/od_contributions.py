"""pseudonymous.od_contributions: which trips units made, under the key of the week."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.product_words import DAYPARTS
from expectations.rules import Between, InSet, NotNull

OD_CONTRIBUTIONS = Contract(
    schema=Schema.PSEUDONYMOUS,
    name="od_contributions",
    comment="One row a unit, day, pair of zones and daypart with a trip",
    columns=columns(
        ("date", "DATE!", "Local day that the row was made from"),
        ("week", "STRING!", "ISO week whose key made the pseudonym, e.g. 2026-W10"),
        ("pseudonym", "BINARY!", "HMAC-SHA256(key of the week, unit)"),
        ("purposes", "TINYINT!", "Bit mask of the purposes that the row may serve"),
        ("origin_zone_id", "STRING!", "Zone of the finest partition where the trip began"),
        ("destination_zone_id", "STRING!", "Zone where it ended"),
        ("daypart", "STRING!", "Part of the local day in which it began"),
    ),
    keys=("date", "pseudonym", "purposes", "origin_zone_id", "destination_zone_id", "daypart"),
    mode=WriteMode.REPLACE_WHERE,
    period="date",
    partitioned=True,
    retention="as long as the key of the week",
    rules=(
        NotNull("pseudonym"),
        NotNull("week"),
        NotNull("origin_zone_id"),
        NotNull("destination_zone_id"),
        InSet("daypart", DAYPARTS),
        Between("purposes", 1, 15),
    ),
)
