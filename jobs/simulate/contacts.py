"""When and where lines have contact with the network, natively, all counts drawn by hash.

Per line and piece of an hour there are three sources: periodic updates on the SIM's own clock,
signalling on the way, and bursts whose rate follows the hour. Some lines are off at night or for hours;
tablets rest at home; some contacts bounce to another cell and back within seconds. What depends on the
line alone is worked out once a segment, before the rows multiply.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.simulate.clock import Clock
from jobs.simulate.draw import Draws, part, pick
from jobs.simulate.ground import Ground
from jobs.simulate.lines import Lines
from jobs.simulate.people import THING, VISITOR
from jobs.simulate.pieces import by_hour

_PERIODS = {"3240": 0.15, "7200": 0.35, "10800": 0.50}  # s between periodic updates, by share of SIMs
_TYPES = {"data": 0.66, "call": 0.14, "sms": 0.06, "signalling": 0.14}  # of bursts
_BOUNCE = 0.04  # share of contacts that ping-pong
_FULL_DAY = 50.0  # the events a phone and day at which the rates below hold
# Calibrated on simulated days: bursts a day that make _FULL_DAY together with updates and signalling.
_BURSTS, _ON_THE_WAY_S = 11.4, 300.0
_NIGHT = (23, 0, 1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Traffic:
    """What events are made of.

    Attributes:
        lines: Functions of lines.
        clock: The window.
        draws: The source of draws.
        ground: The grid.
        events_per_day: Mean number of events of a phone and day.
    """

    lines: Lines
    clock: Clock
    draws: Draws
    ground: Ground
    events_per_day: float

    @property
    def scale(self) -> float:
        """Traffic relative to the calibrated day."""
        return self.events_per_day / _FULL_DAY


def make_contacts(itineraries: DataFrame, hours: DataFrame, traffic: Traffic) -> DataFrame:
    """One row a contact: line_id, kind, sim, sim_after, swap_ms, modern, event_type, time_ms, dice, k, size, x, y.

    ``k`` counts the contacts of a burst from 0; from ``size`` on they are a bounce. x, y in metres.
    """
    on = _pieces_switched_on(_lines_of(itineraries, traffic), hours, traffic)
    return _contacts(_starts(on, traffic), traffic)


def _lines_of(itineraries: DataFrame, traffic: Traffic) -> DataFrame:
    """One row a line and segment, with all that depends on the line alone."""
    lines, draws = traffic.lines, traffic.draws
    person, kind, line, line_no = (F.col(name) for name in ("person_id", "kind", "line_id", "line_no"))
    swap = lines.swap_time(line, kind)
    period = draws.choice("period", _PERIODS, line).cast("double") / traffic.scale
    lively = F.lit(0.35) - F.lit(0.65) * F.log(F.lit(1.0) - draws.uniform("lively", line))
    further = F.when(line_no > 0, F.lit(0.35)).otherwise(F.lit(1.0))
    habit = F.when(kind == THING, F.lit(0.05)).when(kind == VISITOR, F.lit(0.8)).otherwise(further) * lively
    rests = F.col("rests")
    places = {
        axis + end: F.when(rests, F.col("home_" + axis)).otherwise(F.col(axis + end)) for axis in "xy" for end in "01"
    }
    return (
        itineraries.withColumn("line_no", F.explode(F.sequence(F.lit(0), lines.count(person, kind).cast("int") - 1)))
        .withColumn("line_id", lines.line_id(person, line_no))
        .withColumn("rests", lines.stays_home(line, line_no, kind))
        .select(
            *("line_id", "kind", "day_ix", "start_s", "end_s"),
            *[place.alias(name) for name, place in places.items()],
            (F.col("mode").isNotNull() & ~rests).alias("moving"),
            habit.alias("habit"),
            F.when(kind == THING, F.lit(3_600.0)).otherwise(period).alias("period"),
            draws.uniform("phase", line).alias("phase"),
            (draws.uniform("modern", line) < 0.5).alias("modern"),
            lines.imsi(line, kind, F.lit(0)).alias("sim"),
            F.when(swap.isNotNull(), lines.imsi(line, kind, F.lit(1))).alias("sim_after"),
            (swap * 1_000).alias("swap_ms"),
        )
    )


def _pieces_switched_on(of_lines: DataFrame, hours: DataFrame, traffic: Traffic) -> DataFrame:
    """One row a line and piece of an hour in which it is switched on."""
    draws, line, hour, day = traffic.draws, F.col("line_id"), F.col("hour"), F.col("day_ix")
    dice = draws.dice("off", line, day)
    night = hour.isin(*_NIGHT) & (part(dice, 0) < 0.12)
    begins = F.floor(part(dice, 1) * 20)
    gap = (part(dice, 2) < 0.08) & hour.between(begins, begins + 1 + F.floor(part(dice, 3) * 9))
    pieces = by_hour(of_lines, traffic.clock).join(F.broadcast(hours), on="hour_ix", how="inner")
    return pieces.where((F.col("kind") == THING) | ~(night | gap))


def _starts(pieces: DataFrame, traffic: Traffic) -> DataFrame:
    """One row a burst or single contact: start_ms, event_type, size, gap_ms, bounces, bounce_ms."""
    draws, scale = traffic.draws, traffic.scale
    seconds, moving = F.col("to_s") - F.col("from_s"), F.col("moving")
    piece = draws.dice("piece", F.col("line_id"), F.col("from_s"))
    rate = F.col("habit") * F.col("traffic") * F.when(moving, F.lit(1.5)).otherwise(F.lit(1.0))
    bursts = F.floor(F.lit(_BURSTS * scale / 3_600) * rate * seconds + part(piece, 0))
    passing = F.floor(seconds * F.lit(scale / _ON_THE_WAY_S) + part(piece, 1))
    offset = F.lit(float(traffic.clock.begin)) + F.col("phase") * F.col("period")
    first, behind = (F.ceil((F.col(end) - F.col("offset")) / F.col("period")) for end in ("from_s", "to_s"))
    counted = (
        pieces.withColumn("offset", offset)
        .withColumns({"first": first, "updates": behind - first})
        .withColumn("silent", F.col("updates") + F.when(moving, passing).otherwise(F.lit(0)))
        .withColumn("total", F.col("silent") + bursts)
        .where(F.col("total") > 0)
        .withColumn("n", F.explode(F.sequence(F.lit(0).cast("long"), F.col("total") - 1)))
    )
    key = (F.col("line_id"), F.col("from_s"), F.col("n"))
    dice, silent = F.col("burst_dice"), F.col("n") < F.col("silent")
    regular = (F.col("offset") + (F.col("first") + F.col("n")) * F.col("period")) * 1_000
    random = F.col("from_s") * 1_000 + draws.uniform("start", *key) * seconds * 1_000
    is_call, is_data = F.col("event_type") == "call", F.col("event_type") == "data"
    share = part(dice, 1)
    size = (
        F.when(silent, F.lit(1.0))
        .when(is_data, F.lit(1.5) - 1.8 * F.log(F.lit(1.0) - share))
        .otherwise(F.when(is_call, F.lit(2.0)).otherwise(F.lit(1.0)) + share * 1.3)
    )
    wanted = F.when(is_call, part(dice, 2) * 225_000 + 15_000).otherwise(part(dice, 2) * 43_500 + 1_500)
    # A burst ends with its piece: its contacts crowd together before the line leaves the segment.
    room = (F.col("to_s") * 1_000 - F.col("start_ms")) / F.col("size")
    return (
        counted.withColumn("burst_dice", draws.dice("burst", *key))
        .withColumn("event_type", F.when(silent, F.lit("signalling")).otherwise(pick(part(dice, 0), _TYPES)))
        .withColumn("start_ms", F.when(F.col("n") < F.col("updates"), regular).otherwise(random).cast("long"))
        .withColumn("size", F.greatest(F.lit(1), F.least(F.floor(size), F.lit(12))))
        .withColumn("gap_ms", F.least(wanted, room))
        .withColumn("size", F.when(F.col("gap_ms") < 400, F.lit(1)).otherwise(F.col("size")))
        .withColumn("bounces", F.when(part(dice, 3) < _BOUNCE, F.lit(2)).otherwise(F.lit(0)))
        .withColumn("bounce_ms", F.lit(1_500.0) + part(dice, 2) * 3_500)
    )


def _contacts(starts: DataFrame, traffic: Traffic) -> DataFrame:
    """One row a contact, at its time and true place."""
    size, k = F.col("size"), F.col("k")
    dice = traffic.draws.dice("contact", F.col("line_id"), F.col("start_ms"), F.col("n"), k)
    jitter: Column = F.when((k > 0) & (k < size), part(F.col("dice"), 0) * 0.6).otherwise(F.lit(0.0))
    bounce = F.greatest(k - size + 1, F.lit(0)) * F.col("bounce_ms")
    time = F.col("start_ms") + ((F.least(k, size - 1) + jitter) * F.col("gap_ms") + bounce).cast("long")
    share = (F.col("time_ms") / 1_000 - F.col("start_s")) / (F.col("end_s") - F.col("start_s"))
    way = F.greatest(F.lit(0.0), F.least(F.lit(1.0), share))
    return (
        starts.withColumn("k", F.explode(F.sequence(F.lit(0).cast("long"), size + F.col("bounces") - 1)))
        .withColumn("dice", dice)
        .withColumn("time_ms", time)
        .where(F.col("time_ms") < traffic.clock.end * 1_000)
        .select(
            *("line_id", "kind", "sim", "sim_after", "swap_ms", "modern"),
            *("event_type", "time_ms", "dice", "k", "size"),
            (F.col("x0") + way * (F.col("x1") - F.col("x0"))).alias("x"),
            (F.col("y0") + way * (F.col("y1") - F.col("y0"))).alias("y"),
        )
    )
