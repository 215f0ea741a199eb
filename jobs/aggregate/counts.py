"""Stage 3: persons become integer counts over a fixed public domain, ready for noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pyspark.sql import DataFrame
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


def footfall_counts(main_zones: DataFrame) -> DataFrame:
    """Persons by zone and hour. A unit is in one zone an hour and role, so rows are persons.

    Returns:
        ``date, zone_id, hour, persons``.
    """
    return main_zones.groupBy("date", "zone_id", "hour").agg(F.count("*").alias("persons"))


def panel_counts(observed: DataFrame) -> DataFrame:
    """Persons of the panel by zone of residence.

    Returns:
        ``date, zone_id, persons``.
    """
    return observed.filter("zone_id IS NOT NULL").groupBy("date", "zone_id").agg(F.count("*").alias("persons"))


def on_domain(domain: DataFrame, counts: DataFrame) -> DataFrame:
    """Put counts on their public domain, zeros included; counts off the domain are left behind.

    Args:
        domain: ``release_id, product, level, date, sigma`` and ``CELL``, one row a cell; public.
        counts: ``date, persons`` and those columns of ``CELL`` that the product has.

    Returns:
        One row a cell of the domain: ``release_id, product, level``, ``CELL``, ``persons, sigma``.
    """
    keys: list[str] = [c for c in ("date", *CELL) if c in counts.columns]
    return domain.join(counts, on=keys, how="left").select(
        "release_id",
        "product",
        "level",
        "zone_id",
        F.col("hour").cast("int").alias("hour"),
        "part",
        "other",
        F.coalesce("persons", F.lit(0)).cast("bigint").alias("persons"),
        F.col("sigma").cast("double").alias("sigma"),
    )
