"""pseudonymous.homes: where units spend nights and working hours, under the key of the month."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, InSet, NotNull

VOTES = ("night", "work", "registered", "origin")

HOMES = Contract(
    schema=Schema.PSEUDONYMOUS,
    name="homes",
    comment="One row a unit, day, night and zone that may be its home or place of work",
    columns=columns(
        ("date", "DATE!", "Local day that the row was made from"),
        ("month", "STRING!", "Month whose key made the pseudonym, e.g. 2026-03"),
        ("pseudonym", "BINARY!", "HMAC-SHA256(key of the month, unit)"),
        ("purposes", "TINYINT!", "Bit mask of the purposes that the row may serve"),
        (
            "vote",
            "STRING!",
            "night: at night; work: in working hours; registered: the registered address; origin: country of a visitor",
        ),
        ("night", "DATE", "Night, by the day on whose evening it began; null unless at night"),
        ("zone_id", "STRING!", "Zone of the finest partition; of origin the mobile country code"),
        ("minutes", "INT!", "Expected minutes in the zone, over the footprints of the cells; 0 where no time is meant"),
    ),
    keys=("date", "pseudonym", "purposes", "vote", "night", "zone_id"),
    mode=WriteMode.REPLACE_WHERE,
    period="date",
    partitioned=True,
    retention="as long as the key of the month",
    rules=(
        NotNull("pseudonym"),
        NotNull("month"),
        NotNull("zone_id"),
        InSet("vote", VOTES),
        Between("minutes", 0, 1500),
        Between("purposes", 1, 15),
    ),
)
