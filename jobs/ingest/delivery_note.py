"""The consent feed's delivery note: how old the feed is, and whether it arrived whole."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.errors import ConsentError
from jobs.ingest.landing import Landing
from jobs.ingest.tables import CONSENT_FILE

NOTE_FILE = "consent_delivery.json"
_ASKS = "it holds delivered_at (ISO-8601 with offset), rows and, if you like, sha256 by file"
_AGAIN = "fetch the feed again: objections may be missing"


@dataclass(frozen=True)
class DeliveryNote:
    """What the sender says of the delivery.

    Attributes:
        delivered_at: Instant of the delivery; the ledger's age counts from it.
        rows: Requests delivered.
        sha256: File name to digest, where the sender gives them.
    """

    delivered_at: dt.datetime
    rows: int
    sha256: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NoteProblem:
    """Why there is no note to go by."""

    problem: str


def read_note(landing: Landing) -> DeliveryNote | NoteProblem:
    """Read the note beside the consent feed."""
    path = landing.folder / NOTE_FILE
    if not path.is_file():
        return NoteProblem(f"there is no {NOTE_FILE} beside the feed in {landing.root}: {_ASKS}")
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
        at = dt.datetime.fromisoformat(content["delivered_at"])
        rows = content["rows"]
        digests = content.get("sha256") or {}
        sound = at.tzinfo is not None and isinstance(rows, int) and not isinstance(rows, bool) and rows >= 0
        if not sound or not all(isinstance(item, str) for pair in digests.items() for item in pair):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return NoteProblem(f"{path} cannot be read as a delivery note: {_ASKS}")
    return DeliveryNote(at, rows, {str(name): str(digest).lower() for name, digest in digests.items()})


def verify_note(note: DeliveryNote | NoteProblem, landing: Landing, delivered_rows: int) -> DeliveryNote:
    """Hold the note against what arrived; where it gives digests, it has to list every file.

    Args:
        note: As read with the feed.
        landing: Where the feed lies.
        delivered_rows: Rows of the feed, counted.

    Raises:
        ConsentError: There is no note, it cannot be read, or rows, files or digests differ.
    """
    if isinstance(note, NoteProblem):
        raise ConsentError(f"consent: {note.problem}")
    if note.rows != delivered_rows:
        raise ConsentError(f"consent: {NOTE_FILE} says {note.rows:,} rows, {delivered_rows:,} were delivered; {_AGAIN}")
    if note.sha256:
        _verify_digests(note, landing)
    return note


def _verify_digests(note: DeliveryNote, landing: Landing) -> None:
    source = landing.source(CONSENT_FILE.name)
    by_path = {file.relative_to(source.path.parent).as_posix(): file for file in source.files()}
    by_name = {file.name: file for file in by_path.values()}
    listed: set[Path] = set()
    for name, digest in sorted(note.sha256.items()):
        file = by_path.get(name) or by_name.get(name)
        if file is None:
            raise ConsentError(f"consent: {NOTE_FILE} lists {name}, which was not delivered; {_AGAIN}")
        if _sha256(file) != digest:
            raise ConsentError(f"consent: the sha256 of {name} differs from {NOTE_FILE}; {_AGAIN}")
        listed.add(file)
    stray = sorted(name for name, file in by_path.items() if file not in listed)
    if stray:
        raise ConsentError(f"consent: {', '.join(stray)} is not listed in {NOTE_FILE}; {_AGAIN}")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
