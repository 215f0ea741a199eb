from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame

from expectations.cells import CELLS
from expectations.contract import Contract, Schema
from expectations.corridors import CORRIDORS
from expectations.events import EVENTS
from expectations.quarantine import QUARANTINE
from expectations.residents import RESIDENTS
from expectations.subscribers import SUBSCRIBERS
from expectations.zones import ZONES
from jobs.context import RunContext
from jobs.errors import InputRejectedError, UsageError
from jobs.ingest.admit import admit
from jobs.ingest.cells import CellParams, mark_cells
from jobs.ingest.run import run_events, run_reference, run_subscribers
from jobs.ingest.tables import CELLS_FILE

Write = Callable[[str, str], Path]
DATA = Path(os.environ.get("THREESTEP_DATA", Path(__file__).parents[4] / "shared" / "data"))
NUMBER, SIM = "01719876543", "262019876543210"
PEOPLE = "msisdn,imsi,brand,contract,valid_from\n{0},{1},A,private,2026-01-01T00:00:00Z\n"
HEAD = "imsi,event_time,cell_id,event_type\n"


def _read(context: RunContext, contract: Contract) -> DataFrame:
    return context.lake.door(reads=list(Schema)).read(contract)


def _cells(context: RunContext, landing: Any) -> None:
    door = context.lake.door(writes=[Schema.REFERENCE, Schema.RESTRICTED])
    admit(context, door, mark_cells(landing.table(CELLS_FILE), CellParams()), CELLS, "cells")


def _event(day: int, clock: str = "10:00", cell: str = "A") -> str:
    return f"{SIM},2026-03-0{day}T{clock}:00Z,{cell},data\n"


@pytest.mark.usefixtures("spark")
def test_master_data(context_of: Callable[..., Any], write: Write) -> None:
    context, landing = context_of()
    with pytest.raises(InputRejectedError, match="subscribers: not delivered"):
        run_subscribers(context, landing)
    waived, _ = context_of(waiver="a trial")
    assert run_subscribers(waived, landing).skipped
    write("subscribers.csv", PEOPLE.format(NUMBER, SIM))
    with pytest.raises(UsageError, match="in the landing directory"):
        run_subscribers(waived, landing)
    report = run_subscribers(context, landing)
    assert (report.rows_in, report.rows_out) == (1, 1)
    assert [row.msisdn for row in _read(context, SUBSCRIBERS).collect()] == ["+491719876543"]

    # A delivery that is mostly bad is refused, and what was there stays.
    write("subscribers.csv", PEOPLE.format(NUMBER, SIM) + f"{NUMBER},{SIM},,private,soon\n{NUMBER},{SIM}\n")
    with pytest.raises(InputRejectedError) as caught:
        run_subscribers(context, landing)
    told = str(caught.value)
    for words in ("subscribers", "2 of 3 rows", "brand_missing 2", "row_malformed 1", "quality.max_quarantined_share"):
        assert words in told
    assert NUMBER[1:] not in told and SIM not in told
    assert _read(context, SUBSCRIBERS).count() == 1
    assert {row.batch for row in _read(context, QUARANTINE).collect()} == {"subscribers"}
    write("subscribers.csv", PEOPLE.partition("\n")[0] + "\n")
    with pytest.raises(InputRejectedError, match="without a single row"):
        run_subscribers(context, landing)
    (Path(landing.root) / "subscribers.csv").unlink()
    with pytest.raises(UsageError, match=r"restricted\.subscribers"):
        run_subscribers(waived, landing)


def test_events(context_of: Callable[..., Any], write: Write) -> None:
    context, landing = context_of(max_quarantined_share=0.25)
    write("cells.csv", "cell_id,technology,latitude,longitude\nA,LTE,51.3,12.3\n")
    _cells(context, landing)
    days = {day: write(f"events/event_date=2026-03-0{day}/a.csv", HEAD + _event(day)) for day in (1, 2, 3, 4, 5)}
    days[3].write_text(HEAD + _event(3) * 2 + _event(3, "23:30", cell="?") + _event(2))
    report = run_events(context, landing)
    assert (report.rows_in, report.rows_out) == (6, 5)
    assert report.counts == {"event_time_outside_folder": 1, "cells_unknown": 1}

    def held() -> list[tuple[int, bool]]:
        return sorted((row.event_date.day, row.cell_known) for row in _read(context, EVENTS).collect())

    want = [(2, True), (3, False), (3, True), (3, True), (4, True)]
    assert held() == want
    (bad,) = _read(context, QUARANTINE).collect()
    assert (bad.batch, str(bad.event_date)) == ("events/2026-03-03..2026-03-03", "2026-03-03")

    # The same again changes nothing; a day around it that is no longer there is left as it was.
    days[4].unlink()
    run_events(context, landing)
    assert held() == want

    # Too many bad rows, or an empty day: refused, and the table stays.
    days[3].write_text(HEAD + f"{SIM},noon,A,data\n{SIM}\n" + _event(3))
    with pytest.raises(InputRejectedError) as caught:
        run_events(context, landing)
    told = str(caught.value)
    for words in ("restricted.events", "2 of 4 rows", "event_time_malformed 1", "row_malformed 1", "0.25"):
        assert words in told
    assert SIM not in told
    days[3].write_text(HEAD)
    with pytest.raises(InputRejectedError, match="events_present_2026-03-03"):
        run_events(context, landing)
    later, _ = context_of(date=dt.date(2026, 6, 1), until=dt.date(2026, 6, 1))
    with pytest.raises(InputRejectedError, match="no folder event_date="):
        run_events(later, landing)
    assert _read(context, EVENTS).count() == 5
    assert _read(context, QUARANTINE).count() == 0, "nothing is bad in the last delivery of the batch"
    failed = {result.rule for _, _, result in context.gate.results if result.blocks}
    assert "events_present_2026-03-03" in failed


