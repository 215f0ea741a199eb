"""reference.cells: the cell plan."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, InSet, NotNull, Ordered

TECHNOLOGIES = ("GSM", "UMTS", "LTE", "NR")

CELLS = Contract(
    schema=Schema.REFERENCE,
    name="cells",
    comment="One row a cell and validity interval, with defaults filled in by technology and placement",
    columns=columns(
        ("cell_id", "STRING!", "Identity of the cell in events"),
        ("technology", "STRING!", "GSM, UMTS, LTE or NR"),
        ("latitude", "DOUBLE!", "WGS84, degrees"),
        ("longitude", "DOUBLE!", "WGS84, degrees"),
        ("azimuth_deg", "DOUBLE", "Direction of the main lobe, degrees clockwise from north; null if omnidirectional"),
        ("beam_width_deg", "DOUBLE", "Horizontal half-power beam width, degrees"),
        ("band", "STRING", "Frequency band"),
        ("site_id", "STRING!", "Mast; made from the position where the plan names none"),
        ("placement", "STRING", "macro, micro, pico, indoor, or as the plan says"),
        ("range_m", "DOUBLE", "Range in metres where the plan tells it"),
        ("power_w", "DOUBLE", "Transmit power in watts where the plan tells it"),
        ("height_m", "DOUBLE", "Antenna height in metres where the plan tells it"),
        ("tilt_deg", "DOUBLE", "Tilt of the antenna below the horizon, degrees, where the plan tells it"),
        ("valid_from", "TIMESTAMP", "Start of validity, inclusive; null: always"),
        ("valid_to", "TIMESTAMP", "End of validity, exclusive; null: still valid"),
    ),
    keys=("cell_id", "valid_from"),
    mode=WriteMode.REPLACE_ALL,
    retention="as delivered",
    rules=(
        NotNull("cell_id"),
        NotNull("technology"),
        InSet("technology", TECHNOLOGIES),
        NotNull("latitude"),
        NotNull("longitude"),
        Between("latitude", -90, 90),
        Between("longitude", -180, 180),
        Between("azimuth_deg", 0, 360),
        Between("beam_width_deg", 1, 360),
        Between("range_m", 1, 100000),
        Between("power_w", 0, 1000),
        Between("height_m", 0, 1000),
        Between("tilt_deg", -30, 90),
        Ordered("valid_from", "valid_to"),
    ),
)
