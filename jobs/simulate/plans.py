"""What people mean to do on a day: by role and weekday, in hours of the local clock.

Weekdays: pupils and workers leave early, some workers by shift; lunch walks; errands of those who are
home in the morning; school and part-time work end from noon on; shopping on the way home or in the
afternoon; evenings out, longer on Friday and Saturday. Saturdays are for shopping, Sundays for outings.
"""

from __future__ import annotations

import math

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.simulate.clock import DAY_BEGINS
from jobs.simulate.draw import Draws
from jobs.simulate.places import KINDS, PLACE_SLOTS

_KEY = ("person_id", "day_ix")


def visits(persons: DataFrame, person_days: DataFrame, destinations: DataFrame, draws: Draws) -> DataFrame:
    """The visits that each person means to make, in order.

    Returns:
        One row a visit: person_id, kind, age, day_ix, begin (epoch s), length (s), home_x, home_y, seq,
        trip_of_day (trips out and back share a mode), activity, x, y (m), leave (s after the person's day
        began), stay (s).
    """
    days = persons.crossJoin(F.broadcast(person_days))
    planned = _decide(days, draws)
    for leg, place in (("main", "main_kind"), ("errand", "errand_kind"), ("afternoon", "afternoon_kind")):
        planned = _locate(planned, leg, F.col(place), destinations, draws)
    planned = _locate(planned, "evening", F.lit("leisure"), destinations, draws)
    return planned.select(
        *("person_id", "kind", "age", "day_ix", "begin", "length", "home_x", "home_y"),
        F.inline(_sequence(draws)),
    ).where(F.col("planned"))


