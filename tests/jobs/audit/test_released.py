"""What is read of a lake: the latest valid release, and nothing that is not one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.products import FOOTFALL, RELEASES
from expectations.zones import ZONES
from jobs.audit.picture import busiest_hour
from jobs.audit.released import day_of, released_day
from jobs.errors import ThreestepError
from jobs.lake import Lake

DATE = dt.date(2026, 3, 3)
SQUARE = "POLYGON ((11 51, 11.02 51, 11.02 51.02, 11 51.02, 11 51))"


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A first release, its correction, and rows of a release that was never completed."""
    lake = Lake(spark, str(tmp_path_factory.mktemp("lake")))
    door = lake.door(writes=[Schema.PRODUCTS, Schema.REFERENCE])
    zone = Row(zone_id="z", name="Z", level="city", parent_id=None, role="partition", depth=0, is_finest=True)
    zones = spark.createDataFrame([(*zone, SQUARE, 310)], ZONES.struct)
    door.replace(ZONES, zones)
    ids = {"footfall-2026-03-03-r0": 100, "footfall-2026-03-03-r1": 200, "footfall-2026-03-03-r2": 900}
    hours = spark.range(24).select(F.col("id").cast("int").alias("hour"))
    for release, persons in ids.items():
        figure = F.lit(persons) + F.col("hour")
        rows = hours.select(
            F.lit(release).alias("release_id"),
            F.lit(DATE).alias("date"),
            F.lit("z").alias("zone_id"),
            "hour",
            F.lit("city").alias("level"),
            F.lit("published").alias("status"),
            figure.alias("persons"),
            (2 * figure).alias("estimate"),
            figure.alias("lower"),
            (3 * figure).alias("upper"),
            F.lit(None).cast("string").alias("covers"),
        )
        door.replace(FOOTFALL, rows, [release])
    at = dt.datetime(2026, 3, 5, tzinfo=dt.UTC)
    shared = ("p", 0.05, "{}", 20, 24, 24, 0, "m")
    entries = [
        (release, "footfall", str(DATE), nth, "mobility_statistics", *shared, note, note is None, "d", at)
        for nth, (release, note) in enumerate(zip(list(ids)[:2], (None, "not for release: test noise"), strict=True))
    ]
    door.merge(RELEASES, spark.createDataFrame(entries, RELEASES.struct))
    return lake


def test_the_latest_valid_release_is_read_with_its_restriction(lake: Lake) -> None:
    day = released_day(lake, DATE)
    assert day.release_id == "footfall-2026-03-03-r1"
    assert day.note == "not for release: test noise"
    assert day.cells["value"].tolist() == [2.0 * (200 + hour) for hour in range(24)]
    assert day.extrapolated
    assert day.territory == "Z"
    assert day.zones["km2"].tolist() == [pytest.approx(3.1)]


def test_the_busiest_hour_is_drawn_from_the_lake(spark: SparkSession, lake: Lake, tmp_path: Path) -> None:
    picture = busiest_hour(spark, lake.root, DATE, tmp_path / "hour.png", "a test")
    assert (picture.hour, picture.total) == (23, 2 * 223)
    assert picture.path.read_bytes().startswith(b"\x89PNG")


def test_a_day_without_a_release_is_refused(spark: SparkSession, lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(ThreestepError, match="has not been released"):
        released_day(lake, dt.date(2026, 3, 4))
    with pytest.raises(ThreestepError, match="has not been released"):
        released_day(Lake(spark, str(tmp_path)), DATE)


def test_each_hour_of_a_merged_figure_has_the_mean_of_its_hours(lake: Lake) -> None:
    zones = lake.door(reads=[Schema.REFERENCE]).read(ZONES).toPandas()
    rows = [(0, "merged", 90, 60, 120, "00,02"), (1, "published", 80, 70, 95, None), (2, "suppressed", *4 * [None])]
    names = ["hour", "status", "estimate", "lower", "upper", "covers"]
    figures = pd.DataFrame(rows, columns=names).assign(zone_id="z", persons=1)
    cells = day_of(DATE, "r", None, zones, figures).cells
    assert cells[["hour", "status", "value", "lower", "upper"]].to_numpy().tolist() == [
        [0, "merged", 45.0, 30.0, 60.0],
        [1, "published", 80.0, 70.0, 95.0],
        [2, "merged", 45.0, 30.0, 60.0],
    ]
