from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import InputRejectedError
from jobs.ingest.admit import keep_raw
from jobs.ingest.fields import instants, integers, numbers, texts
from jobs.ingest.landing import FOLDER, LINE, Landing
from jobs.ingest.layout import find
from jobs.ingest.tables import CELLS_FILE, EVENTS_FILE, LandingTable

PEOPLE = LandingTable("people", ("id", "born"), ("at", "height"), times=("at",), numbers=("height",))
DAYS = [dt.date(2026, 3, 2), dt.date(2026, 3, 3)]


@pytest.fixture
def landing(spark: SparkSession, tmp_path: Path) -> Landing:
    (tmp_path / "landing").mkdir(exist_ok=True)
    return Landing(spark, str(tmp_path / "landing"))


def _rows(frame: DataFrame | None) -> list[tuple]:
    assert frame is not None
    return sorted(tuple(row) for row in frame.collect())


def test_csv_as_people_write_it(landing: Landing, write: Callable[[str, str], Path]) -> None:
    write(
        "people.csv",
        '\ufeffBorn , ID,secret,height\n 1970 ,a,x,"1,8"\n1971,"q ""b""",x,\n\n1972,c\n1973,d,x,1.8,more\n,"",x,1.8\n',
    )
    found = _rows(landing.read(PEOPLE).select("id", "born", "height", LINE).na.fill("-"))
    assert found == [
        ("-", "-", "1.8", "-"),
        ("a", "1970", "1,8", "-"),
        ("c", "1972", "-", "1972,c"),
        ("d", "1973", "1.8", "1973,d,x,1.8,more"),
        ('q "b"', "1971", "-", "-"),
    ]


def test_columns_nobody_asked_for_stay_outside(landing: Landing, write: Callable[[str, str], Path]) -> None:
    write("people.csv", "id,born,diagnosis\na,1970,x\n")
    assert landing.table(PEOPLE).columns == ["id", "born", "at", "height", LINE, FOLDER]


def test_files_of_a_folder_may_order_their_columns_differently(
    landing: Landing, write: Callable[[str, str], Path]
) -> None:
    write("people/one.csv", "id,born\na,1970\n")
    write("people/two.csv", "height,born,id\n1.8,1971,b\n")
    write("people/_SUCCESS", "")
    assert _rows(landing.table(PEOPLE).select("id", "born", "height").na.fill("-")) == [
        ("a", "1970", "-"),
        ("b", "1971", "1.8"),
    ]


def test_csv_parquet_and_delta_give_the_same_rows(landing: Landing, spark: SparkSession, tmp_path: Path, write) -> None:
    typed = spark.sql(
        "SELECT 'a' AS ID, 1970 AS born, timestamp'2026-03-03 11:30:00Z' AS at, 1.8D AS height, 'x' AS secret"
        " UNION ALL SELECT ' b ', NULL, NULL, double('NaN'), 'x'"
    ).coalesce(1)
    typed.write.parquet(str(tmp_path / "parquet" / "people"))
    typed.write.format("delta").save(str(tmp_path / "delta" / "people"))
    write("people.csv", "ID,born,at,height,secret\na,1970,2026-03-03T12:30:00+01:00,1.8,x\n b ,,,,x\n")
    whole = [("a", 1970, dt.datetime(2026, 3, 3, 11, 30), 1.8), ("b", None, None, None)]
    for root in (landing.root, str(tmp_path / "parquet"), str(tmp_path / "delta")):
        rows = keep_raw(Landing(spark, root).table(PEOPLE))
        parsed = rows.select(
            *texts("id"), *integers(rows, "born"), *instants(rows, "at"), *numbers(rows, "height")
        ).withColumn("at", F.col("at").cast("timestamp_ntz"))
        assert _rows(parsed) == whole, root


def test_folders_by_day_are_read_for_the_days_asked(landing: Landing, spark: SparkSession, write) -> None:
    for day in (1, 2, 3):
        write(f"events/event_date=2026-03-0{day}/part.csv", f"imsi,event_time,cell_id,event_type\n{day},t,c,data\n")
    frame = landing.read(EVENTS_FILE, DAYS)
    assert _rows(frame.select("imsi", FOLDER)) == [("2", DAYS[0]), ("3", DAYS[1])]
    assert len(frame.inputFiles()) == 2
    assert landing.read(EVENTS_FILE, [dt.date(2026, 4, 1)]) is None
    # A Delta table partitioned by day is read likewise.
    delta = Landing(spark, landing.root + "_delta")
    landing.table(EVENTS_FILE).withColumnRenamed(FOLDER, "event_date").drop(LINE).write.format("delta").partitionBy(
        "event_date"
    ).save(f"{delta.root}/events")
    assert _rows(delta.read(EVENTS_FILE, DAYS).select("imsi", FOLDER)) == [("2", DAYS[0]), ("3", DAYS[1])]


