"""What black-box tests share: the command line in this process, and readers of what it prints."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.cli import main

FIRST, SECOND = "2026-03-03", "2026-03-04"


@dataclass(frozen=True)
class World:
    """A landing directory of two days, the lake after the first, and what the run printed."""

    root: Path
    landing: Path
    lake: Path
    output: str


def threestep(*args: object) -> int:
    """Run the command line in this process; returns the exit code."""
    try:
        main([str(a) for a in args])
    except SystemExit as leave:
        return int(leave.code or 0)
    return 0


def run_day(landing: Path, lake: Path, date: str = FIRST, *more: object) -> int:
    return threestep("run", "--landing", landing, "--lake", lake, "--date", date, *more)


def messages(text: str) -> list[dict[str, Any]]:
    """JSON lines of the output."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def relabel(landing: Path) -> None:
    """Write the delivery note anew after a test changed the consent table on purpose."""
    note = landing / "consent_delivery.json"
    content = json.loads(note.read_text())
    rows = len((landing / "consent.csv").read_text().splitlines()) - 1
    content.update(rows=rows, delivered_at=dt.datetime.now(dt.UTC).isoformat())
    content.pop("sha256", None)
    note.write_text(json.dumps(content))


def put_key(folder: Path, date: str) -> None:
    """A known key, as two runs that are to be compared need it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = folder / f"day-{date}.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
