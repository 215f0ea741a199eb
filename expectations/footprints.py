"""reference.sectors, footprints, cell_positions, zone_resolution: where a phone on a cell may be, how well known."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, NotNull

SECTORS = Contract(
    schema=Schema.REFERENCE,
    name="sectors",
    comment="One row a cell of the run's days, as the model sees it, with the defaults filled in",
    columns=columns(
        ("plan_id", "STRING!", "Digest of the plan, the ground and the parameters"),
        ("ground_id", "STRING!", "Digest of what every footprint hangs on: zones, residents, parameters"),
        ("cell_id", "STRING!", "Cell"),
        ("site_id", "STRING!", "Mast, as the plan says"),
        ("technology", "STRING!", "GSM, UMTS, LTE or NR"),
        ("is_small", "BOOLEAN!", "Whether the cell resolves a small place (pico, indoor)"),
        ("sector", "BIGINT!", "Footprint of the cell; cells with the same beam and range share it"),
        ("beam", "BIGINT!", "Cells with the same beam are received alike everywhere"),
        ("mast", "BIGINT!", "Tile that the antenna stands in"),
        ("x", "DOUBLE!", "Easting of the antenna, EPSG:3035 metres"),
        ("y", "DOUBLE!", "Northing of the antenna, EPSG:3035 metres"),
        ("azimuth_deg", "DOUBLE", "Degrees clockwise from grid north; null: all round"),
        ("beam_deg", "DOUBLE", "Half-power width in azimuth, degrees; null: all round"),
        ("tilt_deg", "DOUBLE", "Degrees below the horizon; null: no pattern in elevation"),
        ("power_w", "DOUBLE!", "Transmit power, watts"),
        ("exponent", "DOUBLE!", "Path loss exponent"),
        ("height_m", "DOUBLE!", "Height of the antenna, metres"),
        ("range_m", "DOUBLE!", "Range, metres"),
        ("ring_m", "DOUBLE", "Width of a ring of timing advance, metres; null: none"),
        ("ring_steps", "INT", "Steps of timing advance a ring; null: none"),
    ),
    keys=("cell_id",),
    mode=WriteMode.REPLACE_ALL,
    retention="as the plan",
    rules=(NotNull("cell_id"), NotNull("sector"), NotNull("beam"), NotNull("x"), NotNull("y"), Between("range_m", 1)),
)

FOOTPRINTS = Contract(
    schema=Schema.REFERENCE,
    name="footprints",
    comment="One row a sector and tile: probability that a phone on one of the sector's cells is in the tile",
    columns=columns(
        ("plan_id", "STRING!", "Plan that it was solved for"),
        ("sector", "BIGINT!", "See reference.sectors, which names each cell's"),
        ("tile", "BIGINT!", "Tile number"),
        ("weight", "BIGINT!", "Prior of the tile times the share of its phones that one cell has, billionths"),
        ("probability", "DOUBLE!", "P(tile | cell); sums to one over a sector; 0: cut off, being far below the mean"),
    ),
    keys=("sector", "tile"),
    mode=WriteMode.REPLACE_ALL,
    retention="as the plan",
    rules=(
        NotNull("sector"),
        NotNull("tile"),
        NotNull("weight"),
        NotNull("probability"),
        Between("weight", 1),
        Between("probability", 0, 1),
    ),
)

CELL_POSITIONS = Contract(
    schema=Schema.REFERENCE,
    name="cell_positions",
    comment="One row a cell and ring of timing advance, and one a cell for all distances (ring null)",
    columns=columns(
        ("plan_id", "STRING!", "Digest of the plan, the ground and the parameters that gave it"),
        ("cell_id", "STRING!", "Cell"),
        ("site_group", "STRING!", "Cells of one group draw one position per person and key period"),
        ("centre_x", "DOUBLE!", "Mean easting of the footprint, EPSG:3035 metres"),
        ("centre_y", "DOUBLE!", "Mean northing of the footprint, EPSG:3035 metres"),
        ("radius_m", "DOUBLE!", "Root mean square distance from the centre, metres"),
        ("is_small", "BOOLEAN!", "Whether the cell resolves a small place (pico, indoor)"),
        (
            "quantiles",
            "ARRAY<BIGINT>!",
            "Tiles at equiprobable quantiles of the footprint, by zone, in Z-order",
        ),
        ("ring", "INT", "Timing advance divided by ring_steps, whole part; null: whatever the distance"),
        ("ring_steps", "INT", "Steps of timing advance a ring; null: the cell has no rings"),
        (
            "homes",
            "ARRAY<STRUCT<zone_id: STRING, first: INT, slots: INT, at_home: DOUBLE>>",
            "Zones of the finest partition: their run of quantiles, and the probability that a unit that is registered"
            " there is drawn from it at once",
        ),
    ),
    keys=("cell_id", "ring"),
    mode=WriteMode.REPLACE_ALL,
    retention="as the plan",
    rules=(
        NotNull("plan_id"),
        NotNull("cell_id"),
        NotNull("site_group"),
        NotNull("quantiles"),
        NotNull("radius_m"),
        Between("radius_m", 0, 200000),
        Between("ring", 0),
    ),
)

ZONE_RESOLUTION = Contract(
    schema=Schema.REFERENCE,
    name="zone_resolution",
    comment="One row a zone that a footprint touches: how well the network tells it from its surroundings",
    columns=columns(
        ("zone_id", "STRING!", "Zone"),
        ("cells", "INT!", "Cells with at least a hundredth of their footprint in the zone"),
        ("radius_m", "DOUBLE!", "Median radius of the footprints, weighted by their mass in the zone, metres"),
        ("inside_share", "DOUBLE!", "Of a phone on one of its cells that is in the zone: share drawn inside, 0 to 1"),
    ),
    keys=("zone_id",),
    mode=WriteMode.REPLACE_ALL,
    retention="as the plan",
    rules=(NotNull("zone_id"), Between("cells", 0), Between("radius_m", 0), Between("inside_share", 0, 1)),
)
