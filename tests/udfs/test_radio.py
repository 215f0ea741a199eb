"""Strength by distance and direction, dominance, rings of timing advance: against the formulas, by hand."""

from __future__ import annotations

import math

import pytest
from frames import frame, rows
from pyspark.sql import functions as F

from udfs import radio

PHONE = "name string, dx double, dy double, w double, g double, h double, azimuth double, beam double, tilt double"


def expected(dx, dy, w, g, h, azimuth=None, beam=None, tilt=None):
    """The formulas of the module's sources, in plain Python."""
    flat = dx * dx + dy * dy + 1e4 / 6
    side = up = 0.0
    if azimuth is not None:
        off = abs((math.degrees(math.atan2(dx, dy)) - azimuth + 180) % 360 - 180)
        side = min(12 * (off / beam) ** 2, 25)
    if tilt is not None:
        up = min(12 * ((math.degrees(math.atan2(h, math.sqrt(flat))) - tilt) / 9) ** 2, 20)
    return 10 * math.log10(w * 1000) - 10 * g * math.log10(math.sqrt(flat + h * h)) - min(side + up, 30)


CASES = {
    "all round": (0.0, 1000.0, 10.0, 3.75, 30.0, None, None, None),
    "indoor": (30.0, 40.0, 5.0, 6.0, 8.0, None, None, None),
    "on the axis": (0.0, 1000.0, 10.0, 3.75, 30.0, 0.0, 65.0, 5.0),
    "at the edge of the beam": (537.3, 843.4, 10.0, 3.75, 30.0, 0.0, 65.0, None),
    "behind": (0.0, -1000.0, 10.0, 3.75, 30.0, 0.0, 65.0, 5.0),
    "across north": (-10.0, 1000.0, 10.0, 3.75, 30.0, 10.0, 65.0, None),
    "under the mast": (0.0, 0.0, 10.0, 3.75, 30.0, 180.0, 65.0, 5.0),
}


class TestStrength:
    def test_is_power_less_path_less_pattern(self, spark):
        df = frame(spark, PHONE, *((name, *case) for name, case in CASES.items()))
        args = [F.col(c) for c in ("dx", "dy", "w", "g", "h", "azimuth", "beam", "tilt")]
        found = dict(rows(df.select("name", radio.strength_db(*args, elevation_beam_deg=9.0).alias("s"))))
        assert found == {name: pytest.approx(expected(*case), abs=1e-9) for name, case in CASES.items()}
        # 40 dBm, less 37.5 dB a decade of metres; 3 dB at half the half-power width; 25 dB behind.
        assert found["all round"] == pytest.approx(40 - 112.5, abs=0.05)
        assert found["all round"] - found["at the edge of the beam"] == pytest.approx(3, abs=0.05)
        assert found["on the axis"] - found["behind"] == pytest.approx(25, abs=0.01)


class TestDominance:
    def test_is_the_logistic_curve(self, spark):
        df = frame(spark, "s double, middle double", (-92.5, -92.5), (-102.5, -92.5), (-60.0, -92.5), (-70.0, -60.0))
        got = [row[0] for row in df.select(radio.dominance(F.col("s"), F.col("middle"), 0.2)).collect()]
        assert got == pytest.approx([0.5, 1 / (1 + math.e**2), 1 / (1 + math.exp(-6.5)), 1 / (1 + math.e**2)])


class TestRing:
    def test_is_the_whole_part(self, spark):
        df = frame(spark, "ta int, steps int", (0, 8), (7, 8), (8, 8), (3, 1), (None, 8), (3, None))
        got = [row[0] for row in df.select(radio.ring_of(F.col("ta"), F.col("steps"))).collect()]
        assert got == [0, 0, 1, 3, None, None]