def _decide(days: DataFrame, draws: Draws) -> DataFrame:
    """Which outings, and when; times in seconds after the person's day began."""
    key = [F.col(name) for name in _KEY]
    role, weekday, age = F.col("role"), F.col("weekday"), F.col("age")
    working_day, saturday, sunday = weekday <= 5, weekday == 6, weekday == 7
    early_shift = draws.uniform("shift", F.col("person_id"))
    part_time = draws.uniform("part-time", F.col("person_id")) < 0.33

    def chance(stream: str, share: Column | float) -> Column:
        return draws.uniform(stream, *key) < share

    def by_role(default: float, **shares: float) -> Column:
        value: Column = F.lit(default)
        for name, share in shares.items():
            value = F.when(role == name, F.lit(share)).otherwise(value)
        return value

    def hours(stream: str, mean: Column | float, deviation: Column | float) -> Column:
        hour = draws.normal(stream, mean, deviation, *key) - F.lit(float(DAY_BEGINS))
        return F.greatest(F.lit(0.2), F.least(F.lit(21.0), hour)) * 3600

    main_share = (
        F.when(working_day, by_role(0.0, worker=0.80, pupil=0.93, student=0.7, visitor=0.3))
        .when(saturday, by_role(0.0, worker=0.16, student=0.08))
        .otherwise(by_role(0.0, worker=0.07))
    )
    start = (
        F.when(role == "pupil", hours("start/school", 7.35, 0.22))
        .when(role == "student", hours("start/campus", 9.4, 1.2))
        .when(role == "visitor", hours("start/visit", 9.0, 0.5))
        .when(early_shift < 0.13, hours("start/early", 5.5, 0.35))
        .when(early_shift > 0.90, hours("start/late", 13.0, 0.5))
        .otherwise(hours("start/work", 8.0, 0.85))
    )
    span = (
        F.when(role == "pupil", draws.normal("span/school", 6.4, 0.9, *key))
        .when(role == "student", draws.normal("span/campus", 5.0, 1.4, *key))
        .when(role == "visitor", draws.normal("span/visit", 6.5, 1.0, *key))
        .when(part_time, draws.normal("span/part", 5.6, 0.9, *key))
        .otherwise(draws.normal("span/full", 8.5, 0.7, *key))
    )
    errand_share = (
        F.when(
            working_day,
            by_role(0.3, home=0.55, retired=0.6, visitor=0.85, pupil=0.0),
        )
        .when(saturday, F.lit(0.52))
        .otherwise(by_role(0.28, visitor=0.8))
    )
    errand_time = (
        F.when(role == "visitor", hours("errand/visitor", 10.5, 0.8))
        .when(working_day, hours("errand/weekday", 10.2, 1.2))
        .otherwise(hours("errand/weekend", 11.3, 1.1))
    )
    afternoon_share = F.when(working_day, by_role(0.5, worker=0.40, pupil=0.55, retired=0.55, visitor=0.7))
    afternoon_share = afternoon_share.when(saturday, F.lit(0.5)).otherwise(F.lit(0.55))
    youth = F.when(age < 14, 0.3).when(age < 35, 1.4).when(age > 66, 0.5).otherwise(1.0)
    evening_share = F.when(weekday == 5, 0.34).when(saturday, 0.38).otherwise(0.22) * youth
    late_night = F.when(weekday.isin(5, 6), F.lit(1.2)).otherwise(F.lit(0.0))
    stroll, shop = draws.uniform("stroll", *key), F.when(sunday, 0.06).otherwise(0.6)
    home_late = F.col("main") & (F.col("main_end") > _at(20))
    timed = {
        "main": chance("main", main_share),
        "main_s": start,
        "main_kind": F.when(role == "pupil", F.lit("school")).otherwise(F.lit("work")),
        "errand_s": errand_time,
        "errand_kind": _shop_or_leisure(chance("errand/kind", shop + 0.15), stroll < 0.3),
        "afternoon_s": hours("afternoon/time", F.when(sunday, 14.6).otherwise(15.2), 1.4),
        "afternoon_kind": _shop_or_leisure(chance("afternoon/kind", shop), stroll > 0.65),
        "evening_s": hours("evening/time", 18.9, 0.9),
        "out": (draws.between("evening/span", 1.0, 3.6, *key) + late_night) * 3600,
        "lunch_s": hours("lunch/time", 12.3, 0.5),
    }
    main_end = F.col("main_s") + F.greatest(span, F.lit(2.0)) * 3600
    decided = days.withColumns(timed).withColumn("main_end", main_end)
    lunches = F.col("main") & role.isin("worker", "visitor", "student") & chance("lunch", 0.35)
    fits = (F.col("main_s") < F.col("lunch_s") - 5_400) & (F.col("main_end") > F.col("lunch_s") + 7_200)
    return decided.withColumns(
        {
            "lunch": lunches & fits,
            "errand": ~F.col("main") & chance("errand", errand_share),
            "afternoon": chance("afternoon", afternoon_share) & ~home_late,
            "direct": F.col("main") & (F.col("main_end") > _at(14.5)) & (role != "pupil"),
            "evening": chance("evening", evening_share) & ~home_late,
        }
    )


def _shop_or_leisure(shops: Column, strolls: Column) -> Column:
    """The kind of place; ``stroll`` is a walk in the neighbourhood, without a slot."""
    return F.when(strolls, F.lit("stroll")).when(shops, F.lit("shop")).otherwise(F.lit("leisure"))


def _locate(planned: DataFrame, leg: str, kind: Column, slots: DataFrame, draws: Draws) -> DataFrame:
    """Add ``{leg}_x`` and ``{leg}_y``: a slot of the home zone, within 40 m; or a few hundred metres off.

    Work and school stay the same from day to day, everything else is drawn daily.
    """
    key = [F.col("person_id")] if leg == "main" else [F.col(name) for name in _KEY]
    number: Column = F.lit(KINDS.index("leisure"))
    for word in ("work", "school", "shop"):
        number = F.when(kind == word, F.lit(KINDS.index(word))).otherwise(number)
    slot = (F.col("zone_ix") * len(KINDS) + number) * PLACE_SLOTS
    chosen = (slot + draws.whole(leg + "/slot", PLACE_SLOTS, *key)).cast("long")
    drawn = slots.select(F.col("slot").alias("_slot"), F.col("x").alias("slot_x"), F.col("y").alias("slot_y"))
    near_x, near_y = _nearby(draws, leg, F.col("home_x"), F.col("home_y"), 250, 900, key)
    around = [draws.between(f"{leg}/{axis}", -40.0, 40.0, *key) for axis in "xy"]
    strolls = kind == "stroll"
    return (
        planned.withColumn("_slot", chosen)
        .join(F.broadcast(drawn), on="_slot", how="inner")
        .withColumn(leg + "_x", F.when(strolls, near_x).otherwise(F.col("slot_x") + around[0]))
        .withColumn(leg + "_y", F.when(strolls, near_y).otherwise(F.col("slot_y") + around[1]))
        .drop("_slot", "slot_x", "slot_y")
    )


