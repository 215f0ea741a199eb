"""Flows along corridors against the truth of a simulation: the same persons, corridors, directions and hours."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.product_words import DIRECTIONS
from jobs.simulate.clock import Clock
from jobs.simulate.corridor_truth import corridor_passes

LEVEL, METHOD = "corridor", "threestep"

_CELL = ("corridor_id", "direction", "hour")


def true_flows(itineraries: DataFrame, persons: DataFrame, hours: DataFrame, clock: Clock) -> DataFrame:
    """Who of the panel truly travelled along which corridor, by the definition of the product.

    Args:
        itineraries: Rows of ``truth/itineraries``.
        persons: See ``score_truth.panel_persons``.
        hours: ``clock.hours``.
        clock: The days.

    Returns:
        ``date, pseudonym, corridor_id, direction, hour``, distinct.
    """
    dated = corridor_passes(itineraries, clock).join(
        F.broadcast(hours.select("hour_ix", "date", "hour")), on="hour_ix", how="inner"
    )
    mine = dated.join(persons.select("date", "person_id", "pseudonym"), on=["date", "person_id"], how="inner")
    return mine.select("date", "pseudonym", *_CELL).distinct()


def flow_cells(truth: DataFrame, estimates: DataFrame, corridors: DataFrame, clock: DataFrame) -> DataFrame:
    """Put true and estimated persons on the same domain: corridors, directions, hours of the clock.

    Args:
        truth: See ``true_flows``.
        estimates: The same columns, estimated.
        corridors: ``corridor_id``, those that are counted.
        clock: ``date, hour``.

    Returns:
        ``date, level, corridor_id, direction, hour, method, true, estimated``, zeros included.
    """
    cell = ["date", *_CELL]
    directions = F.explode(F.array(*map(F.lit, DIRECTIONS))).alias("direction")
    domain = corridors.select("corridor_id", directions).crossJoin(clock)
    sides = {"true": truth, "estimated": estimates}
    for name, rows in sides.items():
        counted = rows.select("pseudonym", *cell).distinct().groupBy(*cell).agg(F.count("*").alias(name))
        domain = domain.join(counted, on=cell, how="left").withColumn(name, F.coalesce(name, F.lit(0)))
    return domain.withColumns({"level": F.lit(LEVEL), "method": F.lit(METHOD)})


def flow_persons(truth: DataFrame, estimates: DataFrame) -> DataFrame:
    """Persons one by one: ``corridor_recall`` and ``corridor_precision``, of persons by corridor, direction and hour.

    Returns:
        Rows of ``score_measures.MEASURES_SCHEMA``.
    """
    key = ["date", "pseudonym", *_CELL]
    both = (
        truth.select(*key, F.lit(1).alias("t"))
        .join(estimates.select(*key).distinct().withColumn("e", F.lit(1)), on=key, how="full")
        .groupBy("date")
        .agg(
            F.count("t").alias("true"),
            F.count("e").alias("estimated"),
            F.count_if(F.col("t") == F.col("e")).alias("right"),
        )
    )
    measure = [
        F.struct(
            F.lit(f"corridor_{name}").alias("measure"),
            (F.col("right") / F.nullif(F.col(of), F.lit(0))).alias("value"),
            F.col(of).alias("compared"),
        )
        for name, of in (("recall", "true"), ("precision", "estimated"))
    ]
    return both.select("date", F.inline(F.array(*measure))).select(
        "date", "measure", F.lit(LEVEL).alias("level"), F.lit(METHOD).alias("method"), "value", "compared"
    )
