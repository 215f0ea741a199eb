"""Location events: what the network notes of phones that update, ring, write, load and move.

Per line and piece of an hour, three sources, all counted by hash: periodic updates on the SIM's own
clock, signalling on the way, and bursts whose rate follows the hour. A few lines are off at night or for
hours; tablets rest at home; some contacts bounce to another cell and back within seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from jobs.simulate.clock import Clock
from jobs.simulate.draw import Draws
from jobs.simulate.ground import Ground
from jobs.simulate.lines import Lines
from jobs.simulate.people import THING, VISITOR
from jobs.simulate.pieces import by_hour
from jobs.simulate.radio_truth import GENERATIONS

COLUMNS = ("imsi", "event_time", "cell_id", "event_type", "timing_advance")
TIMING_ADVANCE_M = 78.125  # metres a step in LTE, one way (3GPP TS 36.213)
_PERIODS = {"3240": 0.15, "7200": 0.35, "10800": 0.50}  # s between periodic updates, by share of SIMs
_MEAN_PERIODIC = 12.2  # updates a day under _PERIODS
_BOUNCE = 0.04  # share of contacts that ping-pong
_FULL_DAY = 50.0  # the events a phone and day at which the rates below hold
# Calibrated on simulated days: bursts a day that make _FULL_DAY together with updates and signalling.
_BURSTS, _ON_THE_WAY_S = 11.4, 300.0


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


def make_events(
    itineraries: DataFrame, hours: DataFrame, slots: DataFrame, cells: DataFrame, step: int, width: int,
    traffic: Traffic,
) -> DataFrame:  # fmt: skip
    """Events in the contract's columns, with their true place beside them.

    Args:
        itineraries: See ``itineraries.make_itineraries``.
        hours: See ``clock.Clock.hours``.
        slots: Serving cells by grid point, see ``radio_truth.RadioTruth``.
        cells: Its cells.
        step: Its step (m).
        width: Its columns.
        traffic: Rates and draws.

    Returns:
        One row an event: imsi, event_time (ISO-8601 with offset), cell_id, event_type, timing_advance
        (int, LTE only), event_date (UTC), line_id, time_ms, x, y (m).
    """
    contacts = _contacts(_starts(_line_pieces(itineraries, hours, traffic), traffic), traffic)
    return _served(contacts, slots, cells, step, width, traffic)


def _line_pieces(itineraries: DataFrame, hours: DataFrame, traffic: Traffic) -> DataFrame:
    """One row a line and piece of an hour in which it is switched on."""
    lines, draws, clock = traffic.lines, traffic.draws, traffic.clock
    person, kind, line, line_no = (F.col(name) for name in ("person_id", "kind", "line_id", "line_no"))
    rests = lines.stays_home(line, line_no, kind)
    of_lines = (
        itineraries.withColumn("line_no", F.explode(F.sequence(F.lit(0), lines.count(person, kind).cast("int") - 1)))
        .withColumn("line_id", lines.line_id(person, line_no))
        .withColumn("rests", rests)
    )
    for axis in ("x", "y"):
        for end in ("0", "1"):
            place = F.when(F.col("rests"), F.col("home_" + axis)).otherwise(F.col(axis + end))
            of_lines = of_lines.withColumn(axis + end, place)
    pieces = by_hour(of_lines, clock).join(F.broadcast(hours), on="hour_ix", how="inner")
    hour, day = F.col("hour"), F.col("day_ix")
    night = hour.isin(23, 0, 1, 2, 3, 4, 5) & (draws.uniform("night off", line, day) < 0.12)
    begins = draws.whole("off from", 20, line, day)
    lasts = draws.whole("off for", 9, line, day) + 1
    gap = (draws.uniform("off", line, day) < 0.08) & hour.between(begins, begins + lasts)
    always_on = F.col("kind") == THING
    return pieces.where(always_on | ~(night | gap))


def _starts(pieces: DataFrame, traffic: Traffic) -> DataFrame:
    """One row a contact's beginning: n of the piece, source, start_ms, event_type, size, gap_ms."""
    draws, clock = traffic.draws, traffic.clock
    line, kind = F.col("line_id"), F.col("kind")
    scale = traffic.events_per_day / _FULL_DAY
    piece = (line, F.col("from_s"))
    dice = {name: draws.uniform(name, *piece) for name in ("on the way", "bursts")}
    seconds = F.col("to_s") - F.col("from_s")
    period = draws.choice("period", _PERIODS, line).cast("double") / scale
    period = F.when(kind == THING, F.lit(3_600.0)).otherwise(period)
    offset = F.lit(float(clock.begin)) + draws.uniform("phase", line) * F.col("period")
    first = F.ceil((F.col("from_s") - F.col("offset")) / F.col("period"))
    behind = F.ceil((F.col("to_s") - F.col("offset")) / F.col("period"))
    lively = F.lit(0.35) - F.lit(0.65) * F.log(F.lit(1.0) - draws.uniform("lively", line))
    further = F.when(F.col("line_no") > 0, F.lit(0.35)).otherwise(F.lit(1.0))
    habit = F.when(kind == THING, F.lit(0.05)).when(kind == VISITOR, F.lit(0.8)).otherwise(further) * lively
    moving = F.col("mode").isNotNull() & ~F.col("rests")
    rate = habit * F.col("traffic") * F.when(moving, F.lit(1.5)).otherwise(F.lit(1.0))
    bursts = F.lit(_BURSTS * scale / 3_600) * rate * seconds + dice["bursts"]
    passing = seconds * F.lit(scale / _ON_THE_WAY_S) + dice["on the way"]
    counted = (
        pieces.withColumn("period", period)
        .withColumn("offset", offset)
        .withColumn("first", first)
        .withColumn("updates", behind - F.col("first"))
        .withColumn("passing", F.when(moving, F.floor(passing)).otherwise(F.lit(0)))
        .withColumn("total", F.col("updates") + F.col("passing") + F.floor(bursts))
        .where(F.col("total") > 0)
        .withColumn("n", F.explode(F.sequence(F.lit(0).cast("long"), F.col("total") - 1)))
    )
    key = (*piece, F.col("n"))
    update, on_the_way = F.col("n") < F.col("updates"), F.col("n") < F.col("updates") + F.col("passing")
    regular = (F.col("offset") + (F.col("first") + F.col("n")) * F.col("period")) * 1_000
    random = F.col("from_s") * 1_000 + draws.uniform("start", *key) * seconds * 1_000
    kinds = {"data": 0.66, "call": 0.14, "sms": 0.06, "signalling": 0.14}
    event_type = F.when(on_the_way, F.lit("signalling")).otherwise(draws.choice("type", kinds, *key))
    share = draws.uniform("size", *key)
    size = (
        F.when(on_the_way, F.lit(1.0))
        .when(F.col("event_type") == "data", F.lit(1.5) - 1.8 * F.log(F.lit(1.0) - share))
        .when(F.col("event_type") == "call", F.lit(2.0) + share * 1.3)
        .otherwise(F.lit(1.0) + share * 1.3)
    )
    wanted = F.when(F.col("event_type") == "call", draws.between("call gap", 15.0, 240.0, *key))
    wanted = wanted.otherwise(draws.between("gap", 1.5, 45.0, *key)) * 1_000
    start = F.when(update, regular).otherwise(random).cast("long")
    room = (F.col("to_s") * 1_000 - F.col("start_ms")) / F.col("size")
    return (
        counted.withColumn("start_ms", start)
        .withColumn("event_type", event_type)
        .withColumn("size", F.greatest(F.lit(1), F.least(F.floor(size), F.lit(12))))
        # A burst ends with its piece: its contacts crowd together before they leave the segment.
        .withColumn("gap_ms", F.least(wanted, room))
        .withColumn("size", F.when(F.col("gap_ms") < 400, F.lit(1)).otherwise(F.col("size")))
        .withColumn("bounces", (draws.uniform("bounce", *key) < _BOUNCE).cast("int") * 2)
    )


