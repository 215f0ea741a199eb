"""From the cell plan to sectors: the ground that each antenna covers, as few numbers a cell."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.settings import RadioPolicy
from udfs import geo, radio

SMALL_PLACEMENTS = ("pico", "indoor")

SAME_MAST_M = 100.0
"""Masts nearer than this are one place: several operators' or technologies' antennas on neighbouring roofs."""


@dataclass(frozen=True)
class FootprintParams:
    """Parameters of the footprints; lengths in metres.

    Attributes:
        default_beam_deg: Beam width where the plan names none, degrees.
        max_range_m: Longest range by technology.
        min_range_m: Shortest range of a cell that is not small.
        small_range_m: Range of indoor and pico cells.
        range_factor: Range as a multiple of the distance to near masts.
        near_rank: Which of the nearest other masts, counted from one, sets the range.
        least_share: Tiles less likely than this share of the cell's likeliest tile are cut off.
        quantiles: Equiprobable quantiles a cell.
        slices: Tasks over which the sectors are spread.
    """

    default_beam_deg: float = 120.0
    max_range_m: tuple[tuple[str, float], ...] = (("GSM", 10_000), ("UMTS", 6_000), ("LTE", 6_000), ("NR", 4_000))
    min_range_m: float = 300.0
    small_range_m: float = 250.0
    range_factor: float = 1.5
    near_rank: int = 3
    least_share: float = 0.02
    quantiles: int = 256
    slices: int = 32

    @classmethod
    def from_policy(cls, policy: RadioPolicy) -> FootprintParams:
        """Take the policy's radio parameters."""
        return cls(
            default_beam_deg=policy.default_beam_deg,
            max_range_m=tuple(sorted(policy.max_range_m.items())),
            small_range_m=policy.small_range_m,
            range_factor=policy.range_factor,
            quantiles=policy.quantiles,
        )

    @property
    def longest_m(self) -> float:
        """Longest range of any technology."""
        return max(metres for _, metres in self.max_range_m)


def valid_cells(cells: DataFrame, start: dt.datetime, end: dt.datetime) -> DataFrame:
    """Keep the cells that are valid at some time in [start, end), one row a cell: the one valid latest.

    Args:
        cells: Rows of ``reference.cells``.
        start: First instant, with time zone.
        end: Last instant, exclusive.
    """
    latest = Window.partitionBy("cell_id").orderBy(F.col("valid_from").desc_nulls_last())
    in_time = (F.col("valid_from").isNull() | (F.col("valid_from") < F.lit(end))) & (
        F.col("valid_to").isNull() | (F.col("valid_to") > F.lit(start))
    )
    return cells.where(in_time).withColumn("_n", F.row_number().over(latest)).where("_n = 1").drop("_n")


def sectors(cells: DataFrame, params: FootprintParams) -> DataFrame:
    """Describe each cell's sector in EPSG:3035.

    Args:
        cells: Rows of ``reference.cells``, one a cell.
        params: See ``FootprintParams``.

    Returns:
        One row a cell: ``cell_id, site_id, is_small, sector`` (key: equal for cells that cover the same ground),
        ``x, y`` (mast, whole metres), ``range_m, azimuth_deg`` (clockwise from grid north; null: circle),
        ``width_deg``.
    """
    placed = _placed(cells, params)
    near = _near_mast(placed.where(~F.col("is_small")), params)
    limit = F.coalesce(F.col("plan_range_m"), _by_technology(params))
    own_range = F.when(F.col("is_small"), F.coalesce(F.col("plan_range_m"), F.lit(params.small_range_m))).otherwise(
        radio.reach_m(F.col("near_m"), limit, params.range_factor, params.min_range_m)
    )
    key = F.concat_ws(
        "/", "x", "y", "range_m", F.coalesce(F.col("azimuth_deg").cast("string"), F.lit("o")), "width_deg"
    )
    return (
        placed.join(near, on="mast", how="left")
        .withColumn("range_m", own_range)
        .withColumn("sector", key)
        .select("cell_id", "site_id", "is_small", "sector", "x", "y", "range_m", "azimuth_deg", "width_deg")
    )


