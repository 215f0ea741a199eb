"""How a release is named: by product and period, so that asking again finds the same one."""

from __future__ import annotations

import datetime as dt


def release_id(product: str, day: dt.date, correction: int = 0) -> str:
    """Identity of a daily release, e.g. ``footfall-2026-03-03-r0``."""
    return f"{product}-{day.isoformat()}-r{correction}"