def test_a_catalog_schema_serves_as_landing(spark: SparkSession, tmp_path: Path) -> None:
    spark.sql("CREATE SCHEMA IF NOT EXISTS delivered")
    spark.range(1).selectExpr("'a' AS id", "'1970' AS born").write.parquet(str(tmp_path / "people"))
    spark.sql(f"CREATE TABLE delivered.people USING parquet LOCATION '{tmp_path / 'people'}'")
    try:
        landing = Landing(spark, "catalog:delivered")
        assert landing.has("people") and not landing.has("cells")
        assert _rows(landing.table(PEOPLE).select("id", "born")) == [("a", "1970")]
    finally:
        spark.sql("DROP SCHEMA delivered CASCADE")


def _reject(call: Callable[[], object]) -> str:
    with pytest.raises(InputRejectedError) as caught:
        call()
    assert caught.value.exit_code == 3
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_what_is_missing_is_named(landing: Landing, write: Callable[[str, str], Path]) -> None:
    assert "cells: not delivered" in _reject(lambda: landing.read(CELLS_FILE))
    path = write("cells.csv", "cell_id,latitude\nSECRET,1\n")
    told = _reject(lambda: landing.read(CELLS_FILE))
    assert f"{path} lacks the columns technology, longitude" in told and "SECRET" not in told
    write("cells.csv", "")
    assert "is empty: it has not even a header" in _reject(lambda: landing.read(CELLS_FILE))
    write("cells.csv", "cell_id,Cell_ID \n")
    assert "column cell_id more than once" in _reject(lambda: landing.read(CELLS_FILE))


def test_layouts_that_cannot_be_told_apart(tmp_path: Path, write: Callable[[str, str], Path]) -> None:
    root = tmp_path / "landing"
    write("a.csv", "x")
    write("a/part.csv", "x")
    write("b/event_date=2026-03-01/part.csv", "x")
    write("b/part.csv", "x")
    write("c/event_date=yesterday/part.csv", "x")
    write("d/part.csv", "x")
    write("d/part.parquet", "x")
    write("e/notes.txt", "x")
    write("f/old/part.csv", "x")
    write("g/event_date=2026-03-01/part.csv", "x")
    write("g/event_date=20260301/part.csv", "x")
    wanted = {
        "a": "found both", "b": "beside folders by day", "c": "names no day", "d": "mixes .csv and .parquet",
        "e": "holds neither", "f": "are not named event_date=", "g": "two folders",
    }  # fmt: skip
    for name, words in wanted.items():
        assert words in _reject(lambda name=name: find(root, name))
    assert find(root, "h") is None


def test_damaged_parquet_is_rejected_without_its_content(landing: Landing, spark: SparkSession) -> None:
    path = Path(landing.root) / "people"
    spark.range(1000).selectExpr("'SECRET' AS id", "id AS born").coalesce(1).write.parquet(str(path))
    part = next(path.glob("*.parquet"))
    part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
    told = _reject(lambda: landing.table(PEOPLE).count())
    assert "cut short" in told and "people" in told and "SECRET" not in told


def test_types_that_do_not_fit(landing: Landing, spark: SparkSession) -> None:
    spark.sql("SELECT 'a' AS id, 1 AS born, timestamp_ntz'2026-03-03 12:30:00' AS at").write.parquet(
        f"{landing.root}/people"
    )
    assert "at as timestamp_ntz" in _reject(lambda: landing.read(PEOPLE))
    other = Landing(spark, landing.root + "2")
    spark.sql("SELECT 'a' AS id, 1 AS born").write.parquet(f"{other.root}/people")
    spark.sql("SELECT 'a' AS id, array(1) AS born").write.mode("append").parquet(f"{other.root}/people")
    assert "one schema" in _reject(lambda: other.read(PEOPLE))
