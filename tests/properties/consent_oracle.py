"""The consent rule in plain Python, from the design and for one history: slow, and unlike what it judges."""

from __future__ import annotations

import hashlib
import hmac

from consent_histories import AS_OF, DAY_END, DAY_START, PURPOSES, History, Request, Row

KEY = bytes(32)
_EVER = 10**9


def serves(history: History) -> list[set[str]]:
    """The purposes that each event of a history may serve."""
    return [_event(history, sim, at) for sim, at in history.events]


def _event(history: History, sim: str, at: int) -> set[str]:
    row = next((r for r in history.rows if r.sim == sim and r.start <= at < _end(r)), None)
    if row is None or row.contract == "m2m":
        return set()
    return {p for p in PURPOSES if _counted(history, row, p) and not _objects(history, row, p, at)}


def _end(row: Row) -> int:
    return _EVER if row.end is None else row.end


def _unit(row: Row) -> str:
    return f"s:{row.who}" if row.who and row.contract in ("private", "prepaid") else f"l:{row.number}"


def _counted(history: History, row: Row, purpose: str) -> bool:
    """Whether the row's line is the one of its unit: the first by keyed hash of those that do not object now."""
    alike = [r for r in history.rows if _unit(r) == _unit(row) and r.contract != "m2m"]
    today = [r for r in alike if r.start < DAY_END and _end(r) > DAY_START]
    free = {r.number for r in today if not _objects(history, r, purpose, AS_OF)}
    return bool(free) and row.number == min(free, key=_hash) and not _objects(history, row, purpose, AS_OF)


def _hash(number: str) -> bytes:
    return hmac.new(KEY, f"line:{number}".encode(), hashlib.sha256).digest()


def _objects(history: History, row: Row, purpose: str, at: int) -> bool:
    """Whether an objection to the purpose, or to all, that the row's line has to bear is in force."""
    return any(
        start <= at < end and _reaches(history, number, start, row)
        for number in {r.number for r in history.requests}
        for asked in (purpose, "all")
        for start, end in _objections(history, number, asked)
    )


def _objections(history: History, number: str, asked: str) -> list[tuple[int, int]]:
    found, since = [], None
    about = [r for r in history.requests if r.number == number and (r.purpose == asked or _lifts_all(r))]
    for moment in sorted({r.at for r in about}):
        said = {r.decision for r in about if r.at == moment}
        if "object" in said:
            since = moment if since is None else since
        elif since is not None:
            found.append((since, moment))
            since = None
    return [*found, (since, _EVER)] if since is not None else found


def _lifts_all(request: Request) -> bool:
    return request.decision == "withdraw" and request.purpose == "all"


def _reaches(history: History, number: str, made: int, row: Row) -> bool:
    """Whether an objection to a number, made at a time, is one of the row's line."""
    holders = [r for r in history.rows if r.number == number]
    then = [r for r in holders if r.start <= made < _end(r)]
    later = sorted((r for r in holders if r.start > made), key=lambda r: r.start)
    earlier = sorted((r for r in holders if r.start <= made), key=lambda r: -r.start)
    maker = next(iter([*then, *later, *earlier]), None)
    if maker is None:
        return False
    if maker.who is None:
        return row.number in _numbers_of_nobody(history, number, maker.start)
    return row.who == maker.who and row.number in _numbers_of_person(history, maker)


def _numbers_of_person(history: History, maker: Row) -> set[str]:
    """The number, and those that its holder took when it was over, or that its SIM served afterwards."""
    own = [r for r in history.rows if r.who == maker.who]
    mine = [r for r in own if r.number == maker.number]
    over = max(_end(r) for r in mine)
    found = {maker.number}
    for number in {r.number for r in own} - found:
        its = [r for r in own if r.number == number]
        beside = any(r.start < over <= _end(r) for r in its)
        next_one = any(r.start >= over for r in its) and not beside
        at_once = min(r.start for r in its) == over
        same_sim = any(r.sim == m.sim and r.start > m.start for r in its for m in mine)
        if same_sim or (at_once if maker.contract in ("business", "m2m") else next_one):
            found.add(number)
    return found


def _numbers_of_nobody(history: History, number: str, start: int) -> set[str]:
    """The number, and each that a SIM of it came to serve after it, and so on."""
    found, reached = {number}, [(number, start)]
    while reached:
        number, start = reached.pop()
        for left in (r for r in history.rows if r.number == number and r.start >= start):
            for came in (r for r in history.rows if r.sim == left.sim and r.start > left.start):
                if came.number != number and (came.number, came.start) not in reached:
                    found.add(came.number)
                    reached.append((came.number, came.start))
    return found
