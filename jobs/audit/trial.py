"""A trial: the same city simulated, run and released under several seeds, and what was released measured each time.

One seed shows how far a release was from its truth; several show how far releases are, and whether intervals hold.
"""

from __future__ import annotations

import datetime as dt
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import Row, SparkSession

from jobs.audit.calibration import calibrate
from jobs.audit.interval_score import coverage
from jobs.audit.journal import digest
from jobs.audit.score_record import held, record, scratch_settings
from jobs.audit.score_released import released_measures
from jobs.calendars import habits
from jobs.errors import UsageError
from jobs.lake import Lake
from jobs.pipeline import run_pipeline
from jobs.settings import Policy, RunSettings
from jobs.simulate.run import SimulateParams, run_simulate

Say = Callable[[str, Mapping[str, object]], None]


@dataclass(frozen=True)
class Trial:
    """What is tried.

    Attributes:
        seeds: Seeds of the simulations, none twice.
        subscribers: Residents with a line, of each.
        start_date: First local day.
        days: Local days.
        city: Folder of a city; ``None``: the built-in one.
        policy: The policy.
        calibrate: File of corrections and model errors that theirs are added to; releases then carry none.
        events_per_day: Mean number of contacts of a line and day, of each: how many visits are seen hangs on it.
    """

    seeds: tuple[int, ...]
    subscribers: int
    start_date: dt.date
    days: int = 1
    city: Path | None = None
    policy: Policy = field(default_factory=Policy)
    calibrate: Path | None = None
    events_per_day: float = 50.0

    @property
    def until(self) -> dt.date:
        """Last local day."""
        return self.start_date + dt.timedelta(days=self.days - 1)


def seeds_of(text: str) -> tuple[int, ...]:
    """Seeds as typed: numbers and ranges, separated by commas, each once.

    Raises:
        UsageError: It is neither.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"--seeds {text!r} are no seeds: write 11-20 or 11,12,17")
        found += range(int(first), int(last or first) + 1)
    if not found:
        raise UsageError(f"--seeds {text!r} are no seeds: a range begins with its smaller end")
    return tuple(sorted(set(found)))


def run_trial(
    spark: SparkSession, trial: Trial, lake_root: str, say: Say = lambda event, facts: None
) -> dict[int | None, list[Row]]:
    """Simulate, run, release and measure each seed in a scratch lake; write ``audit.accuracy`` of the lake.

    Args:
        spark: Session.
        trial: What is tried.
        lake_root: Lake of which ``audit.accuracy`` alone is written, after each seed.
        say: Told of each step.

    Returns:
        Rows of ``MEASURES_SCHEMA`` by seed; under ``None`` the shares of intervals that hold, over all seeds, where
        the same zone is one cluster.

    Raises:
        ThreestepError: As of the simulation and of the run.
    """
    measured: dict[int | None, list[Row]] = {}
    name = digest(
        trial.city, trial.subscribers, trial.start_date, trial.days, trial.events_per_day, trial.policy.digest
    )
    with tempfile.TemporaryDirectory(prefix="threestep-trial-") as scratch:
        kept = Path(scratch) / "cells"
        for number, seed in enumerate(trial.seeds, start=1):
            say("step", {"doing": f"seed {seed}, {number} of {len(trial.seeds)}"})
            with tempfile.TemporaryDirectory(prefix="seed-", dir=scratch) as inside:
                measured[seed] = _one(spark, trial, seed, Path(inside), kept / f"seed={seed}", say)
            record(spark, lake_root, digest(name, seed), dt.datetime.now(dt.UTC), measured[seed])
            spark.catalog.clearCache()
        cells = spark.read.parquet(str(kept)).persist()
        measured[None] = held(spark, coverage(cells), trial.until)
        cells.unpersist()
    record(spark, lake_root, digest(name, *trial.seeds), dt.datetime.now(dt.UTC), measured[None])
    return measured


def _one(spark: SparkSession, trial: Trial, seed: int, inside: Path, kept: Path, say: Say) -> list[Row]:
    landing, now = inside / "landing", dt.datetime.now(dt.UTC)
    run_simulate(
        spark,
        SimulateParams(
            out=landing,
            subscribers=trial.subscribers,
            days=trial.days,
            seed=seed,
            city=trial.city,
            start_date=trial.start_date,
            delivered_at=now,
            events_per_day=trial.events_per_day,
        ),
    )
    asked = RunSettings(
        landing=landing, lake=str(inside / "lake"), keys=inside / "keys", date=trial.start_date, until=trial.until,
        policy=trial.policy, as_of=max(now, dt.datetime.now(dt.UTC)),
    )  # fmt: skip
    settings = scratch_settings(asked, inside, model_error=trial.calibrate is None)
    run_pipeline(spark, settings, say=say)
    found = released_measures(Lake(spark, settings.lake), settings, landing / "truth")
    found.cells.coalesce(1).write.parquet(str(kept))
    if trial.calibrate is not None:
        calibrate(trial.calibrate, landing, found.cells, habits(settings.days, trial.policy.calendar))
    return found.measures


def spread(measured: Mapping[int | None, Sequence[Row]]) -> list[dict[str, object]]:
    """One entry a measure and level: mean, least and greatest over the seeds, days of a seed at their mean.

    Shares of intervals that hold carry the share over all seeds as their mean.
    """
    by_seed: dict[tuple[str, str], dict[int, list[float]]] = {}
    over_all = {(row["measure"], row["level"]): row["value"] for row in measured.get(None, [])}
    for seed, rows in measured.items():
        for row in rows:
            if seed is not None and row["value"] is not None:
                by_seed.setdefault((row["measure"], row["level"]), {}).setdefault(seed, []).append(row["value"])
    lines: list[dict[str, object]] = []
    for (measure, level), values in sorted(by_seed.items()):
        means = [sum(v) / len(v) for v in values.values()]
        mean = over_all.get((measure, level))
        told = math.fsum(means) / len(means) if mean is None else mean
        numbers = {"mean": told, "least": min(means), "greatest": max(means)}
        lines.append({"measure": measure, "zones": level, **{k: round(v, 4) for k, v in numbers.items()}})
    return lines
