"""reference.corridors and corridor_cells: roads and lines on which flows are reported, and the cells along them."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, NotNull

CORRIDORS = Contract(
    schema=Schema.REFERENCE,
    name="corridors",
    comment="One row a corridor, drawn in the direction of travel",
    columns=columns(
        ("corridor_id", "STRING!", "Identity of the corridor"),
        ("name", "STRING!", "Name for readers"),
        ("kind", "STRING!", "Kind, e.g. road, motorway, rail"),
        ("geometry_wkt", "STRING!", "Line in WGS84, well-known text"),
        ("length_m", "INT!", "Length in the plane of EPSG:3035, metres"),
    ),
    keys=("corridor_id",),
    mode=WriteMode.REPLACE_ALL,
    retention="as delivered",
    rules=(
        NotNull("corridor_id"),
        NotNull("name"),
        NotNull("kind"),
        NotNull("geometry_wkt"),
        Between("length_m", 1),
    ),
)

CORRIDOR_CELLS = Contract(
    schema=Schema.REFERENCE,
    name="corridor_cells",
    comment="One row a cell and corridor within its reach: where along the line a phone on the cell may be",
    columns=columns(
        ("plan_id", "STRING!", "Digest of the positions and the corridors that gave it"),
        ("cell_id", "STRING!", "Cell"),
        ("corridor_id", "STRING!", "Corridor"),
        ("share", "DOUBLE!", "Share of the cell's footprint within reach of the line, 0 to 1"),
        ("along_m", "INT!", "Mean position of that share along the line, metres from its start"),
        ("length_m", "INT!", "Length of the corridor, metres"),
    ),
    keys=("cell_id", "corridor_id"),
    mode=WriteMode.REPLACE_ALL,
    retention="as the plan",
    rules=(NotNull("cell_id"), NotNull("corridor_id"), Between("share", 0, 1), Between("along_m", 0)),
)
