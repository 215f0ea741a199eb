"""``threestep bench``, ``doctor`` and ``policy``: what it costs, whether it runs here, and by which rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml

from jobs.commands.options import MasterOption, MemoryOption, PolicyOption
from jobs.console import Teller
from jobs.settings import load_policy


def bench(
    events: Annotated[int, typer.Option("--events", min=10_000, help="Events to simulate")] = 1_000_000,
    lines: Annotated[int, typer.Option("--lines", min=1000, help="Lines to simulate")] = 20_000,
    work: Annotated[Path, typer.Option("--work", help="Scratch folder")] = Path("bench"),
    city: Annotated[Path | None, typer.Option("--city", help="A real city; built-in without")] = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Time every job, and the ratio to one DuckDB statement that makes the same counts without privacy."""
    from jobs.audit.bench import run_bench

    run_bench(Teller(), events=events, lines=lines, work=work, city=city, master=master, driver_memory=driver_memory)


def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Also start a session and try each engine")] = False,
) -> None:
    """Check Java, versions, jars and memory, and say what to do about what is amiss."""
    from rich.console import Console

    from jobs.doctor import run_doctor

    raise typer.Exit(run_doctor(Console(), deep=deep))


def show_policy(policy: PolicyOption = None) -> None:
    """Print a policy, every name and value of it; a policy file needs to name only what differs."""
    typer.echo(yaml.safe_dump(load_policy(policy).model_dump(mode="json"), sort_keys=False, allow_unicode=True))
