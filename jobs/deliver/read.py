"""A valid release as a reader has it: its entry, its rows and the public geography that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.contract import Contract, Schema
from expectations.corridors import CORRIDORS
from expectations.footprints import ZONE_RESOLUTION
from expectations.products import PRODUCTS, RELEASES
from expectations.zones import ZONES
from jobs.errors import ReleaseError, ThreestepError, UsageError
from jobs.lake import Door, Lake

_WHOLE = ("INT", "BIGINT")


@dataclass(frozen=True, eq=False)
class Delivery:
    """One valid release.

    Attributes:
        contract: The product's table.
        entry: Its row of ``products.releases``.
        rows: The product's rows in order of their keys; whole numbers as ``Int64``, with gaps.
        zones: Rows of ``reference.zones``, by ``zone_id``.
        corridors: Rows of ``reference.corridors``, by ``corridor_id``; empty for other products.
        resolution: Rows of ``reference.zone_resolution``, by ``zone_id``.
        together: zCDP of all valid releases of the same period, this one among them.
    """

    contract: Contract
    entry: Mapping[str, Any]
    rows: pd.DataFrame
    zones: pd.DataFrame
    corridors: pd.DataFrame
    resolution: pd.DataFrame
    together: float

    @property
    def release_id(self) -> str:
        """The release."""
        return str(self.entry["release_id"])

    @property
    def product(self) -> str:
        """The product."""
        return self.contract.name


def open_door(lake: Lake) -> Door:
    """What a delivery may open: products and public reference, nothing else."""
    return lake.door(reads=[Schema.PRODUCTS, Schema.REFERENCE])


def entries(lake: Lake) -> list[dict[str, Any]]:
    """All valid releases, by product, period and correction."""
    door = open_door(lake)
    if not door.exists(RELEASES):
        return []
    ordered = door.read(RELEASES).orderBy("product", "period", "correction", "release_id")
    return [row.asDict() for row in ordered.collect()]


def choose(
    found: Sequence[Mapping[str, Any]],
    *,
    product: str | None = None,
    period: str | None = None,
    release: str | None = None,
) -> list[Mapping[str, Any]]:
    """The latest correction of each product of a period, or the one release that is named.

    Args:
        found: See ``entries``.
        product: Only this product.
        period: Day, week or month, as ISO 8601.
        release: A release by its identity; corrected ones too.

    Raises:
        UsageError: There is no such product.
        ThreestepError: Nothing of the kind has been released.
    """
    if product is not None and product not in PRODUCTS:
        raise UsageError(f"unknown product {product!r}: one of {', '.join(PRODUCTS)}")
    fitting = [
        entry
        for entry in found
        if (release is None or entry["release_id"] == release)
        and (product is None or entry["product"] == product)
        and (period is None or entry["period"] == period)
    ]
    if not fitting:
        asked = release or f"{product or 'anything'} of {period}"
        known = sorted({str(e["period"]) for e in found if product in (None, e["product"])})
        told = f"; released: {', '.join(known[-5:])}" if known else "; nothing is"
        raise ThreestepError(f"products.releases: {asked} has not been released{told}. threestep run makes releases")
    latest = {entry["product"]: entry for entry in sorted(fitting, key=lambda e: (e["correction"], e["release_id"]))}
    return [latest[name] for name in PRODUCTS if name in latest]


def refuse_restricted(entry: Mapping[str, Any]) -> None:
    """Refuse a release that must not leave the house.

    Raises:
        ReleaseError: A waiver or a test made it.
    """
    if not entry["for_release"]:
        raise ReleaseError(
            f"{entry['release_id']} is not for release ({entry['note'] or 'made under a waiver or in a test'}): "
            "--internal writes it all the same, for use inside the house"
        )


def read_delivery(lake: Lake, entry: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> Delivery:
    """Read the rows of a release, and the geography beside them.

    Args:
        lake: The lake.
        entry: The release.
        found: All valid releases, for what the period cost together.

    Raises:
        ThreestepError: The product's table does not hold as many rows as the entry says.
    """
    door, contract = open_door(lake), PRODUCTS[str(entry["product"])]
    rows = door.read(contract).filter(F.col("release_id") == entry["release_id"])
    table = _typed(rows, contract)
    if len(table) != entry["cells"]:
        raise ThreestepError(
            f"{contract.full_name}: release {entry['release_id']} has {len(table)} rows, but its entry says "
            f"{entry['cells']}: the table was changed by other hands; restore it from its history"
        )
    corridors = _optional(door, CORRIDORS) if "corridor_id" in contract.column_names else pd.DataFrame()
    return Delivery(
        contract,
        entry,
        table,
        _indexed(_optional(door, ZONES), "zone_id"),
        _indexed(corridors, "corridor_id"),
        _indexed(_optional(door, ZONE_RESOLUTION), "zone_id"),
        float(sum(e["rho"] for e in found if e["period"] == entry["period"])),
    )


def _typed(rows: DataFrame, contract: Contract) -> pd.DataFrame:
    table = rows.select(contract.column_names).toPandas()
    whole = {c.name: "Int64" for c in contract.columns if c.type in _WHOLE}
    return table.astype(whole).sort_values(list(contract.keys), ignore_index=True)


def _optional(door: Door, contract: Contract) -> pd.DataFrame:
    if not door.exists(contract):
        return pd.DataFrame(columns=contract.column_names)
    return door.read(contract).toPandas()


def _indexed(table: pd.DataFrame, key: str) -> pd.DataFrame:
    return table.sort_values(key).set_index(key, drop=False) if key in table.columns else table
