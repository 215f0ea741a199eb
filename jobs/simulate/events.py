"""Location events: contacts with the cell that served them, in the landing contract's columns."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.simulate.contacts import Traffic, make_contacts
from jobs.simulate.draw import part
from jobs.simulate.people import THING
from jobs.simulate.radio_truth import GENERATIONS

COLUMNS = ("imsi", "event_time", "cell_id", "event_type", "timing_advance")
TIMING_ADVANCE_M = 78.125  # metres a step in LTE, one way (3GPP TS 36.213)
_CAMPED = 0.7  # share of contacts on the cell a phone camps on for twenty minutes
_MEASURED = 0.4  # share of LTE contacts with a timing advance


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
    contacts = make_contacts(itineraries, hours, traffic)
    column = F.floor((F.col("x") - traffic.ground.left) / step)
    row = F.floor((F.col("y") - traffic.ground.bottom) / step)
    dx, dy = F.col("x") - F.col("cell_x"), F.col("y") - F.col("cell_y")
    metres = F.sqrt(dx * dx + dy * dy) + part(F.col("dice"), 2) * 60  # echoes
    measured = (F.col("technology") == "LTE") & (part(F.col("dice"), 3) < _MEASURED)
    at = F.timestamp_millis(F.col("time_ms"))
    swapped = F.col("time_ms") >= F.col("swap_ms")  # null, so false, without a swap
    return (
        contacts.withColumn("point", (row * width + column).cast("long"))
        .withColumn("slot", _slot(traffic))
        .join(F.broadcast(slots), on="point", how="inner")
        .withColumn("cell_ix", F.get(F.col("cells"), F.col("slot")))
        .join(F.broadcast(cells), on="cell_ix", how="inner")
        .select(
            F.when(swapped, F.col("sim_after")).otherwise(F.col("sim")).alias("imsi"),
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


def _slot(traffic: Traffic) -> Column:
    """Which of a point's slots serves a contact: generation by device and kind of contact, then a mark.

    The mark is sticky: for some minutes a phone at rest camps on the same cell; else it is drawn afresh.
    """
    draws, line, time = traffic.draws, F.col("line_id"), F.col("time_ms")
    is_call = F.col("event_type") == "call"
    camped = draws.uniform("camped", line, F.col("point"), F.floor(time / 1_200_000))
    share = draws.uniform("generation", line, F.floor(time / 300_000), is_call)
    old = F.when(F.col("kind") == THING, F.lit(0.5)).when(is_call, F.lit(0.12)).otherwise(F.lit(0.03))
    modern = F.col("modern") & ~is_call & (share > 0.45)
    fresh = draws.uniform("fresh", F.col("dice"))
    mark = F.when(part(F.col("dice"), 1) < _CAMPED, camped).otherwise(fresh)
    sizes = [size for *_, size in GENERATIONS]

    def within(first: int, size: int) -> Column:
        # The first of two bounces takes a cell half the slots away, the second comes back.
        slot = F.floor(mark * size)
        away = F.when(F.col("k") == F.col("size"), F.lit(size // 2)).otherwise(F.lit(0))
        return F.lit(first) + F.pmod(slot + away, F.lit(size))

    legacy, lte, nr = (within(sum(sizes[:index]), size) for index, size in enumerate(sizes))
    return F.when(share < old, legacy).when(modern, nr).otherwise(lte).cast("int")
