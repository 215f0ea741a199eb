"""``threestep score`` and ``coverage``: how far estimates are from a truth, and how well the network resolves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.commands.options import LakeOption, MasterOption, MemoryOption, lake_root, with_run_settings
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
