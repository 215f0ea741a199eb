"""Subscriber master data, as an operator's warehouse would deliver it: one row a line, SIM and validity."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.simulate.clock import Clock
from jobs.simulate.draw import Draws
from jobs.simulate.lines import Lines
from jobs.simulate.people import RESIDENT, VISITOR
from jobs.simulate.places import HOME_SLOTS

COLUMNS = (
    *("subscriber_id", "msisdn", "imsi", "brand", "contract", "birth_year", "gender"),
    *("home_zone_id", "valid_from", "valid_to"),
)


def local_iso(epoch: Column, time_zone: str) -> Column:
    """ISO-8601 with the local offset, from epoch seconds (session time zone UTC)."""
    local = F.from_utc_timestamp(F.timestamp_seconds(epoch), time_zone)
    offset = F.unix_timestamp(local) - epoch
    sign = F.when(offset < 0, F.lit("-")).otherwise(F.lit("+"))
    hours, minutes = F.floor(F.abs(offset) / 3600), F.floor(F.abs(offset) % 3600 / 60)
    text = F.date_format(local, "yyyy-MM-dd'T'HH:mm:ss")
    return F.concat(text, sign, F.format_string("%02d:%02d", hours, minutes))


def make_lines(persons: DataFrame, lines: Lines) -> DataFrame:
    """All lines, of visitors and things too: person_id, kind, zone_id, gender, age, line_no, line_id,
    device, stays_home, subscriber_id, msisdn, imsi, imsi_after and swap_time (null without a SIM swap).
    """  # noqa: D205
    person, kind = F.col("person_id"), F.col("kind")
    line, line_no = F.col("line_id"), F.col("line_no")
    swap = lines.swap_time(line, kind)
    return (
        persons.select("person_id", "kind", "zone_id", "gender", "age")
        .withColumn("line_no", F.explode(F.sequence(F.lit(0), lines.count(person, kind) - 1)))
        .withColumn("line_id", lines.line_id(person, line_no))
        .select(
            *("person_id", "kind", "zone_id", "gender", "age", "line_no", "line_id"),
            lines.device(line, line_no, kind).alias("device"),
            lines.stays_home(line, line_no, kind).alias("stays_home"),
            lines.contract(person, kind).alias("contract"),
            lines.subscriber_id(person, kind).alias("subscriber_id"),
            F.when(kind != VISITOR, lines.msisdn(line)).alias("msisdn"),
            lines.imsi(line, kind, F.lit(0)).alias("imsi"),
            F.when(swap.isNotNull(), lines.imsi(line, kind, F.lit(1))).alias("imsi_after"),
            swap.alias("swap_time"),
        )
    )


def make_subscribers(all_lines: DataFrame, homes: DataFrame, lines: Lines, draws: Draws) -> DataFrame:
    """The master data in the contract's columns after person_id; birth_year int, times ISO-8601 with offset.

    Nine in ten registered home zones are the true one; the others moved and did not tell, or are unknown.
    """
    line, contract, person = F.col("line_id"), F.col("contract"), F.col("person_id")
    clock: Clock = lines.clock
    moved = homes.select(F.col("slot").alias("old_home"), F.col("zone_id").alias("old_zone"))
    registered = draws.uniform("registered home", person)
    since = F.lit(clock.begin - 28 * 86_400) - draws.whole("since", 2_500 * 86_400, line)
    personal = (F.col("kind") == RESIDENT) & (contract != "business")
    told = personal & (draws.uniform("told", person) > 0.02)
    swapped = F.col("swap_time").isNotNull()
    swap_iso = local_iso(F.col("swap_time"), clock.time_zone)
    old_home = draws.whole("old home", HOME_SLOTS, person)
    first = F.struct(F.col("imsi").alias("sim"), local_iso(since, clock.time_zone).alias("from_iso"),
                     F.when(swapped, swap_iso).alias("to_iso"))  # fmt: skip
    second = F.struct(F.col("imsi_after").alias("sim"), swap_iso.alias("from_iso"),
                      F.lit(None).cast("string").alias("to_iso"))  # fmt: skip
    sims = F.when(swapped, F.array(first, second)).otherwise(F.array(first))
    return (
        all_lines.where(F.col("kind") != VISITOR)
        .withColumn("old_home", old_home.cast("long"))
        .join(F.broadcast(moved), on="old_home", how="inner")
        .withColumn("sim", F.explode(sims))
        .select(
            "person_id",
            "subscriber_id",
            "msisdn",
            F.col("sim.sim").alias("imsi"),
            lines.brand(line, F.col("kind")).alias("brand"),
            "contract",
            F.when(told, F.lit(clock.start.year) - F.col("age")).cast("int").alias("birth_year"),
            F.when(told, F.col("gender")).alias("gender"),
            F.when(personal & (registered < 0.90), F.col("zone_id"))
            .when(personal & (registered < 0.97), F.col("old_zone"))
            .alias("home_zone_id"),
            F.col("sim.from_iso").alias("valid_from"),
            F.col("sim.to_iso").alias("valid_to"),
        )
    )
