"""A released day as a reader of the products has it: figures of every zone and hour, with shapes. No raw counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import shapely  # type: ignore[import-untyped]
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.products import FOOTFALL, RELEASES
from expectations.zones import ZONES
from jobs.deliver.figures import spread
from jobs.errors import ThreestepError
from jobs.lake import Lake

SHOWN = ("published", "merged")
_TILE_KM2 = 0.01


@dataclass(frozen=True, eq=False)
class ReleasedDay:
    """One valid release of footfall.

    Attributes:
        date: Local day.
        release_id: The release.
        note: What restricts its use; ``None``: it may be published.
        zones: One row a zone: ``zone_id, name, level, role, depth, is_finest, km2, shape`` (shapely, WGS84).
        cells: One row a zone and hour: ``zone_id, hour, status, value, lower, upper``; figures are null
            unless the status is in ``SHOWN``. Hours that are merged have the mean of the hours together.
        extrapolated: Whether ``value`` is an estimate of people, or (no residents were given) phones of the
            panel, for which there is no interval.
    """

    date: dt.date
    release_id: str
    note: str | None
    zones: pd.DataFrame
    cells: pd.DataFrame
    extrapolated: bool

    @property
    def unit(self) -> str:
        """What the figures count."""
        return "people" if self.extrapolated else "phones of the panel"

    @property
    def territory(self) -> str:
        """Name of the whole, where one zone covers it; else empty."""
        tops = self.zones[(self.zones["role"] == "partition") & (self.zones["depth"] == 0)]
        return str(tops["name"].iloc[0]) if len(tops) == 1 else ""

    @cached_property
    def totals(self) -> pd.DataFrame:
        """One row an hour: ``value, lower, upper`` of the whole territory, null where it is not published.

        The interval stands only where one zone covers the territory: intervals do not add up.
        """
        tops = self.zones.loc[(self.zones["role"] == "partition") & (self.zones["depth"] == 0), "zone_id"]
        rows = self.cells[self.cells["zone_id"].isin(tops)]
        sums = rows.groupby("hour")[["value", "lower", "upper"]].sum(min_count=len(tops))
        if len(tops) > 1:
            sums[["lower", "upper"]] = float("nan")
        return sums.reindex(sorted(self.cells["hour"].unique()))

    def busiest(self) -> int:
        """The hour with most people in the territory; without a published total, in the shown finest zones."""
        by_hour = self.totals["value"]
        if by_hour.isna().all():
            finest = self.zones.loc[self.zones["is_finest"], "zone_id"]
            rows = self.cells[self.cells["zone_id"].isin(finest)]
            by_hour = rows.groupby("hour")["value"].sum()
        return int(by_hour.index[int(by_hour.fillna(0).to_numpy(dtype=float).argmax())])

    def at(self, hour: int) -> pd.DataFrame:
        """The zones with their figures of one hour."""
        return self.zones.merge(self.cells[self.cells["hour"] == hour], on="zone_id", how="inner")


def released_day(lake: Lake, date: dt.date) -> ReleasedDay:
    """Read the latest valid release of footfall of a day; nothing but products and public geography is opened.

    Raises:
        ThreestepError: The day has not been released.
    """
    door = lake.door(reads=[Schema.PRODUCTS, Schema.REFERENCE])
    releases: Sequence[tuple[str, bool, str | None]] = []
    if door.exists(RELEASES):
        rows = door.read(RELEASES).filter((F.col("product") == FOOTFALL.name) & (F.col("period") == str(date)))
        latest = rows.orderBy(F.desc("correction"), "release_id").limit(1)
        releases = [(r["release_id"], r["for_release"], r["note"]) for r in latest.collect()]
    if not releases:
        raise ThreestepError(f"footfall of {date} has not been released in {lake.root}: threestep run makes it")
    release, for_release, note = releases[0]
    figures = door.read(FOOTFALL).filter((F.col("release_id") == release) & (F.col("date") == F.lit(date)))
    cells = figures.select("zone_id", "hour", "status", "persons", "estimate", "lower", "upper", "covers").toPandas()
    zones = door.read(ZONES).toPandas()
    return day_of(date, release, None if for_release else (note or "not for release"), zones, cells)


def day_of(
    date: dt.date, release: str, note: str | None, zones: pd.DataFrame, figures: pd.DataFrame
) -> ReleasedDay:  # fmt: skip
    """Put released rows together.

    Args:
        date: Local day.
        release: Its release.
        note: What restricts its use, if anything does.
        zones: Rows of ``reference.zones``.
        figures: Rows of ``products.footfall`` of that release.
    """
    extrapolated = bool(figures["estimate"].notna().any())
    shapes = shapely.from_wkt(zones["geometry_wkt"].to_numpy(dtype=object))
    kept = zones[["zone_id", "name", "level", "role", "depth", "is_finest"]].assign(
        km2=zones["tiles"].astype(float) * _TILE_KM2, shape=shapes
    )
    value = figures["estimate" if extrapolated else "persons"]
    cells = figures[["zone_id", "hour", "status"]].assign(
        value=value.astype(float), lower=figures["lower"].astype(float), upper=figures["upper"].astype(float)
    )
    if "covers" in figures:
        cells = spread(cells.assign(covers=figures["covers"]), "hour").drop(columns="covers")
    return ReleasedDay(
        date,
        release,
        note,
        kept.sort_values("zone_id", ignore_index=True),
        cells.sort_values(["zone_id", "hour"], ignore_index=True),
        extrapolated,
    )
