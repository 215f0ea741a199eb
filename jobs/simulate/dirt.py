"""Flaws that gates must catch, a few of every kind, each table well below five per cent."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.simulate.city import City, Row
from jobs.simulate.draw import Draws

EVENT_FLAWS = (
    *("time_word", "time_no_offset", "time_only", "imsi_missing", "imsi_malformed", "cell_missing"),
    *("cell_unknown", "type_unknown", "duplicate", "other_day", "negative_advance", "sim_unknown"),
)
MAX_SHARE = 0.04  # no table gets more flawed rows than this


def soil_events(events: DataFrame, share: float, draws: Draws) -> DataFrame:
    """Spoil ``share`` of the events, each kind of flaw alike; the folder's date stays the true one.

    Args:
        events: The contract's columns plus line_id and time_ms.
        share: Share of rows with a flaw; 0 gives the events back as they are.
        draws: The source of draws.
    """
    if share <= 0:
        return events
    key = (F.col("line_id"), F.col("time_ms"))
    dice = draws.uniform("flaw", *key)
    flaw = F.when(dice < share, F.floor(dice / share * len(EVENT_FLAWS)).cast("int")).otherwise(F.lit(-1))
    time, imsi = F.col("event_time"), F.col("imsi")
    local = F.substring(time, 1, 16)
    stranger = F.lpad(draws.whole("stranger", 40, *key).cast("string"), 10, "7")
    elsewhen = F.concat((F.year("event_date") - 1).cast("string"), F.expr("substring(event_time, 5)"))
    text = F.lit(None).cast("string")
    spoiled = {
        "event_time": _cases(time, time_word=F.lit("yesterday"), time_no_offset=F.translate(local, "T", " "),
                             time_only=F.substring(time, 12, 5), other_day=elsewhen),
        "imsi": _cases(imsi, imsi_missing=text, imsi_malformed=F.concat(F.substring(imsi, 1, 9), F.lit("x")),
                       sim_unknown=F.concat(F.lit("26298"), stranger)),
        "cell_id": _cases(F.col("cell_id"), cell_missing=text, cell_unknown=F.lit("NO-SUCH-CELL")),
        "event_type": _cases(F.col("event_type"), type_unknown=F.lit("fax")),
        "timing_advance": _cases(F.col("timing_advance"), negative_advance=F.lit(-3)),
    }  # fmt: skip
    twice = F.when(F.col("flaw") == EVENT_FLAWS.index("duplicate"), F.lit(2)).otherwise(F.lit(1))
    return (
        events.withColumn("flaw", flaw)
        .withColumns(spoiled)
        .withColumn("_copy", F.explode(F.sequence(F.lit(1), twice)))
        .drop("flaw", "_copy")
    )


def _cases(sound: Column, **flaws: Column) -> Column:
    value = sound
    for name, spoiled in flaws.items():
        value = F.when(F.col("flaw") == EVENT_FLAWS.index(name), spoiled).otherwise(value)
    return value


def flawed_rows(share: float, rows: int) -> int:
    """How many flawed rows a small table gets: at least three where it can bear them."""
    if share <= 0:
        return 0
    return min(max(3, round(share * rows)), int(MAX_SHARE * rows))


def soil_subscribers(sound: DataFrame, count: int) -> DataFrame:
    """Add flawed copies of sound rows: a bad number, an unknown contract, the same row again.

    Args:
        sound: Subscribers in the contract's columns plus person_id.
        count: Persons whose current rows are copied, one flaw each in turn.
    """
    chosen = (F.col("person_id") < count) & F.col("valid_to").isNull()
    copies = F.when(chosen, F.lit(1)).otherwise(F.lit(0))
    flawed, which = F.col("copy") == 1, F.col("person_id") % 3
    number, contract = F.col("msisdn"), F.col("contract")
    bad_number = F.concat(F.substring(number, 1, 6), F.lit("??"))
    return (
        sound.withColumn("copy", F.explode(F.sequence(F.lit(0), copies)))
        .withColumn("msisdn", F.when(flawed & (which == 0), bad_number).otherwise(number))
        .withColumn("contract", F.when(flawed & (which == 1), F.lit("lifetime")).otherwise(contract))
        .drop("copy")
    )


def flawed_requests(spark: SparkSession, count: int, received_at: str) -> DataFrame:
    """Requests that cannot be honoured as they are: unknown purpose or decision, a broken number."""
    which = F.col("id") % 3
    unknown_number = F.concat(F.lit("+4915559"), F.lpad(F.col("id").cast("string"), 6, "0"))
    return spark.range(0, count, 1, 1).select(
        F.format_string("X%010d", F.col("id")).alias("request_id"),
        F.when(which == 2, F.lit("01555/x")).otherwise(unknown_number).alias("msisdn"),
        F.when(which == 0, F.lit("everything")).otherwise(F.lit("all")).alias("purpose"),
        F.when(which == 1, F.lit("maybe")).otherwise(F.lit("object")).alias("decision"),
        F.lit("letter").alias("channel"),
        F.lit(received_at).alias("received_at"),
    )


def soil_city(city: City, share: float) -> City:
    """Add flawed rows to the city's cells and population, as far as they can bear them."""
    cells, population = list(city.cells), list(city.population)
    first = city.cells[0]
    wrong: list[Row] = [
        {**first, "cell_id": "NULL-ISLAND", "latitude": "0.0", "longitude": "0.0"},
        {**first, "cell_id": "ODD-AZIMUTH", "azimuth_deg": "400"},
        dict(first),
    ]
    cells += wrong[: flawed_rows(share, len(cells))]
    if flawed_rows(share, len(population)) > 0:
        population.append({**population[0], "residents": "-5"})
    return replace(city, cells=tuple(cells), population=tuple(population))
