"""The truth of a simulation in the words of the estimate: the same persons, zones, hours and clock."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.consent.lines import units
from jobs.simulate.clock import Clock
from jobs.simulate.people import RESIDENT, VISITOR
from jobs.simulate.truth import main_zone_hours, place_hours, presence_pieces
from udfs.geo import tile_number
from udfs.keys import hmac_sha256
from udfs.purposes import serves


def panel_persons(lines: DataFrame, movement: DataFrame, keyed_days: DataFrame, purpose: str) -> DataFrame:
    """The persons who are counted: those of whom a contact was seen on the day that serves the purpose.

    Args:
        lines: Rows of ``truth/lines``.
        movement: Rows of ``pseudonymous.movement``.
        keyed_days: Days with the pads of their keys.
        purpose: Purpose of the product.

    Returns:
        One row a day and person: ``date, person_id, pseudonym, kind``.
    """
    seen = movement.filter(serves(F.col("purposes"), purpose)).select("date", "pseudonym").distinct()
    # A foreign SIM is its own unit, which no master data tells.
    unit = F.when(F.col("kind") == VISITOR, F.concat(F.lit("v:"), "imsi")).otherwise(F.col("unit"))
    persons = units(lines.filter(F.col("kind").isin(RESIDENT, VISITOR))).select("person_id", "kind", unit.alias("unit"))
    return (
        persons.distinct()
        .crossJoin(F.broadcast(keyed_days.select("date", "inner", "outer")))
        .withColumn("pseudonym", hmac_sha256(F.col("inner"), F.col("outer"), F.col("unit")))
        .join(seen, on=["date", "pseudonym"], how="left_semi")
        .select("date", "person_id", "pseudonym", "kind")
    )


def true_hours(
    itineraries: DataFrame, persons: DataFrame, counted: DataFrame, clock: Clock, hours: DataFrame
) -> DataFrame:
    """Where the panel's persons truly were, by the definition of footfall.

    In the partition the main zone of the hour; at places whoever was there for a minute or more. Zones are
    the published ones, made of whole tiles, so that no difference comes from geography. A doubled hour of
    the clock is one hour.

    Args:
        itineraries: Rows of ``truth/itineraries``.
        persons: See ``panel_persons``.
        counted: See ``jobs.transform.presence.counted_zones``.
        clock: The days.
        hours: ``clock.hours``.

    Returns:
        ``date, pseudonym, role, hour, zone_id``; one row a person and hour in the partition, and at each place.
    """
    who = persons.select("person_id").distinct()
    pieces = presence_pieces(itineraries.join(who, on="person_id", how="left_semi"), clock, tile_number)
    partition = counted.filter("role = 'partition'").select("tile", "zone_id")
    index = (
        partition.select("zone_id").distinct().withColumn("zone_ix", F.row_number().over(Window.orderBy("zone_id")) - 1)
    )
    zones = partition.join(F.broadcast(index), on="zone_id", how="inner")
    places = counted.filter("role = 'place'").select("tile", "zone_id")
    main = main_zone_hours(pieces, zones).withColumn("role", F.lit("partition"))
    there = place_hours(pieces, places).withColumn("role", F.lit("place"))
    dated = main.unionByName(there).join(F.broadcast(hours), on="hour_ix", how="inner")
    first = Window.partitionBy("date", "person_id", "role", "hour").orderBy("hour_ix")
    return (
        dated.withColumn("earliest", F.min("hour_ix").over(first))
        .filter("role = 'place' OR hour_ix = earliest")
        .join(persons, on=["date", "person_id"], how="inner")
        .select("date", "pseudonym", "role", "hour", "zone_id")
        .distinct()
    )


def true_trips(itineraries: DataFrame, persons: DataFrame, counted: DataFrame, clock: Clock) -> DataFrame:
    """Trips of the panel's persons from one zone of the finest partition to another, by the day of arrival.

    Returns:
        ``date, origin_zone_id, destination_zone_id, trips``.
    """
    zones = counted.filter("role = 'partition'").select("tile", "zone_id")
    arrival = F.to_date(F.from_utc_timestamp(F.timestamp_seconds("arrives_s"), clock.time_zone))
    return (
        # A trip along a corridor has several legs, of which the first tells where it leads.
        itineraries.filter("mode IS NOT NULL AND leg = 0")
        .withColumn("date", arrival)
        .join(persons.select("date", "person_id"), on=["date", "person_id"], how="left_semi")
        .withColumn("tile0", tile_number(F.col("x0"), F.col("y0")))
        .withColumn("tile1", tile_number(F.col("to_x"), F.col("to_y")))
        .join(F.broadcast(_named(zones, "tile0", "origin_zone_id")), on="tile0", how="inner")
        .join(F.broadcast(_named(zones, "tile1", "destination_zone_id")), on="tile1", how="inner")
        .filter("origin_zone_id <> destination_zone_id")
        .groupBy("date", "origin_zone_id", "destination_zone_id")
        .agg(F.count("*").alias("trips"))
    )


def true_homes(homes: DataFrame, persons: DataFrame, months: DataFrame, date: dt.date) -> DataFrame:
    """True home zones of the panel's residents, under the pseudonyms of the month.

    Args:
        homes: Rows of ``truth/homes``.
        persons: See ``panel_persons``.
        months: See ``jobs.segment.longer.longer_pseudonyms``.
        date: The day to which the measures are entered.

    Returns:
        ``date, pseudonym, zone_id``.
    """
    return (
        persons.filter(F.col("kind") == RESIDENT)
        .join(months, on=["date", "pseudonym"], how="inner")
        .select("person_id", F.col("month_pseudonym").alias("pseudonym"))
        .distinct()
        .join(homes.select("person_id", "zone_id"), on="person_id", how="inner")
        .select(F.lit(date).alias("date"), "pseudonym", "zone_id")
    )


def _named(zones: DataFrame, tile: str, zone: str) -> DataFrame:
    return zones.select(F.col("tile").alias(tile), F.col("zone_id").alias(zone))
