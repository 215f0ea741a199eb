"""reference.corridors: roads and lines on which flows are reported."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import NotNull

CORRIDORS = Contract(
    schema=Schema.REFERENCE,
    name="corridors",
    comment="One row a corridor, drawn in the direction of travel",
    columns=columns(
        ("corridor_id", "STRING!", "Identity of the corridor"),
        ("name", "STRING!", "Name for readers"),
        ("kind", "STRING!", "Kind, e.g. motorway, rail"),
        ("geometry_wkt", "STRING!", "Line in WGS84, well-known text"),
    ),
    keys=("corridor_id",),
    mode=WriteMode.REPLACE_ALL,
    retention="as delivered",
    rules=(NotNull("corridor_id"), NotNull("name"), NotNull("kind"), NotNull("geometry_wkt")),
)
