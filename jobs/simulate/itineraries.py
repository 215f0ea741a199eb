"""A person's day as visits and the trips between them, natively: plans, then times by a running maximum.

A plan holds the visits a person means to make, each with the earliest time of leaving (``leave``) and the
shortest stay (``stay``). With C the running sum of travel times and stays, the k-th departure is
max over j <= k of (leave_j - C_j) + C_k: people are late, but never in two places.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.simulate.draw import Draws
from jobs.simulate.people import THING
from jobs.simulate.plans import visits
from jobs.simulate.ways import Network, with_legs


def make_itineraries(
    persons: DataFrame, person_days: DataFrame, destinations: DataFrame, network: Network, draws: Draws
) -> DataFrame:
    """Every segment of every person's day.

    Args:
        persons: See ``people.make_persons``.
        person_days: See ``clock.Clock.person_days``.
        destinations: Destination slots, see ``places.Places``.
        network: Corridors on the grid; nobody leaves its bounding box.
        draws: The source of draws.

    Returns:
        One row a stay or leg of a trip, gapless by person: person_id, kind, day_ix, start_s, end_s (epoch s),
        x0, y0, x1, y1 (m, EPSG:3035; a leg runs straight from 0 to 1 at constant speed), activity
        (home, main, lunch, errand, afternoon, evening, thing, trip), mode (walk, bike, ride; null for a stay),
        home_x, home_y; of the whole trip: leg (from 0), to_x, to_y, arrives_s; corridor_id and forward (whether
        in the direction in which it is drawn) of legs along a corridor, else null.
    """
    ground = network.ground
    planned = visits(persons.where(F.col("kind") != THING), person_days, destinations, draws)
    box_x = F.greatest(F.least(F.col("x"), F.lit(ground.right - 1)), F.lit(ground.left)).cast("int")
    box_y = F.greatest(F.least(F.col("y"), F.lit(ground.top - 1)), F.lit(ground.bottom)).cast("int")
    # One shuffle by person serves the windows here and every later grouping by person and day.
    planned = planned.withColumn("x", box_x).withColumn("y", box_y).repartition("person_id")
    order = Window.partitionBy("person_id", "day_ix").orderBy("seq")
    so_far = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    ways = with_legs(
        planned.withColumn("px", F.lag("x").over(order))
        .withColumn("py", F.lag("y").over(order))
        .withColumn("left_at", F.lag("leave").over(order))
        .withColumn("distance", F.coalesce(_distance(), F.lit(0.0)))
        .withColumn("mode", _mode(draws))
        .withColumn("pace", draws.between("pace", 0.85, 1.15, F.col("person_id"), F.col("day_ix"), F.col("seq")))
        .withColumn("straight_s", _travel_seconds()),
        network,
    )
    travel = F.aggregate("legs", F.lit(0).cast("long"), lambda total, leg: total + leg["seconds"])
    timed = (
        ways.withColumn("travel", travel)
        .withColumn("spent", F.sum(F.col("travel") + F.col("stay")).over(so_far))
        .withColumn("leaves", F.max(F.col("leave") - F.col("spent")).over(so_far) + F.col("spent"))
        .withColumn("left", F.coalesce(F.lag("leaves").over(order), F.lit(0).cast("long")))
    )
    arrives = F.col("left") + F.col("travel")
    segments = timed.select(
        *("person_id", "kind", "day_ix", "begin", "length", "home_x", "home_y"),
        F.inline(F.concat(_trip(arrives), F.array(_stay(arrives)))),
    ).where((F.col("from_s") < F.col("to_s")) & (F.col("from_s") < F.col("length")))
    return _rows(segments).unionByName(_things(persons, person_days))


def _trip(arrives: Column) -> Column:
    def leg_of(leg: Column, number: Column) -> Column:
        starts = F.col("left") + leg["starts"]
        return F.struct(
            starts.alias("from_s"),
            (starts + leg["seconds"]).alias("to_s"),
            *(leg[end].alias(end) for end in ("x0", "y0", "x1", "y1")),
            F.lit("trip").alias("activity"),
            F.col("mode"),
            number.alias("leg"),
            F.col("x").alias("to_x"),
            F.col("y").alias("to_y"),
            arrives.alias("until_s"),
            leg["corridor_id"].alias("corridor_id"),
            leg["forward"].alias("forward"),
        )

    return F.transform("legs", leg_of)


def _stay(arrives: Column) -> Column:
    return F.struct(arrives.alias("from_s"), F.col("leaves").alias("to_s"), *_resting("x", "y", "activity", "leaves"))


def _resting(x: str, y: str, activity: str, until: str) -> list[Column]:
    """What stands in a stay's columns."""
    return [
        *(F.col(axis).alias(name) for axis, name in ((x, "x0"), (y, "y0"), (x, "x1"), (y, "y1"))),
        F.col(activity).alias("activity"),
        F.lit(None).cast("string").alias("mode"),
        F.lit(0).alias("leg"),
        F.col(x).alias("to_x"),
        F.col(y).alias("to_y"),
        F.col(until).alias("until_s"),
        F.lit(None).cast("string").alias("corridor_id"),
        F.lit(None).cast("boolean").alias("forward"),
    ]


def _rows(segments: DataFrame) -> DataFrame:
    def at(seconds: str) -> Column:
        return F.col("begin") + F.least(F.col(seconds), F.col("length"))

    return segments.select(
        *("person_id", "kind", "day_ix"),
        at("from_s").alias("start_s"),
        at("to_s").alias("end_s"),
        *("x0", "y0", "x1", "y1", "activity", "mode", "home_x", "home_y", "leg", "to_x", "to_y"),
        at("until_s").alias("arrives_s"),
        *("corridor_id", "forward"),
    )


def _things(persons: DataFrame, person_days: DataFrame) -> DataFrame:
    """Machines stay where they are."""
    days = (
        persons.where(F.col("kind") == THING)
        .crossJoin(F.broadcast(person_days))
        .withColumn("activity", F.lit("thing"))
        .select(
            *("person_id", "kind", "day_ix", "begin", "length", "home_x", "home_y"),
            F.lit(0).cast("long").alias("from_s"),
            F.col("length").alias("to_s"),
            *_resting("home_x", "home_y", "activity", "length"),
        )
    )
    return _rows(days)


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


def _travel_seconds() -> Column:
    """Whole seconds of a trip; speeds along the straight line, so detours and waiting are in them."""
    ride = F.lit(3.8) + F.least(F.col("distance") / 1000, F.lit(12.0)) * 0.45
    speed = F.when(F.col("mode") == "walk", F.lit(1.1)).when(F.col("mode") == "bike", F.lit(3.4))
    seconds = F.ceil(F.col("distance") / (speed.otherwise(ride) * F.col("pace")))
    return F.when(F.col("mode").isNull(), F.lit(0)).otherwise(F.greatest(seconds, F.lit(60))).cast("long")
