"""Randomness without state: every draw is a hash of the seed, a stream's name and a key.

So a row's values depend on the row alone, not on the partition, order or attempt it is computed in.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

_RESOLUTION = 53  # bits of a double's fraction


@dataclass(frozen=True)
class Draws:
    """Named streams of uniform draws under one seed."""

    seed: int

    def uniform(self, stream: str, *key: Column) -> Column:
        """A double in [0, 1), the same for the same seed, stream and key (whole numbers)."""
        return F.shiftrightunsigned(self.dice(stream, *key), 64 - _RESOLUTION) / F.lit(float(2**_RESOLUTION))

    def dice(self, stream: str, *key: Column) -> Column:
        """Sixty-four random bits, from which ``part`` takes up to four coarse draws at the price of one."""
        salt = (zlib.crc32(stream.encode()) << 24) ^ self.seed
        return F.xxhash64(F.lit(salt).cast("long"), *[part.cast("long") for part in key])

    def whole(self, stream: str, size: int, *key: Column) -> Column:
        """A whole number (long) in 0 … size - 1."""
        return F.floor(self.uniform(stream, *key) * F.lit(float(size)))

    def normal(self, stream: str, mean: Column | float, deviation: Column | float, *key: Column) -> Column:
        """A normal draw, by Box and Muller."""
        radius = F.sqrt(F.lit(-2.0) * F.log(F.lit(1.0) - self.uniform(stream + "/radius", *key)))
        turn = F.cos(F.lit(2 * math.pi) * self.uniform(stream + "/turn", *key))
        return _column(mean) + _column(deviation) * radius * turn

    def between(self, stream: str, low: Column | float, high: Column | float, *key: Column) -> Column:
        """A uniform draw in [low, high)."""
        return _column(low) + (_column(high) - _column(low)) * self.uniform(stream, *key)

    def choice(self, stream: str, weights: Mapping[str, float], *key: Column) -> Column:
        """One of a few words, with these weights."""
        return pick(self.uniform(stream, *key), weights)


def part(dice: Column, number: int) -> Column:
    """One of four independent draws in [0, 1), in steps of 1/65536, out of ``Draws.dice``."""
    return F.shiftrightunsigned(dice, 16 * number).bitwiseAND(F.lit(0xFFFF)) / F.lit(65_536.0)


def pick(share: Column, weights: Mapping[str, float]) -> Column:
    """The word at which the running sum of the weights passes ``share``."""
    total, passed = sum(weights.values()), 0.0
    words = list(weights)
    chosen = F.lit(words[-1])
    bounds: list[tuple[str, float]] = []
    for word in words[:-1]:
        passed += weights[word] / total
        bounds.append((word, passed))
    for word, bound in reversed(bounds):
        chosen = F.when(share < F.lit(bound), F.lit(word)).otherwise(chosen)
    return chosen


def _column(value: Column | float) -> Column:
    return value if isinstance(value, Column) else F.lit(float(value))