def _contacts(starts: DataFrame, traffic: Traffic) -> DataFrame:
    """One row an event: k in its burst (beyond size: a bounce), time_ms, x, y."""
    draws = traffic.draws
    size, k = F.col("size"), F.col("k")
    key = (F.col("line_id"), F.col("start_ms"), F.col("n"), k)
    jitter = draws.uniform("jitter", *key) * 0.6
    within = F.least(k, size - 1) + F.when((k > 0) & (k < size), jitter).otherwise(F.lit(0.0))
    bounce = F.greatest(k - size + 1, F.lit(0)) * draws.between("bounce gap", 1_500.0, 5_000.0, *key[:3])
    time = F.col("start_ms") + (within * F.col("gap_ms") + bounce).cast("long")
    share = (F.col("time_ms") / 1_000 - F.col("start_s")) / (F.col("end_s") - F.col("start_s"))
    way = F.greatest(F.lit(0.0), F.least(F.lit(1.0), share))
    return (
        starts.withColumn(
            "k", F.explode(F.sequence(F.lit(0).cast("long"), size + F.col("bounces") - 1))
        )
        .withColumn("time_ms", time)
        .where(F.col("time_ms") < traffic.clock.end * 1_000)
        .withColumn("x", F.col("x0") + way * (F.col("x1") - F.col("x0")))
        .withColumn("y", F.col("y0") + way * (F.col("y1") - F.col("y0")))
    )  # fmt: skip


