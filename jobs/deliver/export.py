"""Exports: the products of a period as files for a map, a spreadsheet or a data frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jobs.deliver.files import write_csv, write_geojson, write_geoparquet
from jobs.deliver.read import Delivery, choose, entries, read_delivery, refuse_restricted
from jobs.deliver.shapes import centres, named, shapes
from jobs.errors import UsageError
from jobs.lake import Lake

SUFFIXES = {"csv": ".csv", "geojson": ".geojson", "geoparquet": ".parquet"}


@dataclass(frozen=True)
class ExportParams:
    """What to export.

    Attributes:
        period: Day, week or month, as ISO 8601.
        format: See ``SUFFIXES``.
        out: File for one product; folder for all of the period.
        product: The product; ``None``: every one that is released.
        internal: Also what is not for release.
    """

    period: str
    format: str
    out: Path
    product: str | None = None
    internal: bool = False

    def __post_init__(self) -> None:
        if self.format not in SUFFIXES:
            raise UsageError(f"--format {self.format!r} is unknown: one of {', '.join(SUFFIXES)}")


def run_export(lake: Lake, params: ExportParams) -> list[tuple[str, Path, int]]:
    """Write the files.

    Returns:
        Release, file and rows of each.

    Raises:
        ThreestepError: Nothing of the period is released, or the geography was replaced since.
        ReleaseError: A release is not for release.
        UsageError: There is no such product, or the target is of the wrong kind.
    """
    if params.product is not None and params.out.is_dir():
        raise UsageError(f"--out {params.out} is a folder: name a file, or leave --product out to export all products")
    if params.product is None and params.out.is_file():
        raise UsageError(f"--out {params.out} is a file: name a folder, or one --product")
    found = entries(lake)
    chosen = choose(found, product=params.product, period=params.period)
    for entry in chosen:
        if not params.internal:
            refuse_restricted(entry)
    written = []
    for entry in chosen:
        delivery = read_delivery(lake, entry, found)
        path = params.out if params.product else params.out / f"{delivery.release_id}{SUFFIXES[params.format]}"
        write(delivery, params.format, path)
        written.append((delivery.release_id, path, len(delivery.rows)))
    return written


def write(delivery: Delivery, kind: str, path: Path) -> None:
    """Write one release in one format, rows in order of their keys.

    CSV has names, and the centre of each zone; the others have names and a shape a row.
    """
    if kind == "csv":
        write_csv(path, centres(delivery))
    elif kind == "geojson":
        write_geojson(path, named(delivery), shapes(delivery))
    else:
        write_geoparquet(path, named(delivery), shapes(delivery), delivery.contract)
