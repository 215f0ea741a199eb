"""Parts of a printed map: kilometres from degrees, shapes as paths, class bounds, labels that do not collide."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import shapely  # type: ignore[import-untyped]
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

_KM_A_DEGREE = 111.32
_MOST_CLASSES = 6


def local_km(shapes: NDArray[Any]) -> NDArray[Any]:
    """Shapes in degrees to kilometres east and north of their middle, true to scale at the middle latitude."""
    west, south, east, north = shapely.total_bounds(shapes)
    lon, lat = (west + east) / 2, (south + north) / 2
    scale = np.array([math.cos(math.radians(lat)) * _KM_A_DEGREE, _KM_A_DEGREE])
    found: NDArray[Any] = shapely.transform(shapes, lambda xy: (xy - np.array([lon, lat])) * scale)
    return found


def outline(shape: Any) -> Outline:
    """The rings of a polygon or several as one path; holes stay open by their direction."""
    rings: list[Outline] = []
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon":
            whole = shapely.geometry.polygon.orient(part)
            rings += [Outline(np.asarray(r.coords), closed=True) for r in (whole.exterior, *whole.interiors)]
    return Outline.make_compound_path(*rings)


def class_bounds(values: NDArray[np.float64]) -> list[float]:
    """Round bounds of at most six classes, the last one open: in equal steps, or growing where values are skewed."""
    known = values[np.isfinite(values) & (values > 0)]
    if not len(known) or known.max() < 2:
        return []
    low, high = float(known.min()), float(known.max())
    powers = [10.0**e for e in range(-1, math.ceil(math.log10(high)) + 1)]
    series = [
        [float(s) for s in MaxNLocator(nbins=_MOST_CLASSES, integer=True).tick_values(low, high)],
        [m * p for p in powers for m in (1, 1.5, 2, 3, 5, 7)],
        [m * p for p in powers for m in (1, 2, 5)],
    ]
    found = [[s for s in steps if low < s < high] for steps in series[0 if high < 2 * low else 1 :]]
    return next((steps for steps in found if len(steps) < _MOST_CLASSES), found[-1][-(_MOST_CLASSES - 1) :])


def class_names(bounds: list[float]) -> list[str]:
    """What a legend says of the classes."""
    if not bounds:
        return ["all"]
    middle = [f"{low:,.0f} – {high:,.0f}" for low, high in pairwise(bounds)]
    return [f"under {bounds[0]:,.0f}", *middle, f"{bounds[-1]:,.0f} and more"]


def scale_length(width_km: float) -> float:
    """A round length of about a fifth of the width."""
    exponent = math.floor(math.log10(width_km / 5))
    return float(max(m * 10.0**exponent for m in (1, 2, 5) if m * 10.0**exponent <= width_km / 5))


@dataclass
class Labeller:
    """Sets labels where they fit and where nothing stands yet; what does not fit is left out.

    Attributes:
        axes: Axes of the map, limits and aspect set, drawn once.
        taken: Boxes in use, in map coordinates.
    """

    axes: Any
    taken: list[Any] = field(default_factory=list)

    def size(self, text: str, **style: Any) -> tuple[float, float]:
        """Width and height of a text in map coordinates, with a little air."""
        probe = self.axes.text(0, 0, text, **style)
        extent = probe.get_window_extent(self.axes.figure.canvas.get_renderer())
        probe.remove()
        corners = self.axes.transData.inverted().transform([(extent.x0, extent.y0), (extent.x1, extent.y1)])
        (x0, y0), (x1, y1) = corners
        return 1.06 * float(x1 - x0), 1.06 * float(y1 - y0)

    def free(self, box: Any) -> bool:
        """Whether nothing stands in a box yet."""
        return not any(box.intersects(other) for other in self.taken)

    def inside(self, shape: Any, texts: list[str], **style: Any) -> bool:
        """Set the first of the texts that fits into a shape; of the places that are free, the most central."""
        taken = shapely.union_all(self.taken)
        shapely.prepare(taken)
        for text in texts:
            width, height = self.size(text, **style)
            spots = _spots(shape, width, height)
            if not len(spots):
                continue
            half = np.array([width, height]) / 2
            boxes = shapely.box(*(spots - half).T, *(spots + half).T)
            fits = shapely.area(shapely.intersection(boxes, shape)) >= 0.97 * width * height
            fits &= ~shapely.intersects(boxes, taken)
            if fits.any():
                nth = int(np.argmax(fits))
                self.axes.text(*spots[nth], text, ha="center", va="center", zorder=4, **style)
                self.taken.append(boxes[nth])
                return True
        return False


def _spots(shape: Any, width: float, height: float) -> NDArray[np.float64]:
    """Points of a shape, the most central one first."""
    middle = shape.centroid if shape.contains(shape.centroid) else shape.representative_point()
    west, south, east, north = shape.bounds
    xs = np.arange(west + width / 2, east - width / 2, max(width / 8, (east - west) / 40))
    ys = np.arange(south + height / 2, north - height / 2, max(height / 4, (north - south) / 40))
    grid = np.array([(middle.x, middle.y), *((x, y) for x in xs for y in ys)])
    return grid[np.argsort(np.hypot(grid[:, 0] - middle.x, grid[:, 1] - middle.y), kind="stable")]
