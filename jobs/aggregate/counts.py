"""Stage 3: persons become integer counts over a fixed public domain, ready for noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.aggregate.specs import CELL
from jobs.settings import Policy


@dataclass(frozen=True)
class Mechanism:
    """The noise of one level of a product.

    Attributes:
        sigma: Scale of the discrete Gaussian, persons: sqrt(L0 / 2 rho).
        max_cells: Cells that one unit can touch in a period (L0); each by one person.
        rho: zCDP cost.
    """

    sigma: float
    max_cells: int
    rho: float


def mechanism(policy: Policy, product: str, role: str, hours: int) -> Mechanism | None:
    """The mechanism of a product for levels of a role, or None where the policy switches it off.

    Args:
        policy: The policy.
        product: Name of the product.
        role: ``partition`` or ``place``.
        hours: Hours of the day's clock: the bound where the policy names none.
    """
    found = policy.products[product].mechanisms.get(role) if product in policy.products else None  # type: ignore[call-overload]
    if found is None:
        return None
    most = found.max_cells or hours
    return Mechanism(sigma=math.sqrt(most / (2 * found.rho)), max_cells=most, rho=found.rho)


def cell_counts(contributions: DataFrame) -> DataFrame:
    """Persons by cell.

    Args:
        contributions: See ``jobs.aggregate.daily.contributions``: one row a unit and cell.

    Returns:
        ``product, date``, ``CELL``, ``persons``. One shuffle, of cells.
    """
    return contributions.groupBy("product", "date", *CELL).agg(F.count("*").alias("persons"))


def on_domain(domain: DataFrame, counts: DataFrame) -> DataFrame:
    """Put counts on their public domain, zeros included; counts off the domain are left behind.

    Args:
        domain: ``release_id, product, level, date, sigma`` and ``CELL``, one row a cell; public.
        counts: See ``cell_counts``.

    Returns:
        One row a cell of the domain: ``release_id, product, level``, ``CELL``, ``persons, sigma``.
    """
    same = [F.col(f"d.{c}").eqNullSafe(F.col(f"c.{c}")) for c in ("product", "date", *CELL)]
    return (
        domain.alias("d")
        .join(counts.alias("c"), on=reduce(Column.__and__, same), how="left")
        .select(
            *(f"d.{c}" for c in ("release_id", "product", "level", "zone_id")),
            F.col("d.hour").cast("int").alias("hour"),
            *("d.part", "d.other"),
            F.coalesce("c.persons", F.lit(0)).cast("bigint").alias("persons"),
            F.col("d.sigma").cast("double").alias("sigma"),
        )
    )
