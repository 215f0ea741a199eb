"""Estimates of judged cells: what factors are made of is read here, and nothing but released and public figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.corridors import CORRIDORS
from expectations.footprints import ZONE_RESOLUTION
from expectations.products import CATCHMENT, PANEL, PRODUCTS, RELEASES
from expectations.residents import RESIDENTS
from expectations.zones import ZONE_TILES, ZONES
from jobs.aggregate.counts import mechanism
from jobs.aggregate.specs import CELL, ProductSpec
from jobs.calendars import habits
from jobs.lake import Door
from jobs.release.along import EmissionFactors, with_emissions
from jobs.release.extrapolate import EstimateParams, with_estimates
from jobs.release.factors import FactorParams, factor_table, homes_of_places, residents_at
from jobs.release.model_error import model_error
from jobs.settings import Policy


def people_of(door: Door, days: Sequence[dt.date]) -> DataFrame:
    """Official residents as of the days, see ``jobs.release.factors.residents_at``; made once for all its uses."""
    residents = door.read(RESIDENTS)
    dates = residents.sparkSession.createDataFrame([(day,) for day in days], "date DATE")
    return residents_at(residents, dates).localCheckpoint()


def released_panel(door: Door, days: Sequence[dt.date]) -> DataFrame:
    """Panel figures of some days that are released: ``date, zone_id, status, persons``."""
    valid = door.read(RELEASES).select("release_id")
    rows = door.read(PANEL).filter(F.col("date").isin(list(days)))
    return rows.join(F.broadcast(valid), on="release_id", how="left_semi").select(
        "date", "zone_id", "status", "persons"
    )


def factors_of(
    policy: Policy, door: Door, panel: DataFrame, people: DataFrame, days: Sequence[dt.date], levels: tuple[str, ...]
) -> DataFrame:
    """The factors of the days' zones, see ``jobs.release.factors.factor_table``; made once for all their uses.

    Args:
        policy: For the panel's noise, and what is known beside residents.
        door: Reads reference and products.
        panel: Panel figures of the days, judged or released.
        people: See ``people_of``.
        days: The days.
        levels: Levels of the partition, coarsest first.
    """
    zones, drawn = door.read(ZONES), mechanism(policy, PANEL.name, "partition", 1)
    params = FactorParams(levels, drawn.sigma if drawn else 0.0, policy.extrapolation)
    places = homes_of_places(zones, door.read(ZONE_TILES))
    table = factor_table(panel, people, zones, places, _catchment(door, min(days)), params)
    return table.localCheckpoint()


def estimated(
    policy: Policy,
    door: Door,
    judged: DataFrame,
    factors: DataFrame,
    levels: tuple[str, ...],
    days: Sequence[dt.date] = (),
) -> DataFrame:
    """Add estimates, intervals, and along corridors emissions: see ``jobs.release.extrapolate.with_estimates``.

    Args:
        policy: For whether estimates are corrected and intervals carry the model's error.
        door: Reads reference.
        judged: Cells of one product or more, see ``jobs.release.judge.judged_days``.
        factors: See ``factors_of``.
        levels: Levels of the partition, coarsest first.
        days: The days of the cells; none for those of a week or month.
    """
    params = EstimateParams(levels)
    if policy.extrapolation.model_error:
        known = model_error()
        errors = {name: known.of(name) for name in PRODUCTS}
        params = EstimateParams(levels, errors, known.corrections, habits(days, policy.calendar))
    result = with_estimates(judged, factors, door.read(ZONE_RESOLUTION), params)
    return with_emissions(result, door.read(CORRIDORS), EmissionFactors())


def correction_words(policy: Policy, product: str) -> str:
    """What ``products.releases`` tells of a product's corrections, after how its estimates were made; or nothing."""
    if not policy.extrapolation.model_error or not (found := model_error().corrections.get(product)):
        return ""
    cities = " and ".join(sorted({str(city["city"]).title() for city in model_error().cities}))
    span = f"times {min(found.values()):.1f} to {max(found.values()):.1f}"
    what = "trips" if product == "od" else "visits"
    return f"; {what} that contacts do not show are made up for as the simulation of {cities} asks ({span})"


def named(cells: DataFrame, spec: ProductSpec) -> DataFrame:
    """Give cells the product's own column names, with null in columns that nothing has filled."""
    own = {place: name for name, place in spec.keys.items()}
    named = cells.select(*(F.col(c).alias(own.get(c, c)) for c in cells.columns if c not in CELL or c in own))
    empty = {c.name: F.lit(None).cast(c.type) for c in spec.contract.columns if c.name not in named.columns}
    return named.withColumns(empty).select(spec.contract.column_names)


def _catchment(door: Door, day: dt.date) -> DataFrame | None:
    """The latest catchment that has been released, of the day's month or before it."""
    valid = door.read(RELEASES).filter((F.col("product") == CATCHMENT.name) & (F.col("period") <= f"{day:%Y-%m}"))
    latest = valid.agg(F.max_by("release_id", F.struct("period", "correction")).alias("release_id")).collect()
    if latest[0]["release_id"] is None:
        return None
    rows = door.read(CATCHMENT).filter(F.col("release_id") == latest[0]["release_id"]).filter("status = 'published'")
    return rows.select("zone_id", "home_zone_id", "persons")
