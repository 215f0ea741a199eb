"""What the landing directory holds: the columns of each input table, as operators deliver them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LandingTable:
    """One input table.

    Attributes:
        name: Name of the file or folder.
        required: Columns without which the file is rejected.
        optional: Columns that may be absent or empty.
        times: Which of them are instants.
        numbers: Which of them are numbers; all others are text.
    """

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read; any other stays outside."""
        return self.required + self.optional


SUBSCRIBERS_FILE = LandingTable(
    "subscribers",
    required=("msisdn", "imsi", "brand", "contract", "valid_from"),
    optional=("subscriber_id", "birth_year", "gender", "home_zone_id", "valid_to"),
    times=("valid_from", "valid_to"),
    numbers=("birth_year",),
)
EVENTS_FILE = LandingTable(
    "events",
    required=("imsi", "event_time", "cell_id", "event_type"),
    optional=("timing_advance",),
    times=("event_time",),
    numbers=("timing_advance",),
)
CELLS_FILE = LandingTable(
    "cells",
    required=("cell_id", "technology", "latitude", "longitude"),
    optional=(
        "azimuth_deg",
        "beam_width_deg",
        "band",
        "site_id",
        "placement",
        "range_m",
        "power_w",
        "height_m",
        "valid_from",
        "valid_to",
    ),
    times=("valid_from", "valid_to"),
    numbers=("latitude", "longitude", "azimuth_deg", "beam_width_deg", "range_m", "power_w", "height_m"),
)
ZONES_FILE = LandingTable("zones", required=("zone_id", "name", "level", "geometry"), optional=("parent_id",))
POPULATION_FILE = LandingTable(
    "population",
    required=("zone_id", "year", "residents"),
    optional=("gender", "age_band"),
    numbers=("year", "residents"),
)
CONSENT_FILE = LandingTable(
    "consent",
    required=("request_id", "msisdn", "purpose", "decision", "channel", "received_at"),
    optional=("brand",),
    times=("received_at",),
)
CORRIDORS_FILE = LandingTable("corridors", required=("corridor_id", "name", "kind", "geometry"))
