"""Random histories of lines, SIMs, numbers and decisions, each in a block of numbers of its own."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field

BASE = dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
"""Minute 0: the UTC day that the local day 2026-03-03 (Europe/Berlin) nearly is."""
DAY_START, DAY_END = -60, 1380
WINDOW_START, WINDOW_END = DAY_START - 720, DAY_END + 240
AS_OF = 3 * 1440
PURPOSES = ("mobility_statistics", "market_research", "traffic_planning", "location_offers")
_LONG_AGO = -60 * 1440


@dataclass
class Row:
    """A row of master data; times in minutes."""

    who: str | None
    number: str
    sim: str
    contract: str
    start: int
    end: int | None


@dataclass(frozen=True)
class Request:
    """A decision of a customer."""

    identity: str
    number: str
    purpose: str
    decision: str
    at: int


@dataclass
class History:
    """What happened in one block of numbers."""

    rows: list[Row] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    events: list[tuple[str, int]] = field(default_factory=list)


def instant(minute: int | None) -> dt.datetime | None:
    """A minute of a history as an instant."""
    return None if minute is None else BASE + dt.timedelta(minutes=minute)


class _Maker:
    """Makes one history by letting things happen in order of time."""

    def __init__(self, block: int, draw: random.Random) -> None:
        self.block, self.draw, self.made = block, draw, History()
        self.numbers, self.sims = 0, 0
        self.known = draw.random() < 0.6
        people = range(draw.choice((1, 1, 2, 3)))
        kinds = draw.choices(("private", "prepaid", "business", "m2m"), (6, 2, 2, 1), k=len(people))
        self.people = list(zip(people, kinds, strict=True))
        self.free: list[str] = []
        self.open: list[tuple[int, Row]] = []

    def make(self) -> History:
        for at in sorted(self.draw.choices(self._times(), k=self.draw.randrange(2, 9))):
            self._happen(at)
        numbers = [self._number(i) for i in range(self.numbers + 1)]
        for i in range(self.draw.choice((0, 1, 1, 2, 3, 4, 6))):
            self._decide(i, numbers)
        sims = [self._sim(i) for i in range(self.sims + 1)]
        edges = [m for row in self.made.rows for m in (row.start, row.end) if m is not None]
        edges += [request.at for request in self.made.requests]
        near = [m + d for m in edges for d in (-1, 0, 1) if WINDOW_START <= m + d < WINDOW_END]
        for _ in range(self.draw.randrange(3, 9)):
            at = self.draw.randrange(WINDOW_START, WINDOW_END)
            self.made.events.append((self.draw.choice(sims), self.draw.choice(near) if near and at % 2 else at))
        return self.made

    def _times(self) -> list[int]:
        long_ago = [self.draw.randrange(_LONG_AGO, WINDOW_START) for _ in range(6)]
        today = [self.draw.randrange(WINDOW_START, WINDOW_END) for _ in range(4)]
        return [*long_ago, *today, DAY_START, DAY_END]

    def _number(self, i: int) -> str:
        return f"+4915{self.block:06d}{i:02d}"

    def _sim(self, i: int) -> str:
        return f"26299{self.block:08d}{i:02d}"

    def _new_number(self) -> str:
        if self.free and self.draw.random() < 0.4:
            return self.free.pop(self.draw.randrange(len(self.free)))
        self.numbers += 1
        return self._number(self.numbers - 1)

    def _new_sim(self) -> str:
        self.sims += 1
        return self._sim(self.sims - 1)

    def _begin(self, person: int, number: str, sim: str, at: int) -> None:
        who = f"p{self.block}-{person}" if self.known else None
        row = Row(who, number, sim, self.people[person][1], at, None)
        self.made.rows.append(row)
        self.open.append((person, row))

    def _happen(self, at: int) -> None:
        ready = [i for i, (_, row) in enumerate(self.open) if row.start < at]
        what = self.draw.choice(("open", "swap", "renumber", "both", "give back", "open")) if ready else "open"
        if what == "open":
            self._begin(self.draw.randrange(len(self.people)), self._new_number(), self._new_sim(), at)
            return
        person, row = self.open.pop(self.draw.choice(ready))
        row.end = at
        if what == "give back":
            self.free.append(row.number)
            return
        number = row.number if what == "swap" else self._new_number()
        self._begin(person, number, row.sim if what == "renumber" else self._new_sim(), at)
        if number != row.number:
            self.free.append(row.number)

    def _decide(self, i: int, numbers: list[str]) -> None:
        earlier = self.made.requests
        number = self.draw.choice([r.number for r in earlier] if earlier and self.draw.random() < 0.5 else numbers)
        at = self.draw.choice(self._times() + [r.at for r in earlier] + [self.draw.randrange(WINDOW_END, AS_OF)])
        decision = self.draw.choice(("object", "object", "object", "withdraw"))
        purpose = self.draw.choice(("all", "all", *PURPOSES))
        if self.draw.random() < 0.05:
            purpose, decision = "rewards", self.draw.choice(("consent", "withdraw"))
        self.made.requests.append(Request(f"r{self.block}-{i}", number, purpose, decision, at))


def history(block: int, seed: int) -> History:
    """The history of a block; the same for the same seed."""
    return _Maker(block, random.Random(seed * 1_000_003 + block)).make()
