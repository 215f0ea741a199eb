"""reference.residents: official population."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, InSet, NotNull

RESIDENTS = Contract(
    schema=Schema.REFERENCE,
    name="residents",
    comment="One row a zone, year, gender and age band of the official population",
    columns=columns(
        ("zone_id", "STRING!", "Zone"),
        ("year", "INT!", "Reference year"),
        ("gender", "STRING", "female, male, diverse; null: all"),
        ("age_band", "STRING", "As delivered; null: all"),
        ("residents", "BIGINT!", "Persons registered"),
    ),
    keys=("zone_id", "year", "gender", "age_band"),
    mode=WriteMode.REPLACE_ALL,
    retention="as delivered",
    rules=(
        NotNull("zone_id"),
        NotNull("year"),
        Between("year", 1900, 2100),
        InSet("gender", ("female", "male", "diverse")),
        NotNull("residents"),
        Between("residents", 0),
    ),
)
