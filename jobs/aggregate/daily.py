"""The daily products: what a unit adds to each, over segments that were brought together by unit once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.aggregate.bounds import bounded
from jobs.aggregate.corridor_cells import flow_contributions
from jobs.aggregate.specs import CELL
from jobs.aggregate.visit_cells import approach_cells, audience_cells, dwell_cells, zone_centres
from jobs.errors import ReleaseError
from jobs.transform.presence import PresenceParams, kept, main_zones, observed
from jobs.transform.visits import VisitParams, visits


@dataclass(frozen=True)
class Shared:
    """Frames that the products of a day share; what more than one of them needs is made once.

    Attributes:
        segments: See ``jobs.transform.presence.by_unit``, kept; with ``ways`` where there are corridors.
        profile: Rows of ``pseudonymous.profile``.
        counted: Tiles of the zones that can be counted, see ``jobs.transform.visits.visits``.
        resolution: Rows of ``reference.zone_resolution``.
        time_zone: Zone of the local clock.
        hour_shift_seconds: See ``udfs.time.hour_offset_seconds``.
        corridors: ``corridor_id, length_m``; ``None`` where there are none.
    """

    segments: DataFrame
    profile: DataFrame
    counted: DataFrame
    resolution: DataFrame
    time_zone: str
    hour_shift_seconds: int = 0
    corridors: DataFrame | None = None
    _visits: dict[str, DataFrame] = field(default_factory=dict)

    def visits(self, purpose: str) -> DataFrame:
        """Visits that serve a purpose, kept."""
        if purpose not in self._visits:
            params = VisitParams(purpose)
            made = visits(self.segments, self.counted, self.resolution, self.profile, params)
            self._visits[purpose] = kept(made)
        return self._visits[purpose]

    def release(self) -> None:
        """Give the memory back."""
        for frame in (self.segments, *self._visits.values()):
            frame.unpersist()


Contributions = Callable[[Shared, str, Mapping[str, int]], DataFrame]
"""From shared frames, the product's purpose and its bounds by role to one row a unit and cell, each one person."""


def panel(shared: Shared, purpose: str, most: Mapping[str, int]) -> DataFrame:
    """Units of the panel in their zone of residence: one cell a unit."""
    units = observed(shared.segments, shared.profile, shared.counted, purpose).filter("zone_id IS NOT NULL")
    return _named(units.withColumn("role", F.lit("partition")), "panel")


def footfall(shared: Shared, purpose: str, most: Mapping[str, int]) -> DataFrame:
    """Main zones of the hours: one cell a unit, role and hour."""
    params = PresenceParams(purpose, shared.time_zone, shared.hour_shift_seconds)
    return _named(main_zones(shared.segments, shared.counted, params), "footfall")


def dwell(shared: Shared, purpose: str, most: Mapping[str, int]) -> DataFrame:
    """Visits by duration."""
    return bounded(dwell_cells(shared.visits(purpose)), most)


def approach(shared: Shared, purpose: str, most: Mapping[str, int]) -> DataFrame:
    """Visits by where they came from."""
    centres = zone_centres(shared.counted, shared.resolution)
    return bounded(approach_cells(shared.visits(purpose), centres, shared.time_zone), most)


def audience(shared: Shared, purpose: str, most: Mapping[str, int]) -> DataFrame:
    """Visitors by age band and gender."""
    return bounded(audience_cells(shared.visits(purpose), shared.profile), most)


def corridor_flow(shared: Shared, purpose: str, most: Mapping[str, int]) -> DataFrame:
    """Moves along corridors by direction, hour and speed.

    Raises:
        ReleaseError: There are no corridors.
    """
    if shared.corridors is None:
        raise ReleaseError("corridor_flow is drawn without corridors")
    return flow_contributions(shared.segments, shared.corridors, purpose, shared.time_zone, most)


CONTRIBUTIONS: dict[str, Contributions] = {
    "panel": panel,
    "footfall": footfall,
    "dwell": dwell,
    "approach": approach,
    "audience": audience,
    "corridor_flow": corridor_flow,
}


def contributions(shared: Shared, products: Mapping[str, tuple[str, Mapping[str, int]]]) -> DataFrame:
    """What the units add to some products, each row one person in one cell.

    Args:
        shared: See ``Shared``.
        products: Purpose and bounds by role of each product.

    Returns:
        ``date, pseudonym, role, product`` and ``CELL``. Shuffles units, never segments.
    """
    parts = [CONTRIBUTIONS[name](shared, purpose, most) for name, (purpose, most) in products.items()]
    return reduce(DataFrame.unionByName, parts)


def _named(rows: DataFrame, product: str) -> DataFrame:
    kinds = {"zone_id": "string", "hour": "int", "part": "string", "other": "string"}
    cell = [(F.col(c) if c in rows.columns else F.lit(None)).cast(kinds[c]).alias(c) for c in CELL]
    return rows.select("date", "pseudonym", "role", F.lit(product).alias("product"), *cell)
