"""What of the flows along corridors is shown: persons by the threshold, the speed band and emissions from what is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.product_words import DIRECTIONS, SPEED_BANDS
from jobs.aggregate.specs import CELL
from jobs.release.disclosure import BLOCKS

LEVEL, SPEED_LEVEL = "corridor", "speed"
ROAD_KINDS = ("road", "street", "motorway", "trunk", "primary", "secondary", "tertiary")

_SHARE_DEVIATION = 0.15
"""How far a band's share of an hour is expected to be from its share of the day: one standard deviation."""


@dataclass(frozen=True)
class AlongParams:
    """Thresholds and noise of one product.

    Attributes:
        min_persons: Fewest persons.
        margin_sigmas: Margin above that, in standard deviations of the noise.
        sigma: Noise of a count of persons.
        sigma_speed: Noise of a count by speed band; ``None``: not drawn.
    """

    min_persons: int
    margin_sigmas: float
    sigma: float
    sigma_speed: float | None


@dataclass(frozen=True)
class EmissionFactors:
    """Emissions of a car, and what has to be assumed to come from persons to cars.

    Per vehicle-kilometre: EMEP/EEA air pollutant emission inventory guidebook, chapter 1.A.3.b.i-iv Road transport,
    Tier 1 for passenger cars: typical consumption 70 g of petrol and 60 g of diesel a kilometre; NOx 8.73 and 12.96 g a
    kilogram of fuel; CO2 3.169 kg a kilogram of fuel; the mean of petrol and diesel. Tier 1 knows no speeds and an
    older fleet: NOx of today's cars is rather lower.

    Attributes:
        co2_g: Carbon dioxide, grams a vehicle-kilometre.
        nox_g: Nitrogen oxides, grams a vehicle-kilometre.
        occupancy: Persons a car; everybody on a road is taken to be in a car.
        mean_share: Of the corridor's length that a move covers. 2/3 is the mean length of a section between two points
            drawn uniformly, given that it is half of the whole at least.
    """

    co2_g: float = 206.0
    nox_g: float = 0.694
    occupancy: float = 1.4
    mean_share: float = 2 / 3


def flow_domain(corridors: DataFrame, hours: Mapping[str, Sequence[int]]) -> DataFrame:
    """The public domain: every corridor, direction and hour of some releases: ``release_id, level`` and ``CELL``.

    Args:
        corridors: Rows of ``reference.corridors``.
        hours: Hours of the clock by release.
    """
    words = [(r, hour, part, None) for r, found in hours.items() for hour in found for part in DIRECTIONS]
    cells = corridors.sparkSession.createDataFrame(words, "release_id STRING, hour INT, part STRING, other STRING")
    lines = corridors.select(F.col("corridor_id").alias("zone_id"), F.lit(LEVEL).alias("level"))
    return cells.join(F.broadcast(lines), how="cross").select("release_id", "level", *CELL)


def judged_along(noised: DataFrame, domain: DataFrame, params: AlongParams) -> DataFrame:
    """Decide what is shown, and tell the speed band of it.

    Args:
        noised: Rows of ``staging.noised`` of the product, both levels.
        domain: See ``flow_domain``; corridors that no cell covers have no draw and are unresolved.
        params: Thresholds.

    Returns:
        One row a cell of the domain: ``release_id, level``, ``CELL``, ``status, persons, sigma, speed_band, blocks``
        (null: no sums are shown).
    """
    key = ("release_id", "zone_id", "hour", "part")
    totals = noised.filter(F.col("level") == LEVEL).select(*key, "noised")
    bands = (
        noised.filter(F.col("level") == SPEED_LEVEL)
        .groupBy(*key)
        .agg(*(F.sum(F.when(F.col("other") == band, F.col("noised"))).alias(f"band_{i}") for i, band in _numbered()))
    )
    same = [F.col(f"d.{c}").eqNullSafe(F.col(f"n.{c}")) for c in key]
    told = (
        domain.alias("d")
        .join(totals.alias("n"), on=reduce(Column.__and__, same), how="left")
        .select("d.*", "n.noised")
        .join(bands, on=list(key), how="left")
    )
    shown = F.coalesce(F.col("noised") >= params.min_persons + params.margin_sigmas * params.sigma, F.lit(False))
    status = F.when(F.col("noised").isNull(), "unresolved").when(shown, "published").otherwise("suppressed")
    band = F.lit(None).cast("string") if params.sigma_speed is None else _median_band(params.sigma_speed)
    return told.select(
        "release_id",
        "level",
        *CELL,
        status.alias("status"),
        F.when(shown, F.col("noised")).alias("persons"),
        F.lit(params.sigma).alias("sigma"),
        F.when(shown, band).alias("speed_band"),
        F.lit(None).cast(BLOCKS).alias("blocks"),
    )


def with_emissions(flows: DataFrame, corridors: DataFrame, factors: EmissionFactors) -> DataFrame:
    """Add ``co2_kg`` and ``nox_g`` of the estimated persons on roads, null elsewhere: an estimate of an estimate.

    Args:
        flows: Judged cells with ``level``, ``zone_id`` (the corridor) and ``estimate``; others may be among them.
        corridors: Rows of ``reference.corridors``.
        factors: See ``EmissionFactors``.
    """
    lines = corridors.select(F.col("corridor_id").alias("zone_id"), F.col("kind").alias("_kind"), "length_m")
    kilometres = F.col("estimate") * F.col("length_m") / 1_000 * F.lit(factors.mean_share) / F.lit(factors.occupancy)
    on_road = (F.col("level") == LEVEL) & F.lower("_kind").isin(*ROAD_KINDS)
    return (
        flows.join(F.broadcast(lines), on="zone_id", how="left")
        .withColumn("co2_kg", F.round(F.when(on_road, kilometres * F.lit(factors.co2_g) / 1_000), 1))
        .withColumn("nox_g", F.round(F.when(on_road, kilometres * F.lit(factors.nox_g)), 1))
        .drop("_kind", "length_m")
    )


def _numbered() -> list[tuple[int, str]]:
    return list(enumerate(SPEED_BANDS))


def _median_band(sigma: float) -> Column:
    """Band of the median: the hour's noised bands, drawn towards the whole day's the more, the fewer persons there are.

    The hour's share of a band has the noise's deviation over the persons; the day's share is known better, and
    taken to differ from the hour's by ``_SHARE_DEVIATION``. The two are weighted by their precision.
    """
    day = Window.partitionBy("release_id", "zone_id", "part")
    of_day = [F.greatest(F.sum(f"band_{i}").over(day), F.lit(0)) for i, _ in _numbered()]
    whole = reduce(Column.__add__, of_day)
    persons = F.greatest(F.col("noised"), F.lit(1))
    known = (F.lit(_SHARE_DEVIATION) * persons) ** 2
    trust = known / (known + F.lit(sigma**2))
    shares = [
        F.greatest(
            trust * F.coalesce(F.col(f"band_{i}"), F.lit(0)) / persons
            + (1 - trust) * F.when(whole > 0, found / whole).otherwise(F.lit(1 / len(SPEED_BANDS))),
            F.lit(0.0),
        )
        for (i, _), found in zip(_numbered(), of_day, strict=True)
    ]
    half = reduce(Column.__add__, shares) / 2
    found: Column = F.lit(SPEED_BANDS[-1])
    for i in range(len(SPEED_BANDS) - 2, -1, -1):
        found = F.when(reduce(Column.__add__, shares[: i + 1]) >= half, F.lit(SPEED_BANDS[i])).otherwise(found)
    return found
