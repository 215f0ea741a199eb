"""Whether a line's events of a day could serve a purpose, told in words, by the rule that the run went by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from udfs.purposes import bit


@dataclass(frozen=True)
class Objection:
    """An objection that counts for a line.

    Attributes:
        bits: Its purposes.
        since: Start, inclusive.
        until: End by withdrawal, exclusive; None while it holds.
    """

    bits: int
    since: dt.datetime
    until: dt.datetime | None


@dataclass(frozen=True)
class Holding:
    """A row of master data of the line, with the objections that its holder made.

    Attributes:
        since: Start, inclusive.
        until: End, exclusive; None while valid.
        is_thing: Whether the line is a thing's.
        objections: By start.
    """

    since: dt.datetime
    until: dt.datetime | None
    is_thing: bool
    objections: tuple[Objection, ...]


def verdict(
    holdings: Sequence[Holding], purpose: str, day: tuple[dt.datetime, dt.datetime], processed_at: dt.datetime
) -> str:
    """Whether a line's events of a day could serve a purpose, by what was known when the day was processed.

    The rule is the one that the run went by: no objection in force at the processing time, and none at the
    event's time.

    Args:
        holdings: Of the holder who asks.
        purpose: The purpose.
        day: Start and end of the local day.
        processed_at: Processing time of the run that made the receipt.
    """
    start, end = day
    held = [h for h in holdings if h.since < end and (h.until is None or h.until > start) and not h.is_thing]
    if not held:
        return "not eligible: no line of this holder on the day"
    about = sorted({o for h in held for o in h.objections if o.bits & bit(purpose)}, key=lambda o: o.since)
    now = [o for o in about if o.since <= processed_at and (o.until is None or processed_at < o.until)]
    if now:
        return f"not eligible: objection since {now[0].since.isoformat()}"
    during = [(max(o.since, start), min(o.until or end, end)) for o in about if o.since < end]
    during = [(since, until) for since, until in during if since < until]
    if not during:
        return "eligible"
    told = ", ".join(f"{since.isoformat()} to {until.isoformat()}" for since, until in during)
    free_from = start
    for since, until in during:
        if since > free_from:
            return f"partly: objection {told}"
        free_from = max(free_from, until)
    return f"partly: objection {told}" if free_from < end else f"not eligible: objection {told}"
