"""pseudonymous.movement and pseudonymous.profile: stage 1, what the SIM did and who it is, apart."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, NotNull

MOVEMENT = Contract(
    schema=Schema.PSEUDONYMOUS,
    name="movement",
    comment="One row a run of contacts with one cell, in order of time, of one line of a unit",
    columns=columns(
        ("date", "DATE!", "Local day whose key made the pseudonym"),
        ("pseudonym", "BINARY!", "HMAC-SHA256(key of the day, unit)"),
        ("line_no", "SMALLINT!", "Which of the unit's lines, numbered by keyed hash"),
        ("purposes", "TINYINT!", "Bit mask of the purposes that the row may serve"),
        ("start_time", "TIMESTAMP!", "First contact of the run"),
        ("end_time", "TIMESTAMP!", "Last contact of the run"),
        ("cell_id", "STRING!", "Cell"),
        ("contacts", "INT!", "Number of contacts, exact repeats apart"),
        ("timing_advance", "INT", "Whole mean of the contacts' timing advance, in steps of the technology"),
    ),
    keys=("date", "pseudonym", "line_no", "start_time", "cell_id"),
    mode=WriteMode.REPLACE_WHERE,
    period="date",
    partitioned=True,
    retention="as long as the key of the day",
    rules=(
        NotNull("pseudonym"),
        NotNull("start_time"),
        NotNull("end_time"),
        NotNull("cell_id"),
        Between("purposes", 1, 15),
        Between("contacts", 1),
        Between("timing_advance", 0, 20000),
    ),
)

PROFILE = Contract(
    schema=Schema.PSEUDONYMOUS,
    name="profile",
    comment="One row a unit that may serve a purpose on the day: who it is, apart from what it did",
    columns=columns(
        ("date", "DATE!", "Local day whose key made the pseudonym"),
        ("pseudonym", "BINARY!", "HMAC-SHA256(key of the day, unit)"),
        ("origin", "STRING!", "domestic, or the mobile country code of an inbound visitor"),
        ("age_band", "STRING!", "Ten-year age band, or unknown"),
        ("gender", "STRING!", "female, male, diverse or unknown"),
        ("home_zone_id", "STRING", "Zone of the registered address"),
    ),
    keys=("date", "pseudonym"),
    mode=WriteMode.REPLACE_WHERE,
    period="date",
    partitioned=True,
    retention="as long as the key of the day",
    rules=(NotNull("pseudonym"), NotNull("origin"), NotNull("age_band"), NotNull("gender")),
)
