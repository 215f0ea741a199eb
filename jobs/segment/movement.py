"""Stage 1, identity goes: contacts that may serve a purpose become runs of cells under the day's pseudonym."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.window import WindowSpec

from expectations.movement import MOVEMENT
from jobs.segment.admission import SIM, MovementParams, cell_of, imsi_of
from jobs.segment.cleaning import is_jump, person_like
from udfs.ground import distance_m, same_ground
from udfs.keys import hmac_sha256


def run_starts(contacts: DataFrame, params: MovementParams) -> DataFrame:
    """Keep the first contact of each run of one cell, and the last contact of each SIM.

    One window over what is sized like events: its figures depend on raw columns alone. All that builds on
    them is worked out on the rows that are left, about as many as runs.

    Args:
        contacts: Placed contacts that serve at least one purpose, see ``admitted``.
        params: Longest silence inside a run, and what is implausible.

    Returns:
        First contacts (``starts_run``), the last contact of each SIM, and those that come too thick, with
        ``cell_no``, ``nth`` (distinct contacts of the SIM so far), ``is_jump``, ``is_near`` and ``is_instant`` (from
        the contact before), ``is_thick``, and what the run before takes from the row: ``until_time`` (its last
        contact), ``until_nth``, ``until_advances``, ``until_sum`` (distinct contacts, timing advances and their
        sum up to its end).
    """
    order = _order()
    so_far = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    raw = ("event_time", "contact", "purposes", "held_since", "x", "y", "reach_m")
    seen = contacts.select(
        "*",
        *(F.lag(name).over(order).alias(f"before_{name}") for name in raw),
        F.lead("event_time").over(order).isNull().alias("is_last"),
        F.dense_rank().over(order).alias("nth"),
        F.count("timing_advance").over(so_far).alias("advances"),
        F.coalesce(F.sum("timing_advance").over(so_far), F.lit(0)).alias("advance_sum"),
        F.lag("event_time", params.cleaning.max_contacts_an_hour).over(order).alias("long_before"),
    )
    seconds = _seconds_between(F.col("before_event_time"), F.col("event_time"))
    other_cell = cell_of(F.col("contact")) != cell_of(F.col("before_contact"))
    metres = distance_m(F.col("x"), F.col("y"), F.col("before_x"), F.col("before_y"))
    near = same_ground(metres, F.col("reach_m"), F.col("before_reach_m"))
    starts = (
        F.col("before_event_time").isNull()
        | other_cell
        | (F.col("purposes") != F.col("before_purposes"))
        | ~F.col("held_since").eqNullSafe(F.col("before_held_since"))
        | (seconds > params.max_gap_seconds)
    )
    own = F.when(F.col("starts_run"), 1).otherwise(0)
    return (
        seen.withColumn("starts_run", starts)
        .withColumn("is_thick", _certainly(_seconds_between(F.col("long_before"), F.col("event_time")) < 3600))
        .filter("starts_run OR is_last OR is_thick")
        .select(
            *SIM,
            *("event_time", "contact", "timing_advance", "pseudonym", "line_no", "purposes"),
            *("starts_run", "is_thick", "nth"),
            cell_of(F.col("contact")).alias("cell_no"),
            F.col("before_event_time").isNull().alias("is_first"),
            _certainly(is_jump(metres, seconds, params.cleaning)).alias("is_jump"),
            _certainly(near).alias("is_near"),
            _certainly(other_cell & ~near & (seconds <= 1)).alias("is_instant"),
            F.when(F.col("starts_run"), F.col("before_event_time")).otherwise(F.col("event_time")).alias("until_time"),
            (F.col("nth") - own).alias("until_nth"),
            (F.col("advances") - own * _advance(1)).alias("until_advances"),
            (F.col("advance_sum") - own * _advance(F.col("timing_advance"))).alias("until_sum"),
        )
    )


def closed_runs(starts: DataFrame, params: MovementParams) -> DataFrame:
    """Close runs, and flag what cannot be.

    Args:
        starts: See ``run_starts``.
        params: What is implausible.

    Returns:
        One row a run: ``start_time``, ``end_time``, ``contacts`` (repeats apart), ``timing_advance`` (whole mean, null
        of none), and the flags: ``is_incorrect``, ``suspicious`` (contacts), ``is_ping_pong``, ``is_person``, with
        ``is_first`` and ``of_sim`` (the SIM's contacts). One window more, in the order that is there already.
    """
    order = _order()
    whole = order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    until = {name: F.lead(f"until_{name}").over(order) for name in ("time", "nth", "advances", "sum")}
    contacts = F.coalesce(until["nth"], F.col("nth")) - F.col("until_nth")
    advances = F.coalesce(until["advances"], F.col("until_advances") + _advance(1)) - F.col("until_advances")
    total = F.coalesce(until["sum"], F.col("until_sum") + _advance(F.col("timing_advance"))) - F.col("until_sum")
    jumps_on = F.coalesce(F.lead("is_jump").over(order), F.lit(False))
    cells = F.lag("cell_no").over(order), F.lead("cell_no").over(order)
    absence = _seconds_between(F.col("until_time"), F.lead("event_time").over(order))
    returned = (cells[0] == cells[1]) & (cells[0] != F.col("cell_no")) & F.lead("starts_run").over(order)
    alone, jumped = F.col("contacts") == 1, F.col("is_jump").cast("int") + F.col("jumps_on").cast("int")
    thick, instant = F.max("is_thick").over(whole), F.sum(F.col("is_instant").cast("int")).over(whole)
    of_sim = F.max("nth").over(whole)
    return (
        starts.select(
            *("date", "sim_no", "sim_text", "pseudonym", "line_no", "purposes", "cell_no"),
            *("starts_run", "is_first", "is_jump"),
            F.col("event_time").alias("start_time"),
            F.coalesce(until["time"], F.col("event_time")).alias("end_time"),
            contacts.cast("int").alias("contacts"),
            F.when(advances > 0, F.floor(total / advances)).cast("int").alias("timing_advance"),
            jumps_on.alias("jumps_on"),
            _certainly(returned & F.col("is_near") & (absence <= params.cleaning.ping_pong_seconds)).alias(
                "is_ping_pong"
            ),
            person_like(instant, of_sim, thick, params.cleaning).alias("is_person"),
            of_sim.alias("of_sim"),
        )
        .filter("starts_run")
        .withColumn("is_incorrect", alone & (jumped == 2))
        .withColumn("suspicious", F.when(alone, (jumped == 1).cast("int")).otherwise(jumped))
    )


def movement(runs: DataFrame, cells: DataFrame, keyed_days: DataFrame) -> DataFrame:
    """Leave out what cannot be, put visitors under their pseudonym, and drop identity.

    Args:
        runs: See ``closed_runs``.
        cells: See ``numbered_cells``, broadcast.
        keyed_days: Days with the pads of their keys, broadcast to the collapsed rows only.

    Returns:
        Rows of ``pseudonymous.movement``.
    """
    key = F.broadcast(keyed_days.select("date", "inner", "outer"))
    visitor = hmac_sha256(F.col("inner"), F.col("outer"), F.concat(F.lit("v:"), imsi_of()))
    return (
        runs.filter("is_person AND NOT is_incorrect")
        .join(F.broadcast(cells.select("cell_id", "cell_no")), on="cell_no", how="inner")
        .join(key, on="date", how="inner")
        .withColumn("pseudonym", F.coalesce("pseudonym", visitor))
        .select(MOVEMENT.column_names)
    )


def _order() -> WindowSpec:
    return Window.partitionBy(*SIM).orderBy("event_time", "contact")


def _advance(value: Column | int) -> Column:
    """A value where the contact has a timing advance, else 0."""
    return F.when(F.col("timing_advance").isNull(), 0).otherwise(value)


def _seconds_between(earlier: Column, later: Column) -> Column:
    return later.cast("long") - earlier.cast("long")


def _certainly(condition: Column) -> Column:
    return F.coalesce(condition, F.lit(False))
