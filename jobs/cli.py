"""The command line: ``threestep demo | simulate | run | job | bench | doctor | policy``."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import ValidationError

from jobs.console import Teller
from jobs.errors import ThreestepError, UsageError
from jobs.settings import RunSettings, load_policy

app = typer.Typer(
    name="threestep",
    help="From a mobile operator's subscriber and location data to anonymous mobility statistics.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

LandingOption = Annotated[Path, typer.Option("--landing", help="Landing directory")]
LakeOption = Annotated[str, typer.Option("--lake", help="Root of the lake: a path, or catalog:NAME")]
DateOption = Annotated[str, typer.Option("--date", help="First local day, YYYY-MM-DD")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Last local day; the first by default")]
PolicyOption = Annotated[Path | None, typer.Option("--policy", help="Policy in TOML, YAML or JSON")]
FormatOption = Annotated[str, typer.Option("--format", help="threestep (the landing contract) or eurostat")]
KeysOption = Annotated[Path | None, typer.Option("--keys", help="Folder of the key store; LAKE.keys by default")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="Processing time, ISO 8601 with offset; never before now")
]
WaiverOption = Annotated[
    str | None,
    typer.Option(
        "--waive-consent",
        help="Reason for running without a consent feed where there is no subscriber master; not for release",
    ),
]
MasterOption = Annotated[
    str | None, typer.Option("--master", help="Spark master; spark-submit's or local[*] by default")
]
MemoryOption = Annotated[str | None, typer.Option("--driver-memory", help="Heap of a local driver, e.g. 8g")]


@app.command()
def run(
    landing: LandingOption,
    lake: LakeOption,
    date: DateOption,
    until: UntilOption = None,
    policy: PolicyOption = None,
    landing_format: FormatOption = "threestep",
    keys: KeysOption = None,
    as_of: AsOfOption = None,
    waive_consent: WaiverOption = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Run the day's jobs: ingest, consent, three stages of anonymisation, gated release."""
    settings = build_settings(landing, lake, date, until, policy, landing_format, keys, as_of, waive_consent)
    _pipeline(settings, master, driver_memory, None)


@app.command()
def job(
    name: Annotated[str, typer.Argument(help="reference, subscribers, consent, events, footprints, segment, …")],
    landing: LandingOption,
    lake: LakeOption,
    date: DateOption,
    until: UntilOption = None,
    policy: PolicyOption = None,
    landing_format: FormatOption = "threestep",
    keys: KeysOption = None,
    as_of: AsOfOption = None,
    waive_consent: WaiverOption = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Run one job of a run by itself, as a scheduler does; the jobs before it must have been run."""
    settings = build_settings(landing, lake, date, until, policy, landing_format, keys, as_of, waive_consent)
    _pipeline(settings, master, driver_memory, [name])


@app.command()
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
        start_date=_date(start_date, "--date"),
        events_per_day=events_per_day,
        dirty_share=dirty_share,
        delivered_at=_instant(delivered_at, "--delivered-at") if delivered_at else dt.datetime.now(dt.UTC),
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


@app.command()
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


@app.command()
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


@app.command()
def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Also start a session and try each engine")] = False,
) -> None:
    """Check Java, versions, jars and memory, and say what to do about what is amiss."""
    from rich.console import Console

    from jobs.doctor import run_doctor

    raise typer.Exit(run_doctor(Console(), deep=deep))


@app.command("policy")
def show_policy(policy: PolicyOption = None) -> None:
    """Print a policy, every name and value of it; a policy file needs to name only what differs."""
    typer.echo(yaml.safe_dump(load_policy(policy).model_dump(mode="json"), sort_keys=False, allow_unicode=True))


def build_settings(
    landing: Path,
    lake: str,
    date: str,
    until: str | None = None,
    policy: Path | None = None,
    landing_format: str = "threestep",
    keys: Path | None = None,
    as_of: str | None = None,
    waiver: str | None = None,
) -> RunSettings:
    """Settings of a run from what was typed.

    Raises:
        UsageError: Something cannot be used as given.
    """
    if not landing.is_dir():
        raise UsageError(f"landing directory {landing} does not exist")
    if waiver is not None and not waiver.strip():
        raise UsageError("--waive-consent needs a reason: it is recorded in the receipt")
    if keys is None and (lake.startswith("catalog:") or "://" in lake):
        raise UsageError("--keys is required for a lake that is not on this machine's file system")
    now = dt.datetime.now(dt.UTC)
    first = _date(date, "--date")
    values: dict[str, Any] = {
        "landing": landing,
        "lake": lake if lake.startswith("catalog:") or "://" in lake else str(Path(lake).resolve()),
        "date": first,
        "until": _date(until, "--until") if until else first,
        "policy": load_policy(policy),
        "keys": keys or Path(f"{Path(lake).resolve()!s}.keys"),
        "landing_format": landing_format,
        "as_of": max(now, _instant(as_of, "--as-of")) if as_of else now,
        "waiver": waiver,
    }
    try:
        return RunSettings.model_validate(values)
    except ValidationError as error:
        raise UsageError("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from None


def _pipeline(settings: RunSettings, master: str | None, memory: str | None, only: list[str] | None) -> None:
    from jobs.pipeline import JOBS, run_pipeline
    from jobs.session import get_session

    teller = Teller()
    with teller.working("starting Spark"):
        spark = get_session(master, driver_memory=memory)
    with teller.working("running"):
        summary = run_pipeline(spark, settings, say=teller.tell, only=only or JOBS)
    teller.closing(spark, settings, summary)


def _date(text: str, option: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no date: write YYYY-MM-DD") from None


def _instant(text: str, option: str) -> dt.datetime:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no time: write ISO 8601 with offset") from None
    if instant.tzinfo is None:
        raise UsageError(f"{option} {text!r} has no offset: write it as 2026-03-04T06:00:00+01:00")
    return instant.astimezone(dt.UTC)


def main(args: list[str] | None = None) -> None:
    """Entry point: runs the command and exits with the code that design and README name."""
    try:
        app(args=args, standalone_mode=False)
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except ThreestepError as error:
        Teller().failed(error)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(1)
    except Exception as error:
        code = getattr(error, "exit_code", None)
        show = getattr(error, "show", None)
        if callable(show):
            show()
            sys.exit(code if isinstance(code, int) else 2)
        Teller().broke(error)
        sys.exit(1)


if __name__ == "__main__":
    main()
