"""Reference tables: the cell plan, geography, population and corridors."""

from __future__ import annotations

from pyspark.sql import DataFrame

from expectations.cells import CELLS
from expectations.contract import Schema
from expectations.corridors import CORRIDORS
from expectations.residents import RESIDENTS
from jobs.context import JobReport, RunContext
from jobs.ingest import eurostat
from jobs.ingest.admit import admit
from jobs.ingest.cells import CellParams, mark_cells
from jobs.ingest.landing import Landing
from jobs.ingest.population import mark_corridors, mark_residents
from jobs.ingest.tables import CELLS_FILE, CORRIDORS_FILE, POPULATION_FILE

JOB = "reference"


def run_reference(context: RunContext, landing: Landing) -> JobReport:
    """Replace the reference tables by the delivery: cells, zones and tiles, residents, corridors.

    Zones, population and corridors may be absent: areas stand in for zones, and without population there
    are no estimates. What was delivered earlier and no longer is, stays.

    Raises:
        InputRejectedError: A table is missing, unreadable, empty, or too much of it is bad.
    """
    from jobs.ingest.geography import run_geography

    door = context.lake.door(writes=[Schema.REFERENCE, Schema.RESTRICTED])
    eurostat_plan = landing.format == "eurostat"
    zone = context.policy.time_zone
    delivered = eurostat.read_cells(landing, zone) if eurostat_plan else landing.table(CELLS_FILE)
    tallies = {"cells": admit(context, door, mark_cells(delivered, CellParams()), CELLS, CELLS_FILE.name)}
    run_geography(context, read_zones(landing), door.read(CELLS))
    if landing.has(POPULATION_FILE.name):
        people = mark_residents(landing.table(POPULATION_FILE))
        tallies["population"] = admit(context, door, people, RESIDENTS, POPULATION_FILE.name)
    if landing.has(CORRIDORS_FILE.name):
        lines = mark_corridors(landing.table(CORRIDORS_FILE))
        tallies["corridors"] = admit(context, door, lines, CORRIDORS, CORRIDORS_FILE.name)
    return JobReport(
        JOB,
        rows_in=sum(t.total for t in tallies.values()),
        rows_out=sum(t.good for t in tallies.values()),
        counts={f"{table}_quarantined": float(t.bad) for table, t in tallies.items()},
    )


def read_zones(landing: Landing) -> DataFrame | None:
    """Stub."""
    return None
