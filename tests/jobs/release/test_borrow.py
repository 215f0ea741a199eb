"""Women and men of an age band: noise is taken from their difference; what zones differ by is not, nor the sum."""

from __future__ import annotations

import math
import random

import pytest
from frames import frame, rows

from jobs.release.borrow import with_borrowed

CELLS = (
    "product STRING, date DATE, level STRING, zone_id STRING, part STRING, other STRING, status STRING, "
    "persons BIGINT, sigma DOUBLE"
)
DAY = "2026-03-03"
SIGMA = 20.0


def _pair(zone, women, men, *, status="published", product="audience", sigma=SIGMA):
    return [
        (product, DAY, "district", zone, "20-29", gender, status, persons, sigma)
        for gender, persons in (("female", women), ("male", men))
    ]


def _zones(spread, n=40, total=600, seed=1):
    draw = random.Random(seed)
    pairs = []
    for i in range(n):
        women = total / 2 * (1 + draw.gauss(0.0, spread))
        pairs.append((f"z{i:02d}", *(round(x + draw.gauss(0, SIGMA)) for x in (women, total - women))))
    return pairs


def _expected(pairs):
    """The estimator in plain Python."""
    d = {z: (a - b) / (a + b) for z, a, b in pairs}
    v = {z: 2 * (SIGMA / (a + b)) ** 2 + 1 / (a + b) for z, a, b in pairs}
    w = {z: 1 / v[z] for z in d}
    mean = sum(w[z] * d[z] for z in d) / sum(w.values())
    q = sum(w[z] * (d[z] - mean) ** 2 for z in d)
    between = max(0.0, (q - len(d) + 1) / (sum(w.values()) - sum(x * x for x in w.values()) / sum(w.values())))
    moved = {z: mean + between / (between + v[z]) * (d[z] - mean) for z in d}
    return {z: min(d[z] + math.sqrt(v[z]), max(d[z] - math.sqrt(v[z]), moved[z])) for z in d}


class TestWithBorrowed:
    @pytest.mark.parametrize("spread", [0.0, 0.1, 0.25])
    def test_is_the_estimator_and_keeps_the_sum(self, spark, spread):
        pairs = _zones(spread)
        cells = frame(spark, CELLS, *(row for pair in pairs for row in _pair(*pair)))
        got = with_borrowed(cells).selectExpr("zone_id", "other", "persons * _borrowed AS n").collect()
        found = {(row["zone_id"], row["other"]): row["n"] for row in got}
        for zone, moved in _expected(pairs).items():
            women, men = found[zone, "female"], found[zone, "male"]
            assert (women - men) / (women + men) == pytest.approx(moved, abs=1e-6)
            assert women + men == pytest.approx(sum(next(p[1:] for p in pairs if p[0] == zone)))

    def test_is_nearer_to_the_truth_where_zones_are_alike(self, spark):
        pairs = _zones(0.0)
        cells = frame(spark, CELLS, *(row for pair in pairs for row in _pair(*pair)))
        after = [abs(n - 300) for (n,) in rows(with_borrowed(cells).selectExpr("persons * _borrowed AS n"))]
        before = [abs(n - 300) for _, *both in pairs for n in both]
        assert sum(after) < 0.8 * sum(before)

    def test_a_place_unlike_the_others_stays_so(self, spark):
        pairs = [*_zones(0.0), ("clinic", 550, 50)]
        cells = frame(spark, CELLS, *(row for pair in pairs for row in _pair(*pair)))
        [(by,)] = rows(with_borrowed(cells).filter("zone_id = 'clinic' AND other = 'female'").select("_borrowed"))
        assert 550 * by > 530

    def test_what_has_no_pair_or_too_few_beside_it_is_as_it_was(self, spark):
        cells = [
            *(row for pair in _zones(0.0, n=9) for row in _pair(*pair)),
            *_pair("one", 500, None), *_pair("shops", 300, 100, product="dwell"),
            *_pair("merged", 300, None, status="merged"),
        ]  # fmt: skip
        got = with_borrowed(frame(spark, CELLS, *cells))
        assert rows(got.select("_borrowed").distinct()) == [(1.0,)] and got.count() == len(cells)

    def test_is_the_same_however_rows_lie(self, spark):
        cells = frame(spark, CELLS, *(row for pair in _zones(0.1) for row in _pair(*pair)))
        one, other = (with_borrowed(cells.repartition(n)).orderBy("zone_id", "other").collect() for n in (1, 7))
        assert one == other
