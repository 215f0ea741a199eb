from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from expectations.cells import CELLS
from expectations.gate import REASONS, good_rows
from jobs.errors import InputRejectedError
from jobs.ingest.admit import tidy
from jobs.ingest.cells import CellParams, mark_cells
from jobs.ingest.eurostat import landing_cells, read_cells, read_events, typed_events
from jobs.ingest.events import EventParams, mark_events
from jobs.ingest.landing import Landing

ZONE = "Europe/Madrid"
DAY = dt.date(2023, 1, 8)
PARAMS = EventParams(ZONE, (DAY,), (DAY - dt.timedelta(1), DAY, DAY + dt.timedelta(1)))


def _events(spark: SparkSession, *rows: tuple) -> DataFrame:
    return spark.createDataFrame(
        list(rows), "user_id binary, timestamp string, cell_id string, mcc int, mnc string, plmn int, _folder date"
    )


def test_events(spark: SparkSession) -> None:
    person = bytes(range(32))
    delivered = _events(
        spark,
        (person, "2023-01-08 10:07:33", "blank", 214, "1", None, DAY),
        (person, "2023-01-08T10:07:33", "letter", 214, "1", None, DAY),
        (person[:16], "2023-01-08T00:30:00", "short id, night", 1807473, "1", None, DAY),
        (None, None, "nobody", 214, "1", None, DAY),
        (b"", "2023-01-08T10:07:33Z", "offset", None, "1", None, DAY),
        (person + person, "2023-01-07 23:59:59", "long id, other day", 214, "1", None, DAY),
    )
    marked = mark_events(typed_events(delivered, ZONE), PARAMS)
    rows = {row.cell_id: row for row in marked.withColumn(REASONS, tidy(F.col(REASONS))).collect()}
    assert {cell: row[REASONS] for cell, row in rows.items()} == {
        "blank": [],
        "letter": [],
        "short id, night": [],
        "nobody": ["event_time_missing", "imsi_missing"],
        "offset": ["event_time_malformed", "imsi_missing"],
        "long id, other day": ["event_time_outside_folder", "imsi_malformed"],
    }
    assert rows["blank"].imsi == person.hex().upper()
    assert rows["short id, night"].imsi == "0" * 32 + person[:16].hex().upper()
    utc = {cell: row.event_time.astimezone(dt.UTC).isoformat() for cell, row in rows.items() if row.event_time}
    assert utc["blank"] == utc["letter"] == "2023-01-08T09:07:33+00:00"
    assert utc["short id, night"] == "2023-01-07T23:30:00+00:00"
    assert rows["short id, night"].event_date == dt.date(2023, 1, 7)
    assert [rows[cell].home_mcc for cell in ("blank", "short id, night", "offset")] == [214, None, None]
    assert {row.event_type for row in rows.values()} == {"data"}


def test_naive_timestamps_are_read_on_the_local_clock(spark: SparkSession) -> None:
    naive = _events(spark, (b"x" * 32, "2023-01-08 10:07:33", "c", 214, "1", None, DAY)).withColumn(
        "timestamp", F.col("timestamp").cast("timestamp_ntz")
    )
    row = typed_events(naive, ZONE).first()
    assert row is not None and row.event_time.astimezone(dt.UTC).hour == 9


def test_a_plan_told_by_day_becomes_validity(spark: SparkSession) -> None:
    columns = (
        "cell_id string, latitude float, longitude float, technology string, cell_type string, directionality int,"
        " azimuth_angle float, horizontal_beam_width float, power float, `range` float, antenna_height float,"
        " frequency int, _folder date"
    )

    def row(cell: str, day: int, height: float = 30.0, direction: int = 1) -> tuple:
        sector = (90.0, 120.0)
        return (cell, 40.5, -3.5, "5G", "picocell", direction, *sector, 5.0, 500.0, height, 700, dt.date(2023, 1, day))

    days = (7, 8, 10)  # no plan was delivered on the 9th: the one before holds on
    rows = [row("always", day) for day in days]
    rows += [row("omni", day, direction=0) for day in days]
    rows += [row("gone", 7), row("new", 8), row("new", 10), row("back", 7), row("back", 10)]
    rows += [row("raised", 7), row("raised", 8, 40.0), row("raised", 10, 40.0)]
    plan = landing_cells(spark.createDataFrame(rows, columns), ZONE)
    found = good_rows(mark_cells(plan, CellParams())).select(CELLS.column_names).orderBy("cell_id", "valid_from")

    def at(value: dt.datetime | None) -> str | None:
        return value.astimezone(dt.UTC).strftime("%d %H") if value else None

    cells = found.collect()
    assert [(c.cell_id, c.height_m, at(c.valid_from), at(c.valid_to)) for c in cells] == [
        ("always", 30, None, None),
        ("back", 30, None, "07 23"),
        ("back", 30, "09 23", None),
        ("gone", 30, None, "07 23"),
        ("new", 30, "07 23", None),
        ("omni", 30, None, None),
        ("raised", 30, None, "07 23"),
        ("raised", 40, "07 23", None),
    ]
    first, omni = cells[0], cells[5]
    assert (first.technology, first.placement, first.band, first.site_id) == (
        "NR",
        "pico",
        "700 MHz",
        "40.5000_-3.5000",
    )
    assert (first.azimuth_deg, first.beam_width_deg, first.power_w, first.range_m) == (90, 120, 5, 500)
    assert (omni.azimuth_deg, omni.beam_width_deg) == (None, None)


def test_folders_and_columns_are_asked_for(spark: SparkSession, tmp_path: Path) -> None:
    landing = Landing(spark, str(tmp_path), "eurostat")
    delivered = _events(spark, (b"x" * 32, "2023-01-08 10:07:33", "c", 214, "1", None, DAY)).drop("_folder")
    delivered.write.parquet(str(tmp_path / "mno_events" / "year=2023" / "month=1" / "day=8"))
    assert read_events(landing, PARAMS.dates, ZONE).count() == 1
    with pytest.raises(InputRejectedError, match="none of the days asked for"):
        read_events(landing, [dt.date(2024, 1, 1)], ZONE)
    with pytest.raises(InputRejectedError, match="mno_network: not delivered"):
        read_cells(landing, ZONE)
    delivered.write.parquet(str(tmp_path / "mno_network" / "year=2023" / "month=1" / "day=8"))
    with pytest.raises(InputRejectedError, match="lacks the columns latitude, longitude"):
        read_cells(landing, ZONE)
