"""The cell plan: from the landing table to ``reference.cells``."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from expectations.cells import CELLS
from expectations.gate import REASONS, with_reasons
from jobs.ingest.admit import also, keep_raw, line_whole, parsed, raw, row_json
from jobs.ingest.fields import instants, numbers, texts
from jobs.ingest.tables import CELLS_FILE
from udfs import geo

_TECHNOLOGIES = {"2G": "GSM", "3G": "UMTS", "WCDMA": "UMTS", "4G": "LTE", "LTE-A": "LTE", "5G": "NR", "5G NR": "NR"}
_PLACEMENTS = {"picocell": "pico", "microcell": "micro", "macrocell": "macro", "femtocell": "pico"}
KM_PER_DEGREE = 111.195
_OFF_GRID = (
    f"(longitude NOT BETWEEN {geo.AREA_OF_USE[0]} AND {geo.AREA_OF_USE[2]}"
    f" OR latitude NOT BETWEEN {geo.AREA_OF_USE[1]} AND {geo.AREA_OF_USE[3]})"
    " AND abs(latitude) <= 90 AND abs(longitude) <= 180 AND NOT (latitude = 0 AND longitude = 0)"
)
"""Outside of the area of use of EPSG:3035, where the grid of tiles means nothing."""
ALWAYS = ("0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z")


@dataclass(frozen=True)
class CellParams:
    """How far from the rest of the network a cell is taken for a slip.

    Attributes:
        outside_km: Distance from the median position that is always allowed, kilometres.
        outside_factor: Distance allowed as a multiple of the median distance, for networks with far islands.
        home_km: Distance from the median position at which a cell is at home even in a small network, kilometres.
    """

    outside_km: float = 500
    home_km: float = 50
    outside_factor: float = 6


def mark_cells(delivered: DataFrame, params: CellParams) -> DataFrame:
    """Type the plan's rows, fill in defaults and give each its reasons.

    Grain: one row a delivered row; columns of ``reference.cells``, ``_raw_…`` and ``_reasons``.
    """
    rows = keep_raw(delivered)
    site = F.coalesce(
        raw("site_id"), F.format_string("%.4f_%.4f", F.round(F.col("latitude"), 4), F.round(F.col("longitude"), 4))
    )
    typed = rows.select(
        "*",
        *texts("cell_id", "band"),
        _renamed(F.upper(raw("technology")), _TECHNOLOGIES).alias("technology"),
        _renamed(F.lower(raw("placement")), _PLACEMENTS).alias("placement"),
        *numbers(rows, *CELLS_FILE.numbers),
        *instants(rows, "valid_from", "valid_to"),
    ).withColumn("site_id", site)
    distant = _with_distance(typed, params)
    marked = with_reasons(
        distant,
        CELLS,
        {
            **line_whole(),
            **parsed(*CELLS_FILE.numbers, *CELLS_FILE.times),
            "position_at_zero": "NOT coalesce(latitude = 0 AND longitude = 0, false)",
            "position_outside_area": f"NOT coalesce({_OFF_GRID}, false) OR coalesce(_swapped, false)",
            "position_outside_network": "NOT coalesce(_outside, false) OR coalesce(_swapped, false)",
            "position_swapped": "NOT coalesce(_swapped, false)",
        },
    ).drop("_outside", "_swapped")
    return _first_of_overlapping(marked)


def _renamed(column: Column, names: dict[str, str]) -> Column:
    pairs = F.create_map(*(F.lit(text) for pair in names.items() for text in pair))
    return F.coalesce(F.try_element_at(pairs, column), column)


def _with_distance(typed: DataFrame, params: CellParams) -> DataFrame:
    """Add whether a cell lies outside of the network, and whether it would lie in it with its coordinates swapped.

    Robust against up to half of the positions being wrong: distance from the median position,
    against a multiple of the median distance. A swapped position may lie nearer than what else is taken for a slip:
    it is told by where it would lie.
    """
    plain = "abs(latitude) <= 90 AND abs(longitude) <= 180 AND NOT (latitude = 0 AND longitude = 0)"
    placed = typed.where(plain).select("latitude", "longitude")
    centre = placed.agg(F.median("latitude").alias("_lat"), F.median("longitude").alias("_lon"))
    distance = _km_from_centre("latitude", "longitude")
    spread = placed.join(F.broadcast(centre), how="cross").agg(
        F.first("_lat").alias("_lat"), F.first("_lon").alias("_lon"), F.median(distance).alias("_spread")
    )
    bound = F.greatest(F.lit(params.outside_km), F.col("_spread") * params.outside_factor)
    home = F.greatest(F.lit(params.home_km), F.col("_spread") * params.outside_factor)
    joined = typed.join(F.broadcast(spread), how="cross")
    swapped = (distance > home) & (_km_from_centre("longitude", "latitude") <= home)
    return joined.withColumns({"_outside": F.expr(plain) & (distance > bound), "_swapped": swapped}).drop(
        "_lat", "_lon", "_spread"
    )


def _km_from_centre(latitude: str, longitude: str) -> Column:
    east = (F.col(longitude) - F.col("_lon")) * F.cos(F.radians("_lat"))
    return F.hypot(F.col(latitude) - F.col("_lat"), east) * KM_PER_DEGREE


def _first_of_overlapping(marked: DataFrame) -> DataFrame:
    """Reject good rows whose validity overlaps an earlier row of the same cell; which is first is fixed."""
    start = F.coalesce("valid_from", F.lit(ALWAYS[0]).cast("timestamp"))
    end = F.coalesce("valid_to", F.lit(ALWAYS[1]).cast("timestamp"))
    earlier = (
        Window.partitionBy("cell_id", F.size(REASONS) == 0)
        .orderBy(start, end.desc(), row_json(marked))
        .rowsBetween(Window.unboundedPreceding, -1)
    )
    ranked = marked.withColumn("_until", F.max(end).over(earlier))
    overlaps = (F.size(REASONS) == 0) & (start < F.col("_until"))
    return also(ranked, F.coalesce(overlaps, F.lit(False)), "cell_id_duplicate").drop("_until")


def plan_of(cells: DataFrame) -> DataFrame:
    """The plan as events meet it: ``_plan_cell`` with validity without gaps in the type (UTC instants)."""
    return cells.select(
        F.col("cell_id").alias("_plan_cell"),
        F.coalesce("valid_from", F.lit(ALWAYS[0]).cast(T.TimestampType())).alias("_plan_from"),
        F.coalesce("valid_to", F.lit(ALWAYS[1]).cast(T.TimestampType())).alias("_plan_to"),
    )
