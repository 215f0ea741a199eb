"""How a release is named: by product and period, so that asking again finds the same one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Period:
    """A week or month that is to be released.

    Attributes:
        kind: week or month.
        name: The period as ISO 8601 has it, e.g. 2026-W10 or 2026-03.
        first: Its first local day.
        last: Its last local day.
        days: Those of its days that contributions were made from, in order.
    """

    kind: Literal["week", "month"]
    name: str
    first: dt.date
    last: dt.date
    days: tuple[dt.date, ...]

    @property
    def missing(self) -> list[dt.date]:
        """Days of the period that nothing was made from, in order."""
        whole = (self.first + dt.timedelta(days=i) for i in range((self.last - self.first).days + 1))
        return [day for day in whole if day not in self.days]


def release_id(product: str, period: dt.date | str, correction: int = 0) -> str:
    """Identity of a release, e.g. ``footfall-2026-03-03-r0`` or ``od-2026-W10-r0``."""
    return f"{product}-{period}-r{correction}"
