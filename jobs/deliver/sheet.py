"""The data sheet of a release: JSON for machines, and one page that needs nothing else for people."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import markupsafe

from jobs.deliver.facts import facts
from jobs.deliver.files import write_text
from jobs.deliver.read import Delivery, choose, entries, read_delivery
from jobs.deliver.sheet_charts import charts
from jobs.deliver.words import day_type_words
from jobs.errors import UsageError
from jobs.lake import Lake
from jobs.settings import Policy


@dataclass(frozen=True)
class SheetParams:
    """Which release, and where its sheet goes.

    Attributes:
        release: The release.
        out: Folder.
        policy: Policy that may be the release's: its bounds are told only if its digest says so; its calendar is used.
        must_match: Whether another policy than the release's is an error.
    """

    release: str
    out: Path
    policy: Policy
    must_match: bool = False


def run_sheet(lake: Lake, params: SheetParams) -> list[Path]:
    """Write ``<release>.json`` and ``<release>.html``.

    Raises:
        ThreestepError: There is no such release.
        UsageError: The release was made under another policy than the one that was named.
    """
    found = entries(lake)
    (entry,) = choose(found, release=params.release)
    same = params.policy.digest == entry["policy"]
    if params.must_match and not same:
        raise UsageError(
            f"{params.release} was made under policy {entry['policy']}, not {params.policy.digest}: "
            "give the policy of the time, or none"
        )
    delivery = read_delivery(lake, entry, found)
    sheet = facts(delivery, params.policy.calendar, params.policy if same else None)
    check(sheet)
    written = [params.out / f"{params.release}{suffix}" for suffix in (".json", ".html")]
    write_text(written[0], json.dumps(sheet, indent=2, ensure_ascii=False) + "\n")
    write_text(written[1], render(sheet, delivery))
    return written


def check(sheet: dict[str, Any]) -> None:
    """Hold a sheet against its schema.

    Raises:
        jsonschema.ValidationError: It does not fit: a fault of this module.
    """
    jsonschema.Draft202012Validator(schema()).validate(sheet)


def schema() -> dict[str, Any]:
    """The schema of a sheet."""
    text = files("jobs.deliver").joinpath("sheet.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def render(sheet: dict[str, Any], delivery: Delivery) -> str:
    """The page: text of the sheet, escaped, with its charts as SVG."""
    surroundings = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=False)
    surroundings.filters |= {"percent": _percent, "share": _share, "ticks": _ticks, "power": _power}
    template = surroundings.from_string(files("jobs.deliver").joinpath("sheet.html.j2").read_text(encoding="utf-8"))
    spread = {entry["level"]: entry for entry in sheet["intervals"]["by_level"]}
    nothing = {"median": None, "p90": None}
    levels = []
    for entry in sheet["coverage"]["by_level"]:
        cells = sum(count for name, count in entry.items() if name != "level")
        levels.append({**nothing, **spread.get(entry["level"], {}), **entry, "cells": cells})
    drawn = {name: markupsafe.Markup(svg) for name, svg in charts(delivery).items()}
    by_status = sheet["coverage"]["by_status"]
    return template.render(
        **sheet,
        charts={"coverage": None, "intervals": None, "map": None} | drawn,
        levels=levels,
        day_types=day_type_words(sheet["period"]["day_types"]),
        shown=by_status["published"] + by_status["merged"],
        least=sheet["privacy"]["min_persons"],
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %" if value < 0.095 else f"{100 * value:.0f} %"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "0 %"


def _power(value: float) -> str:
    return f"{value:.0e}".replace("e-0", "e-")


def _ticks(text: str) -> markupsafe.Markup:
    """Words in backticks as code; all else escaped."""
    escaped = str(markupsafe.escape(text))
    return markupsafe.Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped))