def test_reference(context_of: Callable[..., Any], write: Write) -> None:
    context, landing = context_of(max_quarantined_share=0.5)
    write("cells.csv", "cell_id,technology,latitude,longitude\nA,LTE,51.31,12.31\nB,LTE,0,0\nC,LTE,51.5,12.6\n")
    write("population.csv", "zone_id,year,residents\nz,2023,100\n")
    write("corridors.csv", 'corridor_id,name,kind,geometry\nc,A1,road,"LINESTRING (12 51, 12.1 51)"\n')
    ring = [[12.3, 51.3], [12.32, 51.3], [12.32, 51.32], [12.3, 51.32], [12.3, 51.3]]
    zone = {
        "type": "Feature",
        "properties": {"zone_id": "z", "name": "Z", "level": "city"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    write("zones.geojson", json.dumps({"type": "FeatureCollection", "features": [zone]}))
    report = run_reference(context, landing)
    assert report.counts["cells_quarantined"] == 1
    assert [_read(context, c).count() for c in (CELLS, ZONES, RESIDENTS, CORRIDORS, QUARANTINE)] == [2, 1, 1, 1, 1]
    # Cell C stays, and the quality record tells that it lies outside of the zones.
    (stray,) = [r for _, _, r in context.gate.results if r.rule == "cells_outside_zones"]
    assert (stray.success, stray.blocks, stray.observed, stray.rows) == (False, False, 0.5, 2)
    write("cells.csv", "cell_id,technology,latitude,longitude\n")
    with pytest.raises(InputRejectedError, match="cells: delivered without a single row"):
        run_reference(context, landing)


def test_without_zones_areas_are_made_of_the_population(context_of: Callable[..., Any], write: Write) -> None:
    context, landing = context_of()
    write("cells.csv", "cell_id,technology,latitude,longitude\nA,LTE,51.3,12.3\n")
    squares = [(3135, 4481, 9_000), (3135, 4482, 7_000), (3130, 4478, 6_000)]
    people = [f"CRS3035RES1000mN{north}000E{east}000,2023,{n}\n" for north, east, n in squares]
    write("population.csv", "zone_id,year,residents\n" + "".join(people))
    run_reference(context, landing)
    by_zone = {row.zone_id: row.residents for row in _read(context, RESIDENTS).collect()}
    zones = {row.zone_id: row for row in _read(context, ZONES).collect()}
    shown = {zone_id: n for zone_id, n in by_zone.items() if zone_id in zones}
    assert sorted(shown.values()) == [6_000, 7_000, 9_000] and len(by_zone) == 6
    assert {zone.level for zone in zones.values()} == {"area"}
    # Thirteen by thirteen square kilometres are in reach of the mast.
    assert sum(zone.tiles for zone in zones.values()) == 13 * 13 * 100


@pytest.mark.skipif(not (DATA / "madrid").is_dir(), reason="the real inputs are not here (THREESTEP_DATA)")
def test_the_dirty_sample_of_madrid(context_of: Callable[..., Any]) -> None:
    days = {"date": dt.date(2023, 1, 7), "until": dt.date(2023, 1, 11), "time_zone": "Europe/Madrid"}
    strict, landing = context_of(DATA / "madrid", landing_format="eurostat", waiver="a sample", **days)
    run_reference(strict, landing)
    with pytest.raises(InputRejectedError) as caught:
        run_events(strict, landing)
    assert "594 of 1,823 rows" in str(caught.value)
    lenient, _ = context_of(
        DATA / "madrid", landing_format="eurostat", waiver="a sample", max_quarantined_share=0.4, **days
    )
    report = run_events(lenient, landing)
    assert (report.rows_in, report.rows_out) == (1823, 1229)
    assert report.counts == {"event_time_missing": 594, "imsi_missing": 594, "cells_unknown": 409}
    assert _read(lenient, EVENTS).where("home_mcc IS NULL").count() == 409
