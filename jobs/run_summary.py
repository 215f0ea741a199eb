"""What a run came to, for whoever started it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from jobs.context import JobReport


@dataclass
class RunSummary:
    """What a run came to.

    Attributes:
        days: Days that were released by this run.
        already: Days that were released before; nothing about them was touched.
        waiting: Days whose release waits for late events, and until when.
        periods: Weeks and months that this run released, that wait, or that never come about, and why.
        reports: Reports of the jobs.
        seconds: Duration of each job; some run side by side, so they add up to more than ``wall_seconds``.
        wall_seconds: Duration of the run.
        docs: First page of the Data Docs.
    """

    days: list[dt.date] = field(default_factory=list)
    already: list[dt.date] = field(default_factory=list)
    waiting: dict[dt.date, dt.datetime] = field(default_factory=dict)
    periods: dict[str, str] = field(default_factory=dict)
    reports: dict[str, JobReport] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    wall_seconds: float = 0.0
    docs: Path | None = None