def _nearby(
    draws: Draws, leg: str, x: Column, y: Column, low: float, high: float, key: list[Column]
) -> tuple[Column, Column]:
    turn = F.lit(2 * math.pi) * draws.uniform(leg + "/turn", *key)
    metres = draws.between(leg + "/metres", low, high, *key)
    return x + metres * F.cos(turn), y + metres * F.sin(turn)


def _sequence(draws: Draws) -> Column:
    """The visits of a day in order, as an array of structs; ``planned`` tells which take place."""
    key = [F.col(name) for name in _KEY]
    main, errand, lunch = F.col("main"), F.col("errand"), F.col("lunch")
    afternoon, evening = F.col("afternoon"), F.col("evening")
    straight = F.col("direct") & afternoon
    first = (
        F.when(main, F.col("main_s"))
        .when(errand, F.col("errand_s"))
        .when(afternoon, F.col("afternoon_s"))
        .when(evening, F.col("evening_s"))
        .otherwise(F.col("length"))
    )
    again = F.when(afternoon, F.col("afternoon_s")).otherwise(F.col("evening_s"))
    lunch_x, lunch_y = _nearby(draws, "lunch", F.col("main_x"), F.col("main_y"), 120, 600, key)
    home = (F.col("home_x"), F.col("home_y"))
    minutes = {
        leg: draws.between(leg + "/minutes", low * 60.0, high * 60.0, *key)
        for leg, low, high in (("lunch", 15, 45), ("errand", 15, 80), ("afternoon", 20, 110))
    }

    def visit(seq: int, trip: int, name: str, when: Column, at: tuple[Column, Column], leave: Column,
              stay: Column | float) -> Column:  # fmt: skip
        return F.struct(
            F.lit(seq).alias("seq"),
            F.lit(trip).alias("trip_of_day"),
            F.lit(name).alias("activity"),
            when.alias("planned"),
            at[0].cast("double").alias("x"),
            at[1].cast("double").alias("y"),
            leave.cast("long").alias("leave"),
            (stay if not isinstance(stay, float) else F.lit(stay)).cast("long").alias("stay"),
        )

    at_main = (F.col("main_x"), F.col("main_y"))
    now = F.lit(0)
    until = F.when(lunch, F.col("lunch_s")).otherwise(F.col("main_end"))
    return F.array(
        visit(0, 0, "home", F.lit(True), home, first, 0.0),
        visit(1, 1, "main", main, at_main, until, 600.0),
        visit(2, 2, "lunch", lunch, (lunch_x, lunch_y), now, minutes["lunch"]),
        visit(3, 2, "main", lunch, at_main, F.col("main_end"), 600.0),
        visit(4, 1, "errand", errand, (F.col("errand_x"), F.col("errand_y")), now, minutes["errand"]),
        visit(5, 1, "home", (main | errand) & ~straight & (afternoon | evening), home, again, 900.0),
        visit(
            *(6, 1, "afternoon", afternoon, (F.col("afternoon_x"), F.col("afternoon_y"))),
            *(now, minutes["afternoon"]),
        ),
        visit(7, 1, "home", afternoon & evening, home, F.col("evening_s"), 900.0),
        visit(8, 3, "evening", evening, (F.col("evening_x"), F.col("evening_y")), now, F.col("out")),
        visit(9, 3, "home", main | errand | afternoon | evening, home, F.col("length"), 0.0),
    )


def _at(hour: float) -> Column:
    return F.lit((hour - DAY_BEGINS) * 3600)