def _served(
    contacts: DataFrame, slots: DataFrame, cells: DataFrame, step: int, width: int, traffic: Traffic
) -> DataFrame:
    """Join the serving cells by grid point and choose one by hash; sticky for a while, as phones are."""
    draws, lines, ground = traffic.draws, traffic.lines, traffic.ground
    line, time, kind = F.col("line_id"), F.col("time_ms"), F.col("kind")
    column = F.floor((F.col("x") - ground.left) / step)
    row = F.floor((F.col("y") - ground.bottom) / step)
    key = (line, time, F.col("n"), F.col("k"))
    sticks = draws.uniform("sticks", *key) < 0.7
    mark = F.when(sticks, draws.uniform("camped", line, F.col("point"), F.floor(time / 1_200_000))).otherwise(
        draws.uniform("fresh", *key)
    )
    share = draws.uniform("generation", line, F.floor(time / 300_000), F.col("event_type") == "call")
    modern = draws.uniform("modern", line) < 0.5
    old = F.when(kind == THING, F.lit(0.5)).when(F.col("event_type") == "call", F.lit(0.12)).otherwise(0.03)
    generation = F.when(share < old, F.lit(0)).when(
        modern & (F.col("event_type") != "call") & (share > 0.45), F.lit(2)
    ).otherwise(F.lit(1))  # fmt: skip
    sizes = [size for *_, size in GENERATIONS]
    first: Column = F.lit(0)
    size: Column = F.lit(sizes[0])
    for index in range(1, len(sizes)):
        first = F.when(F.col("generation") == index, F.lit(sum(sizes[:index]))).otherwise(first)
        size = F.when(F.col("generation") == index, F.lit(sizes[index])).otherwise(size)
    slot = F.floor(mark * size).cast("int")
    # The first of two bounces takes another candidate, the second comes back.
    elsewhere = F.pmod(slot + (size / 2).cast("int"), size)
    chosen = F.when(F.col("k") == F.col("size"), elsewhere).otherwise(slot)
    dx, dy = F.col("x") - F.col("cell_x"), F.col("y") - F.col("cell_y")
    metres = F.sqrt(dx * dx + dy * dy) + draws.uniform("echo", *key) * 60
    measured = (F.col("technology") == "LTE") & (draws.uniform("measured", *key) < 0.4)
    swap = lines.swap_time(line, kind)
    sim = F.when(swap.isNotNull() & (time >= swap * 1_000), F.lit(1)).otherwise(F.lit(0))
    at = F.timestamp_millis(time)
    return (
        contacts.withColumn("point", (row * width + column).cast("long"))
        .withColumn("generation", generation)
        .join(F.broadcast(slots), on="point", how="inner")
        .withColumn("cell_ix", F.get(F.col("cells"), first + chosen))
        .join(F.broadcast(cells), on="cell_ix", how="inner")
        .select(
            lines.imsi(line, kind, sim).alias("imsi"),
            F.concat(F.date_format(at, "yyyy-MM-dd'T'HH:mm:ss.SSS"), F.lit("+00:00")).alias("event_time"),
            "cell_id",
            "event_type",
            F.when(measured, F.floor(metres / TIMING_ADVANCE_M)).cast("int").alias("timing_advance"),
            F.to_date(at).alias("event_date"),
            "line_id",
            "time_ms",
            "x",
            "y",
        )
    )
