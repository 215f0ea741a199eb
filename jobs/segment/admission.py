"""What each contact may serve: the one place where identity meets movement, and where contacts become narrow."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.events import EVENT_TYPES
from jobs.consent.lines import allowed_at
from jobs.segment.cleaning import CleaningParams
from udfs.purposes import EVERY

SIM = ("sim_no", "sim_text", "date")
"""The SIM and its day. The number comes first: a sort's first column is the one that it compares cheaply."""

_TYPE_BITS, _ADVANCE_BITS = 4, 16


@dataclass(frozen=True)
class MovementParams:
    """How SIMs without a line and silences are treated.

    Attributes:
        home_mcc: Country code of domestic SIMs; others without a line are inbound visitors.
        sim_is_unit: Whether, for want of any master data and under a waiver, every SIM is a unit.
        max_gap_seconds: A longer silence ends a run even on one cell.
        cleaning: What makes a contact or a SIM implausible.
    """

    home_mcc: int
    sim_is_unit: bool
    max_gap_seconds: int
    cleaning: CleaningParams = field(default_factory=CleaningParams)


def numbered_cells(positions: DataFrame) -> DataFrame:
    """Number the cells, so that contacts carry a whole number instead of a name.

    Args:
        positions: Rows of ``reference.cell_positions``.

    Returns:
        One small row a cell: ``cell_id, cell_no`` (from 1, in the order of names), ``x, y, reach_m`` (whole metres).
    """
    return positions.filter("ring IS NULL").select(
        "cell_id",
        F.row_number().over(Window.partitionBy().orderBy("cell_id")).alias("cell_no"),
        *(F.round(c).cast("int").alias(n) for c, n in (("centre_x", "x"), ("centre_y", "y"), ("radius_m", "reach_m"))),
    )


def admitted(
    events: DataFrame, sims: DataFrame, cells: DataFrame, days: DataFrame, params: MovementParams
) -> DataFrame:
    """Join contacts with the SIMs of each day's window and decide what each may serve.

    Event-sized, and the only place where identity meets movement. Contacts are narrowed to numbers, then
    shuffled once by SIM and day: the join with the SIMs and every window after it use that shuffle.

    Args:
        events: Rows of ``restricted.events``.
        sims: See ``jobs.consent.lines.sims``.
        cells: See ``numbered_cells``, broadcast.
        days: ``date, window_start, window_end``, small.
        params: How to treat SIMs without a line.

    Returns:
        One row a contact and day: ``date, sim_no, sim_text`` (see ``sim_keys``), ``event_time``, ``contact``
        (cell, type and timing advance in one number, in that order), ``timing_advance``, the cell's ``x, y, reach_m``
        (null: a cell that the plan does not place), ``pseudonym`` (null: a visitor's, made later), ``line_no``,
        ``held_since`` (start of the SIM's interval on the line), ``purposes`` (0: serves none), ``withheld``
        (purposes that an objection keeps it from), ``is_foreign``, ``is_thing``.
    """
    in_window = (F.col("event_time") >= F.col("window_start")) & (F.col("event_time") < F.col("window_end"))
    known = F.col("cell_known") & (F.col("e.cell_id") == F.col("c.cell_id"))
    foreign = F.lit(True) if params.sim_is_unit else F.coalesce(F.col("home_mcc") != params.home_mcc, F.lit(False))
    contacts = (
        events.join(F.broadcast(days), on=in_window, how="inner")
        .alias("e")
        .join(F.broadcast(cells).alias("c"), on=known, how="left")
        .select(
            "date",
            *sim_keys(),
            "event_time",
            _contact(F.col("cell_no")).alias("contact"),
            "timing_advance",
            *("x", "y", "reach_m"),
            foreign.alias("is_foreign"),
        )
    )
    served = sims.select(
        "date",
        *sim_keys(),
        *("valid_from", "valid_to", "pseudonym", "line_no", "purposes", "past", "objecting", "is_thing"),
    )
    matches = (
        (F.col("e.sim_no") == F.col("s.sim_no"))
        & (F.col("e.sim_text") == F.col("s.sim_text"))
        & (F.col("e.date") == F.col("s.date"))
        & (F.col("e.event_time") >= F.col("s.valid_from"))
        & (F.col("s.valid_to").isNull() | (F.col("e.event_time") < F.col("s.valid_to")))
    )
    purposes = (
        F.when(F.col("s.purposes").isNotNull(), allowed_at(F.col("s.purposes"), F.col("past"), F.col("event_time")))
        .when(F.col("is_foreign"), F.lit(EVERY))
        .otherwise(F.lit(0))
    )
    lost = F.col("s.purposes").cast("int").bitwiseAND(F.bitwise_not(purposes))
    withheld = F.coalesce(F.col("s.objecting").cast("int").bitwiseOR(lost), F.lit(0))
    # The SIMs are the smaller side by far: hashing them spares sorting the contacts by name first.
    return (
        contacts.alias("e")
        .join(served.hint("shuffle_hash").alias("s"), on=matches, how="left")
        .select(
            *(F.col(f"e.{c}") for c in contacts.columns if c != "is_foreign"),
            F.col("s.pseudonym").alias("pseudonym"),
            F.coalesce("s.line_no", F.lit(1)).cast("smallint").alias("line_no"),
            F.col("s.valid_from").alias("held_since"),
            purposes.cast("tinyint").alias("purposes"),
            withheld.cast("tinyint").alias("withheld"),
            (F.col("is_foreign") & F.col("s.purposes").isNull()).alias("is_foreign"),
            F.coalesce("is_thing", F.lit(False)).alias("is_thing"),
        )
    )


def sim_keys() -> tuple[Column, Column]:
    """A SIM's identity as a number to sort by, and as text where it is none; together they are the identity.

    Identities have 14 or 15 digits, the first not 0, or were hashed to 64 hexadecimal ones: then the number is
    a digest, and the text tells apart what it may not.
    """
    is_plain = (F.length("imsi") <= 15) & ~F.col("imsi").startswith("0")
    number = F.when(is_plain, F.col("imsi").try_cast("bigint"))
    return (
        F.coalesce(number, F.xxhash64("imsi")).alias("sim_no"),
        F.when(number.isNull(), F.col("imsi")).otherwise(F.lit("")).alias("sim_text"),
    )


def imsi_of() -> Column:
    """The identity that ``sim_keys`` took apart."""
    return F.when(F.col("sim_text") == "", F.col("sim_no").cast("string")).otherwise(F.col("sim_text"))


def cell_of(contact: Column) -> Column:
    """Number of a contact's cell; 0 where the plan does not place it."""
    return F.shiftright(contact, _TYPE_BITS + _ADVANCE_BITS)


def _contact(cell_no: Column) -> Column:
    """Cell, type and timing advance as one number: equal for repeats, and in the order of its parts."""
    kind = F.lit(0)
    for number, name in enumerate(sorted(EVENT_TYPES)):
        kind = F.when(F.col("event_type") == name, F.lit(number)).otherwise(kind)
    cell = F.shiftleft(F.coalesce(cell_no, F.lit(0)).cast("bigint"), _TYPE_BITS + _ADVANCE_BITS)
    advance = F.coalesce(F.col("timing_advance") + 1, F.lit(0))
    return cell + F.shiftleft(kind.cast("bigint"), _ADVANCE_BITS) + advance
