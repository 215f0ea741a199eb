from __future__ import annotations

import datetime as dt

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from udfs.timestamps import instant, local_instant

NOON = "2026-03-03 11:30:00"
INSTANTS = {
    "2026-03-03T12:30:00+01:00": NOON,
    "2026-03-03T12:30:00+0100": NOON,
    "2026-03-03T12:30:00+01": NOON,
    "2026-03-03 11:30:00Z": NOON,
    "2026-03-03T11:30:00.25Z": NOON + ".25",
    "2026-03-03T11:30:00.123456789Z": NOON + ".123456",
    "12:30": None,
    "2026": None,
    "2026-03-03": None,
    "2026-03-03 12:30:00": None,
    "2026-03-03T12:30:00": None,
    "2026-02-30T12:00:00Z": None,
    "2026-03-03T24:00:00Z": None,
    "2026-03-03T12:30:60Z": None,
    "2026-03-03T12:30:00+25:00": None,
    "2026-03-03T12:30:00 Europe/Berlin": None,
    "03.03.2026 12:30:00": None,
    "1772534400": None,
    "yesterday": None,
    "now": None,
    "epoch": None,
}


def test_only_iso_with_offset_is_an_instant(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(text,) for text in INSTANTS], "text string")
    found = rows.select("text", instant(F.col("text")).cast("string").alias("at")).collect()
    assert {row.text: row.at for row in found} == INSTANTS


def test_local_text_is_read_on_the_clock_of_its_zone(spark: SparkSession) -> None:
    cases = {
        "2023-01-10 10:07:33": "2023-01-10 09:07:33",
        "2023-01-10T10:07:33": "2023-01-10 09:07:33",
        "2023-07-10T10:07:33": "2023-07-10 08:07:33",
        # The doubled hour counts as its first run.
        "2023-10-29 02:30:00": "2023-10-29 00:30:00",
        "2023-01-10T10:07:33Z": None,
        "2023-01-10": None,
        "2023-13-10 10:07:33": None,
        "10:07:33": None,
    }
    rows = spark.createDataFrame([(text,) for text in cases], "text string")
    found = rows.select("text", local_instant(F.col("text"), "Europe/Madrid").cast("string").alias("at")).collect()
    assert {row.text: row.at for row in found} == cases


def test_the_session_counts_in_utc(spark: SparkSession) -> None:
    row = spark.range(1).select(instant(F.lit("2026-03-03T00:30:00+01:00")).cast("date").alias("day")).first()
    assert row is not None and row.day == dt.date(2026, 3, 2)
