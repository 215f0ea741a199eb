"""What visits count for: duration, direction of approach, and who the visitors are; a cell a visit."""

from __future__ import annotations

import math

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.product_words import DWELL_BANDS, SECTORS
from jobs.aggregate.specs import CELL
from udfs import geo
from udfs.compass import sector
from udfs.ground import distance_m
from udfs.time import daypart, local_hour

_BAND_STARTS = (0, 15, 30, 60, 120, 240)
_STAY_MINUTES = 15
_UNTOLD = SECTORS[-1]


def dwell_cells(visits: DataFrame) -> DataFrame:
    """Bands of the visits' durations.

    A visit with a stay lasts a stay's least duration at least: what is shorter was cut at midnight. Without
    a stay it is a short presence, which small cells alone can tell.

    Args:
        visits: See ``jobs.transform.visits.visits``.

    Returns:
        One row a visit: ``date, pseudonym, role, product`` and ``CELL``.
    """
    seconds = F.col("end_time").cast("long") - F.col("start_time").cast("long")
    told = F.when(F.col("has_stay"), F.greatest(seconds, F.lit(60 * _STAY_MINUTES))).otherwise(seconds)
    band = F.lit(None).cast("string")
    for start, name in zip(_BAND_STARTS, DWELL_BANDS, strict=True):
        band = F.when(told >= 60 * start, F.lit(name)).otherwise(band)
    return _cells(visits, "dwell", part=band)


def approach_cells(visits: DataFrame, centres: DataFrame, time_zone: str) -> DataFrame:
    """Sectors that visits with a stay came from.

    The sector is that of the last position before the visit which footprints can tell from the zone: in another zone
    of the partition, and at a distance at which its angular uncertainty is at most 45 degrees. It is
    ``unknown`` where there is none on the day, or none after the last silence. The daypart is that of the
    visit's start.

    Args:
        visits: See ``jobs.transform.visits.visits``.
        centres: See ``zone_centres``; broadcast.
        time_zone: Zone of the local clock.

    Returns:
        One row a visit: ``date, pseudonym, role, product`` and ``CELL``.
    """
    stayed = visits.filter("has_stay").join(F.broadcast(centres), on="zone_id", how="left")

    def told(spot: Column) -> Column:
        away = distance_m(geo.centre_x(spot["tile"]), geo.centre_y(spot["tile"]), F.col("x"), F.col("y"))
        reach = combined_m(F.col("radius_m"), F.coalesce(spot["blur_m"].cast("double"), F.col("radius_m")))
        another = (F.col("role") == "place") | ~spot["area"].eqNullSafe(F.col("zone_id"))
        return another & (away > 0) & (away >= reach)

    origin = F.get(F.filter("before", told), F.lit(0))["tile"]
    came_from = sector(geo.centre_x(origin) - F.col("x"), geo.centre_y(origin) - F.col("y"))
    part = daypart(local_hour(F.col("start_time"), time_zone))
    return _cells(stayed, "approach", part=part, other=F.coalesce(came_from, F.lit(_UNTOLD)))


def audience_cells(visits: DataFrame, profile: DataFrame) -> DataFrame:
    """Who made the visits with a stay, by age band and gender of the master data.

    Args:
        visits: See ``jobs.transform.visits.visits``.
        profile: Rows of ``pseudonymous.profile``.

    Returns:
        One row a visit: ``date, pseudonym, role, product`` and ``CELL``; who has no master data is ``unknown``.
    """
    who = profile.select("date", "pseudonym", "age_band", "gender")
    known = visits.filter("has_stay").join(who, on=["pseudonym", "date"], how="left")
    age, gender = (F.coalesce(name, F.lit("unknown")) for name in ("age_band", "gender"))
    return _cells(known, "audience", part=age, other=gender)


def zone_centres(counted: DataFrame, resolution: DataFrame) -> DataFrame:
    """Centre of each zone's tiles and the radius to which footprints there tell a position.

    Args:
        counted: ``zone_id, tile``.
        resolution: Rows of ``reference.zone_resolution``.

    Returns:
        ``zone_id, x, y`` (EPSG:3035, metres), ``radius_m`` (null: no footprint touches the zone).
    """

    def mean(index: Column) -> Column:
        # Sums of whole numbers: the centre does not depend on the order of tiles.
        return geo.TILE_M * (F.sum(index) / F.count("*")) + geo.TILE_M / 2

    centres = counted.groupBy("zone_id").agg(
        mean(geo.tile_column(F.col("tile"))).alias("x"), mean(geo.tile_row(F.col("tile"))).alias("y")
    )
    return centres.join(F.broadcast(resolution.select("zone_id", "radius_m")), on="zone_id", how="left").select(
        "zone_id", "x", "y", "radius_m"
    )


def angular_uncertainty(resolution: DataFrame, distances_m: tuple[int, ...] = (1000, 2000, 5000, 10_000)) -> DataFrame:
    """How well a zone's sectors of approach are told; from the cell plan and geography alone, so public.

    Both ends of an approach are blurred by footprints: with radii r of the zone's and of the origin's, taken alike,
    the direction at distance d is uncertain by atan(sqrt(2) r / d).

    Args:
        resolution: Rows of ``reference.zone_resolution``.
        distances_m: Distances that are looked at, metres.

    Returns:
        ``zone_id, told_from_m`` (nearest distance at which a sector is told, metres), and ``degrees_at_<d>_m``.
    """
    blur = combined_m(F.col("radius_m"), F.col("radius_m"))
    angles = [F.round(F.degrees(F.atan2(blur, F.lit(float(d)))), 1).alias(f"degrees_at_{d}_m") for d in distances_m]
    return resolution.select("zone_id", F.round(blur / math.tan(math.radians(45)), 0).alias("told_from_m"), *angles)


def combined_m(radius: Column, other: Column) -> Column:
    """Uncertainty of an offset between two positions that are told to these radii, metres."""
    return F.sqrt(radius * radius + other * other)


def _cells(visits: DataFrame, product: str, *, part: Column, other: Column | None = None) -> DataFrame:
    nothing = F.lit(None).cast("string")
    named = visits.select(
        *("date", "pseudonym", "role", "zone_id"),
        F.lit(product).alias("product"),
        F.lit(None).cast("int").alias("hour"),
        part.alias("part"),
        (nothing if other is None else other).alias("other"),
    )
    return named.select("date", "pseudonym", "role", "product", *CELL)
