"""Options that several commands share, and what is made of them."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from jobs.errors import UsageError
from jobs.settings import RunSettings, load_policy

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


def run_settings(
    landing: LandingOption,
    lake: LakeOption,
    date: DateOption,
    until: UntilOption = None,
    policy: PolicyOption = None,
    landing_format: FormatOption = "threestep",
    keys: KeysOption = None,
    as_of: AsOfOption = None,
    waive_consent: WaiverOption = None,
) -> RunSettings:
    """Settings of a run from what was typed.

    Raises:
        UsageError: Something cannot be used as given.
    """
    if not landing.is_dir():
        raise UsageError(f"landing directory {landing} does not exist")
    if waive_consent is not None and not waive_consent.strip():
        raise UsageError("--waive-consent needs a reason: it is recorded in the receipt")
    first = as_date(date, "--date")
    values: dict[str, Any] = {
        "landing": landing,
        "lake": lake_root(lake),
        "date": first,
        "until": as_date(until, "--until") if until else first,
        "policy": load_policy(policy),
        "keys": key_folder(lake, keys),
        "landing_format": landing_format,
        "as_of": processing_time(as_of),
        "waiver": waive_consent,
    }
    try:
        return RunSettings.model_validate(values)
    except ValidationError as error:
        raise UsageError("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from None


def with_run_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every option of ``run_settings``; it is handed the settings as its first argument."""
    shared = inspect.signature(run_settings, eval_str=True).parameters
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    @wraps(command)
    def typed(**given: Any) -> None:
        command(run_settings(**{name: given.pop(name) for name in shared}), **given)

    order = sorted([*shared.values(), *own], key=lambda p: p.default is not inspect.Parameter.empty)
    typed.__signature__ = inspect.Signature(order)  # type: ignore[attr-defined]
    typed.__annotations__ = {parameter.name: parameter.annotation for parameter in order}
    return typed


def lake_root(lake: str) -> str:
    """The lake as jobs name it: a path of this machine is made absolute."""
    return str(Path(lake).resolve()) if is_local(lake) else lake


def is_local(lake: str) -> bool:
    """Whether a lake lies on this machine's file system."""
    return not lake.startswith("catalog:") and "://" not in lake


def key_folder(lake: str, keys: Path | None) -> Path:
    """Folder of the key store: as named, or beside a local lake.

    Raises:
        UsageError: The lake is elsewhere, and no folder was named.
    """
    if keys is None and not is_local(lake):
        raise UsageError("--keys is required for a lake that is not on this machine's file system")
    return keys or Path(f"{lake_root(lake)}.keys")


def processing_time(as_of: str | None) -> dt.datetime:
    """Now, or what was typed if that is later."""
    now = dt.datetime.now(dt.UTC)
    return max(now, as_instant(as_of, "--as-of")) if as_of else now


def as_date(text: str, option: str) -> dt.date:
    """A date as it was typed.

    Raises:
        UsageError: It is none.
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no date: write YYYY-MM-DD") from None


def as_instant(text: str, option: str) -> dt.datetime:
    """An instant as it was typed, in UTC.

    Raises:
        UsageError: It is none, or has no offset.
    """
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no time: write ISO 8601 with offset") from None
    if instant.tzinfo is None:
        raise UsageError(f"{option} {text!r} has no offset: write it as 2026-03-04T06:00:00+01:00")
    return instant.astimezone(dt.UTC)
