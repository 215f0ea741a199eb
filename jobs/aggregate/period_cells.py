"""What a unit counts for in a week or month, and the public cells that it can count in."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.product_words import DAYPARTS
from jobs.aggregate.distances import distance_band, distances, zone_centres
from jobs.aggregate.specs import CELL
from jobs.settings import Policy
from udfs.purposes import serves


@dataclass(frozen=True)
class PairBounds:
    """Which pairs of zones are in the domain of origins and destinations.

    Attributes:
        max_distance_km: Farthest distance between centres; ``None``: all.
        with_residents: Whether only zones with residents are in it.
    """

    max_distance_km: float | None = None
    with_residents: bool = False


def od_pairs(between: DataFrame, inhabited: DataFrame, bounds: PairBounds) -> DataFrame:
    """The public pairs of origin and destination, each zone with itself among them.

    Args:
        between: See ``jobs.aggregate.distances.distances``, of the zones of the finest partition.
        inhabited: ``zone_id`` of zones with residents.
        bounds: See ``PairBounds``.

    Returns:
        ``zone_id`` (origin), ``other`` (destination).
    """
    pairs = between
    if bounds.max_distance_km is not None:
        pairs = pairs.filter(F.col("km") <= bounds.max_distance_km)
    if bounds.with_residents:
        there = F.broadcast(inhabited.select("zone_id").distinct())
        there_too = F.broadcast(inhabited.select(F.col("zone_id").alias("other")).distinct())
        pairs = pairs.join(there, on="zone_id", how="left_semi").join(there_too, on="other", how="left_semi")
    return pairs.select("zone_id", "other")


def pairs_of(policy: Policy, zones: DataFrame, zone_tiles: DataFrame, residents: DataFrame) -> DataFrame:
    """The public pairs of zones that trips are counted between.

    Args:
        policy: The policy.
        zones: Rows of ``reference.zones``.
        zone_tiles: Rows of ``reference.zone_tiles``.
        residents: Rows of ``reference.residents``.

    Returns:
        See ``od_pairs``.
    """
    finest = F.broadcast(zones.filter("is_finest").select("zone_id"))
    centres = zone_centres(zone_tiles).join(finest, on="zone_id", how="left_semi")
    inhabited = residents.groupBy("zone_id").agg(F.sum("residents").alias("residents")).filter("residents > 0")
    bounds = PairBounds(policy.od.max_distance_km, policy.od.with_residents)
    return od_pairs(distances(centres, centres), inhabited, bounds)


def od_domain(pairs: DataFrame) -> DataFrame:
    """Pairs by part of the day: ``role`` and ``CELL``, one row a cell."""
    parts = F.explode(F.array(*(F.lit(word) for word in DAYPARTS))).alias("part")
    return pairs.select(
        F.lit("partition").alias("role"), "zone_id", F.lit(None).cast("int").alias("hour"), parts, "other"
    )


def od_cells(contributions: DataFrame, purpose: str) -> DataFrame:
    """The trips that a unit made in the week, each pair and part of the day once.

    Args:
        contributions: Rows of ``pseudonymous.od_contributions`` of one week.
        purpose: Purpose of the product.

    Returns:
        ``role, pseudonym`` and ``CELL``, one row a unit and cell. One shuffle, by unit.
    """
    return (
        contributions.filter(serves(F.col("purposes"), purpose))
        .repartition("pseudonym")
        .select(
            F.lit("partition").alias("role"),
            "pseudonym",
            F.col("origin_zone_id").alias("zone_id"),
            F.lit(None).cast("int").alias("hour"),
            F.col("daypart").alias("part"),
            F.col("destination_zone_id").alias("other"),
        )
        .distinct()
    )


def catchment_domain(zones: DataFrame, between: DataFrame) -> DataFrame:
    """Zones by the zones where visitors live; a zone of the partition has no visitors from itself.

    Args:
        zones: ``zone_id, role`` of zones that can be visited: the finest partition, and places.
        between: See ``jobs.aggregate.distances.distances``: from those zones to the zones of the finest partition.

    Returns:
        ``role`` and ``CELL``, one row a cell; ``part`` is the band of distance.
    """
    pairs = between.join(F.broadcast(zones.select("zone_id", "role")), on="zone_id", how="inner")
    band = distance_band(F.col("km")).alias("part")
    return pairs.filter("role = 'place' OR zone_id <> other").select(
        "role", "zone_id", F.lit(None).cast("int").alias("hour"), band, "other"
    )


def catchment_cells(visits: DataFrame, homes: DataFrame, purpose: str) -> DataFrame:
    """The zones that a unit visited in the month, by where it lives.

    In the partition a visit is a stay outside of the usual environment: neither in the zone of residence nor in that
    of work. At places every stay is one. Who has no home that can be told (inbound visitors, and who has neither
    nights enough nor a registered zone) counts in no cell.

    Args:
        visits: Rows of ``pseudonymous.visits`` of one month.
        homes: See ``jobs.transform.usual_places.home_zones``.
        purpose: Purpose of the product.

    Returns:
        ``role, pseudonym`` and ``CELL`` but for ``part``, which zone and home tell. Two shuffles, by unit.
    """
    told = homes.filter("home_zone_id IS NOT NULL").select("pseudonym", "home_zone_id", "work_zone_id")
    usual = F.col("zone_id").eqNullSafe(F.col("home_zone_id")) | F.col("zone_id").eqNullSafe(F.col("work_zone_id"))
    return (
        visits.filter(serves(F.col("purposes"), purpose))
        .select("role", "pseudonym", "zone_id")
        .join(told, on="pseudonym", how="inner")
        .filter((F.col("role") == "place") | ~usual)
        .select(
            "role", "pseudonym", "zone_id", F.lit(None).cast("int").alias("hour"), F.col("home_zone_id").alias("other")
        )
        .distinct()
    )


def within(cells: DataFrame, domain: DataFrame) -> DataFrame:
    """Units' cells that are in the domain, with its ``part`` where they have none of their own.

    What lies outside must not use up a unit's bound: which cells there are is public.
    """
    keys: list[str] = [name for name in ("role", "zone_id", "part", "other") if name in cells.columns]
    public = domain.select(*keys) if "part" in keys else domain.select(*keys, "part")
    return cells.join(public, on=keys, how="inner").select("role", "pseudonym", *CELL)
