"""Reference tables: the cell plan, geography, population and corridors."""

from __future__ import annotations

from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.cells import CELLS
from expectations.contract import Schema
from expectations.corridors import CORRIDORS
from expectations.gate import REASONS
from expectations.quarantine import QUARANTINE
from expectations.residents import RESIDENTS
from expectations.zones import ZONE_TILES, ZONES
from jobs.context import JobReport, RunContext
from jobs.errors import InputRejectedError
from jobs.ingest import eurostat
from jobs.ingest.admit import admit
from jobs.ingest.cells import CellParams, mark_cells
from jobs.ingest.geography import run_geography
from jobs.ingest.geojson import parse_geojson
from jobs.ingest.landing import Landing, rejecting
from jobs.ingest.population import mark_corridors, mark_residents
from jobs.ingest.tables import CELLS_FILE, CORRIDORS_FILE, POPULATION_FILE, ZONES_FILE
from jobs.lake import Door

JOB = "reference"
ZONES_DOCUMENT = "zones.geojson"


def run_reference(context: RunContext, landing: Landing) -> JobReport:
    """Replace the reference tables by the delivery, all of them or none: cells, zones and tiles, residents, corridors.

    Zones, population and corridors may be absent: areas stand in for zones, and without population there
    are no estimates. Population and corridors that were delivered before and are not now stay.

    Raises:
        InputRejectedError: A table is missing, unreadable, empty, or too much of it is bad.
    """
    door = context.lake.door(writes=[Schema.REFERENCE, Schema.RESTRICTED])
    with door.all_or_nothing([CELLS, ZONES, ZONE_TILES, RESIDENTS, CORRIDORS]):
        return _replace_reference(context, landing, door)


def _replace_reference(context: RunContext, landing: Landing, door: Door) -> JobReport:
    eurostat_plan = landing.format == "eurostat"
    zone = context.policy.time_zone
    delivered = eurostat.read_cells(landing, zone) if eurostat_plan else landing.table(CELLS_FILE)
    tallies = {"cells": admit(context, door, mark_cells(delivered, CellParams()), CELLS, CELLS_FILE.name)}
    if landing.has(POPULATION_FILE.name):
        people = mark_residents(landing.table(POPULATION_FILE))
        tallies["population"] = admit(context, door, people, RESIDENTS, POPULATION_FILE.name)
    zones = run_geography(context, read_zones(landing), door.read(CELLS), partial(_keep_zones, door))
    if landing.has(CORRIDORS_FILE.name):
        lines = mark_corridors(landing.table(CORRIDORS_FILE))
        tallies["corridors"] = admit(context, door, lines, CORRIDORS, CORRIDORS_FILE.name)
    return JobReport(
        JOB,
        rows_in=sum(t.total for t in tallies.values()) + (zones.rows_in or 0),
        rows_out=sum(t.good for t in tallies.values()) + (zones.rows_out or 0),
        counts={**zones.counts, **{f"{table}_quarantined": float(t.bad) for table, t in tallies.items()}},
    )


def _keep_zones(door: Door, rejected: DataFrame) -> None:
    batch = ZONES_FILE.name
    rows = rejected.select(
        F.lit(batch).alias("batch"),
        F.lit(batch).alias("table_name"),
        F.lit(None).cast("date").alias("event_date"),
        F.col(REASONS).alias("reasons"),
        "row",
    )
    door.replace(QUARANTINE, rows, [batch])


def read_zones(landing: Landing) -> DataFrame | None:
    """Read zones from ``zones.geojson``, or from a table with a geometry column; ``None`` where there are none.

    Returns:
        ``zone_id, name, level, parent_id, geometry``, as ``geography.check_zones`` asks for.

    Raises:
        InputRejectedError: There are both, or a column is missing.
    """
    document = landing.folder / ZONES_DOCUMENT
    if not document.is_file():
        return landing.table(ZONES_FILE).select(*ZONES_FILE.columns) if landing.has(ZONES_FILE.name) else None
    if landing.has(ZONES_FILE.name):
        raise InputRejectedError(f"zones: found both {ZONES_DOCUMENT} and a table zones; keep the one that counts")
    with rejecting(ZONES_FILE.name, str(document)):
        return parse_geojson(landing.spark.read.text(str(document), wholetext=True))
