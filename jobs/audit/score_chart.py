"""The chart of a score: footfall against the truth, and the error hour by hour, with the baseline beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from jobs.audit.score import Score
from jobs.audit.score_measures import FLOOR

_COLOURS = {"threestep": "#1f6fb2", "nearest_cell": "#c2410c"}
_NAMES = {"threestep": "threestep", "nearest_cell": "nearest mast (Voronoi)"}
_INK, _FAINT = "#1f2933", "#8a949e"


def draw_score(score: Score, out_png: Path) -> Path:
    """Draw zone-hours of the finest partition: estimated against true, and the median error by hour.

    The cells are those of a simulation: no person stands behind them.
    """
    cells = score.cells[score.cells["level"] == score.finest]
    figure = Figure(figsize=(11.0, 4.8), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _scatter(left, cells, score.finest)
    _by_hour(right, cells, score.finest)
    figure.suptitle("Footfall before noise against the truth of the simulation", color=_INK, fontsize=13)
    figure.savefig(out_png)
    return out_png


def _scatter(axes: Axes, cells: pd.DataFrame, level: str) -> None:
    values = cells[["true", "estimated"]].to_numpy()
    least, top = float(values[values > 0].min(initial=FLOOR)) / 1.3, float(values.max(initial=FLOOR)) * 1.3
    axes.plot([least, top], [least, top], color=_FAINT, linewidth=1, zorder=1)
    # The baseline below, so that it does not hide what is judged.
    for method in ("nearest_cell", "threestep"):
        rows = cells[(cells["method"] == method) & (cells["true"] > 0) & (cells["estimated"] > 0)]
        axes.scatter(
            rows["true"], rows["estimated"], s=7, alpha=0.45, color=_COLOURS[method], label=_NAMES[method], linewidths=0
        )
    axes.axvline(FLOOR, color=_FAINT, linewidth=1, linestyle=":")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="true persons",
        ylabel="estimated persons",
        xlim=(least, top),
        ylim=(least, top),
    )
    axes.set_title(f"{level} by hour; errors are judged right of the dotted line", fontsize=10, color=_INK)
    axes.legend(frameon=False, loc="upper left", markerscale=3)


def _by_hour(axes: Axes, cells: pd.DataFrame, level: str) -> None:
    large = cells[cells["true"] >= FLOOR]
    error = (large["estimated"] - large["true"]).abs() / large["true"]
    hourly = large.assign(error=error).groupby(["method", "hour"])["error"].median().unstack(0)
    for method in [m for m in _COLOURS if m in hourly]:
        axes.plot(
            hourly.index + 0.5,
            hourly[method] * 100,
            color=_COLOURS[method],
            marker="o",
            markersize=3,
            label=_NAMES[method],
        )
    axes.set(xlabel="local hour", ylabel="median error, %", xlim=(0, 24), xticks=np.arange(0, 25, 3))
    axes.set_ylim(bottom=0)
    axes.set_title(f"median absolute percentage error of {level} by hour", fontsize=10, color=_INK)
    axes.grid(axis="y", color="#e5e8eb")
