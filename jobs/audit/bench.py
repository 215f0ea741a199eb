"""The bench: every job's speed, and the ratio to one DuckDB statement that makes the same counts without privacy."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.footprints import CELL_POSITIONS
from expectations.segments import SEGMENTS
from expectations.zones import ZONE_TILES, ZONES
from jobs.console import Teller
from jobs.errors import UsageError
from jobs.lake import Lake
from jobs.pipeline import JOBS, run_pipeline
from jobs.session import get_session
from jobs.settings import Policy, RunSettings
from jobs.simulate.run import SimulateParams, run_simulate
from jobs.transform.presence import PresenceParams, by_unit, counted_zones, main_zones
from udfs.time import day_bounds

DAY = dt.date(2026, 3, 3)
MARKER = ".threestep-bench"


@dataclass(frozen=True)
class BenchResult:
    """What a bench measured.

    Attributes:
        events: Events of the landing directory.
        cores: Cores of the local session.
        seconds: Seconds of each job, in order; some run side by side.
        total_seconds: Seconds of the day's run.
        yardstick_seconds: Seconds of the DuckDB statement.
        deviation: Difference of all person-hours in the partition, Spark against DuckDB, as a share.
    """

    events: int
    cores: int
    seconds: dict[str, float]
    total_seconds: float
    yardstick_seconds: float
    deviation: float

    @property
    def ratio(self) -> float:
        """The day's run over the yardstick."""
        return self.total_seconds / self.yardstick_seconds


def run_bench(
    teller: Teller,
    *,
    events: int,
    lines: int,
    work: Path,
    city: Path | None,
    master: str | None,
    driver_memory: str | None,
) -> BenchResult:
    """Simulate, run the day job by job, run the statement on the same events, and print the table.

    Both sides make the same counts: those of panel and footfall; other products of the policy are left out.

    The landing directory of an earlier bench of the same size is used again.
    """
    spark = get_session(master or "local[2]", driver_memory=driver_memory)
    landing = _landing(spark, teller, work, events, lines, city)
    lake = work / "lake"
    for folder in (lake, Path(f"{lake}.keys"), Path(f"{lake}.docs")):
        shutil.rmtree(folder, ignore_errors=True)
    settings = RunSettings(
        landing=landing, lake=str(lake.resolve()), date=DAY, until=DAY, keys=Path(f"{lake.resolve()}.keys"),
        as_of=dt.datetime.now(dt.UTC), policy=_compared(),
    )  # fmt: skip
    exact, aside = 0, 0.0

    def say(event: str, facts: Mapping[str, object]) -> None:
        nonlocal exact, aside
        if (event, facts.get("job")) == ("job started", "aggregate"):
            # What the counts are made from goes with the release: a look at it now, on another clock.
            began = time.monotonic()
            exact = _person_hours(exact_footfall(spark, settings))
            aside = time.monotonic() - began
        teller.tell(event, facts)

    with teller.working("running the day"):
        summary = run_pipeline(spark, settings, say=say)
    with teller.working("the same counts in DuckDB"):
        seconds, counted = yardstick(landing, _export(spark, settings, work), settings.policy, _threads(spark))
    total = spark.read.parquet(str(landing / "events")).count()
    wall = round(summary.wall_seconds - aside, 2)
    deviation = abs(exact - counted) / max(1, counted)
    found = {job: summary.seconds[job] for job in JOBS if job in summary.seconds}
    result = BenchResult(total, _threads(spark), found, wall, seconds, deviation)
    _print(teller, result)
    return result


def _compared() -> Policy:
    policy = Policy()
    return policy.model_copy(update={"products": {name: policy.products[name] for name in ("panel", "footfall")}})


