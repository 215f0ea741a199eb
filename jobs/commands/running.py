"""``threestep run`` and ``threestep job NAME``: the day's jobs, together or one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import typer

from jobs.commands.options import MasterOption, MemoryOption, with_run_settings
from jobs.console import Teller
from jobs.pipeline import JOBS
from jobs.settings import RunSettings

job = typer.Typer(
    help="Run one job of a run by itself, as a scheduler does; the jobs before it must have been run.",
    no_args_is_help=True,
)


@with_run_settings
def run(settings: RunSettings, master: MasterOption = None, driver_memory: MemoryOption = None) -> None:
    """Run the day's jobs: ingest, consent, three stages of anonymisation, gated release."""
    _pipeline(settings, master, driver_memory, JOBS)


def _one(name: str) -> Callable[..., None]:
    @with_run_settings
    def alone(settings: RunSettings, master: MasterOption = None, driver_memory: MemoryOption = None) -> None:
        _pipeline(settings, master, driver_memory, [name])

    return alone


for _name in JOBS:
    job.command(_name, help=f"The job {_name} of a run.")(_one(_name))


def _pipeline(settings: RunSettings, master: str | None, memory: str | None, only: Sequence[str]) -> None:
    from jobs.pipeline import run_pipeline
    from jobs.session import get_session

    teller = Teller()
    with teller.working("starting Spark"):
        spark = get_session(master, driver_memory=memory)
    with teller.working("running"):
        summary = run_pipeline(spark, settings, say=teller.tell, only=only)
    teller.closing(spark, settings, summary)
