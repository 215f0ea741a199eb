"""Small deliveries and contexts for the ingest tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from expectations.gate import REASONS, Gate
from jobs.context import RunContext
from jobs.ingest.admit import tidy
from jobs.ingest.landing import FOLDER, LINE, Landing
from jobs.ingest.tables import LandingTable
from jobs.lake import Lake
from jobs.settings import Policy, QualityPolicy, RunSettings

DAY = dt.date(2026, 3, 3)


@pytest.fixture
def delivered(spark: SparkSession) -> Callable[..., DataFrame]:
    """A delivered table as the landing hands it on, from rows that name only what differs."""

    def build(table: LandingTable, good: Mapping[str, str | None], rows: Iterable[Mapping[str, Any]]) -> DataFrame:
        names = [*table.columns, LINE, "_folder_text"]
        data = [tuple({**good, **row}.get(name) for name in names) for row in rows]
        frame = spark.createDataFrame(data, ", ".join(f"`{name}` string" for name in names))
        return frame.withColumn(FOLDER, frame["_folder_text"].cast("date")).drop("_folder_text")

    return build


@pytest.fixture
def reasons() -> Callable[..., dict[str, list[str]]]:
    """Reasons by the value of a delivered column."""

    def collect(marked: DataFrame, by: str) -> dict[str, list[str]]:
        rows = marked.select(marked[f"_raw_{by}"].alias("key"), tidy(marked[REASONS]).alias("reasons")).collect()
        return {row.key: row.reasons for row in rows}

    return collect


@pytest.fixture
def context_of(spark: SparkSession, tmp_path: Path) -> Callable[..., tuple[RunContext, Landing]]:
    """A run's context over a lake and a landing directory of the test."""

    def build(landing: Path | None = None, **given: Any) -> tuple[RunContext, Landing]:
        quality = {key: given.pop(key) for key in list(given) if key in QualityPolicy.model_fields}
        time_zone = given.pop("time_zone", "Europe/Berlin")
        settings = RunSettings(
            **{
                "landing": landing or tmp_path / "landing",
                "lake": str(tmp_path / "lake"),
                "keys": tmp_path / "keys",
                "date": DAY,
                "until": DAY,
                "as_of": dt.datetime(2026, 3, 5, tzinfo=dt.UTC),
                "policy": Policy(time_zone=time_zone, quality=QualityPolicy(**quality)),
                **given,
            }
        )
        said: list[str] = []
        context = RunContext(spark, Lake(spark, settings.lake), settings, Gate(), "run", said.append)
        return context, Landing(spark, str(settings.landing), settings.landing_format)

    return build


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file below the landing directory."""

    def put(name: str, text: str) -> Path:
        path = tmp_path / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return put
