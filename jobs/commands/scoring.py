"""The command that holds a run on simulated input against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.commands.options import MasterOption, MemoryOption, with_run_settings
from jobs.console import Teller
from jobs.settings import RunSettings


@with_run_settings
def score(
    settings: RunSettings,
    truth: Annotated[Path, typer.Option("--truth", help="The folder truth that simulate wrote")],
    chart: Annotated[Path | None, typer.Option("--chart", help="Picture (PNG) to draw of it")] = None,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Also release the days, with noise, and measure how many intervals hold")
    ] = False,
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", help="File of model errors to add this simulation's to")
    ] = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Score a run on simulated input against its truth, and against nearest masts; write audit.accuracy."""
    from jobs.audit.score import run_score, table_lines
    from jobs.session import get_session

    teller = Teller()
    with teller.working("starting Spark"):
        spark = get_session(master, driver_memory=driver_memory)
    with teller.working("scoring"):
        found = run_score(spark, settings, truth, say=teller.tell, intervals=intervals, calibrate=calibrate)
    if chart is not None:
        from jobs.audit.score_chart import draw_score

        draw_score(found, chart)
    teller.rows("scored", table_lines(found.measures), "Accuracy before noise, mean over the days")
