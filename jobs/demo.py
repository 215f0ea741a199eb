"""The demonstration: a simulated day, the day's jobs on it, and a picture of the busiest hour."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from pathlib import Path

from jobs.console import Teller
from jobs.errors import UsageError
from jobs.settings import RunSettings

DATE = dt.date(2026, 3, 3)
MARKER = ".threestep-demo"
_MADE = ("landing", "lake", "lake.keys", "lake.docs")
_PICTURE = "busiest_hour.png"


def run_demo(
    teller: Teller, out: Path, subscribers: int, city: Path | None, master: str | None, driver_memory: str | None
) -> None:
    """Simulate one day into ``out/landing``, run it into ``out/lake``, draw ``out/busiest_hour.png``.

    Args:
        teller: Told of the progress.
        out: Folder of the demo; what an earlier demo left in it is removed.
        subscribers: Residents with a line.
        city: Folder of a real city; built-in without.
        master: Spark master.
        driver_memory: Heap of a local driver.

    Raises:
        UsageError: The folder holds something that no demo made.
        ThreestepError: As of the simulation and the run.
    """
    started = time.monotonic()
    out = out.resolve()
    prepare(out)
    from jobs.audit.picture import busiest_hour
    from jobs.pipeline import run_pipeline
    from jobs.session import get_session
    from jobs.simulate.run import SimulateParams, run_simulate

    with teller.working("starting Spark"):
        spark = get_session(master, driver_memory=driver_memory)
    with teller.working("simulating"):
        begun = time.monotonic()
        params = SimulateParams(
            out=out / "landing",
            subscribers=subscribers,
            city=city,
            start_date=DATE,
            delivered_at=dt.datetime.now(dt.UTC),
        )
        report = run_simulate(spark, params, progress=lambda line: teller.tell("step", {"doing": line}))
        _done(teller, "simulate", begun, rows_out=report.rows["events"])
    settings = demo_settings(out)
    with teller.working("running"):
        summary = run_pipeline(spark, settings, say=teller.tell)
    with teller.working("drawing the busiest hour"):
        begun = time.monotonic()
        picture = busiest_hour(spark, settings.lake, DATE, out / _PICTURE, f"simulated people in {report.city}")
        _done(teller, "picture", begun)
    teller.closing(spark, settings, summary)
    seconds = round(time.monotonic() - started)
    if teller.live:
        lines = (
            f"Picture of the busiest hour ({picture.hour:02d}:00): {picture.path}",
            f"Done in {seconds} s. Everything lies in {out}",
        )
        teller.console.print(*lines, sep="\n", markup=False, soft_wrap=True)
    else:
        facts = {"out": str(out), "picture": str(picture.path), "hour": picture.hour, "seconds": seconds}
        teller.tell("demo done", facts)


def demo_settings(out: Path) -> RunSettings:
    """Settings of the demo's run, processed now: default policy, keys beside the lake."""
    return RunSettings(
        landing=out / "landing",
        lake=str(out / "lake"),
        date=DATE,
        until=DATE,
        keys=out / "lake.keys",
        as_of=dt.datetime.now(dt.UTC),
    )


def prepare(out: Path) -> None:
    """Make the folder, or remove what an earlier demo left in it; a stranger's files are never touched.

    Raises:
        UsageError: It is no folder, or holds something and no demo made it.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is no folder: give --out another one")
    if out.is_dir() and any(out.iterdir()):
        if not (out / MARKER).is_file():
            raise UsageError(f"{out} is not empty, and no demo made it: give --out another folder, or empty it")
        for name in _MADE:
            shutil.rmtree(out / name, ignore_errors=True)
        (out / _PICTURE).unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / MARKER).write_text("Made by threestep demo, which replaces what it finds here.\n", encoding="utf-8")


def _done(teller: Teller, job: str, begun: float, **rows: int) -> None:
    teller.tell("job done", {"job": job, "seconds": round(time.monotonic() - begun, 2), **rows})
