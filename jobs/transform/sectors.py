"""From the cell plan to sectors: each cell as the model sees it, with the defaults of its technology and placement."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.footprints import SECTORS
from jobs.method_settings import RadioPolicy
from udfs import geo, radio

SMALL_PLACEMENTS = ("pico", "indoor")
"""Cells that resolve a small place; with ``micro`` they have the defaults of small cells."""

_LEAST_RANGE_M = 75.0  # a cell reaches the centre of its own tile at least


@dataclass(frozen=True)
class FootprintParams:
    """Parameters of the footprints.

    Attributes:
        radio: What the policy says of them.
        strongest: Beams a tile that share its phones.
        least_db: Beams weaker than the tile's strongest by more than this many decibels have no share.
        near_masts: Masts that are looked at in a block of a square kilometre, nearest first, besides those in it.
        to_spare: Beams that are looked at beyond the strongest, in the middle of each quarter of a block.
        least_share: Tiles less likely than this share of the footprint's mean tile are cut off.
        slices: Tasks over which the blocks are spread.
    """

    radio: RadioPolicy = field(default_factory=RadioPolicy)
    strongest: int = 10
    least_db: float = 25.0
    near_masts: int = 40
    to_spare: int = 10
    least_share: float = 0.02
    slices: int = 32


def valid_cells(cells: DataFrame, start: dt.datetime, end: dt.datetime) -> DataFrame:
    """Keep one row a cell: the one that is valid for the longest part of [start, end), of equals the latest.

    A cell that moves within the window has one position in it still: what it said elsewhere is taken for here.

    Args:
        cells: Rows of ``reference.cells``; validities of a cell do not overlap.
        start: First instant, with time zone.
        end: Last instant, exclusive.

    Returns:
        The rows of cells that are valid at some time of the window, with ``is_moved``: another row is, too.
    """
    starts, ends = F.lit(start).cast("timestamp"), F.lit(end).cast("timestamp")
    begin = F.greatest(F.coalesce("valid_from", starts), starts)
    finish = F.least(F.coalesce("valid_to", ends), ends)
    longest = Window.partitionBy("cell_id").orderBy(
        (begin.cast("double") - finish.cast("double")), F.col("valid_from").desc_nulls_last()
    )
    return (
        cells.where(begin < finish)
        .withColumn("_n", F.row_number().over(longest))
        .withColumn("is_moved", F.count(F.lit(1)).over(Window.partitionBy("cell_id")) > 1)
        .where("_n = 1")
        .drop("_n")
    )


def sectors(cells: DataFrame, plan_id: str, ground_id: str, params: FootprintParams) -> DataFrame:
    """Describe each cell as the model sees it.

    Cells of one beam are received alike everywhere; those of one sector have the same range, too, and share
    one footprint. Both are named by a digest of what they are, so that a name means the same in every plan.

    Args:
        cells: Rows of ``reference.cells``, one a cell.
        plan_id: See ``jobs.transform.plan.plan_digest``.
        ground_id: See ``jobs.transform.plan.plan_digest``.
        params: See ``FootprintParams``.

    Returns:
        Rows of ``reference.sectors``.
    """
    policy = params.radio
    placement = F.lower(F.coalesce(F.col("placement"), F.lit("")))
    resolves = placement.isin(*SMALL_PLACEMENTS)
    small = resolves | (placement == "micro")
    dx = geo.st("ST_X", F.col("north")) - geo.st("ST_X", F.col("at"))
    dy = geo.st("ST_Y", F.col("north")) - geo.st("ST_Y", F.col("at"))
    # From true to grid north, which differ by 11 degrees in Madrid.
    turned = F.round(F.pmod(F.col("azimuth_deg") + F.degrees(F.atan2(dx, dy)), F.lit(360.0)), 1)
    beam = F.coalesce(F.col("beam_width_deg"), F.lit(float(policy.default_beam_deg)))
    # A dome on a ceiling, and a mast whose direction nobody knows, are taken to send all round.
    is_round = (placement == "indoor") | F.col("azimuth_deg").isNull() | (beam >= 360.0)

    def either(of_small: float, of_others: float) -> Column:
        return F.when(small, F.lit(float(of_small))).otherwise(F.lit(float(of_others)))

    points = geo.settled(
        cells,
        at=geo.laea_point(F.col("longitude"), F.col("latitude")),
        north=geo.laea_point(F.col("longitude"), F.col("latitude") + F.lit(0.01)),
    )
    described = geo.settled(
        points,
        is_small=resolves,
        x=F.round(geo.st("ST_X", F.col("at")), 0),
        y=F.round(geo.st("ST_Y", F.col("at")), 0),
        azimuth=F.when(~is_round, turned),
        beam_deg=F.when(~is_round, beam),
        tilt=F.coalesce(F.col("tilt_deg"), F.when(placement != "indoor", F.lit(float(policy.tilt_deg)))),
        power=F.coalesce(F.nullif(F.col("power_w"), F.lit(0.0)), either(policy.small_power_w, policy.power_w)),
        exponent=either(policy.small_path_loss_exponent, policy.path_loss_exponent),
        height=F.coalesce(F.col("height_m"), either(policy.small_height_m, policy.height_m)),
        reach=F.greatest(
            F.coalesce(
                F.col("range_m"), F.when(small, F.lit(float(policy.small_range_m))).otherwise(_usual_range(policy))
            ),
            F.lit(_LEAST_RANGE_M),
        ),
    )
    beam_key = F.xxhash64("x", "y", "azimuth", "beam_deg", "tilt", "power", "exponent", "height")
    ring = _by_name({t: s * radio.TIMING_ADVANCE_M[t] for t, s in policy.timing_advance_ring_steps.items()})
    steps = _by_name({t: float(s) for t, s in policy.timing_advance_ring_steps.items()}).cast("int")
    return (
        described.withColumn("beam", beam_key)
        .withColumn("sector", F.xxhash64("beam", "reach"))
        .withColumn("mast", geo.tile_number(F.col("x"), F.col("y")))
        .withColumn("plan_id", F.lit(plan_id))
        .withColumn("ground_id", F.lit(ground_id))
        .select(
            *("plan_id", "ground_id", "cell_id", "site_id", "technology", "is_small", "sector", "beam", "mast"),
            *("x", "y", F.col("azimuth").alias("azimuth_deg"), "beam_deg", F.col("tilt").alias("tilt_deg")),
            *(F.col("power").alias("power_w"), "exponent", F.col("height").alias("height_m")),
            *(F.col("reach").alias("range_m"), ring.alias("ring_m"), steps.alias("ring_steps")),
        )
        .select(SECTORS.column_names)
    )


def _usual_range(policy: RadioPolicy) -> Column:
    by_band = F.try_element_at(_map(policy.max_range_m), F.upper(F.coalesce("band", F.lit(""))))
    longest = F.lit(float(max(policy.max_range_m.values())))
    return F.coalesce(by_band, F.try_element_at(_map(policy.max_range_m), F.col("technology")), longest)


def _by_name(values: dict[str, float]) -> Column:
    found = F.try_element_at(_map(values), F.col("technology")) if values else F.lit(None)
    return found.cast("double")


def _map(values: dict[str, float]) -> Column:
    return F.create_map(
        *(item for name, value in sorted(values.items()) for item in (F.lit(name), F.lit(float(value))))
    )
