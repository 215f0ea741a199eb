from __future__ import annotations

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from udfs.text import clean, e164, integer, mobile_country, number

SPELLINGS = {
    "+491711234567": "+491711234567",
    "00491711234567": "+491711234567",
    "01711234567": "+491711234567",
    "491711234567": "+491711234567",
    "+49 171 123-45 67": "+491711234567",
    "0171/1234567": "+491711234567",
    "(0171) 123 45 67": "+491711234567",
    "+49 (0) 171 1234567": "+491711234567",
    "+49(0)1711234567": "+491711234567",
    "+4901711234567": "+491711234567",
    "0049 171.1234567": "+491711234567",
    "+49\u00a0171\u2011123\u20134567": "+491711234567",
    "+43 660 1234567": "+436601234567",
    "0043 660 1234567": "+436601234567",
    "1711234567": None,
    "+0171123456": None,
    "0171 123": "+49171123",
    "0171": None,
    "+49171123456789012": None,
    "+49171abc4567": None,
    "unknown": None,
    "": None,
    "++491711234567": None,
    "00001711234567": None,
}


def test_spellings_of_one_number(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(k, v) for k, v in SPELLINGS.items()], "written string, want string")
    found = rows.select("written", e164(F.col("written")).alias("got")).collect()
    assert {row.written: row.got for row in found} == SPELLINGS


def test_another_country_with_and_without_a_trunk_digit(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("0660 1234567", "06 12345678")], "austria string, italy string")
    got = rows.select(e164(F.col("austria"), "43"), e164(F.col("italy"), "39", trunk="")).first()
    assert got is not None and tuple(got) == ("+436601234567", "+390612345678")


@pytest.mark.parametrize(("country", "trunk"), [("+49", "0"), ("49", "00"), ("", "0")])
def test_country_and_trunk_are_checked(country: str, trunk: str) -> None:
    with pytest.raises(ValueError, match="country code"):
        e164(None, country, trunk)  # type: ignore[arg-type]


def test_numbers_are_plain_or_null(spark: SparkSession) -> None:
    cases = {
        # text: (integer, number)
        "7": (7, 7.0),
        "7.0": (7, 7.0),
        "-3": (-3, -3.0),
        "7.5": (None, 7.5),
        "7,5": (None, None),
        "1e3": (None, 1000.0),
        "NaN": (None, None),
        "Infinity": (None, None),
        "1d": (None, None),
        "99999999999": (None, 99999999999.0),
        "0x10": (None, None),
        "12:30": (None, None),
    }
    rows = spark.createDataFrame([(text,) for text in cases], "text string")
    found = rows.select("text", integer(F.col("text")).alias("whole"), number(F.col("text")).alias("real")).collect()
    assert {row.text: (row.whole, row.real) for row in found} == cases


def test_clean_and_country_of_a_sim(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [("  a ", "262011234567890"), ("  ", "AB" * 32), (None, "162011234567890")], "t string, i string"
    )
    found = rows.select(clean(F.col("t")), mobile_country(F.col("i"))).collect()
    assert [tuple(row) for row in found] == [("a", 262), (None, None), (None, None)]
