"""The rule of sums for flows: no shown figures, taken together, give a suppressed cell away."""

from __future__ import annotations

import math

import numpy as np
from frames import frame, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.release.sums import SumParams, protect_crossed, protect_sums

PARAMS = SumParams(min_persons=20, margin_sigmas=3.09, sigma=10.0)
PARTS = "day INT, row STRING, column STRING, noised BIGINT, hidden BOOLEAN, covered BOOLEAN"


def _bar(parts):
    return 20 + 3.09 * 10 * math.sqrt(parts)


def _crossed(spark, tables):
    """``tables``: list of dicts (row, column) -> noised; gives for each the hidden cells and shown sums."""
    cells = [(t, r, c, n, n < _bar(1), False) for t, table in enumerate(tables) for (r, c), n in table.items()]
    got = protect_crossed(frame(spark, PARTS, *cells), ["day"], "row", "column", PARAMS).collect()
    found = []
    for t in range(len(tables)):
        mine = [row for row in got if row["day"] == t]
        hidden = {(row["row"], row["column"]) for row in mine if row["hidden"]}
        sums = {("row", row["row"]) for row in mine if row["row_shown"]}
        found.append((hidden, sums | {("column", row["column"]) for row in mine if row["column_shown"]}))
    return found


def _parts(table, kind, name):
    return [cell for cell in table if cell[0 if kind == "row" else 1] == name]


def _determined(table, hidden, sums):
    """Hidden cells that the linear system of all shown sums and shown cells determines."""
    unknown = sorted(hidden)
    if not unknown or not sums:
        return []
    system = np.array([[float(cell in _parts(table, kind, name)) for cell in unknown] for kind, name in sorted(sums)])
    rank = np.linalg.matrix_rank(system)
    units = np.eye(len(unknown))
    return [
        c for c, unit in zip(unknown, units, strict=True) if np.linalg.matrix_rank(np.vstack([system, unit])) == rank
    ]


def _flows(spark_rows):
    return {
        (r, c): n for r, line in zip("abcdef", spark_rows, strict=False) for c, n in zip("uvwxyz", line, strict=False)
    }


class TestProtectSums:
    def test_smallest_other_is_suppressed_too_and_no_name_is_no_sum(self, spark):
        cells = [(1, "a", c, n, n < _bar(1), False) for c, n in (("u", 30), ("v", 80), ("w", 400))]
        cells += [(1, None, c, 300, False, False) for c in "uv"]
        got = protect_sums(frame(spark, PARTS, *cells), ["day"], "row", ["column"], PARAMS)
        assert rows(got, "row", "column", "hidden", "shown") == [
            ("a", "u", True, True),
            ("a", "v", True, True),
            ("a", "w", False, True),
            (None, "u", False, False),
            (None, "v", False, False),
        ]


BIG, LOW = 500, 45
BRIDGE = [[LOW, LOW, BIG, BIG], [LOW, LOW, LOW, BIG], [BIG, BIG, LOW, LOW], [BIG, BIG, LOW, LOW]]
BESIDE = [[LOW, LOW, LOW], [LOW, LOW, BIG], [BIG, BIG, BIG]]


class TestProtectCrossed:
    def test_what_each_sum_by_itself_would_leave_open(self):
        """Every row and column has two suppressed parts or none, and yet one cell would follow."""
        table = _flows(BRIDGE)
        naive = {(k, n) for k, names in (("row", "abcd"), ("column", "uvwx")) for n in names}
        assert _determined(table, {c for c, n in table.items() if n == LOW}, naive) == [("b", "w")]

    def test_nothing_follows(self, spark):
        tables = [_flows(lines) for lines in ([[100, 200], [300, 400]], BRIDGE, BESIDE)]
        plain, bridge, beside = _crossed(spark, tables)
        assert not plain[0] and len(plain[1]) == 4
        assert len(bridge[1]) >= 4 and not _determined(tables[1], *bridge)
        assert beside[1] and not _determined(tables[2], *beside)


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_shown_sums_determine_no_hidden_cell(spark, data):
    number = st.one_of(st.integers(-20, 50), st.integers(52, 70), st.integers(100, 900))
    lines = st.lists(st.lists(number, min_size=4, max_size=4), min_size=4, max_size=4)
    tables = [_flows(table) for table in data.draw(st.lists(lines, min_size=40, max_size=40))]
    for table, (hidden, sums) in zip(tables, _crossed(spark, tables), strict=True):
        assert hidden >= {cell for cell, n in table.items() if n < _bar(1)}
        assert not _determined(table, hidden, sums), (table, hidden, sums)
        for kind, name in sums:
            mine = [cell for cell in _parts(table, kind, name) if cell in hidden]
            assert sum(table[c] for c in _parts(table, kind, name)) >= _bar(4)
            assert not mine or (len(mine) >= 2 and sum(table[c] for c in mine) >= _bar(len(mine)))
