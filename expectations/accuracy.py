"""audit.accuracy: how far a run on simulated input was from the truth; errors and shares, no counts of persons."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, InSet, NotNull

METHODS = ("threestep", "nearest_cell", "released")

ACCURACY = Contract(
    schema=Schema.AUDIT,
    name="accuracy",
    comment="One row a scored run, day, measure, level and method, on simulated input alone",
    columns=columns(
        ("run_id", "STRING!", "Digest of landing, days and policy"),
        ("date", "DATE!", "Local day; of measures over several days the last"),
        ("measure", "STRING!", "What was measured, e.g. footfall_mdape; see docs/accuracy.md"),
        ("level", "STRING!", "Level of the zones"),
        (
            "method",
            "STRING!",
            "threestep, before noise; nearest_cell: the same by nearest masts; released: what was shown",
        ),
        ("value", "DOUBLE", "Value of the measure; null where nothing could be compared"),
        ("compared", "BIGINT", "Cells compared; null where persons are compared"),
        ("at", "TIMESTAMP!", "Instant of the record"),
    ),
    keys=("run_id", "date", "measure", "level", "method"),
    mode=WriteMode.MERGE,
    retention="3 years",
    rules=(NotNull("run_id"), NotNull("measure"), InSet("method", METHODS), Between("compared", 0)),
)
