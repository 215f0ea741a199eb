"""A person's day as visits and the trips between them, natively: plans, then times by a running maximum.

A plan holds the visits a person means to make, each with the earliest time of leaving (``leave``) and the
shortest stay (``stay``). With C the running sum of travel times and stays, the k-th departure is
max over j <= k of (leave_j - C_j) + C_k: people are late, but never in two places.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.simulate.draw import Draws
from jobs.simulate.ground import Ground
from jobs.simulate.people import THING
from jobs.simulate.plans import visits


def make_itineraries(
    persons: DataFrame, person_days: DataFrame, destinations: DataFrame, ground: Ground, draws: Draws
) -> DataFrame:
    """Every segment of every person's day.

    Args:
        persons: See ``people.make_persons``.
        person_days: See ``clock.Clock.person_days``.
        destinations: Destination slots, see ``places.Places``.
        ground: The grid; nobody leaves its bounding box.
        draws: The source of draws.

    Returns:
        One row a stay or trip, gapless by person: person_id, kind, day_ix, start_s, end_s (epoch s),
        x0, y0, x1, y1 (m, EPSG:3035; a trip runs straight from 0 to 1 at constant speed), activity
        (home, main, lunch, errand, afternoon, evening, thing), mode (walk, bike, ride; null for a stay),
        home_x, home_y.
    """
    planned = visits(persons.where(F.col("kind") != THING), person_days, destinations, draws)
    box_x = F.greatest(F.least(F.col("x"), F.lit(ground.right - 1)), F.lit(ground.left)).cast("int")
    box_y = F.greatest(F.least(F.col("y"), F.lit(ground.top - 1)), F.lit(ground.bottom)).cast("int")
    # One shuffle by person serves the windows here and every later grouping by person and day.
    planned = planned.withColumn("x", box_x).withColumn("y", box_y).repartition("person_id")
    order = Window.partitionBy("person_id", "day_ix").orderBy("seq")
    so_far = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    timed = (
        planned.withColumn("px", F.lag("x").over(order))
        .withColumn("py", F.lag("y").over(order))
        .withColumn("distance", F.coalesce(_distance(), F.lit(0.0)))
        .withColumn("mode", _mode(draws))
        .withColumn("travel", _travel_seconds(draws))
        .withColumn("spent", F.sum(F.col("travel") + F.col("stay")).over(so_far))
        .withColumn("leaves", F.max(F.col("leave") - F.col("spent")).over(so_far) + F.col("spent"))
        .withColumn("left", F.coalesce(F.lag("leaves").over(order), F.lit(0).cast("long")))
    )
    arrives = F.col("left") + F.col("travel")
    trip = _segment("left", arrives, "px", "py", F.lit("trip"), F.col("mode"))
    stay = _segment(arrives, "leaves", "x", "y", F.col("activity"), F.lit(None).cast("string"))
    segments = timed.select(
        *("person_id", "kind", "day_ix", "begin", "length", "home_x", "home_y", "x", "y"),
        F.inline(F.array(trip, stay)),
    ).where((F.col("from_s") < F.col("to_s")) & (F.col("from_s") < F.col("length")))
    moved = _rows(segments, F.col("x"), F.col("y"))
    return moved.unionByName(_things(persons, person_days))


def _segment(start: Column | str, end: Column | str, x: str, y: str, what: Column, mode: Column) -> Column:
    begin = F.col(start) if isinstance(start, str) else start
    finish = F.col(end) if isinstance(end, str) else end
    return F.struct(
        begin.alias("from_s"),
        finish.alias("to_s"),
        F.col(x).alias("x0"),
        F.col(y).alias("y0"),
        what.alias("activity"),
        mode.alias("mode"),
    )


def _rows(segments: DataFrame, x1: Column, y1: Column) -> DataFrame:
    return segments.select(
        "person_id",
        "kind",
        "day_ix",
        (F.col("begin") + F.col("from_s")).alias("start_s"),
        (F.col("begin") + F.least(F.col("to_s"), F.col("length"))).alias("end_s"),
        "x0",
        "y0",
        x1.alias("x1"),
        y1.alias("y1"),
        "activity",
        "mode",
        "home_x",
        "home_y",
    )


def _things(persons: DataFrame, person_days: DataFrame) -> DataFrame:
    """Machines stay where they are."""
    days = (
        persons.where(F.col("kind") == THING)
        .crossJoin(F.broadcast(person_days))
        .select(
            *("person_id", "kind", "day_ix", "begin", "length", "home_x", "home_y"),
            F.lit(0).cast("long").alias("from_s"),
            F.col("length").alias("to_s"),
            F.col("home_x").alias("x0"),
            F.col("home_y").alias("y0"),
            F.lit("thing").alias("activity"),
            F.lit(None).cast("string").alias("mode"),
        )
    )
    return _rows(days, F.col("home_x"), F.col("home_y"))


def _distance() -> Column:
    dx, dy = F.col("x") - F.col("px"), F.col("y") - F.col("py")
    return F.sqrt((dx * dx + dy * dy).cast("double"))


def _mode(draws: Draws) -> Column:
    """On foot when it is near, by bike sometimes, else by car, bus or tram; null where nobody moves."""
    share = draws.uniform("mode", F.col("person_id"), F.col("day_ix"), F.col("trip_of_day"))
    cycles = draws.uniform("cycles", F.col("person_id")) < 0.35
    metres = F.col("distance")
    return (
        F.when(metres < 20, F.lit(None).cast("string"))
        .when((metres < 700) | ((metres < 1_800) & (share < 0.6)), F.lit("walk"))
        .when((metres < 6_000) & cycles & (F.col("age") < 78), F.lit("bike"))
        .otherwise(F.lit("ride"))
    )


def _travel_seconds(draws: Draws) -> Column:
    """Whole seconds of a trip; speeds along the straight line, so detours and waiting are in them."""
    pace = draws.between("pace", 0.85, 1.15, F.col("person_id"), F.col("day_ix"), F.col("seq"))
    ride = F.lit(3.8) + F.least(F.col("distance") / 1000, F.lit(12.0)) * 0.45
    speed = F.when(F.col("mode") == "walk", F.lit(1.1)).when(F.col("mode") == "bike", F.lit(3.4))
    seconds = F.ceil(F.col("distance") / (speed.otherwise(ride) * pace))
    return F.when(F.col("mode").isNull(), F.lit(0)).otherwise(F.greatest(seconds, F.lit(60))).cast("long")
