"""What scorings share: the scratch lake they run in, and the record they leave."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import Row, SparkSession

from expectations.accuracy import ACCURACY
from expectations.contract import Schema
from jobs.audit.interval_score import Coverage
from jobs.audit.score_measures import MEASURES_SCHEMA
from jobs.errors import UsageError
from jobs.lake import Lake
from jobs.settings import RunSettings
from jobs.simulate.landing import MARKER

TRUTH = ("itineraries", "lines", "homes", "presence", "corridor_hours")


def check_simulated(landing: Path, truth: Path) -> None:
    """Refuse to score what is no simulation: exact counts of real persons would come out in the chart.

    Raises:
        UsageError: No simulation made the landing directory, or there is no truth.
    """
    if not (landing / MARKER).is_file():
        raise UsageError(f"{landing} was not made by simulate: only simulated input can be scored")
    missing = [name for name in TRUTH if not (truth / name).is_dir()]
    if missing:
        raise UsageError(f"{truth} holds no {', '.join(missing)}: give --truth the folder that simulate wrote")


def scratch_settings(settings: RunSettings, scratch: Path, *, model_error: bool) -> RunSettings:
    """Settings of the same run in a scratch lake, with homes, and with weeks and months of however few days."""
    homes = settings.policy.homes.model_copy(update={"enabled": True})
    extrapolation = settings.policy.extrapolation.model_copy(update={"model_error": model_error})
    # Of however few days, what a week and a month would be given is compared.
    periods = settings.policy.periods.model_copy(update={"min_days_week": 1, "min_days_month": 1})
    policy = settings.policy.model_copy(update={"homes": homes, "extrapolation": extrapolation, "periods": periods})
    return settings.model_copy(update={"lake": str(scratch / "lake"), "keys": scratch / "keys", "policy": policy})


def held(spark: SparkSession, found: Sequence[Coverage], date: dt.date) -> list[Row]:
    """Rows of ``MEASURES_SCHEMA`` of how many intervals hold the truth."""
    rows: list[tuple[object, ...]] = [(date, "interval_coverage", c.level, "released", c.share, c.cells) for c in found]
    rows += [(date, "interval_coverage_error", c.level, "released", c.error, c.zones) for c in found]
    return spark.createDataFrame(rows, MEASURES_SCHEMA).collect() if rows else []


def record(spark: SparkSession, lake_root: str, run_id: str, at: dt.datetime, measures: Sequence[Row]) -> None:
    """Write measures to ``audit.accuracy``; those of the same run are replaced."""
    lake = Lake(spark, lake_root)
    with lake.lock():
        values = [{**measure.asDict(), "run_id": run_id, "at": at} for measure in measures]
        made = [tuple(row[name] for name in ACCURACY.column_names) for row in values]
        rows = spark.createDataFrame(made, ACCURACY.struct).coalesce(1)
        lake.door(writes=[Schema.AUDIT]).merge(ACCURACY, rows)


def table_lines(measures: Sequence[Row]) -> list[dict[str, object]]:
    """One entry a measure and level, with the value of each method: the mean over the days."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in measures:
        if row["value"] is not None:
            found.setdefault((row["measure"], row["level"]), {}).setdefault(row["method"], []).append(row["value"])
    return [
        {"measure": measure, "zones": level, **{m: round(sum(v) / len(v), 4) for m, v in sorted(values.items())}}
        for (measure, level), values in sorted(found.items())
    ]
