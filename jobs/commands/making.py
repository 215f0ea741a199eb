"""``threestep simulate`` and ``threestep demo``: an invented operator, and what becomes of its data."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from jobs.commands.options import MasterOption, MemoryOption, as_date, as_instant
from jobs.console import Teller


def simulate(
    out: Annotated[Path, typer.Option("--out", help="Where the landing directory and the truth are written")],
    subscribers: Annotated[int, typer.Option("--subscribers", min=1, help="Lines of the operator")] = 20_000,
    days: Annotated[int, typer.Option("--days", min=1, help="Local days")] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same data")] = 1,
    city: Annotated[
        Path | None, typer.Option("--city", help="cells, zones and population; built-in city without")
    ] = None,
    start_date: Annotated[str, typer.Option("--date", help="First local day")] = "2026-03-03",
    events_per_day: Annotated[
        float, typer.Option("--events-per-day", min=1, help="Mean contacts a line and day")
    ] = 50.0,
    dirty_share: Annotated[float, typer.Option("--dirty-share", min=0, max=0.5, help="Share of dirty rows")] = 0.01,
    delivered_at: Annotated[
        str | None,
        typer.Option("--delivered-at", help="Delivery of the consent feed, ISO 8601 with offset; now by default"),
    ] = None,
    shape: Annotated[
        Path | None,
        typer.Option("--shape", help="Counts by weekday and hour (CSV) to hold the simulated hours against"),
    ] = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Write a synthetic operator's landing directory on a real or built-in city, with the truth beside it."""
    from jobs.session import get_session
    from jobs.simulate.run import SimulateParams, run_simulate

    teller = Teller()
    params = SimulateParams(
        out=out,
        subscribers=subscribers,
        days=days,
        seed=seed,
        city=city,
        start_date=as_date(start_date, "--date"),
        events_per_day=events_per_day,
        dirty_share=dirty_share,
        delivered_at=as_instant(delivered_at, "--delivered-at") if delivered_at else dt.datetime.now(dt.UTC),
    )
    with teller.working("starting Spark"):
        spark = get_session(master, driver_memory=driver_memory)
    with teller.working("simulating"):
        report = run_simulate(spark, params, progress=lambda line: teller.tell("step", {"doing": line}))
    teller.simulated(report)
    if shape is not None:
        from jobs.simulate.shape import shape_scores

        activity = spark.read.parquet(str(out / "truth" / "activity"))
        for score in shape_scores(activity, shape):
            against = f"{score.weekday} {score.measure} against {score.counted}"
            teller.line(f"{against}: r = {score.pearson:.2f} over {score.hours} hours")


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder of the demo; emptied first")] = Path("demo"),
    subscribers: Annotated[int, typer.Option("--subscribers", min=1000, help="Lines to simulate")] = 20_000,
    city: Annotated[Path | None, typer.Option("--city", help="A real city; built-in without")] = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Simulate a day on the built-in city, run the day's jobs on it, and draw the busiest hour."""
    from jobs.demo import run_demo

    run_demo(Teller(), out, subscribers, city, master, driver_memory)
