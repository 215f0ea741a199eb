"""What makes intervals hold: corrections of visits and trips, and the model's error, as simulated cities ask for."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from jobs.audit.interval_score import simulated_city
from jobs.release.extrapolate import habit_on
from jobs.release.model_error import (
    BY_HABIT,
    CORRECTED,
    Corrections,
    Errors,
    ModelError,
    read_model_error,
    write_model_error,
)

_Z95 = 1.959964
_END = 0.975
_LEAST = 0.01
_LEAST_ZONES = 3
_MOST_CORRECTION = 10.0
"""What is seen less often than one time in this many is not made up for by any factor."""


def corrections(cells: DataFrame, of: Mapping[dt.date, str]) -> Mapping[str, Corrections]:
    """True visits, and trips, over estimated ones, all zones together, by product, kind of level, part and habit.

    Args:
        cells: Rows of ``CELLS``, released without corrections.
        of: Habit of each day, see ``jobs.calendars``.
    """
    true, names = F.round("true").cast("bigint").alias("true"), F.flatten(F.array(_names(), _habit_names(of)))
    by_name = (
        cells.filter(F.col("product").isin(*CORRECTED))
        .select("product", "zone_id", "estimate", true, F.explode(F.array_distinct(names)).alias("name"))
        .groupBy("product", "name")
        .agg(
            (F.sum("true") / F.nullif(F.sum("estimate"), F.lit(0))).alias("ratio"),
            F.count_distinct("zone_id").alias("zones"),
        )
        .where("ratio IS NOT NULL")
        .orderBy("product", "name")
    )
    found: dict[str, dict[str, float]] = {}
    for row in _seen_often(by_name.collect()):
        ratio = min(_MOST_CORRECTION, max(1 / _MOST_CORRECTION, row["ratio"]))
        found.setdefault(row["product"], {})[row["name"]] = round(ratio, 4)
    return found


def model_errors(
    cells: DataFrame, by: Mapping[str, Corrections], of: Mapping[dt.date, str]
) -> dict[str, dict[str, tuple[float, float]]]:
    """The model error with which 95 % of the intervals would just have held, by product, kind of level and part.

    Each cell asks for the error that moves an end of its interval to the truth, beside what the interval carries
    already: on the logarithm of truth over corrected estimate, the square of its distance over 1.96, less the square
    of the half width over 1.96; of the lower end where the truth lies below, of the upper one where it lies above. At
    each end the percentile 97.5 of these is taken, at least 0.01. A kind of level has few zones, and another city has
    others: as for one more draw after a normal sample of Z, it grows by t / 1.96 · sqrt(1 + 1 / Z), t of Z - 1 degrees
    of freedom.

    Args:
        cells: Rows of ``CELLS``, released without a model error and corrections.
        by: See ``corrections``.
        of: Likewise.

    Returns:
        By product errors by kind, and by kind and part, see ``jobs.release.model_error.Errors``.
    """
    told = [(product, name, factor) for product, named in sorted(by.items()) for name, factor in sorted(named.items())]
    table = cells.sparkSession.createDataFrame(told, "product STRING, name STRING, correction DOUBLE")
    corrected = (
        cells.filter("estimate > 0")
        .withColumn("names", _names())
        .withColumn("name", F.coalesce(F.try_element_at(_habit_names(of), F.lit(-1)), F.element_at("names", -1)))
        .join(F.broadcast(table), on=["product", "name"], how="left")
    )
    figure = F.col("estimate").cast("double")
    expected = figure * F.coalesce("correction", F.lit(1.0))
    away = F.log(F.greatest(F.col("true"), F.lit(1.0)) / expected) / F.lit(_Z95)
    carried = (F.col("upper") - F.col("lower")) / (2 * F.lit(_Z95) * figure)
    asked = F.sqrt(F.greatest(F.lit(0.0), away * away - carried * carried))
    sides = {"below": away < 0, "above": away > 0}
    by_name = (
        corrected.select(
            *("product", "zone_id"),
            *(F.round(F.when(there, asked).otherwise(0.0), 6).alias(side) for side, there in sides.items()),
            F.explode("names").alias("name"),
        )
        .groupBy("product", "name")
        .agg(F.count_distinct("zone_id").alias("zones"), *(F.percentile(s, F.lit(_END)).alias(s) for s in sides))
        .orderBy("product", "name")
    )
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for row in _seen_often(by_name.collect()):
        found.setdefault(row["product"], {})[row["name"]] = _errors(row["below"], row["above"], row["zones"])
    return found


def _seen_often(rows: Sequence[Row]) -> list[Row]:
    """What few of a kind's zones show tells little of the others: without it, what is less particular stands in."""
    zones = {(row["product"], row["name"]): row["zones"] for row in rows}
    of_kind = [zones[row["product"], row["name"].partition(" ")[0]] for row in rows]
    return [row for row, most in zip(rows, of_kind, strict=True) if row["zones"] >= min(_LEAST_ZONES, most)]


