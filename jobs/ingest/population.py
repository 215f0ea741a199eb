"""Official population and corridors: from the landing tables to ``reference.residents`` and ``.corridors``."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from expectations.corridors import CORRIDORS
from expectations.gate import with_reasons
from expectations.residents import RESIDENTS
from jobs.ingest.admit import RAW, keep_raw, line_whole, parsed, raw, repeats
from jobs.ingest.fields import integers, texts
from udfs import geo
from udfs.geo import st

_ALL = ("all", "total", "insgesamt")
_NUMBER = r"-?\d+(\.\d+)?([eE][+-]?\d+)?"
_POINT = rf"{_NUMBER} +{_NUMBER}"
LINE_WKT = rf"^LINESTRING *\( *{_POINT}( *, *{_POINT})+ *\)$"


def mark_residents(delivered: DataFrame) -> DataFrame:
    """Type the population and give each row its reasons.

    Grain: one row a delivered row; columns of ``reference.residents``, ``_raw_…`` and ``_reasons``.
    """
    rows = keep_raw(delivered)
    typed = rows.select(
        "*",
        *texts("zone_id"),
        _unless_all(F.lower(raw("gender"))).alias("gender"),
        _unless_all(raw("age_band")).alias("age_band"),
        *integers(rows, "year"),
        *integers(rows, "residents", kind="bigint"),
    )
    extra = {**line_whole(), **parsed("year", "residents")}
    return repeats(with_reasons(typed, RESIDENTS, extra), RESIDENTS.keys, "residents_duplicate")


def _unless_all(column: Column) -> Column:
    return F.when(~F.lower(column).isin(*_ALL), column)


def mark_corridors(delivered: DataFrame) -> DataFrame:
    """Read corridors' lines (WKT or GeoJSON text, or WKB) and give each row its reasons.

    Grain: one row a delivered row; columns of ``reference.corridors``, ``_raw_…`` and ``_reasons``.
    """
    rows = keep_raw(delivered)
    binary = isinstance(rows.schema[RAW + "geometry"].dataType, T.BinaryType)
    wkt = F.expr(f"ST_AsText(ST_GeomFromWKB(`{RAW}geometry`))") if binary else _wkt(raw("geometry"))
    read = geo.settled(rows, geometry_wkt=wkt)
    west, south, east, north = geo.AREA_OF_USE
    line = st("ST_GeomFromWKT", F.col("geometry_wkt"))
    corners = {name: st(f"ST_{name}", line) for name in ("XMin", "XMax", "YMin", "YMax")}
    inside = (
        (corners["XMin"] >= west) & (corners["XMax"] <= east) & (corners["YMin"] >= south) & (corners["YMax"] <= north)
    )
    placed = geo.settled(read, is_inside=F.when(F.col("geometry_wkt").isNotNull(), inside))
    # Coordinates that nobody has checked would end the run in the projection.
    metres = F.when(F.col("is_inside"), F.round(st("ST_Length", geo.to_laea(line))).cast("int"))
    typed = geo.settled(placed, length_m=metres).select("*", *texts("corridor_id", "name", "kind"))
    marked = with_reasons(
        typed,
        CORRIDORS,
        {
            **line_whole(),
            "geometry_wkt_malformed": f"`{RAW}geometry` IS NULL OR `geometry_wkt` IS NOT NULL",
            "geometry_out_of_area": "`is_inside` IS NULL OR `is_inside`",
        },
    )
    return repeats(marked.drop("is_inside"), CORRIDORS.keys, "corridor_id_duplicate")


def _wkt(text: Column) -> Column:
    shape = F.from_json(text, "type STRING, coordinates ARRAY<ARRAY<DOUBLE>>", {"mode": "PERMISSIVE"})
    points = F.transform(shape["coordinates"], lambda p: F.concat_ws(" ", F.get(p, 0), F.get(p, 1)))
    drawn = F.concat(F.lit("LINESTRING ("), F.array_join(points, ", "), F.lit(")"))
    upper = F.upper(text)
    wkt = F.when(shape["type"] == "LineString", drawn).otherwise(upper)
    return F.when(wkt.rlike(LINE_WKT), wkt)
