"""Do the intervals hold? Released figures against the truth of a simulation.

Zones are clusters: the 24 hours of a zone err alike, so that its cells are no 24 independent trials.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.product_words import ALL_ZONES
from expectations.products import FOOTFALL
from expectations.residents import RESIDENTS
from expectations.zones import ZONES
from jobs.lake import Door
from jobs.release.factors import residents_at
from jobs.release.model_error import COARSER, FINEST, PLACE
from jobs.simulate.landing import MARKER
from udfs.time import daypart

CELLS = ("product", "date", "level", "kind", "zone_id", "hour", "part", "estimate", "lower", "upper", "true")
"""Columns of released figures beside the truth, one row a figure."""


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
        ``CELLS``; the level is told with the product, and ``part`` is the band of duration, of age, or the part
        of the day.
    """
    same = [
        F.col(f"r.{name}").eqNullSafe(F.col(f"t.{name}")) for name in ("date", "product", "zone_id", "part", "other")
    ]
    true = F.coalesce("t.n", F.lit(0)) * F.lit(float(scale))
    return (
        released.filter("status = 'published' AND estimate IS NOT NULL")
        .alias("r")
        .join(truth.alias("t"), on=same, how="left")
        .select("r.*", true.alias("true"))
        .join(F.broadcast(kinds.select("zone_id", "kind")), on="zone_id", how="inner")
        .withColumn("level", F.concat_ws(", ", "product", "level"))
        .withColumn("hour", F.lit(None).cast("int"))
        .select(*CELLS)
    )


def pair_interval_cells(released: DataFrame, truth: DataFrame, weeks: DataFrame, scale: float) -> DataFrame:
    """Put released flows between two zones beside true ones, of weeks that are whole; see ``CELLS``.

    Args:
        released: Rows of ``products.od``.
        truth: ``week, origin_zone_id, destination_zone_id, daypart, persons``, of everybody.
        weeks: ``week, date``: the weeks, and the day to which a week is entered.
        scale: Official residents over simulated ones.
    """
    keys = ["week", "origin_zone_id", "destination_zone_id", "daypart"]
    shown = between_zones(released).filter("status = 'published' AND estimate IS NOT NULL")
    return (
        shown.select(F.col("period").alias("week"), *keys[1:], "level", "estimate", "lower", "upper")
        .join(F.broadcast(weeks), on="week", how="inner")
        .join(truth, on=keys, how="left")
        .select(
            *(F.lit("od").alias("product"), "date", F.concat(F.lit("od, "), "level").alias("level")),
            *(
                F.lit(FINEST).alias("kind"),
                F.col("origin_zone_id").alias("zone_id"),
                F.lit(None).cast("int").alias("hour"),
            ),
            *(F.col("daypart").alias("part"), "estimate", "lower", "upper"),
            (F.coalesce("persons", F.lit(0)) * F.lit(float(scale))).alias("true"),
        )
        .select(*CELLS)
    )


def catchment_interval_cells(
    released: DataFrame, truth: DataFrame, kinds: DataFrame, date: dt.date, scale: float
) -> DataFrame:
    """Put released visitors of a month by where they live beside true ones; see ``CELLS``.

    Args:
        released: Rows of ``products.catchment``.
        truth: ``zone_id, other`` (zone of residence), ``persons``, of everybody.
        kinds: ``zone_id, kind``.
        date: The day to which the month is entered.
        scale: Official residents over simulated ones.
    """
    live = truth.withColumnRenamed("other", "home_zone_id").withColumnRenamed("persons", "found")
    shown = released.filter("status = 'published' AND estimate IS NOT NULL")
    return (
        shown.join(live, on=["zone_id", "home_zone_id"], how="left")
        .join(F.broadcast(kinds.select("zone_id", "kind")), on="zone_id", how="inner")
        .select(
            *(F.lit("catchment").alias("product"), F.lit(date).alias("date"), "kind", "zone_id"),
            F.concat(F.lit("catchment, "), "level").alias("level"),
            *(F.lit(None).cast("int").alias("hour"), F.col("distance_band").alias("part")),
            *("estimate", "lower", "upper"),
            (F.coalesce("found", F.lit(0)) * F.lit(float(scale))).alias("true"),
        )
        .select(*CELLS)
    )


def between_zones(released: DataFrame) -> DataFrame:
    """Rows of ``products.od`` between two different zones: neither sums nor trips within a zone."""
    ends = F.col("origin_zone_id"), F.col("destination_zone_id")
    return released.filter((ends[0] != ends[1]) & (ends[0] != ALL_ZONES) & (ends[1] != ALL_ZONES))


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
