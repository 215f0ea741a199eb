"""The threshold mechanism for domains that are too large to be laid out: only what is found, and is many, is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """A threshold and what it costs.

    Attributes:
        value: Least noised count of a cell that is kept, persons.
        delta: That a cell with one person is kept betrays that there is one: the probability of it, over all
            cells that one unit can touch.
    """

    value: int
    delta: float


def least_threshold(sigma: float, max_cells: int, delta: float, at_least: float) -> Threshold:
    """The least threshold whose delta is small enough, by OpenDP's privacy map of ``make_gaussian_threshold``.

    Args:
        sigma: Scale of the noise, persons.
        max_cells: Cells that one unit can touch, each by one person.
        delta: The most that it may cost.
        at_least: Bar that a cell has to pass anyhow.
    """
    value, step = math.ceil(at_least), max(1, int(sigma / 4))
    while (found := _delta(sigma, max_cells, value)) > delta:
        value += step
    return Threshold(value, found)


def _delta(sigma: float, max_cells: int, value: int) -> float:
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = (
        dp.map_domain(dp.atom_domain(T="String"), dp.atom_domain(T="i64")),
        dp.l02inf_distance(dp.absolute_distance(T="i64")),
    )
    made = dp.m.make_gaussian_threshold(*space, scale=sigma, threshold=value)
    return float(made.map((max_cells, math.isqrt(max_cells - 1) + 1, 1))[1])
