"""Purposes as a bit mask: which purposes a row may serve."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from expectations.consent_ledger import ALL_PURPOSES, PURPOSES

EVERY = (1 << len(PURPOSES)) - 1


def bit(purpose: str) -> int:
    """The bit of a purpose; ``all`` has every bit.

    Raises:
        ValueError: The purpose is unknown.
    """
    if purpose == ALL_PURPOSES:
        return EVERY
    if purpose not in PURPOSES:
        raise ValueError(f"unknown purpose {purpose!r}: one of {', '.join(PURPOSES)}")
    return 1 << PURPOSES.index(purpose)


def bits_of(purpose: Column) -> Column:
    """Bits of a purpose column; purposes outside the statistics (rewards) have none."""
    result = F.lit(0)
    for name in (*PURPOSES, ALL_PURPOSES):
        result = F.when(purpose == name, F.lit(bit(name))).otherwise(result)
    return result.cast("int")


def serves(mask: Column, purpose: str) -> Column:
    """Whether a mask allows the purpose."""
    return mask.bitwiseAND(F.lit(bit(purpose))) != 0
