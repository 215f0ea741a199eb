"""Zones: what is refused, which levels are which, and tiles that partition the ground."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest
from frames import frame, rows

from expectations.tiles import TILES
from expectations.zones import ZONE_TILES
from jobs.ingest.geography import cells_outside, check_zones, overlaps, rejected_zones
from jobs.ingest.geojson import parse_geojson
from jobs.ingest.zone_levels import LevelLink, decide_roles, level_links, with_roles
from jobs.ingest.zone_tiles import tiles_of, with_tile_counts, zone_tiles

LEIPZIG = Path(os.environ.get("THREESTEP_DATA", Path(__file__).parents[4] / "shared" / "data")) / "leipzig"
RAW = "zone_id string, name string, level string, parent_id string, geometry string"
LON, LAT = 12.0, 51.0


def box(west, south, width, height, bulge=0.0):
    """A polygon in thousandths of a degree from (LON, LAT): about 70 m east, 111 m north each."""
    corners = [(west, south), (west + width, south), (west + width + bulge, south + height), (west, south + height)]
    return [[[LON + x / 1000, LAT + y / 1000] for x, y in [*corners, corners[0]]]]


def geojson(rings):
    return json.dumps({"type": "Polygon", "coordinates": rings})


def wkt(rings):
    return "POLYGON (" + ", ".join("(" + ", ".join(f"{x} {y}" for x, y in ring) + ")" for ring in rings) + ")"


# A city of two halves, of which one holds a tiny zone in its midst, and two places.
TOWN = (
    ("city", "City", "city", None, geojson(box(0, 0, 40, 20))),
    ("west", "West", "district", "city", geojson(box(0, 0, 20, 20))),
    ("east", "East", "district", "city", wkt([*box(20, 0, 20, 20), *box(30.2, 10.2, 0.3, 0.2)])),
    ("tiny", "Tiny", "district", "city", geojson(box(30.2, 10.2, 0.3, 0.2))),
    ("shop", "Shop", "poi", "west", geojson(box(5, 5, 3, 2))),
    ("kiosk", "Kiosk", "poi", "west", geojson(box(12.1, 12.1, 0.1, 0.1))),
)


@pytest.fixture(scope="module")
def town(spark):
    checked = check_zones(frame(spark, RAW, *TOWN)).localCheckpoint()
    assert rows(rejected_zones(checked)) == []
    hierarchy = decide_roles(LevelLink(**row.asDict()) for row in level_links(checked).collect())
    zones = with_roles(checked, hierarchy).localCheckpoint()
    return zones, hierarchy, zone_tiles(zones, hierarchy).localCheckpoint()


def reasons_of(spark, *zones):
    return {zone[0]: zone[1] for zone in rows(check_zones(frame(spark, RAW, *zones)), "zone_id", "_reasons")}


def test_each_fault_has_its_reason(spark):
    good = geojson(box(0, 0, 5, 5))
    bow_tie = geojson([[[LON, LAT], [LON + 0.1, LAT + 0.1], [LON + 0.1, LAT], [LON, LAT + 0.1], [LON, LAT]]])
    swapped = geojson([[[y, x] for x, y in ring] for ring in box(0, 0, 5, 5)])
    open_ring = geojson([box(0, 0, 5, 5)[0][:-1]])
    found = reasons_of(
        spark,
        ("good", "n", "l", None, good),
        ("child", "n", "l2", "good", good),
        ("noname", " ", "l", None, good),
        ("nolevel", "n", None, None, good),
        ("nogeometry", "n", "l", None, None),
        ("bow", "n", "l", None, bow_tie),
        ("bow_wkt", "n", "l", None, wkt(json.loads(bow_tie)["coordinates"])),
        ("open", "n", "l", None, open_ring),
        ("open_wkt", "n", "l", None, "POLYGON ((12 51, 12.1 51, 12.1 51.1))"),
        ("garbled", "n", "l", None, '{"type": "Polygon", "coordinates": [[["a", 1], [2'),
        ("point", "n", "l", None, '{"type": "Point", "coordinates": [12, 51]}'),
        ("line_wkt", "n", "l", None, "LINESTRING (12 51, 13 52)"),
        ("swapped", "n", "l", None, swapped),
        ("orphan", "n", "l", "nobody", good),
        ("self", "n", "l", "self", good),
    )
    assert found == {
        "good": [],
        "child": [],
        "noname": ["name_missing"],
        "nolevel": ["level_missing"],
        "nogeometry": ["geometry_missing"],
        "bow": ["geometry_invalid"],
        "bow_wkt": ["geometry_invalid"],
        "open": ["geometry_invalid"],
        "open_wkt": ["geometry_invalid"],
        "garbled": ["geometry_invalid"],
        "point": ["geometry_not_polygon"],
        "line_wkt": ["geometry_not_polygon"],
        "swapped": ["geometry_out_of_area"],
        "orphan": ["parent_id_unknown"],
        "self": ["parent_id_unknown"],
    }


def test_twins_and_nameless_are_both_rejected(spark):
    good = geojson(box(0, 0, 5, 5))
    twins = frame(spark, RAW, *[("a", "n", "l", None, good)] * 2, (None, "n", "l", None, good))
    found = rows(rejected_zones(check_zones(twins)))
    assert sorted(reasons for _, reasons in found) == [["zone_id_duplicate"]] * 2 + [["zone_id_missing"]]
    assert {json.loads(row)["name"] for row, _ in found} == {"n"}


def test_geometry_as_wkb(spark):
    text = frame(spark, RAW, ("a", "n", "l", None, wkt(box(0, 0, 5, 5))), ("b", "n", "l", None, "POINT (12 51)"))
    packed = text.selectExpr(
        "zone_id", "name", "level", "parent_id", "ST_AsBinary(ST_GeomFromWKT(geometry)) AS geometry"
    )
    assert rows(check_zones(packed), "zone_id", "_reasons") == [("a", []), ("b", ["geometry_not_polygon"])]


def test_feature_collection(spark):
    features = [
        {
            "type": "Feature",
            "properties": {"zone_id": z[0], "name": z[1], "level": z[2], "parent_id": z[3], "extra": 1},
            "geometry": {"type": "MultiPolygon", "coordinates": [box(0, 0, 5, 5), box(10, 10, 1, 1)]},
        }
        for z in TOWN
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features}, indent=1)
    raw = parse_geojson(frame(spark, "value string", (text,)))
    checked = check_zones(raw)
    assert rows(checked, "zone_id", "parent_id", "_reasons") == sorted(((z[0], z[3], []) for z in TOWN), key=repr)
    assert checked.first()["wkt"].startswith("MULTIPOLYGON (((12.0 51.0, ")
    assert parse_geojson(frame(spark, "value string", ("no json",))).count() == 0


def test_levels_of_a_town(town):
    roles = {role.level: (role.role, role.depth, role.is_finest) for role in town[1].roles}
    assert roles == {
        "city": ("partition", 0, False),
        "district": ("partition", 1, True),
        "poi": ("place", -1, False),
    }
    assert town[1].findings == () and town[1].notes == ()


def link(level, parent, zones, parents, area):
    return LevelLink(level, parent, zones, parents, area)


@pytest.mark.parametrize(
    ("links", "finding"),
    [
        ([], "no zone is left"),
        ([link("land", None, 1, 0, 100), link("county", "land", 3, 1, 99), link("county", None, 1, 0, 1)], "1 of 4"),
        ([link("land", None, 2, 0, 100), link("county", "land", 3, 1, 90)], "1 of 2 zones of level land have no"),
        ([link("c", None, 1, 0, 9), link("x", "c", 4, 1, 9), link("y", "c", 3, 1, 9)], "x and y both divide level c"),
        ([link("a", "b", 2, 1, 9), link("b", "a", 2, 1, 9)], "each other's parents"),
    ],
)
def test_levels_that_do_not_nest(links, finding):
    assert any(finding in found for found in decide_roles(links).findings)


def test_levels_without_parents_and_with_gaps():
    lone = decide_roles([link("district", None, 5, 0, 50), link("poi", None, 9, 0, 2)])
    assert [(r.level, r.role, r.is_finest) for r in lone.roles] == [
        ("district", "partition", True),
        ("poi", "place", False),
    ]
    gaps = decide_roles([link("city", None, 1, 0, 100), link("district", "city", 5, 1, 80)])
    assert gaps.findings == () and gaps.notes == ("level district covers 80 % of level city",)


def test_each_tile_has_one_finest_zone_and_levels_nest(town):
    _, _, tiles = town
    assert tiles.columns == ZONE_TILES.column_names
    owner = defaultdict(list)
    for level, zone, tile in rows(tiles):
        owner[level, tile].append(zone)
    assert {len(zones) for (level, _), zones in owner.items() if level != "poi"} == {1}
    districts = {tile for level, tile in owner if level == "district"}
    assert districts == {tile for level, tile in owner if level == "city"}
    # 40 by 20 thousandths of a degree: 2,807 m by 2,225 m.
    assert len(districts) == pytest.approx(28.07 * 22.25, rel=0.03)


def test_small_zones_and_places_own_a_tile(town):
    zones, _, tiles = town
    counts = dict(rows(with_tile_counts(zones, tiles), "zone_id", "tiles"))
    assert counts["tiny"] == 1 and counts["kiosk"] == 1
    # 210 m by 222 m, cut by the grid: tiles with their centre or 30 % inside.
    assert 4 <= counts["shop"] <= 9
    assert counts["west"] + counts["east"] + counts["tiny"] == counts["city"]


def test_tiles_do_not_depend_on_partitioning(town):
    zones, hierarchy, tiles = town
    assert rows(zone_tiles(zones.repartition(5, "name"), hierarchy)) == rows(tiles)


def test_a_small_zone_takes_a_tile_but_never_the_last(spark):
    # Centres of two neighbouring tiles, in degrees; a tile is 1.4 by 0.9 thousandths.
    x, y = 12.374766, 51.339938

    def around(west, east, south=-0.3, north=0.3):
        corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
        return geojson([[[x + i / 1000, y + j / 1000] for i, j in corners]])

    raw = frame(
        spark,
        RAW,
        ("one", "n", "l", None, around(-0.5, 0.5)),
        ("bit", "n", "l", None, around(0.5, 0.55)),
        ("two", "n", "l", None, around(0.9, 4.0)),
        ("speck", "n", "l", None, around(0.8, 0.9)),
    )
    hierarchy = decide_roles([link("l", None, 4, 0, 10)])
    zones = with_roles(check_zones(raw), hierarchy).localCheckpoint()
    owned = defaultdict(set)
    for _, zone, tile in rows(zone_tiles(zones, hierarchy)):
        owned[zone].add(tile)
    assert owned["one"] == {4486431392} and "bit" not in owned
    assert owned["speck"] == {4486531392} and len(owned["two"]) >= 1
    assert len(set().union(*owned.values())) == sum(map(len, owned.values()))


def test_overlaps(spark, town):
    assert rows(overlaps(town[0], 0.01)) == []
    shifted = check_zones(
        frame(
            spark,
            RAW,
            ("a", "n", "l", None, geojson(box(0, 0, 10, 10))),
            ("b", "n", "l", None, geojson(box(9, 0, 10, 10))),
            ("c", "n", "l", None, geojson(box(18.95, 0, 10, 10))),
            # Far larger than a bin, over all of them, on another level.
            ("d", "n", "m", None, geojson(box(-500, -500, 1000, 1000))),
        )
    )
    zones = shifted.selectExpr("*", "'partition' AS role")
    found = rows(overlaps(zones, 0.01))
    assert [pair[:3] for pair in found] == [("l", "a", "b")]
    assert found[0][3] == pytest.approx(0.1, abs=0.001)
    assert len(rows(overlaps(zones, 0.001))) == 2


def test_cells_outside_of_the_zones(spark):
    tiles = frame(spark, "tile bigint", (4486431392,), (4487031400,))
    at = [(12.3747, 51.3403), (12.3747, 51.3403), (12.3747, 51.45), (12.5, 51.3403)]
    assert rows(cells_outside(frame(spark, "longitude double, latitude double", *at), tiles)) == [(2, 4)]


def test_tiles_of(spark):
    one = frame(spark, "tile bigint, level string", (4486431392, "x"), (4486431392, "y"))
    two = frame(spark, "tile bigint", (4486531392,), (4486431392,))
    found = tiles_of(one, two)
    assert found.columns == TILES.column_names
    assert [row[0] for row in rows(found)] == [4486431392, 4486531392]
    first = found.where("tile = 4486431392").first()
    assert (first["tile_id"], first["x"], first["y"]) == ("CRS3035RES100mN3139200E4486400", 4486400, 3139200)
    assert (first["longitude"], first["latitude"]) == pytest.approx((12.374766, 51.339938), abs=2e-5)


@pytest.mark.slow
@pytest.mark.skipif(not LEIPZIG.is_dir(), reason="no real city: set THREESTEP_DATA to the folder that holds leipzig/")
def test_leipzig(spark, compiled):
    raw = parse_geojson(spark.read.text(str(LEIPZIG / "zones.geojson"), wholetext=True))
    checked = check_zones(raw).localCheckpoint()
    assert rejected_zones(checked).count() == 0
    hierarchy = decide_roles(LevelLink(**row.asDict()) for row in level_links(checked).collect())
    zones = with_roles(checked, hierarchy)
    assert rows(overlaps(zones, 0.01)) == []
    tiles = zone_tiles(zones, hierarchy).localCheckpoint()
    districts = tiles.where("level = 'district'")
    # 297.8 square kilometres.
    assert districts.count() == districts.select("tile").distinct().count() == pytest.approx(29_780, rel=0.001)
    assert districts.select("zone_id").distinct().count() == 63
    assert tiles.where("level = 'poi'").select("zone_id").distinct().count() == 14
