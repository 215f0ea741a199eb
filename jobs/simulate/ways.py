"""The way of a trip: straight, or along a corridor that serves it with a small detour; all natively.

Where people ride along a corridor they are as fast as it is: roads slow down in rush hours, rails do not.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.simulate.clock import DAY_BEGINS
from jobs.simulate.corridors import (
    BLOCK,
    GATES_SCHEMA,
    LINES_SCHEMA,
    Corridor,
    block_columns,
    gates_table,
    lines_table,
)
from jobs.simulate.ground import Ground

DETOUR = 1.35  # longest way along a corridor, against the straight line
LEAST_M = 1_000.0  # shortest way along a corridor, metres
_ROAD, _RAIL, _ACCESS = 9.8, 10.2, 4.6  # metres a second of those who ride
_BIKE = 3.4
_RUSH, _RUSH_HOURS = 0.68, ((7.0, 9.0), (16.0, 18.5))

LEGS = (
    "array<struct<x0: int, y0: int, x1: int, y1: int, corridor_id: string, forward: boolean, "
    "seconds: bigint, starts: bigint>>"
)


@dataclass(frozen=True)
class Network:
    """The corridors as small tables for broadcast.

    Attributes:
        lines: See ``corridors.LINES_SCHEMA``.
        gates: See ``corridors.GATES_SCHEMA``.
        ground: The grid.
    """

    lines: DataFrame
    gates: DataFrame
    ground: Ground


def make_network(spark: SparkSession, corridors: tuple[Corridor, ...], ground: Ground) -> Network:
    """The tables of the corridors."""
    lines = [tuple(row) for row in lines_table(corridors).itertuples(index=False)]
    gates = [tuple(row) for row in gates_table(corridors, ground).itertuples(index=False)]
    return Network(spark.createDataFrame(lines, LINES_SCHEMA), spark.createDataFrame(gates, GATES_SCHEMA), ground)


def with_legs(trips: DataFrame, network: Network) -> DataFrame:
    """Add the legs of each trip, in order.

    Args:
        trips: ``px, py, x, y`` (m, whole), ``distance`` (m), ``mode`` (walk, bike, ride; null where nobody moves),
            ``pace``, ``left_at`` (s after 4 o'clock when the person meant to leave), ``straight_s`` (whole seconds of
            the straight way).
        network: See ``Network``.

    Returns:
        The trips with ``legs`` (see ``LEGS``; ``starts`` in seconds after the trip began; empty where nobody moves).
    """
    ground, columns = network.ground, block_columns(network.ground)

    def block(x: Column, y: Column) -> Column:
        row, column = F.floor((y - ground.bottom) / BLOCK), F.floor((x - ground.left) / BLOCK)
        return (row * columns + column).cast("long")

    def gates(name: str) -> DataFrame:
        return F.broadcast(network.gates.select(F.col("block").alias(f"{name}_block"), F.col("gates").alias(name)))

    located = (
        trips.withColumn("near_block", block(F.col("px"), F.col("py")))
        .withColumn("far_block", block(F.col("x"), F.col("y")))
        .join(gates("near"), on="near_block", how="left")
        .join(gates("far"), on="far_block", how="left")
        .withColumn("way", _best())
    )
    lines = network.lines.select("corridor_ix", "corridor_id", "points")
    on_line = located.withColumn("corridor_ix", F.col("way.corridor_ix")).join(
        F.broadcast(lines), on="corridor_ix", how="left"
    )
    straight = F.array(
        F.struct(
            *(F.col(name).cast("int").alias(alias) for name, alias in zip(("px", "py", "x", "y"), _ENDS, strict=True)),
            F.lit(None).cast("string").alias("corridor_id"),
            F.lit(None).cast("boolean").alias("forward"),
            F.col("straight_s").alias("seconds"),
        )
    )
    legs = F.when(F.col("way").isNull(), straight).otherwise(_along())
    moved = on_line.withColumn(
        "legs", F.when(F.col("mode").isNotNull(), F.filter(legs, lambda leg: leg["seconds"] > 0))
    ).withColumn("legs", F.coalesce(_started(F.col("legs")), F.array().cast(LEGS)))
    return moved.select(*trips.columns, "legs")


_ENDS = ("x0", "y0", "x1", "y1")


def _best() -> Column:
    """The shortest way along one corridor, if it is no detour: ``metres, corridor_ix, is_rail, on, off``."""

    def option(entry: Column, leave: Column) -> Column:
        metres = entry["away"] + F.abs(leave["along"] - entry["along"]) + leave["away"]
        return F.struct(
            metres.alias("metres"),
            entry["corridor_ix"].alias("corridor_ix"),
            entry["is_rail"].alias("is_rail"),
            entry.alias("on"),
            leave.alias("off"),
        )

    pairs = F.flatten(
        F.transform(
            "near",
            lambda a: F.transform(
                F.filter("far", lambda b: b["corridor_ix"] == a["corridor_ix"]), lambda b: option(a, b)
            ),
        )
    )
    rides = F.col("mode") == "ride"
    allowed = F.filter(
        pairs,
        lambda way: (
            (F.abs(way["off"]["along"] - way["on"]["along"]) >= LEAST_M)
            & (way["metres"] <= F.col("distance") * DETOUR)
            & (rides | ~way["is_rail"])
        ),
    )
    return F.when(rides | (F.col("mode") == "bike"), F.array_min(allowed))


def _along() -> Column:
    """Legs of the way along a corridor: to it, from vertex to vertex, and from it."""
    on, off = F.col("way.on"), F.col("way.off")
    forward = off["along"] > on["along"]
    low, high = F.least(on["along"], off["along"]), F.greatest(on["along"], off["along"])
    between = F.filter("points", lambda p: (p["along"] > low) & (p["along"] < high))
    ordered = F.when(forward, between).otherwise(F.reverse(between))

    def spot(x: Column, y: Column) -> Column:
        return F.array(F.struct(x.cast("int").alias("x"), y.cast("int").alias("y")))

    inner = F.concat(
        spot(on["x"], on["y"]),
        F.transform(ordered, lambda p: F.struct(p["x"].alias("x"), p["y"].alias("y"))),
        spot(off["x"], off["y"]),
    )
    stops = F.concat(spot(F.col("px"), F.col("py")), inner, spot(F.col("x"), F.col("y")))
    count = F.size("points") + 4  # more than there are legs: what is beyond the last is cut off
    last = F.size(stops) - 1

    def leg(index: Column) -> Column:
        a, b = F.get(stops, index), F.get(stops, index + 1)
        dx, dy = (b["x"] - a["x"]).cast("double"), (b["y"] - a["y"]).cast("double")
        on_it = (index > 0) & (index < last - 1)
        seconds = F.ceil(F.sqrt(dx * dx + dy * dy) / (_speed(on_it) * F.col("pace")))
        return F.struct(
            *(end[axis].alias(axis + n) for end, n in ((a, "0"), (b, "1")) for axis in "xy"),
            F.when(on_it, F.col("corridor_id")).alias("corridor_id"),
            F.when(on_it, forward).alias("forward"),
            seconds.cast("long").alias("seconds"),
        )

    return F.transform(F.filter(F.sequence(F.lit(0), count), lambda i: i < last), leg)


def _speed(on_it: Column) -> Column:
    hour = F.col("left_at") / 3600 + DAY_BEGINS
    rush = F.lit(False)
    for start, end in _RUSH_HOURS:
        rush = rush | hour.between(start, end)
    road = F.when(rush, F.lit(_ROAD * _RUSH)).otherwise(F.lit(_ROAD))
    riding = F.when(~on_it, F.lit(_ACCESS)).when(F.col("way.is_rail"), F.lit(_RAIL)).otherwise(road)
    return F.when(F.col("mode") == "bike", F.lit(_BIKE)).otherwise(riding)


def _started(legs: Column) -> Column:
    def before(index: Column) -> Column:
        return F.aggregate(F.slice(legs, 1, index), F.lit(0).cast("long"), lambda total, leg: total + leg["seconds"])

    return F.transform(legs, lambda leg, index: leg.withField("starts", before(index)))
