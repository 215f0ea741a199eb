"""Job: the published geography. Zones are checked, given roles and turned into whole tiles, or areas made instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.cells import CELLS
from expectations.contract import Schema
from expectations.gate import check_table, share_rule
from expectations.zones import ZONE_TILES, ZONES
from jobs.errors import InputRejectedError
from jobs.ingest.areas import make_areas
from jobs.ingest.geojson import RAW_COLUMNS, parse_geojson, with_shape
from jobs.ingest.tables import CELLS_FILE
from jobs.ingest.zone_levels import Hierarchy, LevelLink, decide_roles, level_links, with_roles
from jobs.ingest.zone_tiles import tiles_of, with_tile_counts, zone_tiles
from jobs.redaction import describe_error
from udfs import geo
from udfs.geo import settled, st

if TYPE_CHECKING:
    from jobs.context import JobReport, RunContext

__all__ = [
    "GeographyParams",
    "check_zones",
    "overlaps",
    "parse_geojson",
    "rejected_zones",
    "run_geography",
    "tiles_of",
    "zone_tiles",
]

REASONS = "_reasons"

_BIN_M = 20_000
_NAMED = 10  # zone ids in a message


@dataclass(frozen=True)
class GeographyParams:
    """Parameters of the geography.

    Attributes:
        max_overlap_share: Overlap of two zones of a partition level, as a share of the smaller, that is let pass.
    """

    max_overlap_share: float = 0.01


def check_zones(raw: DataFrame) -> DataFrame:
    """Judge every delivered zone.

    Args:
        raw: ``zone_id, name, level, parent_id, geometry``; the geometry in WGS84, longitude first, as GeoJSON or
            well-known text, or as WKB.

    Returns:
        The delivered columns, ``wkt`` (the shape as read) and ``_reasons``, empty for a good zone: ``zone_id_missing,
        name_missing, level_missing, geometry_missing, geometry_not_polygon, geometry_invalid`` (unreadable, open or
        crossing itself), ``geometry_out_of_area`` (swapped axes, say), ``parent_id_unknown, zone_id_duplicate``.
    """
    texts = {name: F.nullif(F.trim(F.col(name).cast("string")), F.lit("")) for name in RAW_COLUMNS[:-1]}
    tidy = with_shape(raw.withColumns(texts))
    ids = tidy.select(F.col("zone_id").alias("parent_id"), F.lit(True).alias("is_known")).distinct()
    same_id = Window.partitionBy("zone_id")
    counted = tidy.withColumn("copies", F.count("zone_id").over(same_id)).join(
        F.broadcast(ids), on="parent_id", how="left"
    )
    has_shape = F.col("kind").isNotNull()
    is_polygon = F.coalesce(F.col("kind").isin("POLYGON", "MULTIPOLYGON", ""), F.lit(False))
    is_sound = F.coalesce(st("ST_IsValid", st("ST_GeomFromWKT", F.col("wkt"))), F.lit(False))
    orphan = F.col("parent_id").isNotNull() & (F.col("is_known").isNull() | (F.col("parent_id") == F.col("zone_id")))
    reasons = {
        "geometry_invalid": has_shape & is_polygon & ~is_sound,
        "geometry_missing": ~has_shape,
        "geometry_not_polygon": has_shape & ~is_polygon,
        "geometry_out_of_area": F.col("wkt").isNotNull() & ~F.col("in_extent"),
        "level_missing": F.col("level").isNull(),
        "name_missing": F.col("name").isNull(),
        "parent_id_unknown": F.coalesce(orphan, F.lit(False)),
        "zone_id_duplicate": F.col("copies") > 1,
        "zone_id_missing": F.col("zone_id").isNull(),
    }
    marks = [F.when(broken, F.lit(reason)) for reason, broken in reasons.items()]
    return settled(counted, **{REASONS: F.array_compact(F.array(*marks))}).select(*raw.columns, "wkt", REASONS)


def rejected_zones(checked: DataFrame) -> DataFrame:
    """Rows that broke a rule, for quarantine: ``row`` (the delivered columns as JSON) and ``_reasons``."""
    delivered = [name for name in checked.columns if name not in ("wkt", REASONS)]
    return checked.where(F.size(REASONS) > 0).select(F.to_json(F.struct(*delivered)).alias("row"), REASONS)


def overlaps(zones: DataFrame, max_share: float) -> DataFrame:
    """Find pairs of zones of one partition level that lie over each other, each measured once, in bins of 20 km.

    Args:
        zones: ``zone_id, level, role, wkt``.
        max_share: Overlap that is let pass, as a share of the smaller zone's area.

    Returns:
        One row a pair: ``level, zone_id, other_id, share``.
    """
    planar = settled(
        zones.where("role = 'partition'").select("zone_id", "level", "wkt"),
        ground=geo.to_laea(st("ST_GeomFromWKT", F.col("wkt"))),
    ).drop("wkt")
    box = {name.lower(): st(f"ST_{name}", F.col("ground")) for name in ("XMin", "XMax", "YMin", "YMax")}
    binned = (
        settled(planar, area=st("ST_Area", F.col("ground")), **box)
        .withColumn("bx", F.explode(geo.covering_indices(F.col("xmin"), F.col("xmax"), _BIN_M)))
        .withColumn("by", F.explode(geo.covering_indices(F.col("ymin"), F.col("ymax"), _BIN_M)))
    )
    one, two = binned.alias("a"), binned.alias("b")
    first_bin = (F.col("a.bx") == _bin(F.greatest("a.xmin", "b.xmin"))) & (
        F.col("a.by") == _bin(F.greatest("a.ymin", "b.ymin"))
    )
    boxes_meet = (
        (F.col("a.xmin") <= F.col("b.xmax"))
        & (F.col("b.xmin") <= F.col("a.xmax"))
        & (F.col("a.ymin") <= F.col("b.ymax"))
        & (F.col("b.ymin") <= F.col("a.ymax"))
    )
    same_bin = (
        (F.col("a.level") == F.col("b.level"))
        & (F.col("a.bx") == F.col("b.bx"))
        & (F.col("a.by") == F.col("b.by"))
        & (F.col("a.zone_id") < F.col("b.zone_id"))
    )
    pairs = one.join(two, on=same_bin & boxes_meet & first_bin, how="inner")
    grounds = (F.col("a.ground"), F.col("b.ground"))
    common = F.when(st("ST_Intersects", *grounds), st("ST_Area", st("ST_Intersection", *grounds))).otherwise(F.lit(0.0))
    return pairs.select(
        F.col("a.level").alias("level"),
        F.col("a.zone_id").alias("zone_id"),
        F.col("b.zone_id").alias("other_id"),
        F.inline(F.array(F.struct((common / F.least("a.area", "b.area")).alias("share")))),
    ).where(F.col("share") > max_share)


def run_geography(
    context: RunContext,
    zones_raw: DataFrame | None,
    cells: DataFrame,
    quarantine: Callable[[DataFrame], None] | None = None,
) -> JobReport:
    """Write ``reference.zones`` and ``reference.zone_tiles``.

    Args:
        context: Context of the run.
        zones_raw: See ``check_zones``; ``None`` where the landing holds no zones: areas are made.
        cells: Rows of ``reference.cells``.
        quarantine: Takes the rejected rows (see ``rejected_zones``) before the run is stopped.

    Raises:
        InputRejectedError: A zone is invalid, zones overlap, levels do not nest, or none is left. Nothing is written.
    """
    from jobs.context import JobReport

    params = GeographyParams(max_overlap_share=context.policy.quality.max_overlap_share)
    door = context.lake.door(reads=[Schema.REFERENCE], writes=[Schema.REFERENCE])
    if zones_raw is None:
        return JobReport("geography", rows_out=make_areas(context, door, cells))
    checked = _checked(zones_raw)
    _stop_on_bad_rows(checked, quarantine)
    hierarchy = _hierarchy(checked)
    for note in hierarchy.notes:
        context.say(f"zones: {note}")
    zones = with_roles(checked.drop(REASONS), hierarchy)
    _stop_on_overlaps(zones, params)
    door.replace(ZONE_TILES, zone_tiles(zones, hierarchy))
    counted = with_tile_counts(zones.withColumnRenamed("wkt", "geometry_wkt"), door.read(ZONE_TILES))
    door.replace(ZONES, counted.select(ZONES.column_names))
    written = door.read(ZONES).agg(F.count(F.lit(1)), F.sum((F.col("tiles") == 0).cast("int")))
    strays = cells_outside(cells, door.read(ZONE_TILES))
    counted_rows = written.join(strays, how="cross").collect()[0]
    total, bare, outside, every = (int(value or 0) for value in counted_rows)
    _tell_of_strays(context, outside, every)
    if bare:
        context.say(f"zones: {bare} of {total} are too small to own a tile")
    return JobReport("geography", rows_in=total, rows_out=total, counts={"zones_without_tiles": float(bare)})


def cells_outside(cells: DataFrame, zone_tiles: DataFrame) -> DataFrame:
    """Count cells outside of the box round all zones: one row, ``outside, cells``.

    Args:
        cells: Rows of ``reference.cells``.
        zone_tiles: Rows of ``reference.zone_tiles``.
    """
    at = settled(cells.select("longitude", "latitude"), at=geo.laea_point(F.col("longitude"), F.col("latitude")))
    tile = geo.tile_number(st("ST_X", F.col("at")), st("ST_Y", F.col("at")))
    axes = {"column": geo.tile_column(F.col("tile")), "row": geo.tile_row(F.col("tile"))}
    ends = {name: [F.min(index).alias(f"{name}1"), F.max(index).alias(f"{name}2")] for name, index in axes.items()}
    box = zone_tiles.agg(*ends["column"], *ends["row"])
    inside = axes["column"].between(F.col("column1"), F.col("column2")) & axes["row"].between(
        F.col("row1"), F.col("row2")
    )
    return (
        settled(at, tile=tile)
        .join(F.broadcast(box), how="cross")
        .agg(F.sum((~inside).cast("int")).alias("outside"), F.count(F.lit(1)).alias("cells"))
    )


def _tell_of_strays(context: RunContext, outside: int, cells: int) -> None:
    """Record how many cells lie outside of the zones; they stay, since they may serve people inside."""
    remedy = (
        f"{outside:,} of {cells:,} cells lie outside of the zones' extent; if they should not, check both deliveries"
    )
    rule = share_rule("cells_outside_zones", outside, cells, 0.0, remedy=remedy, blocking=False)
    for result in context.gate.record(CELLS, CELLS_FILE.name, check_table([rule])).failures:
        context.say(f"{CELLS.full_name}: {result.describe()}")


def _checked(zones_raw: DataFrame) -> DataFrame:
    try:
        return check_zones(zones_raw).localCheckpoint()
    except PySparkException as error:
        raise InputRejectedError(
            f"zones: column geometry cannot be read ({describe_error(error)}): deliver GeoJSON, or whole WKB polygons"
        ) from None


def _hierarchy(checked: DataFrame) -> Hierarchy:
    hierarchy = decide_roles(LevelLink(**row.asDict()) for row in level_links(checked).collect())
    if hierarchy.findings:
        raise InputRejectedError(
            f"zones: the levels do not nest: {'; '.join(hierarchy.findings)}. Mend parent_id or leave the level out"
        )
    return hierarchy


def _stop_on_bad_rows(checked: DataFrame, quarantine: Callable[[DataFrame], None] | None) -> None:
    bad = checked.where(F.size(REASONS) > 0)
    by_reason = (
        bad.select("zone_id", F.explode(REASONS).alias("reason"))
        .groupBy("reason")
        .agg(F.count(F.lit(1)).alias("n"), F.slice(F.array_sort(F.collect_list("zone_id")), 1, _NAMED).alias("ids"))
        .orderBy("reason")
        .collect()
    )
    if by_reason:
        if quarantine is not None:
            quarantine(rejected_zones(checked))
        told = "; ".join(f"{r['reason']} in {r['n']} ({', '.join(r['ids']) or 'without zone_id'})" for r in by_reason)
        raise InputRejectedError(
            f"zones: {told}. Mend the columns named before the underscore and deliver the file again; "
            "coordinates are WGS84, longitude first"
        )
    if checked.limit(1).count() == 0:
        raise InputRejectedError("zones: no zone is left. Deliver a GeoJSON FeatureCollection, or no zones at all")


def _stop_on_overlaps(zones: DataFrame, params: GeographyParams) -> None:
    found = overlaps(zones, params.max_overlap_share).orderBy(F.desc("share"), "zone_id", "other_id").collect()
    if found:
        told = ", ".join(f"{r['zone_id']} and {r['other_id']} ({100 * r['share']:.0f} %)" for r in found[:_NAMED])
        raise InputRejectedError(
            f"zones: geometry of {len(found)} pairs of one level overlaps by more than "
            f"{100 * params.max_overlap_share:g} % of the smaller: {told}. Correct the boundaries, "
            "or raise quality.max_overlap_share in the policy"
        )


def _bin(metres: Column) -> Column:
    return F.floor(metres / F.lit(_BIN_M)).cast("bigint")
