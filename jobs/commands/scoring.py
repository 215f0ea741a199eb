"""``threestep score``, ``trial`` and ``coverage``: how far from a truth, how surely, and how well the network tells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.commands.options import (
    DateOption,
    LakeOption,
    MasterOption,
    MemoryOption,
    PolicyOption,
    as_date,
    lake_root,
    with_run_settings,
)
from jobs.console import Teller
from jobs.settings import RunSettings, load_policy


@with_run_settings
def score(
    settings: RunSettings,
    truth: Annotated[Path, typer.Option("--truth", help="The folder truth that simulate wrote")],
    chart: Annotated[Path | None, typer.Option("--chart", help="Picture (PNG) to draw of it")] = None,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Also release the days, with noise, and measure what was released")
    ] = False,
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", help="File of model errors to add this simulation's to")
    ] = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Score a run on simulated input against its truth, and against nearest masts; write audit.accuracy."""
    from jobs.audit.score import run_score
    from jobs.audit.score_record import table_lines
    from jobs.session import get_session

    teller = Teller()
    with teller.working("starting Spark"):
        spark = get_session(master, driver_memory=driver_memory)
    with teller.working("scoring"):
        found = run_score(spark, settings, truth, say=teller.tell, intervals=intervals, calibrate=calibrate)
    if chart is not None:
        from jobs.audit.score_chart import draw_score

        draw_score(found, chart)
    teller.rows("scored", table_lines(found.measures), "Accuracy, mean over the days")


def trial(
    lake: LakeOption,
    city: Annotated[
        Path | None, typer.Option("--city", help="cells, zones and population; built-in city without")
    ] = None,
    subscribers: Annotated[int, typer.Option("--subscribers", min=1, help="Lines of each simulation")] = 20_000,
    seeds: Annotated[str, typer.Option("--seeds", help="Seeds: a range (11-20) or a list (11,12)")] = "11-20",
    date: DateOption = "2026-03-03",
    days: Annotated[int, typer.Option("--days", min=1, help="Local days of each simulation")] = 1,
    policy: PolicyOption = None,
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", help="File of corrections and model errors to add these to")
    ] = None,
    events_per_day: Annotated[
        float, typer.Option("--events-per-day", min=1, help="Mean contacts a line and day of each simulation")
    ] = 50.0,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Simulate, run and release several cities that differ in their seed, and measure what was released."""
    from jobs.audit.trial import Trial, run_trial, seeds_of, spread
    from jobs.session import get_session

    first = as_date(date, "--date")
    made = Trial(seeds_of(seeds), subscribers, first, days, city, load_policy(policy), calibrate, events_per_day)
    teller = Teller()
    with teller.working("starting Spark"):
        spark = get_session(master, driver_memory=driver_memory)
    with teller.working("trying"):
        found = run_trial(spark, made, lake_root(lake), say=teller.tell)
    teller.rows("tried", spread(found), f"What was released, over {len(made.seeds)} seeds")


def coverage(
    lake: LakeOption,
    out: Annotated[Path, typer.Option("--out", help="Folder of the pictures")] = Path(),
    cell: Annotated[
        str | None, typer.Option("--cell", help="Cell whose footprint is drawn; a typical one without")
    ] = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Draw footprint.png, where phones on one cell may be, and resolution.png, how closely the network tells."""
    from jobs.audit.coverage_picture import draw_coverage
    from jobs.session import get_session

    teller = Teller()
    with teller.working("starting Spark"):
        spark = get_session(master, driver_memory=driver_memory)
    with teller.working("drawing"):
        drawn = draw_coverage(spark, lake_root(lake), out, cell)
    for picture in drawn:
        teller.line(str(picture))
