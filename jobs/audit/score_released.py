"""Scoring of what was released, noise and suppression included, against everybody's truth, as a buyer would meet it.

Nothing but released and public tables and the truth of a simulation is read, so any released lake can be scored.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from expectations.contract import Contract, Schema
from expectations.footprints import CELL_POSITIONS, ZONE_RESOLUTION
from expectations.products import CATCHMENT, CORRIDOR_FLOW, OD, RELEASES
from expectations.zones import ZONE_TILES, ZONES
from jobs.aggregate.run import countable_tiles
from jobs.aggregate.specs import SPECS
from jobs.audit.interval_score import (
    between_zones,
    catchment_interval_cells,
    coverage,
    interval_cells,
    pair_interval_cells,
    simulated_scale,
    visit_interval_cells,
    zone_kinds,
)
from jobs.audit.score_measures import as_measures, cell_measures
from jobs.audit.score_periods import catchment_measures, true_pairs, true_visitors
from jobs.audit.score_record import TRUTH, held
from jobs.audit.score_visits import PRODUCTS, distances, true_track, visit_cells, word_counts
from jobs.lake import Door, Lake
from jobs.segment.days import days_frame
from jobs.segment.periods import week_period
from jobs.segment.profile import age_band
from jobs.settings import RunSettings
from jobs.simulate.clock import Clock
from jobs.simulate.people import THING

METHOD = "released"
_UNKNOWN = "unknown"
_DAYS_OF_WEEK = 7
_CELL = ("date", "product", "zone_id", "part", "other")


@dataclass(frozen=True)
class Released:
    """What the scoring of a release came to.

    Attributes:
        measures: Rows of ``score_measures.MEASURES_SCHEMA``, how many intervals hold among them.
        cells: See ``jobs.audit.interval_score.CELLS``.
    """

    measures: list[Row]
    cells: DataFrame


def released_measures(lake: Lake, settings: RunSettings, truth: Path) -> Released:
    """Measure what a lake has released of the settings' days.

    Costs a pass over the true itineraries for each of trips and visits.

    Args:
        lake: The lake.
        settings: Landing that ``simulate`` wrote, days and policy.
        truth: The folder ``truth`` of that simulation.
    """
    door, policy, days = lake.door(reads=[Schema.PRODUCTS, Schema.REFERENCE]), settings.policy, settings.days
    spark = door.read(RELEASES).sparkSession
    read = {name: spark.read.parquet(str(truth / name)) for name in TRUTH}
    zones, resolution = door.read(ZONES), door.read(ZONE_RESOLUTION)
    countable = countable_tiles(zones, door.read(ZONE_TILES), door.read(CELL_POSITIONS).filter("ring IS NULL"))
    counted = countable.localCheckpoint()
    scale = simulated_scale(door, settings.landing, settings.until)
    levels = counted.select("zone_id").distinct().join(zones.select("zone_id", "level"), on="zone_id", how="inner")
    finest = str(zones.filter("is_finest").select("level").limit(1).collect()[0]["level"])
    clock = Clock(settings.date, len(days), policy.time_zone)
    dates = spark.createDataFrame([(day,) for day in days], "date DATE")
    persons = everybody(read["lines"], dates).localCheckpoint()
    footfall = _rows(door, "footfall")
    cells = interval_cells(footfall, read["presence"], zone_kinds(zones), scale).localCheckpoint()
    as_simulated = F.round(F.col("estimate") / F.lit(scale)).cast("bigint")
    compared = cells.select(
        *("date", "level", "zone_id", "hour", F.lit(METHOD).alias("method")),
        F.round(F.col("true") / F.lit(scale)).cast("bigint").alias("true"),
        as_simulated.alias("estimated"),
    )
    parts = [cell_measures(compared, "footfall"), shown_share(footfall, read["presence"])]
    if _is_released(door, CORRIDOR_FLOW.name):
        parts.append(cell_measures(_flows(door, read["corridor_hours"], as_simulated), "corridor"))
    if _is_released(door, OD.name):
        weeks = spark.createDataFrame(list({week_period(d)[5:]: d for d in days}.items()), "week STRING, date DATE")
        pairs = true_pairs(read["itineraries"], persons, counted, clock)
        pairs, flows = pairs.localCheckpoint(), _rows(door, OD.name)
        parts.append(od_measures(pairs, flows, scale, finest, weeks))
        # How many are missed of who made a trip once a week hangs on the number of its days.
        whole = Counter(week_period(day)[5:] for day in days)
        full = weeks.filter(F.col("week").isin([week for week, n in whole.items() if n == _DAYS_OF_WEEK]))
        cells = cells.unionByName(pair_interval_cells(flows, pairs, full, scale)).localCheckpoint()
    stay = 60 * policy.segments.stay_minutes
    if _is_released(door, CATCHMENT.name):
        visitors = true_visitors(read["itineraries"], persons, read["homes"], counted, clock, stay)
        visitors, found = visitors.localCheckpoint(), _rows(door, CATCHMENT.name)
        estimates = shown_visitors(found).withColumn("method", _method())
        parts.append(catchment_measures(visitors.withColumn("date", F.lit(days[-1])), estimates, levels))
        if _is_month(days):
            of_month = catchment_interval_cells(found, visitors, zone_kinds(zones), days[-1], scale)
            cells = cells.unionByName(of_month).localCheckpoint()
    of_visits = [name for name in PRODUCTS if _is_released(door, name)]
    if of_visits:
        who = true_profile(persons, read["homes"])
        track = true_track(read["itineraries"], persons, days_frame(spark, days, policy), stay)
        visited = visit_cells(track, counted, resolution, who, policy).groupBy(*_CELL).agg(F.count("*").alias("n"))
        found = _visits(door, of_visits).localCheckpoint()
        visited = _with_covers(visited.filter(F.col("product").isin(of_visits)), found).localCheckpoint()
        released = word_counts(_known(found), "method")
        parts.append(distances(word_counts(_known(visited)), released, levels))
        of_shown = distances(word_counts(_known(visited.filter("is_shown"))), released, levels)
        parts.append(of_shown.withColumn("measure", F.concat("measure", F.lit("_shown"))))
        drawn = zone_kinds(zones).join(counted.select("zone_id").distinct(), on="zone_id", how="left_semi")
        cells = cells.unionByName(visit_interval_cells(_known(found), visited, drawn, scale)).localCheckpoint()
    measures = [row for part in parts for row in part.orderBy("date", "measure", "level").collect()]
    return Released([*measures, *held(spark, coverage(cells), settings.until)], cells)


def everybody(lines: DataFrame, dates: DataFrame) -> DataFrame:
    """Everybody of the simulation on each day, under a name of their own: ``date, person_id, pseudonym``.

    Args:
        lines: Rows of ``truth/lines``.
        dates: ``date``.
    """
    persons = lines.filter(F.col("kind") != THING).select("person_id").distinct()
    return persons.crossJoin(F.broadcast(dates)).select(
        "date", "person_id", F.col("person_id").cast("string").cast("binary").alias("pseudonym")
    )


def true_profile(persons: DataFrame, homes: DataFrame) -> DataFrame:
    """Age band, gender and home of everybody who lives in the city: the columns of ``pseudonymous.profile`` that count.

    Args:
        persons: See ``everybody``.
        homes: Rows of ``truth/homes``.
    """
    who = homes.select(
        "person_id", age_band(F.col("age")).alias("age_band"), "gender", F.col("zone_id").alias("home_zone_id")
    )
    return persons.join(who, on="person_id", how="inner").select(
        "date", "pseudonym", "age_band", "gender", "home_zone_id"
    )


def shown_share(released: DataFrame, presence: DataFrame) -> DataFrame:
    """``footfall_shown``: share of the true person-hours that lie in cells with a figure, by date and level."""
    shown = F.sum(F.when(F.col("persons").isNotNull(), F.col("true")).otherwise(0))
    true = presence.select("date", "zone_id", "hour", F.col("persons").alias("true"))
    found = (
        released.join(true, on=["date", "zone_id", "hour"], how="inner")
        .groupBy("date", "level", _method())
        .agg((shown / F.nullif(F.sum("true"), F.lit(0))).alias("share"), F.count("*").alias("cells"))
    )
    return as_measures(found, {"footfall_shown": ("share", "cells")})


def od_measures(truth: DataFrame, released: DataFrame, scale: float, level: str, weeks: DataFrame) -> DataFrame:
    """Released flows between different zones against all true ones; what is not shown counts as nothing.

    ``od_cpc``: common part of commuters (Lenormand et al. 2012), 2 sum min(t, e) / (sum t + sum e);
    ``od_published``: share of the true trips in cells with a figure.

    Args:
        truth: See ``score_periods.true_pairs``.
        released: Rows of ``products.od``.
        scale: Official residents over simulated ones.
        level: Level of the zones.
        weeks: ``week, date``: the day to which a week's measures are entered.
    """
    keys = ["week", "origin_zone_id", "destination_zone_id", "daypart"]
    found = between_zones(released).select(F.col("period").alias("week"), *keys[1:], F.col("estimate").alias("found"))
    both = truth.join(found, on=keys, how="full").select(
        *keys,
        (F.coalesce("persons", F.lit(0)) * F.lit(scale)).alias("t"),
        F.coalesce("found", F.lit(0)).alias("e"),
        F.col("found").isNotNull().alias("is_shown"),
    )
    common, t, e = F.sum(F.least("t", "e")), F.sum("t"), F.sum("e")
    by_week = (
        both.join(F.broadcast(weeks), on="week", how="inner")
        .groupBy("date", F.lit(level).alias("level"), _method())
        .agg(
            F.round(2 * common / F.nullif(t + e, F.lit(0)), 9).alias("cpc"),
            F.round(F.sum(F.when(F.col("is_shown"), F.col("t"))) / F.nullif(t, F.lit(0)), 9).alias("published"),
            F.count("*").alias("cells"),
        )
    )
    return as_measures(by_week, {"od_cpc": ("cpc", "cells"), "od_published": ("published", "cells")})


def _flows(door: Door, truth: DataFrame, as_simulated: Column) -> DataFrame:
    cell = ["date", "corridor_id", "direction", "hour"]
    shown = _rows(door, CORRIDOR_FLOW.name).filter("estimate IS NOT NULL")
    return shown.join(truth.select(*cell, F.col("persons").alias("true")), on=cell, how="inner").select(
        "date", F.lit("corridor").alias("level"), _method(), "true", as_simulated.alias("estimated")
    )


def _is_released(door: Door, product: str) -> bool:
    return not door.read(RELEASES).filter(F.col("product") == product).isEmpty()


def _rows(door: Door, product: str) -> DataFrame:
    contract: Contract = SPECS[product].contract
    valid = door.read(RELEASES).select("release_id")
    return door.read(contract).join(F.broadcast(valid), on="release_id", how="left_semi")


def _visits(door: Door, products: Sequence[str]) -> DataFrame:
    """Shown figures of the products of visits, by the columns of a cell; ``n``, people as a buyer would take them."""
    parts = []
    for name in products:
        own = {place: column for column, place in SPECS[name].keys.items()}
        shown = _rows(door, name).filter("persons IS NOT NULL")
        own |= {"covers": "covers"} if "covers" in shown.columns else {}
        cell = [
            F.col(own[place]).alias(place) if place in own else F.lit(None).cast("string").alias(place)
            for place in ("zone_id", "part", "other", "covers")
        ]
        parts.append(
            shown.select(
                *("date", "level", "status", "estimate", "lower", "upper"),
                F.lit(name).alias("product"), *cell, F.coalesce("estimate", "persons").alias("n"), _method(),
            )
        )  # fmt: skip
    return reduce(DataFrame.unionByName, parts)


def _with_covers(truth: DataFrame, released: DataFrame) -> DataFrame:
    """True cells with ``is_shown``, whether a figure stands, and ``covers``, with which other cells it does."""
    over = {product: spec.merging.over for product, spec in SPECS.items() if spec.merging}
    each = F.explode(F.coalesce(F.split("covers", ","), F.array(F.lit(None).cast("string")))).alias("word")
    single = released.select(*_CELL, "covers", each)
    for column in ("part", "other"):
        of = [name for name in PRODUCTS if over.get(name) == column]
        own = F.when(F.col("product").isin(of), F.col("word"))
        single = single.withColumn(column, F.coalesce(own, F.col(column)))
    same = [F.col(f"t.{name}").eqNullSafe(F.col(f"r.{name}")) for name in _CELL]
    shown = single.withColumn("shown", F.lit(True))
    return (
        truth.alias("t")
        .join(shown.alias("r"), on=same, how="left")
        .select("t.*", "r.covers", F.col("r.shown").isNotNull().alias("is_shown"))
    )


def _known(cells: DataFrame) -> DataFrame:
    """Sectors that are told, and visitors whose age and gender are: the unknown stand apart."""
    of_visitors = (F.col("product") == "audience") & ((F.col("part") == _UNKNOWN) | (F.col("other") == _UNKNOWN))
    of_sectors = (F.col("product") == "approach") & (F.col("other") == _UNKNOWN)
    return cells.filter(~F.coalesce(of_visitors | of_sectors, F.lit(False)))


def shown_visitors(released: DataFrame) -> DataFrame:
    """Visitors as a buyer would take them: ``zone_id, other, persons``; a figure of several home zones is of none.

    Args:
        released: Rows of ``products.catchment``.
    """
    return released.filter("persons IS NOT NULL").select(
        "zone_id",
        F.when(F.col("status") == "published", F.col("home_zone_id")).alias("other"),
        F.coalesce("estimate", "persons").alias("persons"),
    )


def _is_month(days: Sequence[dt.date]) -> bool:
    """Whether the days are one whole month: in fewer days people are seen at fewer places, whatever is missed."""
    return days[0].day == 1 and (days[-1] + dt.timedelta(days=1)).day == 1 and days[0].month == days[-1].month


def _method() -> Column:
    return F.lit(METHOD).alias("method")
