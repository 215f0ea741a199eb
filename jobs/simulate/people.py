"""Who there is: residents who hold lines, foreign visitors, and things; one row a person.

Everything about a person is a hash of the person's number, so a million of them are as good as one.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.simulate.draw import Draws
from jobs.simulate.ground import TILE
from jobs.simulate.places import HOME_SLOTS

VISITOR_SHARE = 0.03  # foreign SIMs, of the residents
THING_SHARE = 0.02
RESIDENT, VISITOR, THING = "resident", "visitor", "thing"


@dataclass(frozen=True)
class Crowd:
    """How many persons and things; their numbers run through in this order."""

    residents: int

    @property
    def visitors(self) -> int:
        """Foreign visitors."""
        return max(1, round(self.residents * VISITOR_SHARE))

    @property
    def things(self) -> int:
        """Machines with a SIM."""
        return max(1, round(self.residents * THING_SHARE))

    @property
    def total(self) -> int:
        """All of them."""
        return self.residents + self.visitors + self.things

    def kind(self, person: Column) -> Column:
        """Resident, visitor or thing, by number."""
        return (
            F.when(person < self.residents, F.lit(RESIDENT))
            .when(person < self.residents + self.visitors, F.lit(VISITOR))
            .otherwise(F.lit(THING))
        )


def make_persons(spark: SparkSession, crowd: Crowd, homes: DataFrame, draws: Draws, partitions: int) -> DataFrame:
    """Residents, visitors and things with home, age and role.

    Args:
        spark: The session.
        crowd: Their numbers.
        homes: Home slots, see ``places.Places``.
        draws: The source of draws.
        partitions: Tasks to spread them over; changes nothing in the rows.

    Returns:
        person_id (long), kind, zone_id, zone_ix, home_x, home_y (m, EPSG:3035), gender, age (years),
        role (worker, pupil, student, home, retired, visitor, thing).
    """
    person = F.col("person_id")
    kind = crowd.kind(person)
    size = F.when(kind == RESIDENT, F.lit(HOME_SLOTS)).otherwise(F.lit(HOME_SLOTS // 8))
    pool = F.when(kind == RESIDENT, F.lit(0)).when(kind == VISITOR, F.lit(1)).otherwise(F.lit(2))
    slot = pool * HOME_SLOTS + F.floor(draws.uniform("home", person) * size)
    span = F.col("age_high") - F.col("age_low")
    age = F.col("age_low") + F.floor(draws.uniform("age", person) * span)
    people = (
        spark.range(0, crowd.total, 1, partitions)
        .select(F.col("id").alias("person_id"))
        .withColumn("slot", slot.cast("long"))
        .join(F.broadcast(homes), on="slot", how="inner")
        .select(
            "person_id",
            kind.alias("kind"),
            "zone_id",
            "zone_ix",
            (F.col("x") + draws.whole("home/x", TILE, person)).cast("int").alias("home_x"),
            (F.col("y") + draws.whole("home/y", TILE, person)).cast("int").alias("home_y"),
            "gender",
            # A flat's slot that spans the ages of small children goes to one who carries a phone.
            F.greatest(age, F.lit(6)).cast("int").alias("age"),
        )
    )
    return people.withColumn("role", _role(draws.uniform("role", person)))


def _role(share: Column) -> Column:
    """What fills a person's weekdays, by age; shares in the spirit of German labour statistics."""
    age, kind = F.col("age"), F.col("kind")
    return (
        F.when(kind != RESIDENT, kind)
        .when(age < 18, F.lit("pupil"))
        .when(age < 27, _of(share, ("student", 0.38), ("worker", 0.50), "home"))
        .when(age < 60, _of(share, ("worker", 0.80), ("home", 0.20), "home"))
        .when(age < 67, _of(share, ("worker", 0.55), ("retired", 0.35), "home"))
        .otherwise(_of(share, ("retired", 0.96), ("worker", 0.04), "retired"))
    )


def _of(share: Column, first: tuple[str, float], second: tuple[str, float], rest: str) -> Column:
    return (
        F.when(share < first[1], F.lit(first[0]))
        .when(share < first[1] + second[1], F.lit(second[0]))
        .otherwise(F.lit(rest))
    )
