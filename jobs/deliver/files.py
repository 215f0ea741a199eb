"""Tables as files: CSV, GeoJSON and GeoParquet, each whole or not there at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray

from expectations.contract import Contract

_ARROW = {"INT": pa.int32(), "BIGINT": pa.int64(), "DATE": pa.date32(), "DOUBLE": pa.float64()}
_DECIMALS = 6  # some 10 cm: what RFC 7946 advises


def write_csv(path: Path, rows: pd.DataFrame) -> None:
    """Header and rows, UTF-8, comma; what is null is empty."""
    _whole(path, lambda part: rows.to_csv(part, index=False, lineterminator="\n"))


def write_geojson(path: Path, rows: pd.DataFrame, shapes: NDArray[Any]) -> None:
    """One feature a row (RFC 7946), one a line, so that large files can be read in pieces."""
    rounded = shapely.transform(shapes, lambda xy: xy.round(_DECIMALS))
    geometries = ["null" if shape is None else json.dumps(shapely.geometry.mapping(shape)) for shape in rounded]
    known = rows.notna().to_dict("records")
    values = rows.astype(object).to_dict("records")
    records = [
        {name: v if here[name] else None for name, v in row.items()} for row, here in zip(values, known, strict=True)
    ]

    def write(part: Path) -> None:
        with part.open("w", encoding="utf-8") as out:
            out.write('{"type": "FeatureCollection", "features": [\n')
            for nth, (record, geometry) in enumerate(zip(records, geometries, strict=True)):
                properties = json.dumps(record, ensure_ascii=False, default=_plain)
                out.write(f"{',' if nth else ''}")
                out.write(f'{{"type": "Feature", "properties": {properties}, "geometry": {geometry}}}\n')
            out.write("]}\n")

    _whole(path, write)


def write_geoparquet(path: Path, rows: pd.DataFrame, shapes: NDArray[Any], contract: Contract) -> None:
    """GeoParquet 1.1.0: well-known binary in ``geometry``, longitude and latitude (OGC:CRS84, the default)."""
    types = {c.name: _ARROW.get(c.type, pa.string()) for c in contract.columns}
    arrays = {name: pa.array(rows[name], type=types.get(name, pa.string()), from_pandas=True) for name in rows.columns}
    table = pa.table(arrays | {"geometry": pa.array(shapely.to_wkb(shapes), type=pa.binary())})
    geo = json.dumps({"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": _about(shapes)}})
    _whole(path, lambda part: pq.write_table(table.replace_schema_metadata({"geo": geo}), part, compression="zstd"))


def write_text(path: Path, text: str) -> None:
    """A text in UTF-8."""
    _whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def _about(shapes: NDArray[Any]) -> dict[str, Any]:
    known = shapes[~shapely.is_missing(shapes)]
    about: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted({shape.geom_type for shape in known}),
        "edges": "planar",
    }
    if len(known):
        about["bbox"] = [float(edge) for edge in shapely.total_bounds(known)]
    if any(kind.endswith("Polygon") for kind in about["geometry_types"]):
        about["orientation"] = "counterclockwise"
    return about


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else str(value)


def _whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the target and rename: a reader finds the old file, the new one, or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
