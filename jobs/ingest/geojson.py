"""Zone geometries from GeoJSON, well-known text or WKB, read so that no malformed shape can end the run.

Sedona's readers raise on a ring that does not close, and the whole query with them. So coordinates are
parsed natively, judged, and only what is well-formed becomes a geometry.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from udfs.geo import AREA_OF_USE, settled, st

RAW_COLUMNS = ("zone_id", "name", "level", "parent_id", "geometry")

_COLLECTION = "features array<struct<type: string, properties: map<string, string>, geometry: string>>"
_NUMBER = r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"
# Byte order, then the type: 3 polygon, 6 multipolygon; with height 1003 and 1006, or PostGIS's flags.
_WKB_POLYGON = "^(01(03|06)0000(00|20|80|A0)|01(EB|EE)030000|00(00|20|80|A0)0000(03|06)|00000003(EB|EE))$"
_POLYGONS = "array<array<array<array<double>>>>"


def parse_geojson(documents: DataFrame) -> DataFrame:
    """Split FeatureCollections into raw zones.

    Args:
        documents: One row a file, its text in ``value``.

    Returns:
        One row a feature: ``RAW_COLUMNS``, all strings, ``geometry`` as GeoJSON. None for text that is no collection.
    """
    features = documents.select(F.from_json("value", _COLLECTION).alias("c")).select(F.explode("c.features").alias("f"))
    names = RAW_COLUMNS[:-1]
    properties = [F.try_element_at("f.properties", F.lit(name)).alias(name) for name in names]
    return features.select(*properties, F.col("f.geometry").alias("geometry"))


def with_shape(raw: DataFrame) -> DataFrame:
    """Read the geometry column.

    Args:
        raw: ``geometry`` as GeoJSON or well-known text (STRING), or as WKB (BINARY); WGS84, longitude first.

    Returns:
        The rows with ``kind`` (upper case; null without a geometry, empty if it names none), ``wkt`` (POLYGON or
        MULTIPOLYGON in two dimensions; null unless well-formed) and ``in_extent`` (within the area of EPSG:3035).
    """
    is_binary = dict(raw.dtypes)["geometry"] == "binary"
    text = _text_of_wkb(F.col("geometry")) if is_binary else F.trim(F.col("geometry"))
    read = settled(raw, text=F.nullif(text, F.lit("")))
    is_json = F.col("text").startswith("{")
    kind = F.when(is_json, F.get_json_object("text", "$.type")).otherwise(
        F.regexp_extract("text", r"^(?:SRID=\d+;)?\s*([A-Za-z]+)", 1)
    )
    numbers = F.when(is_json, F.get_json_object("text", "$.coordinates")).otherwise(_json_of_wkt(F.col("text")))
    read = settled(read, kind=F.when(F.col("text").isNotNull(), F.coalesce(F.upper(kind), F.lit(""))), numbers=numbers)
    nested = F.when(F.col("kind") == "POLYGON", F.concat(F.lit("["), F.col("numbers"), F.lit("]"))).when(
        F.col("kind") == "MULTIPOLYGON", F.col("numbers")
    )
    read = settled(read, polygons=F.from_json(nested, _POLYGONS))
    read = settled(read, well_formed=F.coalesce(_is_well_formed(F.col("polygons")), F.lit(False)))
    points = F.flatten(F.flatten(F.col("polygons")))
    usable = F.col("well_formed")
    return settled(
        read,
        wkt=F.when(usable, _wkt(F.col("polygons"))),
        in_extent=F.when(usable, F.forall(points, _is_in_use)),
    ).drop("text", "numbers", "polygons", "well_formed")


def _text_of_wkb(binary: Column) -> Column:
    """Well-known text of a WKB polygon (ISO or PostGIS flavour); a word that names no polygon for anything else."""
    header = F.hex(F.substring(binary, 1, 5))
    is_polygon = F.coalesce(header.rlike(_WKB_POLYGON), F.lit(False))
    return F.when(is_polygon, st("ST_AsText", st("ST_GeomFromWKB", binary))).when(binary.isNotNull(), F.lit("OTHER"))


def _json_of_wkt(text: Column) -> Column:
    body = F.regexp_extract(text, r"(?s)(\(.*\))", 1)
    pairs = F.regexp_replace(body, rf"({_NUMBER})\s+({_NUMBER})(?:\s+{_NUMBER})*", "[$1,$2]")
    return F.translate(pairs, "()", "[]")


def _is_well_formed(polygons: Column) -> Column:
    def is_ring(ring: Column) -> Column:
        complete = F.forall(ring, lambda p: (F.size(p) >= 2) & p[0].isNotNull() & p[1].isNotNull())
        closed = F.slice(F.element_at(ring, 1), 1, 2) == F.slice(F.element_at(ring, -1), 1, 2)
        return F.when(F.size(ring) >= 4, complete & closed).otherwise(F.lit(False))

    rings = F.flatten(polygons)
    no_gaps = F.forall(polygons, lambda polygon: F.size(polygon) > 0)
    return (F.size(polygons) > 0) & no_gaps & F.forall(rings, is_ring)


def _is_in_use(position: Column) -> Column:
    west, south, east, north = AREA_OF_USE
    return position[0].between(west, east) & position[1].between(south, north)


def _wkt(polygons: Column) -> Column:
    def ring(positions: Column) -> Column:
        pairs = F.transform(positions, lambda p: F.concat_ws(" ", p[0].cast("string"), p[1].cast("string")))
        return F.concat(F.lit("("), F.array_join(pairs, ", "), F.lit(")"))

    def polygon(rings: Column) -> Column:
        return F.concat(F.lit("("), F.array_join(F.transform(rings, ring), ", "), F.lit(")"))

    bodies = F.array_join(F.transform(polygons, polygon), ", ")
    return F.when(F.size(polygons) == 1, F.concat(F.lit("POLYGON "), bodies)).otherwise(
        F.concat(F.lit("MULTIPOLYGON ("), bodies, F.lit(")"))
    )
