"""Which number comes after which: the ways along which an objection goes on when its line does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

LINKS = ("msisdn", "holder", "held_from", "heir", "heir_holder", "since")
_ENDLESS = "9999-12-31 00:00:00"


def number_links(subscribers: DataFrame, *, covers_holder: bool = False) -> DataFrame:
    """Link each number with the numbers that its objections go on to.

    Two rules. *The person*: a number that a subscriber takes when the line is over, or later; a line held beside it
    is another line, unless ``covers_holder`` says that an objection is about all of them. A business subscriber is
    a company with lines of many people: there, only a number that begins at the very instant counts.
    *The SIM*: a number that the same SIM serves later, unless it is known to be another subscriber's.

    Args:
        subscribers: Rows of ``restricted.subscribers``.
        covers_holder: Whether an objection extends to the other lines of a private subscriber.

    Returns:
        ``msisdn`` with its ``holder`` (null where unknown); ``heir``, the number that follows, with
        ``heir_holder``; and, for the rule of the SIM alone, where the link leaves and arrives: ``held_from`` and
        ``since``, the starts of the two rows of master data. The heir is meant as a line, with all its rows.
    """
    by_person = _of_person(subscribers, covers_holder)
    return by_person.unionByName(_of_sim(subscribers)).distinct()


def _of_person(subscribers: DataFrame, covers_holder: bool) -> DataFrame:
    person = Window.partitionBy("subscriber_id")
    several = F.min("msisdn").over(person) != F.max("msisdn").over(person)
    held = (
        subscribers.filter("subscriber_id IS NOT NULL")
        .select("subscriber_id", "msisdn", "contract", "valid_from", "valid_to")
        .withColumn("_several", several)
        .filter("_several")
        .withColumn("valid_to", F.coalesce("valid_to", F.lit(_ENDLESS).cast("timestamp")))
    )
    private = F.col("contract").isin("private", "prepaid")
    lines = held.groupBy("subscriber_id", "msisdn").agg(
        F.min("valid_from").alias("begun"), F.max("valid_to").alias("over"), F.bool_or(private).alias("private")
    )
    others = held.select("subscriber_id", F.col("msisdn").alias("heir"), "valid_from", "valid_to")
    after = F.col("valid_from") >= F.col("over")
    beside = ~after & (F.col("valid_to") >= F.col("over"))
    of_private = (
        lines.filter("private")
        .join(others, on="subscriber_id", how="inner")
        .filter(F.col("msisdn") != F.col("heir"))
        .groupBy("subscriber_id", "msisdn", "heir")
        .agg(F.bool_or(beside).alias("beside"), F.bool_or(after).alias("after"))
        .filter(F.lit(covers_holder) | (~F.col("beside") & F.col("after")))
        .select("subscriber_id", "msisdn", "heir")
    )
    # By the instant too: a company's lines by each other would be far too many.
    begun = lines.select("subscriber_id", F.col("msisdn").alias("heir"), F.col("begun").alias("over"))
    of_business = (
        lines.filter("NOT private")
        .join(begun, on=["subscriber_id", "over"], how="inner")
        .filter(F.col("msisdn") != F.col("heir"))
        .select("subscriber_id", "msisdn", "heir")
    )
    return of_private.unionByName(of_business).select(
        "msisdn",
        F.col("subscriber_id").alias("holder"),
        F.lit(None).cast("timestamp").alias("held_from"),
        "heir",
        F.col("subscriber_id").alias("heir_holder"),
        F.lit(None).cast("timestamp").alias("since"),
    )


def _of_sim(subscribers: DataFrame) -> DataFrame:
    sim = Window.partitionBy("imsi")
    several = F.min("msisdn").over(sim) != F.max("msisdn").over(sim)
    served = (
        subscribers.select("imsi", "msisdn", "subscriber_id", "valid_from")
        .withColumn("_several", several)
        .filter("_several")
    )
    later = served.select(
        "imsi",
        F.col("msisdn").alias("heir"),
        F.col("subscriber_id").alias("heir_holder"),
        F.col("valid_from").alias("since"),
    )
    return (
        served.withColumnsRenamed({"subscriber_id": "holder", "valid_from": "held_from"})
        .join(later, on="imsi", how="inner")
        .filter((F.col("msisdn") != F.col("heir")) & (F.col("since") > F.col("held_from")))
        .filter(_may_be_one(F.col("holder"), F.col("heir_holder")))
        .select(*LINKS)
    )


def _may_be_one(one: Column, other: Column) -> Column:
    return one.isNull() | other.isNull() | (one == other)


def next_links(paths: DataFrame, links: DataFrame) -> DataFrame:
    """Go one link further from the end of some paths, from rows that begin no earlier than these arrive."""
    further = links.filter("held_from IS NOT NULL").select(
        F.col("msisdn").alias("heir"),
        F.col("holder").alias("_holder"),
        F.col("held_from").alias("_from"),
        F.col("heir").alias("_heir"),
        F.col("heir_holder").alias("_heir_holder"),
        F.col("since").alias("_since"),
    )
    return (
        paths.join(further, on="heir", how="inner")
        .filter((F.col("_from") >= F.col("since")) & _may_be_one(F.col("heir_holder"), F.col("_holder")))
        .filter(F.col("_heir") != F.col("msisdn"))
        .select(
            "msisdn",
            "holder",
            "held_from",
            F.col("_heir").alias("heir"),
            F.coalesce("_heir_holder", "heir_holder").alias("heir_holder"),
            F.col("_since").alias("since"),
        )
        .distinct()
    )


@contextmanager
def closed_links(subscribers: DataFrame, *, covers_holder: bool = False) -> Iterator[DataFrame]:
    """Hold ``number_links`` with their chains while something uses them.

    Where holders are known, the rule of the person reaches any later number by itself. Where they are not, a
    number that changed twice, on different SIMs, is found only by going on from link to link; each step is one
    small job, and there is none where no number of unknown holders changed.
    """
    links = number_links(subscribers, covers_holder=covers_holder).persist()
    held, paths = [links], links
    try:
        step = links.filter("held_from IS NOT NULL AND heir_holder IS NULL")
        # Each step arrives later than the one before, so it comes to an end.
        while not step.isEmpty():
            step = next_links(step, links).persist()
            held.append(step)
            paths = paths.unionByName(step)
        yield paths
    finally:
        for frame in held:
            frame.unpersist()
