"""Do the intervals hold? Released figures against the truth of a simulation; and the model error that makes them hold.

Zones are clusters: the 24 hours of a zone err alike, so that its cells are no 24 independent trials.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.products import FOOTFALL
from expectations.residents import RESIDENTS
from expectations.zones import ZONES
from jobs.lake import Door
from jobs.release.factors import residents_at
from jobs.release.model_error import (
    COARSER,
    FINEST,
    PLACE,
    Errors,
    ModelError,
    read_model_error,
    write_model_error,
)
from jobs.simulate.landing import MARKER
from udfs.time import daypart

CELLS = ("product", "date", "level", "kind", "zone_id", "hour", "part", "estimate", "lower", "upper", "true")
"""Columns of released figures beside the truth, one row a figure."""

_Z95 = 1.959964
_END = 0.975
_LEAST = 0.01


@dataclass(frozen=True)
class Coverage:
    """How many intervals hold the true value.

    Attributes:
        level: Level of the zones.
        share: Share of cells whose interval holds it.
        error: Standard error of the share, zones taken as clusters; ``None`` with one zone.
        zones: Number of clusters.
        cells: Number of cells.
    """

    level: str
    share: float
    error: float | None
    zones: int
    cells: int


def interval_cells(released: DataFrame, presence: DataFrame, kinds: DataFrame, scale: float) -> DataFrame:
    """Put released figures beside true ones; a merged figure beside the sum of the hours that it covers.

    Args:
        released: Rows of ``products.footfall`` of one or several simulations of the same city.
        presence: ``truth/presence`` of the same days: ``date, zone_id, hour, persons``.
        kinds: ``zone_id, kind``: finest, coarser or place.
        scale: Official residents over simulated ones.

    Returns:
        ``CELLS``, one row a shown figure with an estimate.
    """
    hours = F.transform(F.split("covers", ","), lambda hour: hour.cast("int"))
    shown = released.filter("estimate IS NOT NULL").select(
        "date", "level", "zone_id", "hour", "estimate", "lower", "upper",
        F.explode(F.coalesce(hours, F.array("hour"))).alias("of_hour"),
    )  # fmt: skip
    truth = presence.select("date", "zone_id", F.col("hour").alias("of_hour"), "persons")
    figures = ("date", "level", "kind", "zone_id", "hour", "estimate", "lower", "upper")
    return (
        shown.join(truth, on=["date", "zone_id", "of_hour"], how="inner")
        .join(F.broadcast(kinds.select("zone_id", "kind")), on="zone_id", how="inner")
        .groupBy(*figures)
        .agg((F.sum("persons") * F.lit(float(scale))).alias("true"))
        .withColumn("product", F.lit(FOOTFALL.name))
        .withColumn("part", daypart(F.col("hour")))
        .select(*CELLS)
    )


def visit_interval_cells(released: DataFrame, truth: DataFrame, kinds: DataFrame, scale: float) -> DataFrame:
    """Put released figures of visits beside true ones; where there is no true visit the truth is nought.

    Args:
        released: ``date, product, level, status, zone_id, part, other, estimate, lower, upper``; those of several
            cells are left out.
        truth: The same cells with ``n``, true visits, of everybody and of all zones that are counted.
        kinds: ``zone_id, kind`` of these zones.
        scale: Official residents over simulated ones.

    Returns:
        ``CELLS``; the level is told with the product, and ``part`` is the band of duration or the part of the day.
    """
    same = [
        F.col(f"r.{name}").eqNullSafe(F.col(f"t.{name}")) for name in ("date", "product", "zone_id", "part", "other")
    ]
    true = F.coalesce("t.n", F.lit(0)) * F.lit(float(scale))
    named = F.when(F.col("product") != "audience", F.col("part"))
    return (
        released.filter("status = 'published' AND estimate IS NOT NULL").alias("r")
        .join(truth.alias("t"), on=same, how="left")
        .select("r.*", true.alias("true"))
        .join(F.broadcast(kinds.select("zone_id", "kind")), on="zone_id", how="inner")
        .withColumn("level", F.concat_ws(", ", "product", "level"))
        .withColumn("hour", F.lit(None).cast("int"))
        .withColumn("part", named)
        .select(*CELLS)
    )  # fmt: skip


def coverage(cells: DataFrame) -> list[Coverage]:
    """The share of true values inside their intervals by level, with the error of a sample of zones.

    The ratio estimator of a cluster sample (Cochran 1977, section 3.12): with n cells of a zone, k of them held, and
    the share p over all, the error is the root of Z / (Z - 1) times the sum of (k - p n)², over the number of cells.

    Args:
        cells: See ``interval_cells``; of several seeds together, where the same zone is one cluster.
    """
    holds = F.col("true").between(F.col("lower"), F.col("upper"))
    zones = cells.groupBy("level", "zone_id").agg(F.count("*").alias("n"), F.count_if(holds).alias("k"))
    found: dict[str, list[tuple[int, int]]] = {}
    for row in zones.orderBy("level", "zone_id").collect():
        found.setdefault(row["level"], []).append((row["n"], row["k"]))
    return [_coverage(level, counts) for level, counts in sorted(found.items())]


def _coverage(level: str, counts: Sequence[tuple[int, int]]) -> Coverage:
    cells, zones = sum(n for n, _ in counts), len(counts)
    share = sum(k for _, k in counts) / cells
    square = sum((k - share * n) ** 2 for n, k in counts)
    error = math.sqrt(square * zones / (zones - 1)) / cells if zones > 1 else None
    return Coverage(level, share, error, zones, cells)


def model_errors(cells: DataFrame) -> dict[str, dict[str, tuple[float, float]]]:
    """The model error with which 95 % of the intervals would just have held, by product, kind of level and part.

    Each cell asks for the error that moves an end of its interval to the truth, beside what the interval carries
    already: on the logarithm of truth over estimate, the square of its distance over 1.96, less the square of the half
    width over 1.96; of the lower end where the truth lies below, of the upper one where it lies above. At each end
    the percentile 97.5 of these is taken, at least 0.01. A kind of level has few zones, and another city has others: as
    for one more draw after a normal sample of Z, it grows by t / 1.96 · sqrt(1 + 1 / Z), t of Z - 1 degrees of freedom.

    Args:
        cells: Rows of ``CELLS``, released without a model error.

    Returns:
        By product errors by kind, and by kind and part, see ``jobs.release.model_error.Errors``.
    """
    figure = F.col("estimate").cast("double")
    away = F.log(F.greatest(F.col("true"), F.lit(1.0)) / figure) / F.lit(_Z95)
    carried = (F.col("upper") - F.col("lower")) / (2 * F.lit(_Z95) * figure)
    asked = F.sqrt(F.greatest(F.lit(0.0), away * away - carried * carried))
    names = F.array_distinct(F.array("kind", F.concat_ws(" ", "kind", "part")))
    sides = {"below": away < 0, "above": away > 0}
    by_name = (
        cells.filter("estimate > 0")
        .select(
            *("product", "zone_id"),
            *(F.round(F.when(there, asked).otherwise(0.0), 6).alias(side) for side, there in sides.items()),
            F.explode(names).alias("name"),
        )
        .groupBy("product", "name")
        .agg(F.count_distinct("zone_id").alias("zones"), *(F.percentile(s, F.lit(_END)).alias(s) for s in sides))
        .orderBy("product", "name")
    )
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for row in by_name.collect():
        found.setdefault(row["product"], {})[row["name"]] = _errors(row["below"], row["above"], row["zones"])
    return found


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


def added(path: Path, city: Mapping[str, object], errors: Mapping[str, Errors]) -> ModelError:
    """A calibration file with a city more: the errors are the root mean squares over its cities.

    Args:
        path: The file, which may not be there yet.
        city: What was simulated; an entry that is the same is replaced.
        errors: See ``model_errors``.
    """
    known = read_model_error(path.read_text(encoding="utf-8"), str(path)).cities if path.is_file() else ()
    others = [entry for entry in known if {k: v for k, v in entry.items() if k != "errors"} != dict(city)]
    entry = {**city, "errors": {product: dict(told) for product, told in errors.items()}}
    cities: list[Mapping[str, object]] = [*others, entry]
    asked: dict[tuple[str, str], list[Sequence[float]]] = {}
    for one in cities:
        by_product: Mapping[str, Mapping[str, Sequence[float]]] = one["errors"]  # type: ignore[assignment]
        for product, named in by_product.items():
            for name, pair in named.items():
                asked.setdefault((product, name), []).append(pair)
    means: dict[str, dict[str, tuple[float, float]]] = {}
    for (product, name), pairs in sorted(asked.items()):
        means.setdefault(product, {})[name] = _pooled(pairs)
    return ModelError(means, tuple(cities))


def calibrate(path: Path, landing: Path, cells: DataFrame) -> None:
    """Add the errors of a simulated landing directory to a calibration file.

    Args:
        path: The file, which may not be there yet.
        landing: Landing directory that ``simulate`` wrote.
        cells: Rows of ``CELLS``, released without a model error.
    """
    write_model_error(path, added(path, simulated_city(landing), model_errors(cells)))


def _pooled(errors: Sequence[Sequence[float]]) -> tuple[float, float]:
    below, above = (math.sqrt(sum(pair[side] ** 2 for pair in errors) / len(errors)) for side in (0, 1))
    return round(below, 4), round(above, 4)


def simulated_scale(door: Door, landing: Path, date: dt.date) -> float:
    """How many official residents stand behind one simulated resident.

    Args:
        door: Reads reference.
        landing: Landing directory that ``simulate`` wrote.
        date: As of this day.
    """
    residents = door.read(RESIDENTS)
    dates = residents.sparkSession.createDataFrame([(date,)], "date DATE")
    finest = F.broadcast(zone_kinds(door.read(ZONES)).filter(F.col("kind") == FINEST))
    told = residents_at(residents, dates).join(finest, on="zone_id", how="left_semi")
    people = told.agg(F.coalesce(F.sum("people"), F.lit(0)).alias("people")).collect()[0]["people"]
    return float(people) / int(str(_made(landing)["subscribers"]))


def zone_kinds(zones: DataFrame) -> DataFrame:
    """The kind of level of each zone: ``zone_id, kind``."""
    kind: Column = F.when(F.col("role") == "place", PLACE).when(F.col("is_finest"), FINEST).otherwise(COARSER)
    return zones.select("zone_id", kind.alias("kind"))


def simulated_city(landing: Path) -> dict[str, object]:
    """What a landing directory simulates, as a calibration records it."""
    made = _made(landing)
    city = Path(str(made["city"])).name if made["city"] else "built-in"
    return {"city": city, "seed": made["seed"], "lines": made["subscribers"], "date": made["start_date"]}


def _made(landing: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((landing / MARKER).read_text(encoding="utf-8"))
    return found
