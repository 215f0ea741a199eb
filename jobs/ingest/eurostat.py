"""The bronze layout of the Eurostat reference pipeline (multimno): its events and network as landing tables.

Method: bronze data model of https://github.com/eurostat/multimno. Its days and times are local. Its
``spatial/geographic_zones`` are not taken for zones: the sample's are four quadrants around the city, all named
Spain, without parents or population, in metres of EPSG:3035. Zones in the landing contract's form are, if delivered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from jobs.errors import InputRejectedError
from jobs.ingest.admit import keep_raw, raw
from jobs.ingest.landing import FOLDER, LINE, Landing, require
from jobs.ingest.tables import LandingTable
from udfs.geo import settled
from udfs.timestamps import local_instant

MNO_EVENTS = LandingTable("mno_events", ("user_id", "timestamp", "cell_id", "mcc"), ("mnc", "plmn"))
MNO_NETWORK = LandingTable(
    "mno_network",
    ("cell_id", "latitude", "longitude"),
    (
        "technology",
        "cell_type",
        "directionality",
        "azimuth_angle",
        "horizontal_beam_width",
        "power",
        "range",
        "antenna_height",
        "frequency",
    ),
)
_PARTS = ("year", "month", "day")
_ID_LENGTH = 64


def read_events(landing: Landing, dates: Sequence[dt.date], time_zone: str) -> DataFrame:
    """Read ``mno_events`` of some UTC dates and type them; see ``typed_events``.

    Raises:
        InputRejectedError: The table or these days are missing, or it lacks a column.
    """
    days = {dates[0] - dt.timedelta(1), *dates, dates[-1] + dt.timedelta(1)}
    return typed_events(_read(landing, MNO_EVENTS, days), time_zone)


def typed_events(delivered: DataFrame, time_zone: str) -> DataFrame:
    """Type events of the Eurostat layout.

    Identities are digests already: upper-case hexadecimal digits, filled up to 64. Times are on the clock of
    ``time_zone``. The layout has no kind of event: all are ``data``.

    Args:
        delivered: Columns of ``mno_events`` and ``_folder``, the local day of the folder.
        time_zone: Time zone of times and days.
    """
    person = raw("user_id")
    if isinstance(delivered.schema["user_id"].dataType, T.BinaryType):
        person = F.when(F.length(raw("user_id")) > 0, F.hex(raw("user_id")))
    instant = _local(delivered, time_zone)
    rows = keep_raw(delivered.withColumn(LINE, F.lit(None).cast("string")))
    person = F.upper(F.when(F.length(person) < _ID_LENGTH, F.lpad(person, _ID_LENGTH, "0")).otherwise(person))
    typed = settled(
        rows,
        imsi=person,
        event_time=instant,
        cell_id=raw("cell_id").cast("string"),
        event_type=F.lit("data"),
        timing_advance=F.lit(None).cast("int"),
        home_mcc=F.when(raw("mcc").between(200, 799), raw("mcc")).try_cast("smallint"),
        _raw_event_time=raw("timestamp").cast("string"),
        _raw_timing_advance=F.lit(None).cast("string"),
    )
    return typed.withColumn("_day", F.to_date(F.from_utc_timestamp("event_time", time_zone)))


def _local(delivered: DataFrame, time_zone: str) -> Column:
    kind = delivered.schema["timestamp"].dataType
    if isinstance(kind, T.StringType):
        return local_instant(raw("timestamp"), time_zone)
    if isinstance(kind, T.TimestampType):
        return raw("timestamp")
    if isinstance(kind, T.TimestampNTZType):
        return F.to_utc_timestamp(raw("timestamp").cast("timestamp"), time_zone)
    raise InputRejectedError(f"mno_events: timestamp is {kind.simpleString()}; deliver text or timestamps")


def read_cells(landing: Landing, time_zone: str) -> DataFrame:
    """Read ``mno_network`` as the landing table ``cells``; see ``landing_cells``."""
    return landing_cells(_read(landing, MNO_NETWORK, None), time_zone)


def landing_cells(network: DataFrame, time_zone: str) -> DataFrame:
    """Collapse a plan told day by day to validity intervals, in the columns of the landing table ``cells``.

    A row that stays the same from one delivered day to the next is one interval. The first plan also holds for
    the time before it, and the last for the time after. The days of the plan count, not its columns
    ``valid_date_…``: the sample ends a validity at the start of a day whose plan still has the cell.

    Args:
        network: Columns of ``mno_network`` and ``_folder``, the local day of the plan.
        time_zone: Time zone of the days.
    """
    omni = F.coalesce(F.col("directionality") == 0, F.lit(False))
    known = network.select(
        F.col("cell_id").cast("string").alias("cell_id"),
        F.col("technology").cast("string").alias("technology"),
        *(F.col(n).cast("double").alias(n) for n in ("latitude", "longitude")),
        F.when(~omni, F.col("azimuth_angle").cast("double")).alias("azimuth_deg"),
        F.when(~omni, F.col("horizontal_beam_width").cast("double")).alias("beam_width_deg"),
        F.concat(F.col("frequency").cast("string"), F.lit(" MHz")).alias("band"),
        F.lit(None).cast("string").alias("site_id"),
        F.col("cell_type").cast("string").alias("placement"),
        F.col("range").cast("double").alias("range_m"),
        F.col("power").cast("double").alias("power_w"),
        F.col("antenna_height").cast("double").alias("height_m"),
        F.lit(None).cast("double").alias("tilt_deg"),
        F.col(FOLDER).alias("_plan_day"),
    ).distinct()
    what = [name for name in known.columns if name != "_plan_day"]
    in_order = Window.orderBy("_plan_day")
    plans = known.select("_plan_day").distinct().select(
        "_plan_day",
        F.row_number().over(in_order).alias("_plan"),
        F.lead("_plan_day").over(in_order).alias("_next_day"),
    )  # fmt: skip
    run = F.col("_plan") - F.row_number().over(Window.partitionBy(*what).orderBy("_plan"))
    numbered = known.join(F.broadcast(plans), on="_plan_day", how="inner").withColumn("_run", run)
    first = F.min_by("_plan_day", "_plan")
    spans = numbered.groupBy(*what, "_run").agg(
        F.when(F.min("_plan") > 1, first).alias("_from"), F.max_by("_next_day", "_plan").alias("_to")
    )

    def midnight(day: str) -> Column:
        return F.to_utc_timestamp(F.col(day).cast("timestamp"), time_zone)

    return spans.select(
        *what,
        midnight("_from").alias("valid_from"),
        midnight("_to").alias("valid_to"),
        F.lit(None).cast("string").alias(LINE),
        F.lit(None).cast("date").alias(FOLDER),
    )


def _read(landing: Landing, table: LandingTable, days: set[dt.date] | None) -> DataFrame:
    source = landing.source(table.name)
    if source.kind != "parquet" or not source.foldered:
        raise InputRejectedError(f"{table.name}: {source.path} must hold Parquet in folders year=…/month=…/day=…")
    if not source.files(days):
        raise InputRejectedError(
            f"{table.name}: {source.path} holds none of the days asked for; deliver them, or name other days"
        )
    frame = landing.read_columnar(source, days)
    require(table, set(frame.columns), str(source.path))
    folder = F.make_date(*(F.col(part).cast("int") for part in _PARTS))
    absent = [F.lit(None).cast("string").alias(name) for name in table.optional if name not in frame.columns]
    present = [F.col(f"`{name}`") for name in table.columns if name in frame.columns]
    return frame.select(*present, *absent, folder.alias(FOLDER))
