"""Scoring: a run on simulated input against the truth, and against the same run with nearest-mast positions.

Released lakes hold no exact counts, and keys die with the release. So the jobs run anew, up to stage 2, in a
scratch lake that its owner alone may read and that is gone at the end; only errors and correlations are kept.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from expectations.gate import Gate
from expectations.products import CATCHMENT, OD
from jobs.aggregate.counts import mechanism
from jobs.audit.calibration import calibrate as add_calibration
from jobs.audit.journal import digest
from jobs.audit.score_corridors import flow_cells, flow_persons, true_flows
from jobs.audit.score_estimates import METHODS, Estimates, estimates
from jobs.audit.score_measures import (
    cell_measures,
    footfall_cells,
    home_measures,
    levels_above,
    person_measures,
    trip_measures,
)
from jobs.audit.score_periods import (
    catchment_measures,
    estimated_pairs,
    estimated_visitors,
    od_measures,
    true_pairs,
    true_visitors,
)
from jobs.audit.score_record import TRUTH, check_simulated, record, scratch_settings
from jobs.audit.score_released import released_measures
from jobs.audit.score_truth import panel_persons, true_homes, true_hours, true_trips
from jobs.audit.score_visits import purpose_of, true_track, visit_cells, visit_measures
from jobs.calendars import habits
from jobs.context import RunContext
from jobs.lake import Lake
from jobs.pipeline import JOBS, run_pipeline
from jobs.segment.days import days_frame, keyed_days
from jobs.segment.keys import key_store
from jobs.segment.longer import longer_pseudonyms
from jobs.segment.periods import week_period
from jobs.settings import RunSettings
from jobs.simulate.clock import Clock

STAGE_TWO = JOBS[: JOBS.index("aggregate")]

Say = Callable[[str, Mapping[str, object]], None]


@dataclass(frozen=True)
class Score:
    """What a scoring came to.

    Attributes:
        run_id: Digest of landing, days and policy.
        at: Instant of the scoring.
        measures: Rows of ``MEASURES_SCHEMA``.
        cells: Simulated zone-hours: ``date, level, zone_id, hour, method, true, estimated``.
        finest: The finest level of the partition.
    """

    run_id: str
    at: dt.datetime
    measures: list[Row]
    cells: pd.DataFrame
    finest: str


def run_score(
    spark: SparkSession,
    settings: RunSettings,
    truth: Path,
    say: Say = lambda event, facts: None,
    *,
    intervals: bool = False,
    calibrate: Path | None = None,
) -> Score:
    """Score the days and write ``audit.accuracy`` of the settings' lake.

    Costs the day's jobs up to stage 2, stage 2 once more for the baseline, and a few shuffles of the true itineraries.

    Args:
        spark: Session.
        settings: Landing made by ``simulate``, days and policy; of the lake only ``audit.accuracy`` is written.
        truth: The folder ``truth`` of that simulation.
        say: Told of each step.
        intervals: Release the days in the scratch lake as well, and measure how many intervals hold the truth.
        calibrate: The same without the model's error, which is calibrated and added to this file.

    Raises:
        UsageError: It is no simulation, or there is no truth.
        ThreestepError: As of the jobs.
    """
    check_simulated(settings.landing, truth)
    with tempfile.TemporaryDirectory(prefix="threestep-score-") as scratch:
        inside = scratch_settings(settings, Path(scratch), model_error=calibrate is None)
        run_pipeline(spark, inside, say=say, only=STAGE_TWO)
        score = _compare(spark, settings, inside, truth, say)
        record(spark, settings.lake, score.run_id, score.at, score.measures)
        if intervals or calibrate is not None:
            run_pipeline(spark, inside, say=say, only=("aggregate", "release"))
            say("step", {"doing": "measuring what was released"})
            found = released_measures(Lake(spark, inside.lake), inside, truth)
            record(spark, settings.lake, score.run_id, score.at, found.measures)
            score = replace(score, measures=[*score.measures, *found.measures])
            if calibrate is not None:
                add_calibration(
                    calibrate, settings.landing, found.cells, habits(settings.days, settings.policy.calendar)
                )
    return score


def _compare(spark: SparkSession, asked: RunSettings, inside: RunSettings, truth: Path, say: Say) -> Score:
    policy, days = inside.policy, inside.days
    run_id = digest(asked.landing, asked.date, asked.until, asked.policy.digest)
    context = RunContext(spark, Lake(spark, inside.lake), inside, Gate(None), run_id)
    read = {name: spark.read.parquet(str(truth / name)) for name in TRUTH}
    clock = Clock(inside.date, len(days), policy.time_zone)
    hours = clock.hours(spark).select("hour_ix", "date", "hour")
    keyed = keyed_days(spark, days, policy, key_store(context))
    found = estimates(context)
    say("step", {"doing": "the truth of the panel"})
    persons = panel_persons(read["lines"], found.movement, keyed, found.purpose).persist()
    true = true_hours(read["itineraries"], persons, found.counted, clock, hours).persist()
    trips = true_trips(read["itineraries"], persons, found.counted, clock)
    homes = true_homes(read["homes"], persons, longer_pseudonyms(context, days, "month"), inside.until)
    say("step", {"doing": "measuring"})
    levels = found.levels
    above = levels_above(found.zones, levels).persist()
    cells = footfall_cells(true, found.hours, above, hours.select("date", "hour").distinct()).persist()
    drawn = above.filter("zone_id = counted_id").select("zone_id", "level")
    parts = [
        cell_measures(cells, "footfall"),
        cell_measures(_whole(cells, read["presence"], _shares(read["lines"], persons)), "population"),
        person_measures(true, found.hours, drawn),
        trip_measures(trips, found.trips, levels[-1]),
        home_measures(homes, found.homes, levels[-1], policy.homes.min_nights),
    ]
    if found.moves is not None:
        served = found.moves.corridors
        planners = panel_persons(read["lines"], found.movement, keyed, found.moves.purpose)
        flows = true_flows(read["itineraries"], planners, hours, clock).persist()
        domain = flow_cells(flows, found.moves.rows, served, hours.select("date", "hour").distinct())
        parts += [cell_measures(domain, "corridor"), flow_persons(flows, found.moves.rows)]
    parts += _periods(context, read, keyed, found, drawn, clock)
    shoppers = panel_persons(read["lines"], found.movement, keyed, purpose_of(policy))
    track = true_track(
        read["itineraries"], shoppers, days_frame(spark, days, policy), 60 * policy.segments.stay_minutes
    )
    visited = visit_cells(track, found.counted, found.resolution, found.profile, policy)
    parts.append(visit_measures(visited, found.visits, drawn))
    rows = _collected(parts, say)
    return Score(run_id, dt.datetime.now(dt.UTC), rows, cells.toPandas(), levels[-1])


def _periods(
    context: RunContext,
    read: Mapping[str, DataFrame],
    keyed: DataFrame,
    found: Estimates,
    drawn: DataFrame,
    clock: Clock,
) -> list[DataFrame]:
    """Measures of the weekly and monthly products that the policy switches on, over the days at hand."""
    policy, days, parts = context.policy, context.settings.days, []
    if OD.name in policy.products:
        product = policy.products[OD.name]
        noise = mechanism(policy, OD.name, "partition", 0)
        persons = panel_persons(read["lines"], found.movement, keyed, product.purpose)
        dates = context.spark.createDataFrame(
            list({week_period(d)[5:]: d for d in days}.items()), "week STRING, date DATE"
        )
        if noise is not None:
            by_method = [
                estimated_pairs(found.pairs.filter(F.col("method") == m), product.purpose, noise.max_cells).withColumn(
                    "method", F.lit(m)
                )
                for m in METHODS
            ]
            true = true_pairs(read["itineraries"], persons, found.counted, clock)
            bar = policy.min_persons + policy.margin_sigmas * noise.sigma
            parts.append(od_measures(true, by_method[0].unionByName(by_method[1]), bar, found.levels[-1], dates))
    if CATCHMENT.name in policy.products:
        purpose = policy.products[CATCHMENT.name].purpose
        persons = panel_persons(read["lines"], found.movement, keyed, purpose)
        stay = 60 * policy.segments.stay_minutes
        true = true_visitors(read["itineraries"], persons, read["homes"], found.counted, clock, stay)
        made = [
            estimated_visitors(
                found.monthly.filter(F.col("method") == m), found.homes.filter(F.col("method") == m), purpose
            ).withColumn("method", F.lit(m))
            for m in METHODS
        ]
        parts.append(catchment_measures(true.withColumn("date", F.lit(days[-1])), made[0].unionByName(made[1]), drawn))
    return parts


def _collected(parts: Sequence[DataFrame], say: Say) -> list[Row]:
    """The rows of all parts, in order of their names; two at a time, for most wait on small tasks."""
    done = 0

    def rows(part: DataFrame) -> list[Row]:
        nonlocal done
        found = part.collect()
        done += 1
        say("step", {"doing": f"measured {done} of {len(parts)} parts"})
        return found

    with ThreadPoolExecutor(max_workers=2) as pool:
        found = [row for part in pool.map(rows, parts) for row in part]
    return sorted(found, key=lambda row: (row["date"], row["measure"], row["level"], row["method"]))


def _shares(lines: DataFrame, persons: DataFrame) -> DataFrame:
    """How many persons of the simulation stand behind one of the panel, by day: ``date, factor``."""
    everyone = lines.filter("kind <> 'thing'").agg(F.count_distinct("person_id").alias("everyone"))
    panel = persons.groupBy("date").agg(F.count_distinct("person_id").alias("panel"))
    return panel.crossJoin(F.broadcast(everyone)).select("date", (F.col("everyone") / F.col("panel")).alias("factor"))


def _whole(cells: DataFrame, presence: DataFrame, shares: DataFrame) -> DataFrame:
    """The same cells against everybody, the panel's estimate scaled by its share."""
    everybody = presence.select("date", "zone_id", "hour", F.col("persons").alias("everybody"))
    return (
        cells.join(F.broadcast(everybody), on=["date", "zone_id", "hour"], how="inner")
        .join(F.broadcast(shares), on="date", how="inner")
        .select(
            *("date", "level", "zone_id", "hour", "method"),
            F.col("everybody").alias("true"),
            F.round(F.col("estimated") * F.col("factor")).cast("bigint").alias("estimated"),
        )
    )
