"""From the panel to people: estimates and their intervals, from released and public figures and nothing else."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.product_words import AGE_BANDS, ALL_ZONES, DAYPARTS, DISTANCE_BANDS, DWELL_BANDS
from jobs.aggregate.specs import CELL
from jobs.release.borrow import with_borrowed
from jobs.release.factors import ANYWHERE, SOURCES
from jobs.release.intervals import interval
from jobs.release.model_error import COARSER, FINEST, KINDS, PLACE, WITHIN, Corrections, Errors
from udfs.time import daypart

METHOD = "residents over panel by zone"
NO_METHOD = "none: no residents, or no published panel figure"

_PARTS = {
    "dwell": DWELL_BANDS,
    "approach": DAYPARTS,
    "audience": AGE_BANDS,
    "od": (WITHIN, *DAYPARTS),
    "catchment": DISTANCE_BANDS,
}
"""What ``part`` is of products that are corrected by it; all others go by the part of the day of their hours."""


@dataclass(frozen=True)
class EstimateParams:
    """What estimates are made with.

    Attributes:
        levels: Levels of the partition, coarsest first; other levels are places.
        errors: By product, see ``jobs.release.model_error``; a product without carries none.
        corrections: By product, likewise; one without has none.
        habits: Habit of each day, see ``jobs.calendars``; empty for weeks and months.
    """

    levels: tuple[str, ...]
    errors: Mapping[str, Errors] = field(default_factory=dict)
    corrections: Mapping[str, Corrections] = field(default_factory=dict)
    habits: Mapping[dt.date, str] = field(default_factory=dict)


def with_estimates(judged: DataFrame, table: DataFrame, resolution: DataFrame, params: EstimateParams) -> DataFrame:
    """Add estimate and 95 % interval to judged cells.

    A finest cell's estimate is its figure times its zone's factor, and times the correction of what visits
    and trips were not seen; of women and men see ``jobs.release.borrow``. A sum's is the sum of the estimates of what
    it is made of (``blocks``), so that shown children add up to their parent in people as they do in persons; the
    remainder that stands for suppressed cells takes the factor of the sum's zone, never those of the single cells: with
    those, figures and estimates of one sum were two equations for two suppressed cells.

    Args:
        judged: ``product, date, release_id, level``, ``CELL``, ``status, persons`` (null unless shown), ``sigma,
            blocks`` and others.
        table: See ``factors.factor_table``; small.
        resolution: ``zone_id, inside_share``: rows of ``reference.zone_resolution``.
        params: Levels and errors.

    Returns:
        The same without ``blocks``, with ``estimate, lower, upper``, whole people, null where there is no figure or no
        factor.
    """
    zone = F.when(F.col("zone_id") == ALL_ZONES, F.col("other")).otherwise(F.col("zone_id"))
    own = F.struct(zone.alias("zone_id"), F.col("persons"))
    kept = [c for c in judged.columns if c != "blocks"]
    of_model = ("_correction", "_below", "_above", "_borrowed")
    corrected = _with_model(judged, params)
    by_all = with_borrowed(corrected) if params.habits else corrected.withColumn("_borrowed", F.lit(1.0))
    blocks = by_all.withColumn("blocks", F.coalesce("blocks", F.when(F.col("persons").isNotNull(), F.array(own))))
    parts = blocks.select(*kept, *of_model, F.explode_outer("blocks").alias("block"))
    factor_of_block = _factor_at(parts, table, F.col("block.zone_id"))
    people = F.col("block.persons") * F.col("_borrowed") * F.col("factor") * F.col("_correction")
    part = F.round(people).cast("bigint")
    sums = (
        factor_of_block.withColumn("part_estimate", part)
        .groupBy(*kept, *of_model)
        .agg(
            F.when(F.count("block") == F.count("part_estimate"), F.sum("part_estimate")).alias("estimate"),
        )
    )
    rows = _factor_at(sums, table, F.when(F.col("zone_id") == ALL_ZONES, F.col("other")).otherwise(F.col("zone_id")))
    shares = resolution.select("zone_id", "inside_share")
    rows = rows.join(F.broadcast(shares), on="zone_id", how="left")
    ends = interval(
        F.col("persons"),
        F.col("estimate"),
        F.col("sigma"),
        F.coalesce("relative", F.lit(0.0)),
        F.col("inside_share"),
        [F.col("_below"), F.col("_above")],
        F.xxhash64("release_id", "level", *CELL),
    )
    return rows.withColumn("ends", ends).select(
        *kept, "estimate", F.col("ends.lower").alias("lower"), F.col("ends.upper").alias("upper")
    )


def _factor_at(rows: DataFrame, table: DataFrame, zone: Column) -> DataFrame:
    """Add ``factor`` and ``relative`` of a zone; what is no zone takes those of the territory."""
    by_zone = table.select("date", F.col("zone_id").alias("_zone"), F.struct("factor", "relative").alias("_own"))
    anywhere = table.filter(F.col("zone_id") == ANYWHERE).select("date", F.struct("factor", "relative").alias("_any"))
    found = F.coalesce("_own", "_any")
    return (
        rows.withColumn("_zone", zone)
        .join(F.broadcast(by_zone), on=["date", "_zone"], how="left")
        .join(F.broadcast(anywhere), on="date", how="left")
        .withColumns({"factor": found["factor"], "relative": found["relative"]})
        .drop("_zone", "_own", "_any")
    )


def _with_model(rows: DataFrame, params: EstimateParams) -> DataFrame:
    """Add ``_correction``, ``_below`` and ``_above`` by product, kind of level, habit, and part of the day or duration.

    A coarser level takes the corrections of the finest one, so that sums stay sums.
    """
    products = sorted({*params.errors, *params.corrections})
    told = []
    for product, name, on in itertools.product(products, KINDS, sorted({"", *params.habits.values()})):
        errors, corrections = params.errors.get(product, {}), params.corrections.get(product, {})
        for word in ("", *_PARTS.get(product, DAYPARTS)):
            corrected = PLACE if name == PLACE else FINEST
            correction = 1.0 if word == WITHIN else _correction(corrections, corrected, word, on)
            error = errors.get(f"{name} {word}", errors.get(name, (0.0, 0.0)))
            told.append((product, name, word, on, correction, *error))
    schema = (
        "product STRING, _kind STRING, _part STRING, _habit STRING, _correction DOUBLE, _below DOUBLE, _above DOUBLE"
    )
    table = rows.sparkSession.createDataFrame(told, schema)
    kind = (
        F.when(F.col("level") == params.levels[-1], FINEST)
        .when(F.col("level").isin(*params.levels), COARSER)
        .otherwise(PLACE)
    )
    # A figure of several parts of the day is none of a single one.
    is_one = (F.col("product") != "approach") | (F.col("status") != "merged")
    of_visit = F.when(F.col("product").isin(*_PARTS) & is_one, F.col("part"))
    stays_in = (F.col("product") == "od") & (F.col("zone_id") == F.col("other"))
    part = F.when(stays_in, F.lit(WITHIN)).otherwise(F.coalesce(daypart(F.col("hour")), of_visit, F.lit("")))
    keyed = rows.withColumns({"_kind": kind, "_part": part, "_habit": F.coalesce(habit_on(params.habits), F.lit(""))})
    found = keyed.join(F.broadcast(table), on=["product", "_kind", "_part", "_habit"], how="left")
    without = {"_correction": 1.0, "_below": 0.0, "_above": 0.0}
    return found.withColumns({name: F.coalesce(name, F.lit(value)) for name, value in without.items()})


def habit_on(habits: Mapping[dt.date, str]) -> Column:
    """The habit of the day of the column ``date``; null of other days."""
    habit: Column = F.lit(None).cast("string")
    for day, of_day in habits.items():
        habit = F.when(F.col("date") == F.lit(day), F.lit(of_day)).otherwise(habit)
    return habit


def _correction(known: Corrections, kind: str, word: str, habit: str) -> float:
    """The most particular one of a product that is known, else 1."""
    names = (f"{kind} {word} {habit}", f"{kind} {word}", f"{kind} {habit}", kind)
    return next((known[name] for name in names if name in known), 1.0)


def descriptions(table: DataFrame, people: DataFrame, zones: DataFrame) -> dict[dt.date, str]:
    """How the estimates of each day were made, in words for ``products.releases``: one action on public figures.

    Args:
        table: See ``factors.factor_table``.
        people: See ``factors.residents_at``.
        zones: Rows of ``reference.zones``.
    """
    by_source = table.filter(F.col("zone_id") != ANYWHERE).groupBy("date", "source").agg(F.count("*").alias("n"))
    finest = zones.filter("is_finest").select("zone_id")
    told = people.join(F.broadcast(finest), on="zone_id", how="inner").filter("people > 0")
    years = told.groupBy("date", F.col("year").cast("string").alias("source")).agg(F.count("*").alias("n"))
    rows = by_source.withColumn("kind", F.lit("source")).unionByName(years.withColumn("kind", F.lit("year")))
    total = finest.agg(F.count("*").alias("zones"))
    found: dict[dt.date, dict[str, dict[str, int]]] = {}
    number = 0
    for row in rows.crossJoin(F.broadcast(total)).orderBy("date", "kind", "source").collect():
        number = int(row["zones"])
        found.setdefault(row["date"], {"source": {}, "year": {}})[row["kind"]][row["source"]] = int(row["n"])
    return {date: _described(date, kinds["source"], kinds["year"], number) for date, kinds in found.items()}


def _described(date: dt.date, sources: Mapping[str, int], years: Mapping[str, int], zones: int) -> str:
    if not sources:
        return NO_METHOD
    how = ", ".join(f"{SOURCES[name]}: {sources[name]}" for name in SOURCES if name in sources)
    words = [f"{METHOD} (zones {how})", f"residents of {' and '.join(sorted(years))}"]
    missing = zones - sum(years.values())
    if missing:
        words.append(f"no residents are known for {missing} of {zones} zones")
    if any(int(year) > date.year for year in years):
        words.append("for want of an earlier year, of a later one than the day")
    return "; ".join(words)
