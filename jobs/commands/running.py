"""``threestep run`` and ``threestep job NAME``: the day's jobs, together or one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from jobs.commands.options import (
    LakeOption,
    MasterOption,
    MemoryOption,
    PolicyOption,
    lake_root,
    processing_time,
    with_run_settings,
)
from jobs.console import Teller
from jobs.pipeline import JOBS
from jobs.settings import RunSettings, load_policy

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


@job.command("rewards")
def rewards(
    lake: LakeOption,
    month: Annotated[str, typer.Option("--month", help="Month that is over, YYYY-MM")],
    policy: PolicyOption = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Credit the members of the rewards programme for a month, from the ledger of consent alone."""
    from jobs.lake import Lake
    from jobs.rewards import reward_params, run_rewards
    from jobs.session import get_session

    teller = Teller()
    params = reward_params(load_policy(policy), month, processing_time(None))
    with teller.working("starting Spark"):
        opened = Lake(get_session(master, driver_memory=driver_memory), lake_root(lake))
    with teller.working("crediting"), opened.lock():
        report = run_rewards(opened, params)
    teller.line(f"{month}: {report.rows_out} lines credited with {params.credit} each, in restricted.rewards")


def _pipeline(settings: RunSettings, master: str | None, memory: str | None, only: Sequence[str]) -> None:
    from jobs.pipeline import run_pipeline
    from jobs.session import get_session

    teller = Teller()
    with teller.working("starting Spark"):
        spark = get_session(master, driver_memory=memory)
    with teller.working("running"):
        summary = run_pipeline(spark, settings, say=teller.tell, only=only)
    teller.closing(spark, settings, summary)
