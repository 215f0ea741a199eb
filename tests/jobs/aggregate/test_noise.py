"""The mechanism: its law, its scale, its isolation from exact counts, and the refusal of seeds outside tests."""

from __future__ import annotations

import statistics
import subprocess
import sys

import pytest
from frames import frame

from expectations.products import NOISED
from jobs.aggregate.counts import mechanism, on_domain
from jobs.aggregate.noise import NoiseSource, adder, noise_source
from jobs.errors import UsageError
from jobs.settings import Policy

CELL = (
    "release_id STRING, product STRING, level STRING, zone_id STRING, hour INT, part STRING, other STRING, "
    "persons BIGINT, sigma DOUBLE"
)
OUT = ", ".join(f"{c.name} {c.type}" for c in NOISED.columns)


class TestMechanism:
    def test_scale_is_root_of_cells_over_twice_rho(self):
        found = mechanism(Policy(), "footfall", "partition", 24)
        assert found is not None and found.sigma == pytest.approx(20.0) and found.max_cells == 24
        assert mechanism(Policy(), "panel", "place", 24) is None

    def test_draws_have_that_scale(self, spark):
        cells = frame(
            spark, CELL, *(("r", "footfall", "d", f"z{i}", i % 24, None, None, 1000, 20.0) for i in range(3000))
        )
        noised = [row["noised"] for row in cells.mapInArrow(adder(NoiseSource()), OUT).collect()]
        assert abs(statistics.mean(noised) - 1000) < 4 * 20 / 3000**0.5
        assert 0.9 * 20 < statistics.pstdev(noised) < 1.1 * 20

    def test_exact_counts_do_not_come_through(self, spark):
        cells = frame(spark, CELL, ("r", "footfall", "d", "z", 1, None, None, 12345, 20.0))
        assert "persons" not in cells.mapInArrow(adder(NoiseSource()), OUT).columns

    def test_seeded_draws_do_not_depend_on_partitions(self, spark):
        cells = frame(spark, CELL, *(("r", "footfall", "d", f"z{i}", 1, None, None, 50, 20.0) for i in range(20)))
        draw = lambda df: sorted(map(str, df.mapInArrow(adder(NoiseSource(7)), OUT).collect()))  # noqa: E731
        assert draw(cells.repartition(1)) == draw(cells.repartition(5))
        assert not NoiseSource(7).for_release


class TestSeed:
    def test_refused_outside_tests(self, monkeypatch):
        code = "from jobs.aggregate.noise import noise_source; noise_source()"
        run = subprocess.run(
            [sys.executable, "-c", code], env={"THREESTEP_NOISE_SEED": "1", "PATH": ""}, capture_output=True, text=True
        )
        assert run.returncode != 0 and UsageError.__name__ in run.stderr

    def test_taken_inside(self, monkeypatch):
        monkeypatch.setenv("THREESTEP_NOISE_SEED", "3")
        assert noise_source() == NoiseSource(3)


class TestDomain:
    def test_zeros_are_part_of_it(self, spark):
        ddl = CELL.replace("persons BIGINT", "date DATE")
        domain = frame(
            spark, ddl, *(("r", "footfall", "d", z, h, None, None, "2026-03-03", 20.0) for z in "ab" for h in (0, 1))
        )
        counts = frame(
            spark,
            "product STRING, date DATE, zone_id STRING, hour INT, part STRING, other STRING, persons BIGINT",
            ("footfall", "2026-03-03", "a", 1, None, None, 7),
            ("footfall", "2026-03-03", "x", 1, None, None, 9),
            ("dwell", "2026-03-03", "a", 0, None, None, 5),
        )
        got = sorted((r["zone_id"], r["hour"], r["persons"]) for r in on_domain(domain, counts).collect())
        assert got == [("a", 0, 0), ("a", 1, 7), ("b", 0, 0), ("b", 1, 0)]
