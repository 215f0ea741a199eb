"""Segments of random tracks against a plain-Python oracle, on days with 23, 24 and 25 hours, in any order of rows."""

from __future__ import annotations

import datetime as dt
import math
import random
from itertools import pairwise
from typing import Any

import pytest
from frames import frame

from expectations.footprints import CELL_POSITIONS
from expectations.movement import MOVEMENT, PROFILE
from jobs.transform.stays import StayParams, located, numbered_places, segments, settled_runs
from udfs.time import day_bounds

PARAMS = StayParams(stay_seconds=900, max_gap_seconds=7200, max_gap_same_ground_seconds=43_200, ping_pong_seconds=60)
DAYS = [dt.date(2026, 3, 3), dt.date(2026, 3, 29), dt.date(2026, 10, 25)]
CELLS = {
    # name: x, y, radius; a chain of overlapping cells, a large one over them, and two places far away
    **{f"c{i}": (i * 300.0, 0.0, 300.0) for i in range(5)},
    "wide": (900.0, 500.0, 900.0),
    "far": (9_000.0, 0.0, 400.0),
    "farther": (9_500.0, 6_000.0, 500.0),
}
NAMES = sorted(CELLS)
GAPS = [5, 20, 45, 60, 61, 300, 800, 900, 1_500, 3_600, 7_100, 7_300, 15_000, 42_000, 43_300]
TRACKS = 40
Run = tuple[int, int, str, int, int]  # start, end, cell, contacts, purposes


def _track(dice: random.Random, day: dt.date) -> list[Run]:
    """Runs of a line on the window of a day, a walk that likes to stay, return and fall silent."""
    start, end = (int(bound.timestamp()) for bound in day_bounds(day, "Europe/Berlin"))
    now, runs, cell = start - 12 * 3600 + dice.randrange(20_000), [], dice.choice(NAMES)
    purposes = 15
    while True:
        stays = dice.choice([0, 0, 0, 30, 400, 1_000, 5_000, 20_000])
        if now + stays >= end + 4 * 3600:
            return runs
        runs.append((now, now + stays, cell, dice.randrange(1, 9), purposes))
        purposes = dice.choice([15] * 30 + [7, 8])
        before = runs[-2][2] if len(runs) > 1 else cell
        cell = dice.choice([before, *dice.sample(NAMES, 2)])
        now += stays + dice.choice(GAPS)


