"""The noise: discrete Gaussian by OpenDP, drawn where the counts are, once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from jobs.aggregate.thresholds import Threshold
from jobs.errors import UsageError

SEED_VARIABLE = "THREESTEP_NOISE_SEED"


@dataclass(frozen=True)
class NoiseSource:
    """Where noise comes from.

    Attributes:
        seed: ``None``: the operating system's randomness, through OpenDP. A number: repeatable draws for
            tests that compare runs; what it makes is marked as not for release.
    """

    seed: int | None = None

    @property
    def for_release(self) -> bool:
        """Whether figures with this noise may be published."""
        return self.seed is None


def noise_source() -> NoiseSource:
    """Return OpenDP's noise, or the seeded one that tests ask for by ``THREESTEP_NOISE_SEED``.

    Raises:
        UsageError: A seed was asked for outside of tests.
    """
    seed = os.environ.get(SEED_VARIABLE)
    if seed is None:
        return NoiseSource()
    if "pytest" not in sys.modules:
        raise UsageError(f"{SEED_VARIABLE} is for tests only: noise that can be repeated protects nobody; unset it")
    return NoiseSource(int(seed))


def adder(source: NoiseSource) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function for ``mapInArrow``: turns ``persons`` and ``sigma`` into ``noised``.

    ``persons`` and ``sigma`` are dropped: the exact count ends here. The mechanism is OpenDP's
    ``make_gaussian`` over 64-bit integers (Canonne, Kamath, Steinke 2020: discrete Gaussian).
    """

    def add(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            persons = batch.column("persons").to_pylist()
            sigmas = batch.column("sigma").to_pylist()
            noised = _seeded(batch, source.seed) if source.seed is not None else _opendp(persons, sigmas)
            kept = [name for name in batch.schema.names if name not in ("persons", "sigma")]
            arrays = [batch.column(name) for name in kept] + [pa.array(noised, pa.int64())]
            yield pa.RecordBatch.from_arrays(arrays, names=[*kept, "noised"])

    return add


def threshold_adder(
    source: NoiseSource, threshold: Threshold
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function for ``mapInArrow`` over the cells that were found: noise, and only what passes the threshold.

    The mechanism is OpenDP's ``make_gaussian_threshold`` (Rogers 2023). Cells are drawn for one by one, so it does not
    matter how they are batched. Here too the exact count ends.
    """

    def add(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            persons, sigmas = batch.column("persons").to_pylist(), batch.column("sigma").to_pylist()
            if source.seed is not None:
                drawn = enumerate(_seeded(batch, source.seed))
                passed = {i: value for i, value in drawn if value >= threshold.value}
            else:
                passed = _opendp_threshold(persons, sigmas, threshold)
            kept = [name for name in batch.schema.names if name not in ("persons", "sigma")]
            rows = pa.array(sorted(passed), pa.int64())
            arrays = [batch.column(name).take(rows) for name in kept]
            arrays.append(pa.array([passed[i] for i in sorted(passed)], pa.int64()))
            yield pa.RecordBatch.from_arrays(arrays, names=[*kept, "noised"])

    return add


def _opendp_threshold(persons: list[int], sigmas: list[float], threshold: Threshold) -> dict[int, int]:
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = (
        dp.map_domain(dp.atom_domain(T="String"), dp.atom_domain(T="i64")),
        dp.l02inf_distance(dp.absolute_distance(T="i64")),
    )
    passed: dict[int, int] = {}
    for sigma in sorted(set(sigmas)):
        at = {str(i): persons[i] for i, s in enumerate(sigmas) if s == sigma}
        drawn = dp.m.make_gaussian_threshold(*space, scale=sigma, threshold=threshold.value)(at)
        passed.update({int(i): int(value) for i, value in drawn.items()})
    return passed


def _opendp(persons: list[int], sigmas: list[float]) -> list[int]:
    import opendp.prelude as dp

    dp.enable_features("contrib")
    noised = [0] * len(persons)
    for sigma in sorted(set(sigmas)):
        at = [i for i, s in enumerate(sigmas) if s == sigma]
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
        draws = dp.m.make_gaussian(*space, scale=sigma)([persons[i] for i in at])
        for i, value in zip(at, draws, strict=True):
            noised[i] = value
    return noised


def _seeded(batch: pa.RecordBatch, seed: int | None) -> list[int]:
    """A rounded Gaussian by cell, from the seed and the cell's keys: the same however rows are batched."""
    import random

    keys = [name for name in batch.schema.names if name not in ("persons", "sigma")]
    rows = batch.to_pylist()
    return [
        row["persons"] + round(random.Random(f"{seed}|{[str(row[k]) for k in keys]}").gauss(0, row["sigma"]))
        for row in rows
    ]
