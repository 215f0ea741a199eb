"""Job transform (stage 2): movement becomes stays and moves with drawn positions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import functions as F

from expectations.contract import Schema
from expectations.corridors import CORRIDOR_CELLS
from expectations.footprints import CELL_POSITIONS
from expectations.movement import MOVEMENT, PROFILE
from expectations.segments import SEGMENTS
from jobs.context import JobReport, RunContext
from jobs.errors import InputRejectedError
from jobs.segment.days import days_frame
from jobs.settings import Policy
from jobs.transform.stays import StayParams, day_segments


def stay_params(policy: Policy) -> StayParams:
    """Parameters of stays from the policy."""
    return StayParams(
        stay_seconds=60 * policy.segments.stay_minutes,
        max_gap_seconds=60 * policy.segments.max_gap_minutes,
        max_gap_same_ground_seconds=60 * policy.segments.max_gap_same_ground_minutes,
        ping_pong_seconds=policy.cleaning.ping_pong_seconds,
        away_factor=policy.segments.home_away_factor,
    )


def run_transform(context: RunContext, days: Sequence[dt.date]) -> JobReport:
    """Write ``pseudonymous.segments`` for the days.

    Costs one shuffle, by (date, pseudonym), of runs of cells: a fraction of the events.
    """
    door = context.lake.door(reads=[Schema.REFERENCE], writes=[Schema.PSEUDONYMOUS])
    params = stay_params(context.policy)
    positions = door.read(CELL_POSITIONS)
    dates = [str(day) for day in days]
    wanted = F.col("date").isin(list(days))
    moved, profile = (door.read(contract).filter(wanted) for contract in (MOVEMENT, PROFILE))
    bounds = days_frame(context.spark, days, context.policy)
    corridors = door.read(CORRIDOR_CELLS) if door.exists(CORRIDOR_CELLS) else None
    rows = day_segments(moved, positions, profile, bounds, params, corridors)
    door.replace(SEGMENTS, rows, dates)
    written = door.read(SEGMENTS).filter(wanted)
    found = context.gate.validate(written, SEGMENTS, f"{dates[0]}..{dates[-1]}")
    if not found.passed:
        door.remove(SEGMENTS, dates, purge=True)
        raise InputRejectedError(found.message())
    counted = [r.rows for r in found.results if r.rows is not None]
    return JobReport("transform", rows_out=counted[0] if counted else None)
