"""How far the simulated hours resemble counted ones: Pearson correlations by weekday.

The reference is a table of counts by weekday (Mon … Sun) and hour, given by the caller: it is other
people's data, and no figure of it is in the code.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import correlation

from pyspark.sql import DataFrame

from jobs.errors import InputRejectedError

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MEASURES = ("in_motion", "on_foot", "out_of_home")


@dataclass(frozen=True)
class ShapeScore:
    """Correlation of one simulated measure with one counted column, on one weekday."""

    weekday: str
    measure: str
    counted: str
    hours: int
    pearson: float


def shape_scores(
    activity: DataFrame, counts: Path, hours: Iterable[int] = range(8, 16), counted: str = "pedestrians"
) -> list[ShapeScore]:
    """Correlate the hourly activity of the simulated days with counts at the same weekday and hour.

    Args:
        activity: ``truth/activity``, see ``truth.make_activity``; a row an hour, so small.
        counts: CSV with the columns weekday, hour and ``counted``.
        hours: Local hours compared. Optical counters go blind at dusk, so hour 16 of an autumn table is
            best left out.
        counted: The column of the reference: pedestrians, bikes, cars, …

    Returns:
        One score a weekday that was simulated and measure.

    Raises:
        InputRejectedError: The reference has not the columns it needs.
    """
    reference = _reference(counts, counted)
    kept = set(hours)
    series: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in activity.collect():
        if row["hour"] in kept:
            moving = row["walk"] + row["bike"] + row["ride"]
            figures = {"in_motion": moving, "on_foot": row["walk"], "out_of_home": row["out_of_home"]}
            for measure, value in figures.items():
                series[(WEEKDAYS[row["date"].weekday()], row["hour"])][measure].append(value)
    scores = []
    for weekday in WEEKDAYS:
        both = sorted(hour for day, hour in series if day == weekday and (day, hour) in reference)
        if len(both) < 3:
            continue
        expected = [reference[(weekday, hour)] for hour in both]
        for measure in MEASURES:
            values = [series[(weekday, hour)][measure] for hour in both]
            means = [sum(value) / len(value) for value in values]
            scores.append(ShapeScore(weekday, measure, counted, len(both), _pearson(means, expected)))
    return scores


def _pearson(left: list[float], right: list[float]) -> float:
    if len(set(left)) < 2 or len(set(right)) < 2:
        return float("nan")
    return correlation(left, right)


def _reference(path: Path, counted: str) -> dict[tuple[str, int], float]:
    with path.open(encoding="utf-8", newline="") as source:
        reader = csv.DictReader(source)
        missing = {"weekday", "hour", counted} - set(reader.fieldnames or ())
        if missing:
            raise InputRejectedError(f"hourly counts: missing columns {', '.join(sorted(missing))}")
        return {(row["weekday"][:3], int(row["hour"])): float(row[counted]) for row in reader}
