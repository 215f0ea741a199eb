"""A small city with releases of all eight products, made by formula: what a reader finds, without a run."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession

from expectations.contract import Contract, Schema
from expectations.corridors import CORRIDORS
from expectations.footprints import ZONE_RESOLUTION
from expectations.product_words import (
    AGE_BANDS,
    DAYPARTS,
    DIRECTIONS,
    DWELL_BANDS,
    GENDERS,
    SECTORS,
    SPEED_BANDS,
)
from expectations.products import PRODUCTS, RELEASES
from expectations.zones import ZONES
from jobs.deliver.read import Delivery
from jobs.lake import Lake

DATE, WEEK, MONTH = dt.date(2026, 3, 3), "2026-W10", "2026-03"
SIDE, WEST, SOUTH, STEP = 4, 12.30, 51.30, 0.03
PLACE, CITY, FACTOR, THRESHOLD = "mall", "town", 4.0, 45
FINEST = [f"z{row}{column}" for row in range(SIDE) for column in range(SIDE)]
Row = dict[str, Any]


def zone_rows() -> list[Row]:
    def zone(name: str, level: str, role: str, depth: int, box: tuple[float, float, float, float], tiles: int) -> Row:
        west, south, east, north = box
        ring = f"{west} {south}, {west} {north}, {east} {north}, {east} {south}, {west} {south}"
        parent = None if level == "city" else CITY
        words = {"mall": "Riverside Centre", "town": "Examplestadt"}
        return {
            "zone_id": name,
            "name": words.get(name, f"District {name[1:]}"),
            "level": level,
            "parent_id": parent,
            "role": role,
            "depth": depth,
            "is_finest": level == "district",
            "geometry_wkt": f"POLYGON (({ring}))",
            "tiles": tiles,
        }

    side = SIDE * STEP
    found = [zone(CITY, "city", "partition", 0, (WEST, SOUTH, WEST + side, SOUTH + side), 16 * 600)]
    for index, name in enumerate(FINEST):
        west, south = WEST + index % SIDE * STEP, SOUTH + index // SIDE * STEP
        found.append(zone(name, "district", "partition", 1, (west, south, west + STEP, south + STEP), 600))
    middle = (WEST + 1.5 * STEP, SOUTH + 1.5 * STEP)
    found.append(zone(PLACE, "poi", "place", -1, (*middle, middle[0] + 0.005, middle[1] + 0.003), 12))
    return found


def corridor_rows() -> list[Row]:
    x, y = WEST + SIDE * STEP / 2, SOUTH + SIDE * STEP / 2
    ends = {"c1": ("Ring road east", x + 0.05, y + 0.01), "c2": ("Station line", x - 0.01, y - 0.05)}
    return [
        {
            "corridor_id": name,
            "name": title,
            "kind": "road" if name == "c1" else "rail",
            "length_m": 4000,
            "geometry_wkt": f"LINESTRING ({x} {y}, {(x + east) / 2} {y + 0.005}, {east} {north})",
        }
        for name, (title, east, north) in ends.items()
    ]


def resolution_rows() -> list[Row]:
    return [
        {"zone_id": name, "cells": 9, "radius_m": 450.0 + 20 * nth, "inside_share": 0.8 - 0.01 * nth}
        for nth, name in enumerate([*FINEST, PLACE])
    ]


def cells(product: str) -> Iterator[tuple[Row, float]]:
    """Keys of each cell and the persons in it."""
    zones = [*FINEST, PLACE]
    size = {zone: 400.0 + 90 * (nth * 7 % 16) for nth, zone in enumerate(zones)}
    rush = [math.exp(-((h - 13) ** 2) / 40) for h in range(24)]
    if product == "panel":
        yield from (({"zone_id": z}, 3 * size[z]) for z in FINEST)
        yield {"zone_id": CITY}, 3 * sum(size[z] for z in FINEST)
    elif product == "footfall":
        for h in range(24):
            yield {"zone_id": CITY, "hour": h}, 3 * sum(size[z] for z in FINEST)
            yield from (({"zone_id": z, "hour": h}, size[z] * rush[h]) for z in zones)
    elif product == "dwell":
        shape = (0.3, 0.3, 0.2, 0.1, 0.07, 0.03)
        yield from (
            ({"zone_id": z, "dwell_band": b}, size[z] * s)
            for z in zones
            for b, s in zip(DWELL_BANDS, shape, strict=True)
        )
    elif product == "approach":
        yield from (
            ({"zone_id": z, "daypart": d, "sector": s}, size[z] / (3 + nth + 2 * at))
            for z in zones
            for nth, d in enumerate(DAYPARTS)
            for at, s in enumerate(SECTORS)
        )
    elif product == "audience":
        yield from (
            ({"zone_id": z, "age_band": a, "gender": g}, size[z] * math.exp(-(((at - 4) / 3) ** 2)) / (2 + 2 * nth))
            for z in zones
            for at, a in enumerate(AGE_BANDS)
            for nth, g in enumerate(GENDERS)
        )
    elif product == "od":
        for part in DAYPARTS:
            for nth, start in enumerate(FINEST):
                for at, end in enumerate(FINEST):
                    far = abs(nth // SIDE - at // SIDE) + abs(nth % SIDE - at % SIDE)
                    keys = {"origin_zone_id": start, "destination_zone_id": end, "daypart": part}
                    yield keys, size[start] * size[end] / 2000 / (1 + far) ** 1.5
                yield {"origin_zone_id": start, "destination_zone_id": "all", "daypart": part}, 4 * size[start]
                yield {"origin_zone_id": "all", "destination_zone_id": start, "daypart": part}, 4 * size[start]
    elif product == "catchment":
        for z in zones:
            for at, home in enumerate(FINEST):
                keys = {"zone_id": z, "home_zone_id": home, "distance_band": ("0-2", "2-5", "5-10")[at % 3]}
                yield keys, size[z] * 2 / (1 + at)
    else:
        for c in ("c1", "c2"):
            for nth, way in enumerate(DIRECTIONS):
                for h in range(24):
                    yield {"corridor_id": c, "direction": way, "hour": h}, 300 * rush[h] / (1 + nth)


def product_rows(product: str) -> list[Row]:
    contract = PRODUCTS[product]
    level = {z["zone_id"]: z["level"] for z in zone_rows()}
    found = []
    for keys, persons in cells(product):
        zone = keys.get("zone_id", keys.get("origin_zone_id"))
        unresolved = keys.get("dwell_band") == "<15" and zone != PLACE
        status = "unresolved" if unresolved else "published" if persons >= THRESHOLD else "suppressed"
        shown = round(persons) if status == "published" else None
        row: Row = dict.fromkeys(contract.column_names)
        row |= {"release_id": release(product), **keys, "level": level.get(str(zone), "district"), "status": status}
        row |= {"date": DATE} if "date" in contract.column_names else {"period": period_of(product)}
        if shown is not None:
            estimate = round(shown * FACTOR)
            row |= {"persons": shown, "estimate": estimate}
            row |= {"lower": max(0, estimate - 120), "upper": estimate + 120}
            row |= {"median_km": 2.1, "radius_80_km": 4.5} if product == "catchment" else {}
            if product == "corridor_flow":
                row |= {"speed_band": SPEED_BANDS[2]}
                row |= {"co2_kg": 0.5 * estimate, "nox_g": 0.9 * estimate} if keys["corridor_id"] == "c1" else {}
        found.append(row)
    if product == "footfall":
        # The place's small hours together, where each alone is too small.
        night = [r for r in found if r["zone_id"] == PLACE and r["status"] == "suppressed" and r["hour"] < 6]
        night[0] |= {"status": "merged", "persons": 80, "estimate": 320, "lower": 200, "upper": 440}
        night[0]["covers"] = ",".join(f"{r['hour']:02d}" for r in night)
    return found


def period_of(product: str) -> str:
    return {"od": WEEK, "catchment": MONTH}.get(product, DATE.isoformat())


def release(product: str) -> str:
    return f"{product}-{period_of(product)}-r0"


def entry_row(product: str, **changes: Any) -> Row:
    rows = product_rows(product)
    shown = sum(row["persons"] is not None for row in rows)
    rho = {"footfall": 0.05, "panel": 0.002, "od": 0.08, "catchment": 0.1}.get(product, 0.01)
    sigma = {"footfall": {"partition": 20.0, "place": 24.494897}, "corridor_flow": {"corridor": 16.3}}
    purpose = {"panel": "mobility_statistics", "footfall": "mobility_statistics", "od": "traffic_planning"}
    found: Row = {
        "release_id": release(product),
        "product": product,
        "period": period_of(product),
        "correction": 0,
        "purpose": purpose.get(product, "market_research"),
        "policy": "0123456789abcdef",
        "rho": rho,
        "sigma": json.dumps(sigma.get(product, {"partition": 14.1})),
        "min_persons": 30 if product == "audience" else 20,
        "cells": len(rows),
        "published": shown,
        "suppressed": len(rows) - shown,
        "extrapolation": "residents divided by panel",
        "note": None,
        "for_release": True,
        "digest": "d" * 64,
        "released_at": dt.datetime(2026, 3, 5, 6, tzinfo=dt.UTC),
    }
    return found | changes


def delivery(product: str, rows: Sequence[Row] | None = None, **changes: Any) -> Delivery:
    """A release as ``jobs.deliver.read`` gives it, without a lake."""
    contract = PRODUCTS[product]
    table = pd.DataFrame(rows if rows is not None else product_rows(product), columns=contract.column_names)
    whole = {c.name: "Int64" for c in contract.columns if c.type in ("INT", "BIGINT")}
    table = table.astype(whole).sort_values(list(contract.keys), ignore_index=True)
    return Delivery(
        contract,
        entry_row(product, **({"cells": len(table)} | changes)),
        table,
        _table(ZONES, zone_rows(), "zone_id"),
        _table(CORRIDORS, corridor_rows(), "corridor_id"),
        _table(ZONE_RESOLUTION, resolution_rows(), "zone_id"),
        0.1,
    )


def _table(contract: Contract, rows: Sequence[Row], key: str) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=contract.column_names).sort_values(key).set_index(key, drop=False)


def write_city(spark: SparkSession, root: str, products: Sequence[str] = tuple(PRODUCTS)) -> Lake:
    """The city's releases in a lake of their own, written through the door."""
    lake = Lake(spark, root)
    door = lake.door(writes=[Schema.PRODUCTS, Schema.REFERENCE])
    given: dict[Contract, list[Row]] = {ZONES: zone_rows(), CORRIDORS: corridor_rows()}
    given |= {ZONE_RESOLUTION: resolution_rows()} | {PRODUCTS[p]: product_rows(p) for p in products}
    door.create([*given, RELEASES])

    def put(contract: Contract) -> None:
        rows = given[contract]
        door.replace(contract, _frame(spark, contract, rows), [rows[0]["release_id"]] if contract.period else [])

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(put, given))
    door.merge(RELEASES, _frame(spark, RELEASES, [entry_row(p) for p in products]))
    return lake


def _frame(spark: SparkSession, contract: Contract, rows: Sequence[Row]) -> Any:
    return spark.createDataFrame(
        [tuple(row[c] for c in contract.column_names) for row in rows], contract.struct
    ).coalesce(1)