def _placed(cells: DataFrame, params: FootprintParams) -> DataFrame:
    """Cells in the plane; azimuths turn from true to grid north, which differ by 11 degrees in Madrid."""
    placement = F.lower(F.coalesce(F.col("placement"), F.lit("")))
    is_small = placement.isin(*SMALL_PLACEMENTS)
    dx = geo.st("ST_X", F.col("north")) - geo.st("ST_X", F.col("at"))
    dy = geo.st("ST_Y", F.col("north")) - geo.st("ST_Y", F.col("at"))
    turned = F.round(F.pmod(F.col("azimuth_deg") + F.degrees(F.atan2(dx, dy)), F.lit(360.0)), 1)
    width = radio.coverage_deg(F.coalesce(F.col("beam_width_deg"), F.lit(float(params.default_beam_deg))))
    is_round = is_small | F.col("azimuth_deg").isNull() | (width >= 360.0)
    points = geo.settled(
        cells,
        at=geo.laea_point(F.col("longitude"), F.col("latitude")),
        north=geo.laea_point(F.col("longitude"), F.col("latitude") + F.lit(0.01)),
    )
    return points.select(
        "cell_id",
        "site_id",
        "technology",
        F.col("range_m").alias("plan_range_m"),
        is_small.alias("is_small"),
        F.round(geo.st("ST_X", F.col("at")), 0).alias("x"),
        F.round(geo.st("ST_Y", F.col("at")), 0).alias("y"),
        F.when(~is_round, turned).alias("azimuth_deg"),
        F.when(~is_round, width).otherwise(F.lit(360.0)).alias("width_deg"),
    ).withColumn("mast", geo.tile_number(F.col("x"), F.col("y")))


def _near_mast(placed: DataFrame, params: FootprintParams) -> DataFrame:
    """Distance from each mast's tile to its ``near_rank``-th nearest other mast, metres; fewer: the farthest.

    Masts meet in bins as wide as a distance can matter, so that a national plan does not pair all with all.
    """
    width = max(params.longest_m / params.range_factor, 1_000.0)
    masts = placed.groupBy("mast").agg(F.min(F.struct("x", "y")).alias("p")).select("mast", "p.x", "p.y")
    bins = masts.withColumn("bx", F.floor(F.col("x") / width)).withColumn("by", F.floor(F.col("y") / width))
    around = F.array(*(F.lit(i).cast("bigint") for i in (-1, 0, 1)))
    spread = (
        bins.withColumn("i", F.explode(around))
        .withColumn("j", F.explode(around))
        .select("mast", "x", "y", (F.col("bx") + F.col("i")).alias("bx"), (F.col("by") + F.col("j")).alias("by"))
    )
    others = bins.select(F.col("x").alias("ox"), F.col("y").alias("oy"), "bx", "by")
    gap = F.sqrt(F.pow(F.col("x") - F.col("ox"), 2) + F.pow(F.col("y") - F.col("oy"), 2))
    nearest = F.slice(F.array_sort(F.collect_list("gap")), 1, params.near_rank)
    return (
        spread.join(others, on=["bx", "by"], how="inner")
        .withColumn("gap", gap)
        .where((F.col("gap") >= SAME_MAST_M) & (F.col("gap") <= width))
        .groupBy("mast")
        .agg(nearest.alias("gaps"))
        .select("mast", F.element_at("gaps", -1).alias("near_m"))
    )


def _by_technology(params: FootprintParams) -> Column:
    known = [item for name, metres in params.max_range_m for item in (F.lit(name), F.lit(float(metres)))]
    return F.coalesce(F.try_element_at(F.create_map(*known), F.col("technology")), F.lit(float(params.longest_m)))
