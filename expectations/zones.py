"""reference.zones and reference.zone_tiles: the published geography, made of whole tiles."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, InSet, NotNull

ROLES = ("partition", "place")

ZONES = Contract(
    schema=Schema.REFERENCE,
    name="zones",
    comment="One row a zone",
    columns=columns(
        ("zone_id", "STRING!", "Identity of the zone"),
        ("name", "STRING!", "Name for readers"),
        ("level", "STRING!", "Level, e.g. district, city, poi"),
        ("parent_id", "STRING", "Zone that contains it"),
        ("role", "STRING!", "partition: its level covers the territory without overlap; place: a point of interest"),
        ("depth", "INT!", "Steps below the coarsest partition; -1 for places"),
        ("is_finest", "BOOLEAN!", "Whether its level is the finest partition, on which counts are drawn"),
        ("geometry_wkt", "STRING!", "Boundary in WGS84, well-known text"),
        ("tiles", "INT!", "Number of 100 m tiles"),
    ),
    keys=("zone_id",),
    mode=WriteMode.REPLACE_ALL,
    retention="as delivered",
    rules=(
        NotNull("zone_id"),
        NotNull("name"),
        NotNull("level"),
        InSet("role", ROLES),
        NotNull("geometry_wkt"),
        Between("tiles", 0),
    ),
)

ZONE_TILES = Contract(
    schema=Schema.REFERENCE,
    name="zone_tiles",
    comment="One row a tile and level that covers it; in a partition a tile has exactly one zone",
    columns=columns(
        ("level", "STRING!", "Level of the zone"),
        ("zone_id", "STRING!", "Identity of the zone"),
        ("tile", "BIGINT!", "Tile number: easting / 100 * 100000 + northing / 100 in EPSG:3035"),
    ),
    keys=("level", "zone_id", "tile"),
    mode=WriteMode.REPLACE_ALL,
    retention="as the zones",
    rules=(NotNull("zone_id"), NotNull("tile"), Between("tile", 0)),
)