def yardstick(landing: Path, inputs: Path, policy: Policy, threads: int) -> tuple[float, int]:
    """Seconds and person-hours of the statement, DuckDB started afresh, on as many threads as Spark has cores."""
    import duckdb

    start, end = day_bounds(DAY, policy.time_zone)
    values = {
        "events": str(landing / "events/**/*.parquet"),
        "consent": str(landing / "consent.csv"),
        "positions": str(inputs / "positions/*.parquet"),
        "counted": str(inputs / "counted/*.parquet"),
        "window_start": (start - dt.timedelta(hours=policy.segments.hours_before)).isoformat(),
        "window_end": (end + dt.timedelta(hours=policy.segments.hours_after)).isoformat(),
        "day_start": start.isoformat(),
        "day_end": end.isoformat(),
        "stay": 60 * policy.segments.stay_minutes,
        "gap": 60 * policy.segments.max_gap_minutes,
        "ping_pong": policy.cleaning.ping_pong_seconds,
        "same_ground": 60 * policy.segments.max_gap_same_ground_minutes,
    }
    statement = files("jobs.audit").joinpath("bench.sql").read_text(encoding="utf-8")
    began = time.monotonic()
    with duckdb.connect(config={"threads": threads}) as connection:
        one_file = landing / "subscribers.csv"
        subscribers = (
            connection.read_csv(str(one_file), header=True, all_varchar=True)
            if one_file.is_file()
            else connection.read_parquet(str(landing / "subscribers/*.parquet"))
        )
        subscribers.create_view("subscribers")
        rows = connection.execute(statement, values).fetchall()
    return time.monotonic() - began, sum(persons for role, _, _, persons in rows if role == "partition")


def exact_footfall(spark: SparkSession, settings: RunSettings) -> DataFrame:
    """Counts before noise, lazily and in memory: for holding two engines against each other, never stored."""
    door = Lake(spark, settings.lake).door(reads=[Schema.PSEUDONYMOUS, Schema.REFERENCE])
    counted = counted_zones(door.read(ZONES), door.read(ZONE_TILES))
    params = PresenceParams(settings.policy.products["footfall"].purpose, settings.policy.time_zone)
    zones = main_zones(by_unit(door.read(SEGMENTS)), counted, params).filter("role = 'partition'")
    return zones.groupBy("date", "zone_id", "hour").agg(F.count("*").alias("persons"))


def _person_hours(counts: DataFrame) -> int:
    row = counts.agg(F.sum("persons").alias("persons")).first()
    return int(row["persons"] or 0) if row else 0


def _landing(spark: SparkSession, teller: Teller, work: Path, events: int, lines: int, city: Path | None) -> Path:
    landing, marker = work / "landing", work / MARKER
    wanted = f"{events} {lines} {city}"
    if marker.exists() and marker.read_text(encoding="utf-8") == wanted:
        note = landing / "consent_delivery.json"
        age = time.time() - note.stat().st_mtime
        if age < 24 * 3600:
            return landing
    if work.exists() and any(work.iterdir()) and not marker.exists():
        raise UsageError(f"{work} holds something else: name an empty folder with --work")
    work.mkdir(parents=True, exist_ok=True)
    marker.write_text("", encoding="utf-8")
    params = SimulateParams(
        out=landing, subscribers=lines, seed=1, city=city, start_date=DAY, events_per_day=events / lines,
        dirty_share=0.0, delivered_at=dt.datetime.now(dt.UTC),
    )  # fmt: skip
    with teller.working(f"simulating {events:,} events"):
        run_simulate(spark, params, progress=lambda line: teller.tell("step", {"doing": line}))
    marker.write_text(wanted, encoding="utf-8")
    return landing


def _export(spark: SparkSession, settings: RunSettings, work: Path) -> Path:
    """The solved geometry, public, as plain Parquet: both engines start from it."""
    door = Lake(spark, settings.lake).door(reads=[Schema.REFERENCE])
    out = work / "geometry"
    door.read(CELL_POSITIONS).coalesce(1).write.mode("overwrite").parquet(str(out / "positions"))
    counted = counted_zones(door.read(ZONES), door.read(ZONE_TILES))
    counted.coalesce(1).write.mode("overwrite").parquet(str(out / "counted"))
    return out


def _threads(spark: SparkSession) -> int:
    master = spark.conf.get("spark.master", "local[2]") or "local[2]"
    inside = master.partition("[")[2].rstrip("]")
    return int(inside) if inside.isdigit() else (os.cpu_count() or 2)


def _print(teller: Teller, result: BenchResult) -> None:
    for job, seconds in result.seconds.items():
        speed = result.events / max(seconds, 0.01) / result.cores
        teller.line(f"{job:<12} {seconds:>8.1f} s {speed:>12,.0f} events/s and core")
    total = result.total_seconds
    teller.line(f"{'whole day':<12} {total:>8.1f} s {result.events / total / result.cores:>12,.0f} events/s and core")
    teller.line(
        f"{'DuckDB':<12} {result.yardstick_seconds:>8.1f} s   the same counts without privacy, {result.cores} threads"
    )
    teller.line(f"ratio {result.ratio:.2f}, {result.events:,} events; person-hours differ by {result.deviation:.3%}")
