"""restricted.quarantine: every rejected row with its reasons."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import NotNull

QUARANTINE = Contract(
    schema=Schema.RESTRICTED,
    name="quarantine",
    comment="One row a rejected input row, whole, so that nothing is lost and it can be mended and delivered again",
    columns=columns(
        ("batch", "STRING!", "Table and days of the delivery: running it again replaces its rows"),
        ("table_name", "STRING!", "Landing table"),
        ("event_date", "DATE", "Day of the row where it can be told"),
        ("reasons", "ARRAY<STRING>!", "Every rule that the row broke"),
        ("row", "STRING!", "The row as it was delivered, as JSON"),
    ),
    keys=("batch", "row"),
    mode=WriteMode.REPLACE_WHERE,
    period="batch",
    retention="as long as the table that rejected it",
    rules=(NotNull("batch"), NotNull("table_name"), NotNull("reasons"), NotNull("row")),
)
