"""Do the intervals hold? Released figures against the truth of a simulation; and the model error that makes them hold.

Zones are clusters: the 24 hours of a zone err alike, so that its cells are no 24 independent trials.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.products import FOOTFALL, RELEASES
from expectations.residents import RESIDENTS
from expectations.zones import ZONES
from jobs.lake import Lake
from jobs.release.model_error import COARSER, FINEST, PLACE, ModelError, read_model_error
from jobs.simulate.landing import MARKER

_Z95 = 1.959964
_SHARE = 0.95


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
        ``date, level, kind, zone_id, hour, estimate, lower, upper, true``, one row a shown figure with an estimate.
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
        .select(*figures, "true")
    )


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


def model_errors(cells: DataFrame) -> dict[str, float]:
    """The model error by kind of level with which 95 % of the intervals would just have held.

    Each cell asks for the error that moves the end of its interval to the truth, beside what the interval carries
    already: on the logarithm of truth over estimate, the square of its distance over 1.96, less the square of the half
    width over 1.96. The 95th percentile of these is taken, at least 0.01.

    Args:
        cells: See ``interval_cells``, released without a model error.
    """
    figure = F.col("estimate").cast("double")
    away = F.log(F.greatest(F.col("true"), F.lit(1.0)) / figure) / F.lit(_Z95)
    carried = (F.col("upper") - F.col("lower")) / (2 * F.lit(_Z95) * figure)
    asked = F.sqrt(F.greatest(F.lit(0.0), away * away - carried * carried))
    by_kind = (
        cells.filter("estimate > 0")
        .groupBy("kind")
        .agg(F.percentile(F.round(asked, 6), F.lit(_SHARE)).alias("error"))
        .orderBy("kind")
    )
    return {row["kind"]: max(0.01, round(float(row["error"]), 4)) for row in by_kind.collect()}


def added(path: Path, city: Mapping[str, object], errors: Mapping[str, float]) -> ModelError:
    """A calibration file with a city more: the errors are the root mean squares over its cities.

    Args:
        path: The file, which may not be there yet.
        city: What was simulated; an entry that is the same is replaced.
        errors: See ``model_errors``.
    """
    known = read_model_error(path.read_text(encoding="utf-8"), str(path)).cities if path.is_file() else ()
    others = [entry for entry in known if {k: v for k, v in entry.items() if k != "errors"} != dict(city)]
    cities = [*others, {**city, "errors": dict(errors)}]
    squares: dict[str, list[float]] = {}
    for entry in cities:
        for kind, value in dict(entry["errors"]).items():  # type: ignore[call-overload]
            squares.setdefault(kind, []).append(float(value) ** 2)
    means = {kind: round(math.sqrt(sum(values) / len(values)), 4) for kind, values in squares.items()}
    return ModelError({FOOTFALL.name: means}, tuple(cities))


def released_cells(lake: Lake, landing: Path, truth: Path) -> DataFrame:
    """``interval_cells`` of every day of a simulated landing that has been released to a lake.

    Args:
        lake: The lake.
        landing: Landing directory that ``simulate`` wrote.
        truth: The folder ``truth`` of that simulation.
    """
    door = lake.door(reads=[Schema.PRODUCTS, Schema.REFERENCE])
    valid = door.read(RELEASES).select("release_id")
    released = door.read(FOOTFALL).join(F.broadcast(valid), on="release_id", how="left_semi")
    kinds = zone_kinds(door.read(ZONES))
    finest = F.broadcast(kinds.filter(F.col("kind") == FINEST))
    told = door.read(RESIDENTS).join(finest, on="zone_id", how="left_semi")
    people = told.agg(F.coalesce(F.sum("residents"), F.lit(0)).alias("people")).collect()[0]["people"]
    scale = float(people) / int(str(_made(landing)["subscribers"]))
    presence = released.sparkSession.read.parquet(str(truth / "presence"))
    return interval_cells(released, presence, kinds, scale)


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