def _names() -> Column:
    """Names under which a cell's error and correction are kept: that of its kind, and that of its kind and part."""
    return F.array_distinct(F.array("kind", F.concat_ws(" ", "kind", "part")))


def _habit_names(of: Mapping[dt.date, str]) -> Column:
    """As ``_names``, of a cell's correction with the habit of its day; none of products without."""
    habit = habit_on(of)
    names = F.array_distinct(F.array(F.concat_ws(" ", "kind", habit), F.concat_ws(" ", "kind", "part", habit)))
    none = F.array().cast("array<string>")
    return F.when(F.col("product").isin(*BY_HABIT) & habit.isNotNull(), names).otherwise(none)


def _errors(below: float, above: float, zones: int) -> tuple[float, float]:
    grown = _growth(zones)
    return max(_LEAST, round(below * grown, 4)), max(_LEAST, round(above * grown, 4))


def _growth(zones: int) -> float:
    """Student's t over the normal quantile, with the error of the mean; one zone tells nothing of others.

    The quantile is the expansion of Abramowitz and Stegun 1964, 26.7.5.
    """
    if zones < 2:
        return 1.0
    z, n = _Z95, zones - 1
    t = z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    return t / z * math.sqrt(1 + 1 / zones)


def added(
    path: Path, city: Mapping[str, object], errors: Mapping[str, Errors], corrected: Mapping[str, Corrections]
) -> ModelError:
    """A calibration file with a city more.

    Corrections are the geometric means over its cities; errors the root mean squares, how far a city's own correction
    lies from that mean included.

    Args:
        path: The file, which may not be there yet.
        city: What was simulated; what an entry of the same tells of the same products is replaced.
        errors: See ``model_errors``.
        corrected: See ``corrections``.
    """
    known = read_model_error(path.read_text(encoding="utf-8"), str(path)).cities if path.is_file() else ()
    told: dict[str, Mapping[str, Mapping[str, Any]]] = {"errors": errors, "corrections": corrected}
    others = [entry for entry in known if {k: v for k, v in entry.items() if k not in told} != dict(city)]
    before: Mapping[str, Any] = next((entry for entry in known if entry not in others), {part: {} for part in told})
    now = {part: {**before[part], **{name: dict(of) for name, of in by.items()}} for part, by in told.items()}
    cities: list[Mapping[str, object]] = [*others, {**city, **now}]
    factors = {
        product: {name: round(math.exp(_mean([math.log(f) for f in values])), 4) for name, values in named.items()}
        for product, named in _by_name(cities, "corrections").items()
    }
    pooled: dict[str, dict[str, tuple[float, float]]] = {}
    for product, named in _by_name(cities, "errors").items():
        apart = _apart(cities, product, factors.get(product, {}))
        pooled[product] = {name: _pooled(pairs, apart.get(name, 0.0)) for name, pairs in named.items()}
    return ModelError(pooled, tuple(cities), factors)


def _by_name(cities: Sequence[Mapping[str, object]], part: str) -> dict[str, dict[str, list[Any]]]:
    """What cities tell by product and name, each as a list over those that tell it, in order of names."""
    found: dict[str, dict[str, list[Any]]] = {}
    for city in cities:
        told: Mapping[str, Mapping[str, Any]] = city[part]  # type: ignore[assignment]
        for product, named in told.items():
            for name, value in named.items():
                found.setdefault(product, {}).setdefault(name, []).append(value)
    return {product: dict(sorted(named.items())) for product, named in sorted(found.items())}


def _apart(cities: Sequence[Mapping[str, object]], product: str, factors: Corrections) -> dict[str, float]:
    """Mean square by which the logarithms of cities' own corrections lie from the pooled ones, as of an error."""
    own = _by_name(cities, "corrections").get(product, {})
    return {name: _mean([(math.log(f / factors[name]) / _Z95) ** 2 for f in values]) for name, values in own.items()}


def calibrate(path: Path, landing: Path, cells: DataFrame, of: Mapping[dt.date, str]) -> None:
    """Add the errors of a simulated landing directory to a calibration file.

    Args:
        path: The file, which may not be there yet.
        landing: Landing directory that ``simulate`` wrote.
        cells: Rows of ``CELLS``, released without a model error.
        of: Habit of each day, see ``jobs.calendars``.
    """
    found = corrections(cells, of)
    write_model_error(path, added(path, simulated_city(landing), model_errors(cells, found, of), found))


def _pooled(pairs: Sequence[Sequence[float]], apart: float) -> tuple[float, float]:
    below, above = (math.sqrt(_mean([pair[side] ** 2 for pair in pairs]) + apart) for side in (0, 1))
    return round(below, 4), round(above, 4)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
