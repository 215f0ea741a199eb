"""Pictures of the radio model: where phones on one sector may be, and how closely the network tells positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.footprints import CELL_POSITIONS, FOOTPRINTS, SECTORS
from expectations.zones import ZONE_TILES, ZONES
from jobs.errors import UsageError
from jobs.lake import Lake
from jobs.transform.prior import finest_tiles
from udfs import geo

_DPI = 100
_STEP_M = 250  # of the radius: steps are read off more surely than shades, and make small files
_TILE_KM = geo.TILE_M / 1000


def draw_coverage(spark: SparkSession, lake: str, out: Path, cell_id: str | None = None) -> list[Path]:
    """Draw ``footprint.png`` and ``resolution.png``.

    Args:
        spark: Session.
        lake: Root of a lake whose footprints were made.
        out: Folder of the pictures.
        cell_id: Cell whose footprint is drawn; by default the one with an azimuth whose radius is the median.

    Raises:
        UsageError: There are no footprints, or no such cell.
    """
    door = Lake(spark, lake).door(reads=[Schema.REFERENCE])
    if not door.exists(CELL_POSITIONS):
        raise UsageError(f"{lake} holds no footprints: run its jobs up to footprints first")
    sectors, prints = door.read(SECTORS), door.read(FOOTPRINTS).where("probability > 0")
    positions = door.read(CELL_POSITIONS).where("ring IS NULL").select("cell_id", "radius_m")
    cells = sectors.join(positions, on="cell_id", how="inner")
    ground = _plane(finest_tiles(door.read(ZONES), door.read(ZONE_TILES)))
    out.mkdir(parents=True, exist_ok=True)
    return [
        _saved(draw_sector(prints, cells, ground, cell_id), out / "footprint.png"),
        _saved(draw_radius(prints, cells, ground), out / "resolution.png"),
    ]


def draw_sector(prints: DataFrame, cells: DataFrame, ground: pd.DataFrame, cell_id: str | None) -> Figure:
    """Draw the footprint of one cell, and the sites around it."""
    told = cells.select("cell_id", "sector", "x", "y", "azimuth_deg", "radius_m", "technology").toPandas()
    aimed = told[told["azimuth_deg"].notna()].sort_values(["radius_m", "cell_id"])
    chosen = told[told["cell_id"] == cell_id] if cell_id else aimed.iloc[[len(aimed) // 2]] if len(aimed) else told[:1]
    if not len(chosen):
        raise UsageError("no such cell is in the plan of the stored footprints: name one of reference.sectors")
    one = chosen.iloc[0]
    tiles = _plane(prints.where(F.col("sector") == int(one["sector"])).select("tile", "probability"))
    figure, axes = _page(f"Where a phone on one {one['technology']} cell may be")
    x, y = one["x"] / 1000, one["y"] / 1000
    values = _raster(tiles, tiles["probability"].to_numpy() * 100)
    west, east, south, north = values.extent
    half = max(1.5, (east - west) / 2, (north - south) / 2) * 1.1
    image = axes.imshow(values.image, extent=values.extent, origin="lower", cmap="YlGnBu", norm=LogNorm(vmin=0.003))
    figure.colorbar(image, ax=axes, shrink=0.7, label="Probability of the 100 m tile, per cent (logarithmic)")
    _borders(axes, ground)
    masts = told[["x", "y"]].drop_duplicates() / 1000
    axes.plot(masts["x"], masts["y"], ".", color="#5f6b76", markersize=4, label="Other masts")
    if pd.notna(one["azimuth_deg"]):
        turn = np.radians(one["azimuth_deg"])
        axes.annotate(
            "", (x + 0.3 * half * np.sin(turn), y + 0.3 * half * np.cos(turn)), (x, y),
            arrowprops={"arrowstyle": "->", "color": "#c2410c", "lw": 2},
        )  # fmt: skip
    axes.plot(x, y, "^", color="#c2410c", markersize=9, label="Its mast, and where it points")
    east, north = (west + east) / 2, (south + north) / 2
    axes.set(xlim=(east - half, east + half), ylim=(north - half, north + half))
    axes.legend(loc="lower right", fontsize=8)
    return figure


def draw_radius(prints: DataFrame, cells: DataFrame, ground: pd.DataFrame) -> Figure:
    """Draw how closely a phone in each tile is told: mean radius of the footprints there, weighted by their mass."""
    by_sector = cells.groupBy("sector").agg(F.count(F.lit(1)).alias("cells"), F.first("radius_m").alias("radius_m"))
    mass = F.col("probability") * F.col("cells")
    by_tile = (
        prints.join(F.broadcast(by_sector), on="sector", how="inner")
        .groupBy("tile")
        .agg((F.sum(mass * F.col("radius_m")) / F.sum(mass)).alias("radius_m"))
    )
    tiles = _plane(by_tile).merge(ground[["tile"]].drop_duplicates(), on="tile")
    figure, axes = _page("How closely the network tells where a phone is")
    values = _raster(tiles, tiles["radius_m"].to_numpy())
    high = _STEP_M * np.ceil(float(np.nanquantile(values.image, 0.98)) / _STEP_M)
    steps = colormaps["viridis_r"].resampled(max(1, int(high / _STEP_M)))
    image = axes.imshow(values.image, extent=values.extent, origin="lower", cmap=steps, vmin=0, vmax=high)
    figure.colorbar(
        image, ax=axes, shrink=0.7, extend="max", label="Radius of the footprints that serve the tile, metres"
    )
    _borders(axes, ground)
    masts = cells.select("x", "y").distinct().toPandas() / 1000
    axes.plot(masts["x"], masts["y"], ".", color="#c2410c", markersize=3, label="Masts")
    axes.set(xlim=values.extent[:2], ylim=values.extent[2:])
    axes.legend(loc="lower right", fontsize=8)
    return figure


class _Raster:
    """Values by tile as an image, with its extent in kilometres of EPSG:3035."""

    def __init__(self, image: NDArray[Any], extent: tuple[float, float, float, float]) -> None:
        self.image, self.extent = image, extent


def _raster(tiles: pd.DataFrame, values: NDArray[Any]) -> _Raster:
    column, row = tiles["column"].to_numpy(), tiles["row"].to_numpy()
    image = np.full((row.max() - row.min() + 1, column.max() - column.min() + 1), np.nan)
    image[row - row.min(), column - column.min()] = values
    west, south = column.min() * _TILE_KM, row.min() * _TILE_KM
    return _Raster(image, (west, west + image.shape[1] * _TILE_KM, south, south + image.shape[0] * _TILE_KM))


def _plane(tiles: DataFrame) -> pd.DataFrame:
    """Tiles with their column and row of the grid: public reference data, as many as the city has."""
    column, row = geo.tile_column(F.col("tile")), geo.tile_row(F.col("tile"))
    return tiles.select("*", column.alias("column"), row.alias("row")).toPandas()


def _borders(axes: Any, ground: pd.DataFrame) -> None:
    """Draw the zones' borders: where a tile's zone is not its neighbour's."""
    numbers = pd.factorize(ground["zone_id"], sort=True)[0].astype(float)
    zones = _raster(ground, numbers)
    x = np.linspace(zones.extent[0], zones.extent[1], zones.image.shape[1] + 1)
    y = np.linspace(zones.extent[2], zones.extent[3], zones.image.shape[0] + 1)
    image = np.nan_to_num(zones.image, nan=-1)
    down, across = np.nonzero(image[:, 1:] != image[:, :-1]), np.nonzero(image[1:, :] != image[:-1, :])
    look = {"colors": "#8a949e", "linewidths": 0.4}
    axes.vlines(x[down[1] + 1], y[down[0]], y[down[0] + 1], **look)
    axes.hlines(y[across[0] + 1], x[across[1]], x[across[1] + 1], **look)


def _page(title: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(8.0, 6.6), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.09, 0.09, 0.88, 0.83))
    axes.set_title(title, loc="left")
    axes.set(xlabel="Easting, km (EPSG:3035)", ylabel="Northing, km", aspect="equal")
    axes.ticklabel_format(useOffset=False)
    return figure, axes


def _saved(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=_DPI)
    return path
