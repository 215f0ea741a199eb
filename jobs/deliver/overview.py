"""What is released of a span of days, product by product, and what is still to come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pyspark.sql import functions as F

from expectations.products import PRODUCTS
from jobs.deliver.read import entries, open_door
from jobs.lake import Lake
from jobs.settings import Policy

_SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class ProductState:
    """One product in the days, weeks or months of a run.

    Attributes:
        product: The product.
        released: Periods with a valid release.
        waiting: Periods that the policy asks for and that have none yet.
        statuses: Cells of the releases by status.
    """

    product: str
    released: tuple[str, ...]
    waiting: tuple[str, ...]
    statuses: Mapping[str, int] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """Released or not, in words."""
        if not self.waiting:
            return "released"
        if not self.released:
            return f"{', '.join(self.waiting[:2])}{' …' if len(self.waiting) > 2 else ''}: not released yet"
        return f"{len(self.released)} released, {len(self.waiting)} not yet"


def overview(lake: Lake, days: Sequence[dt.date], policy: Policy) -> list[ProductState]:
    """Every product that the policy asks for or that is released, from released rows alone.

    Args:
        lake: The lake.
        days: Local days; products of a week or month count for the periods that hold one of them.
        policy: Policy of the run.
    """
    found: dict[str, dict[str, str]] = {}
    # Sorted by correction: the latest one counts.
    for entry in entries(lake):
        found.setdefault(entry["product"], {})[entry["period"]] = entry["release_id"]
    wanted = {name: _periods(product.period, days) for name, product in policy.products.items()}
    spans = {period for kind in ("day", "week", "month") for period in _periods(kind, days)}
    for name, own in found.items():
        # What an earlier policy released of the same days.
        wanted.setdefault(name, sorted(spans & own.keys()))
    names = [name for name in PRODUCTS if wanted.get(name)]

    def state(name: str) -> ProductState:
        own = found.get(name, {})
        released = tuple(p for p in wanted[name] if p in own)
        waiting = tuple(p for p in wanted[name] if p not in own)
        statuses = _statuses(lake, name, [own[p] for p in released])
        return ProductState(name, released, waiting, statuses)

    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        return list(pool.map(state, names))


def _statuses(lake: Lake, product: str, releases: Sequence[str]) -> dict[str, int]:
    if not releases:
        return {}
    rows = open_door(lake).read(PRODUCTS[product]).filter(F.col("release_id").isin(list(releases)))
    counted = rows.groupBy("status").agg(F.count("*").alias("cells")).orderBy("status").collect()
    return {row["status"]: int(row["cells"]) for row in counted}


def _periods(kind: str, days: Sequence[dt.date]) -> list[str]:
    """Days, ISO weeks or months that hold the days, in order."""
    shape = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}[kind]
    return list(dict.fromkeys(day.strftime(shape) for day in sorted(days)))
