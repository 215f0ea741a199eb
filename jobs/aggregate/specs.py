"""What each product counts by: its key columns, their places in staging.noised, and their fixed words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from expectations.contract import Contract
from expectations.product_words import (
    AGE_BANDS,
    DAYPARTS,
    DIRECTIONS,
    DWELL_BANDS,
    GENDERS,
    SECTORS,
    SPEED_BANDS,
)
from expectations.products import APPROACH, AUDIENCE, CATCHMENT, CORRIDOR_FLOW, DWELL, FOOTFALL, OD, PANEL

CELL = ("zone_id", "hour", "part", "other")
"""Columns of staging.noised that, with release and level, name a cell."""


@dataclass(frozen=True)
class Merging:
    """Which cells of a zone are offered together where none of them can be shown alone.

    Attributes:
        over: Column of ``CELL`` in which they differ; hours are merged within a part of the day.
        words: Words of that column that are; empty: all.
    """

    over: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProductSpec:
    """How a product's cells are named.

    Attributes:
        contract: The product's table.
        keys: Column of the product to column of ``CELL``.
        part_words: The fixed domain of ``part``; empty: the product has none, or a public table gives it.
        other_words: The same of ``other``.
        is_nested: Whether coarser levels of the partition are sums of the finest: what is counted adds up.
        small_cell_parts: Words of ``part`` that exist at places which small cells resolve, and nowhere else.
        bare_roles: Roles whose level is drawn without ``other``: others of the same product split it up.
        merging: Which failing cells are offered together; ``None``: none.
    """

    contract: Contract
    keys: dict[str, str]
    part_words: tuple[str, ...] = ()
    other_words: tuple[str, ...] = ()
    is_nested: bool = False
    small_cell_parts: tuple[str, ...] = ()
    bare_roles: tuple[str, ...] = ()
    merging: Merging | None = None

    @property
    def name(self) -> str:
        """Name of the product."""
        return self.contract.name

    def others(self, role: str) -> list[str | None]:
        """The domain of ``other`` on the level of a role."""
        return list(self.other_words) if self.other_words and role not in self.bare_roles else [None]

    @property
    def by_hour(self) -> bool:
        """Whether the product has a cell an hour of the clock."""
        return "hour" in self.keys


SPECS: dict[str, ProductSpec] = {
    spec.name: spec
    for spec in (
        ProductSpec(PANEL, {"zone_id": "zone_id"}, is_nested=True),
        ProductSpec(FOOTFALL, {"zone_id": "zone_id", "hour": "hour"}, is_nested=True, merging=Merging("hour")),
        ProductSpec(DWELL, {"zone_id": "zone_id", "dwell_band": "part"}, DWELL_BANDS, small_cell_parts=("<15",)),
        ProductSpec(
            APPROACH,
            {"zone_id": "zone_id", "daypart": "part", "sector": "other"},
            DAYPARTS,
            SECTORS,
            merging=Merging("part"),
        ),
        ProductSpec(
            AUDIENCE,
            {"zone_id": "zone_id", "age_band": "part", "gender": "other"},
            AGE_BANDS,
            GENDERS,
            # The rest are few or none: beside them the noise of their cells is all that a sum would gain.
            merging=Merging("other", ("female", "male")),
        ),
        ProductSpec(
            OD,
            {"origin_zone_id": "zone_id", "daypart": "part", "destination_zone_id": "other"},
            DAYPARTS,
        ),
        ProductSpec(
            CATCHMENT,
            {"zone_id": "zone_id", "distance_band": "part", "home_zone_id": "other"},
            merging=Merging("other"),
        ),
        ProductSpec(
            CORRIDOR_FLOW,
            {"corridor_id": "zone_id", "direction": "part", "hour": "hour"},
            DIRECTIONS,
            SPEED_BANDS,
            bare_roles=("corridor",),
        ),
    )
}
"""By name, in order of release: the panel first, since estimates are made from its released figures."""


def daily(products: Iterable[str]) -> list[str]:
    """Those of some products that are released by the day, in order of release."""
    wanted = set(products)
    return [name for name, spec in SPECS.items() if name in wanted and "date" in spec.contract.column_names]
