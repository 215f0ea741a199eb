"""reference.footprints and reference.cell_positions: where a phone on a cell may be."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, NotNull

FOOTPRINTS = Contract(
    schema=Schema.REFERENCE,
    name="footprints",
    comment="One row a cell and tile: probability that a phone on the cell is in the tile",
    columns=columns(
        ("cell_id", "STRING!", "Cell"),
        ("tile", "BIGINT!", "Tile number"),
        ("probability", "DOUBLE!", "P(tile | cell); sums to one over a cell"),
    ),
    keys=("cell_id", "tile"),
    mode=WriteMode.REPLACE_ALL,
    retention="as the plan",
    rules=(NotNull("cell_id"), NotNull("tile"), NotNull("probability"), Between("probability", 0, 1)),
)

CELL_POSITIONS = Contract(
    schema=Schema.REFERENCE,
    name="cell_positions",
    comment="One row a cell: its footprint in the form that events join",
    columns=columns(
        ("plan_id", "STRING!", "Digest of the plan, the zones and the parameters that gave it"),
        ("cell_id", "STRING!", "Cell"),
        ("site_group", "STRING!", "Cells of one group draw one position per person and key period"),
        ("centre_x", "DOUBLE!", "Mean easting of the footprint, EPSG:3035 metres"),
        ("centre_y", "DOUBLE!", "Mean northing of the footprint, EPSG:3035 metres"),
        ("radius_m", "DOUBLE!", "Root mean square distance from the centre, metres"),
        ("is_small", "BOOLEAN!", "Whether the cell resolves a small place (pico, indoor)"),
        (
            "quantiles",
            "ARRAY<BIGINT>!",
            "Tiles at equiprobable quantiles of the footprint, in Z-order",
        ),
    ),
    keys=("cell_id",),
    mode=WriteMode.REPLACE_ALL,
    retention="as the plan",
    rules=(
        NotNull("plan_id"),
        NotNull("cell_id"),
        NotNull("site_group"),
        NotNull("quantiles"),
        NotNull("radius_m"),
        Between("radius_m", 0, 200000),
    ),
)
