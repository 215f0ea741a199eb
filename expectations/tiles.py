"""reference.tiles: the 100 m grid under everything."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, Matches, NotNull

TILES = Contract(
    schema=Schema.REFERENCE,
    name="tiles",
    comment="One row a 100 m tile of the ETRS89-LAEA grid (EPSG:3035) that a zone or a footprint touches",
    columns=columns(
        ("tile", "BIGINT!", "Tile number: easting / 100 * 100000 + northing / 100 in EPSG:3035"),
        ("tile_id", "STRING!", "INSPIRE name, CRS3035RES100mN...E..."),
        ("x", "INT!", "Easting of the lower left corner, metres"),
        ("y", "INT!", "Northing of the lower left corner, metres"),
        ("latitude", "DOUBLE!", "Centre, WGS84 degrees"),
        ("longitude", "DOUBLE!", "Centre, WGS84 degrees"),
    ),
    keys=("tile",),
    mode=WriteMode.REPLACE_ALL,
    retention="as the plan and the zones",
    rules=(
        NotNull("tile"),
        NotNull("tile_id"),
        Matches("tile_id", "^CRS3035RES100mN[0-9]{7}E[0-9]{7}$"),
        Between("latitude", -90, 90),
        Between("longitude", -180, 180),
    ),
)