def _oracle(runs: list[Run], day: dt.date) -> list[tuple[Any, ...]]:
    """Kind, start, end, cell, purposes and new ground of the segments of one track, by loops."""
    day_start, day_end = (int(bound.timestamp()) for bound in day_bounds(day, "Europe/Berlin"))

    def one_ground(cells: list[str]) -> bool:
        xs, ys, radii = zip(*(CELLS[c] for c in cells), strict=True)
        return math.hypot(max(xs) - min(xs), max(ys) - min(ys)) <= 1.25 * max(radii)

    rests = []
    for start, *_ in runs:
        back = [r[2] for r in runs if start - 900 <= r[0] <= start]
        ahead = [r[2] for r in runs if start <= r[0] <= start + 900]
        rests.append(one_ground(back) or one_ground(ahead))
    groups: list[list[Run]] = []
    for i, run in enumerate(runs):
        if i == 0:
            groups.append([run])
            continue
        last, rest = runs[i - 1], rests[i]
        left = 0 < i < len(runs) - 1 and runs[i + 1][2] == last[2] and runs[i + 1][0] - last[1] <= 60
        back = i > 1 and runs[i - 2][2] == run[2] and run[0] - runs[i - 2][1] <= 60
        handover = run[2] != last[2] and not rest and not (left or back)
        parts = run[4] != last[4] or run[0] - last[1] > 43_200 or not one_ground([last[2], run[2]])
        if parts or handover or (rest and not rests[i - 1]):
            groups.append([run])
        else:
            groups[-1].append(run)
    spans = [(g[0][0], max(r[1] for r in g)) for g in groups]
    shares = [(min(3_600, gap // 2), min(3_600, gap - gap // 2)) for gap in (b[0] - a[1] for a, b in pairwise(spans))]
    pieces: list[tuple[str, int, int, str | None, int, bool]] = []
    stayed: str | None = None
    for i, (group, (start, end)) in enumerate(zip(groups, spans, strict=True)):
        mask = group[0][4]
        begin = start - (shares[i - 1][1] if i else 3_600)
        finish = end + (shares[i][0] if i < len(shares) else 3_600)
        dominant = max(group, key=lambda r: (r[1] - r[0], r[3], r[2]))[2]
        if i == 0:
            pieces.append(("unknown", day_start, begin, None, mask, False))
        is_stay = end - start >= 900
        is_new = is_stay and stayed is not None and not one_ground([stayed, dominant])
        pieces.append(("stay" if is_stay else "move", begin, finish, dominant, mask, is_new))
        stayed = dominant if is_stay else stayed
        if i < len(shares):
            pieces.append(("unknown", finish, spans[i + 1][0] - shares[i][1], None, mask & groups[i + 1][0][4], False))
        else:
            pieces.append(("unknown", finish, day_end, None, mask, False))
    clipped = [(k, max(a, day_start) // 60 * 60, min(b, day_end) // 60 * 60, *more) for k, a, b, *more in pieces]
    return [piece for piece in clipped if piece[1] < piece[2] and piece[4]]


@pytest.fixture(scope="module")
def tracks():
    dice = random.Random(7)
    return {(day, n): _track(dice, day) for day in DAYS for n in range(TRACKS)}


@pytest.fixture(scope="module")
def found(spark, tracks):
    """Segments by track, twice: as given, and from shuffled rows in another number of partitions."""
    values = {"plan_id": "p", "site_group": "s", "is_small": False}
    cells = [
        {**values, "cell_id": n, "centre_x": CELLS[n][0], "centre_y": CELLS[n][1], "radius_m": CELLS[n][2]}
        | {"quantiles": [NAMES.index(n)]}
        for n in NAMES
    ]
    plan = ", ".join(f"{c.name} {c.type}" for c in CELL_POSITIONS.columns)
    places = numbered_places(frame(spark, plan, *(tuple(c.get(k) for k in CELL_POSITIONS.column_names) for c in cells)))
    instant = lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC)  # noqa: E731
    rows = [
        (day.isoformat(), bytes([n]) * 32, 1, mask, instant(start), instant(end), cell, contacts, None)
        for (day, n), runs in tracks.items()
        for start, end, cell, contacts, mask in runs
    ]
    ddl = ", ".join(f"{c.name} {c.type}" for c in MOVEMENT.columns)
    days = frame(
        spark,
        "date DATE, day_start TIMESTAMP, day_end TIMESTAMP",
        *((day.isoformat(), *day_bounds(day, "Europe/Berlin")) for day in DAYS),
    )
    nobody = frame(spark, ", ".join(f"{c.name} {c.type}" for c in PROFILE.columns))
    results = []
    for mixed in (False, True):
        moved = frame(spark, ddl, *(random.Random(3).sample(rows, len(rows)) if mixed else rows))
        moved = moved.repartition(5) if mixed else moved
        runs = located(moved, places)
        if mixed:
            # Another number of partitions than the session's, and no merging of small ones.
            runs = runs.repartition(7, "pseudonym", "line_no", "date")
        by_track: dict[tuple[dt.date, int], list[tuple[Any, ...]]] = {}
        for row in segments(settled_runs(runs, PARAMS), places, nobody, days, PARAMS).collect():
            times = (int(row[c].replace(tzinfo=dt.UTC).timestamp()) for c in ("start_time", "end_time"))
            cell = None if row["tile"] is None else NAMES[row["tile"]]
            by_track.setdefault((row["date"], row["pseudonym"][0]), []).append(
                (row["kind"], *times, cell, row["purposes"], row["is_new_ground"])
            )
        results.append({key: sorted(value, key=lambda v: v[1]) for key, value in by_track.items()})
    return results


class TestSegmentsOfRandomTracks:
    def test_they_are_the_oracles(self, found, tracks):
        wrong = [key for key, runs in tracks.items() if found[0].get(key, []) != _oracle(runs, key[0])]
        assert wrong == []

    def test_order_and_partitions_of_the_rows_do_not_matter(self, found):
        assert found[0] == found[1]

    def test_a_day_is_covered_once_from_midnight_to_midnight(self, found, tracks):
        for day, hours in zip(DAYS, (24, 23, 25), strict=True):
            whole = [n for n in range(TRACKS) if all(r[4] == 15 for r in tracks[day, n])]
            assert whole
            for n in whole:
                pieces = found[0][day, n]
                assert all(a[2] == b[1] for a, b in pairwise(pieces))
                assert pieces[-1][2] - pieces[0][1] == hours * 3600

    def test_the_tracks_hold_what_is_to_be_told(self, found):
        kinds = [piece[0] for pieces in found[0].values() for piece in pieces]
        assert {kind: kinds.count(kind) > 40 for kind in ("stay", "move", "unknown")} == dict.fromkeys(
            ("stay", "move", "unknown"), True
        )
