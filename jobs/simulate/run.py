"""``threestep simulate``: people on a city's cells, as landing files, with the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import UsageError
from jobs.simulate import consent_feed, dirt, events, landing, master, truth
from jobs.simulate.builtin import built_in_city
from jobs.simulate.city import City, load_city, write_city
from jobs.simulate.clock import Clock
from jobs.simulate.contacts import Traffic
from jobs.simulate.corridor_truth import corridor_hours
from jobs.simulate.corridors import Corridor, draw_corridors, write_corridors
from jobs.simulate.draw import Draws
from jobs.simulate.ground import Ground, survey
from jobs.simulate.itineraries import make_itineraries
from jobs.simulate.lines import Lines
from jobs.simulate.people import RESIDENT, Crowd, make_persons
from jobs.simulate.places import make_places
from jobs.simulate.radio_truth import make_radio_truth
from jobs.simulate.ways import Network, make_network

SINGLE_FILE_SUBSCRIBERS = 200_000
_DELIVERY_DELAY_S = 7 * 3600  # late objections for six hours after the last day, delivered one hour later
_PERSONS_A_TASK = 25_000


@dataclass(frozen=True)
class SimulateParams:
    """What to simulate.

    Attributes:
        out: Directory to write; empty, absent, or left by an earlier simulation (then replaced).
        subscribers: Residents with a line; visitors (3 %), things (2 %) and second lines come on top.
        days: Local days.
        seed: Same seed, same rows, however many cores there are.
        city: Folder with cells.csv, zones.geojson, population.csv; ``None``: the built-in city.
        start_date: First local day.
        time_zone: Of the city.
        events_per_day: Mean number of events of a phone and day.
        format: Of the events: ``parquet`` or ``csv``.
        dirty_share: Share of events with a flaw, and measure for flaws elsewhere; 0: clean data.
        objecting_share: Share of residents' lines that object.
        delivered_at: When the consent feed was delivered; ``None``: seven hours after the last day.
    """

    out: Path
    subscribers: int
    days: int = 1
    seed: int = 1
    city: Path | None = None
    start_date: date = date(2026, 3, 3)
    time_zone: str = "Europe/Berlin"
    events_per_day: float = 50.0
    format: str = "parquet"
    dirty_share: float = 0.01
    objecting_share: float = 0.03
    delivered_at: datetime | None = None

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises:
            UsageError: Naming the parameter.
        """
        limits = {
            "subscribers must be at least 1": self.subscribers >= 1,
            "days must be between 1 and 366": 1 <= self.days <= 366,
            "seed must be between 0 and 2147483647": 0 <= self.seed < 2**31,
            "events-per-day must be between 1 and 2000": 1 <= self.events_per_day <= 2_000,
            "format must be parquet or csv": self.format in ("parquet", "csv"),
            f"dirty-share must be between 0 and {dirt.MAX_SHARE}": 0 <= self.dirty_share <= dirt.MAX_SHARE,
            "objecting-share must be between 0 and 1": 0 <= self.objecting_share <= 1,
        }
        for message, holds in limits.items():
            if not holds:
                raise UsageError(message)


@dataclass(frozen=True)
class SimulateReport:
    """What was written: rows by landing table, rows by truth table, and where."""

    out: Path
    city: str
    rows: dict[str, int]
    truth_rows: dict[str, int]
    delivered_at: datetime


@dataclass(frozen=True)
class _World:
    """City-sized tables and the functions of persons and lines."""

    city: City
    ground: Ground
    clock: Clock
    draws: Draws
    lines: Lines
    homes: DataFrame
    destinations: DataFrame
    persons: DataFrame
    corridors: tuple[Corridor, ...]
    network: Network


def run_simulate(
    spark: SparkSession, params: SimulateParams, progress: Callable[[str], None] | None = None
) -> SimulateReport:
    """Write the landing contract to ``params.out`` and the truth to ``params.out/truth``.

    Args:
        spark: A session that can write to ``params.out`` (a local or shared file system).
        params: What to simulate.
        progress: Called with a line of text at each step.

    Raises:
        UsageError: A parameter makes no sense, or the directory holds something else.
        InputRejectedError: The city's files cannot be used.
    """
    params.check()
    say = progress or (lambda _text: None)
    world = make_world(spark, params)
    landing.prepare(params.out)
    (params.out / landing.MARKER).write_text(json.dumps(asdict(params), default=str, indent=2) + "\n")
    rows = write_city(dirt.soil_city(world.city, params.dirty_share), params.out)
    delivered = _delivered(params, world.clock)
    rows["corridors"] = write_corridors(world.corridors, params.out)
    say(f"city {world.city.name}: {rows['cells']} cells, {rows['zones']} zones, {rows['corridors']} corridors")
    folder = params.out / "truth"
    with ThreadPoolExecutor(max_workers=2) as pool:
        say("master data, consent and itineraries")
        master_rows = pool.submit(_write_master, params, world, delivered)
        found = make_itineraries(
            world.persons, world.clock.person_days(spark), world.destinations, world.network, world.draws
        )
        truth_rows = {"itineraries": landing.write_parquet(found, folder / "itineraries")}
        itineraries = spark.read.parquet(str(folder / "itineraries"))
        say("events and the truth")
        events_rows = pool.submit(_write_events, spark, params, world, itineraries)
        truth_rows |= _write_truth(spark, world, itineraries, folder)
        rows |= master_rows.result()
        rows["events"] = events_rows.result()
    say(f"{rows['events']} events")
    say("done")
    return SimulateReport(params.out, world.city.name, rows, truth_rows, delivered)


def _write_events(spark: SparkSession, params: SimulateParams, world: _World, itineraries: DataFrame) -> int:
    made = simulated_events(spark, params, world, itineraries)
    spoiled = dirt.soil_events(made, params.dirty_share, world.draws)
    return landing.write_events(spoiled.select(*events.COLUMNS, "event_date"), params.out / "events", params.format)


def make_world(spark: SparkSession, params: SimulateParams) -> _World:
    """The city and its people, nothing written yet."""
    city = load_city(params.city) if params.city else built_in_city()
    ground = survey(city)
    clock = Clock(params.start_date, params.days, params.time_zone)
    draws, crowd = Draws(params.seed), Crowd(params.subscribers)
    places = make_places(city, ground, params.seed)
    homes = spark.createDataFrame(places.homes)
    destinations = spark.createDataFrame(places.destinations)
    tasks = max(2, -(-crowd.total // _PERSONS_A_TASK))
    persons = make_persons(spark, crowd, homes, draws, tasks)
    corridors = draw_corridors(city, ground, params.seed)
    network = make_network(spark, corridors, ground)
    return _World(
        city, ground, clock, draws, Lines(draws, clock, crowd), homes, destinations, persons, corridors, network
    )  # fmt: skip


def simulated_events(spark: SparkSession, params: SimulateParams, world: _World, itineraries: DataFrame) -> DataFrame:
    """Clean events with their true place, see ``events.make_events``."""
    radio = make_radio_truth(world.city, world.ground, params.seed)
    slots, cells = _frame(spark, radio.slots), _frame(spark, radio.cells)
    traffic = Traffic(world.lines, world.clock, world.draws, world.ground, params.events_per_day)
    hours = world.clock.hours(spark)
    return events.make_events(itineraries, hours, slots, cells, radio.step, radio.columns, traffic)


def _frame(spark: SparkSession, table: pa.Table) -> DataFrame:
    return spark.createDataFrame(table)


def _delivered(params: SimulateParams, clock: Clock) -> datetime:
    moment = params.delivered_at or datetime.fromtimestamp(clock.end + _DELIVERY_DELAY_S, UTC)
    if moment.tzinfo is None:
        raise UsageError("delivered-at needs an offset, as in 2026-03-04T07:00:00+01:00")
    return moment.astimezone(ZoneInfo(params.time_zone)).replace(microsecond=0)


def _write_master(params: SimulateParams, world: _World, delivered: datetime) -> dict[str, int]:
    share = params.dirty_share
    all_lines = master.make_lines(world.persons, world.lines)
    sound = master.make_subscribers(all_lines, world.homes, world.lines, world.draws)
    spoiled = dirt.soil_subscribers(sound, dirt.flawed_rows(share, params.subscribers))
    subscribers = spoiled.select(*master.COLUMNS)
    rows = {}
    if params.subscribers <= SINGLE_FILE_SUBSCRIBERS:
        ordered = subscribers.repartition(1).sortWithinPartitions("msisdn", "imsi", "contract")
        rows["subscribers"] = landing.write_csv(ordered, params.out / "subscribers.csv")
    else:
        rows["subscribers"] = landing.write_parquet(subscribers, params.out / "subscribers")
    feed = params.out / "consent.csv"
    delivered_s = int(delivered.timestamp())
    requests = consent_feed.make_consent(all_lines, world.clock, delivered_s, params.objecting_share, world.draws)
    # Lines are never fewer than subscribers, so this many flawed requests stay below their share.
    flawed = dirt.flawed_rows(share, int(params.subscribers * params.objecting_share))
    early = datetime.fromtimestamp(world.clock.begin - 86_400, ZoneInfo(params.time_zone)).isoformat()
    feed_rows = requests.unionByName(dirt.flawed_requests(all_lines.sparkSession, flawed, early))
    ordered = feed_rows.repartition(1).sortWithinPartitions("received_at", "request_id")
    rows["consent"] = landing.write_csv(ordered, feed)
    consent_feed.write_delivery_note(feed, rows["consent"], delivered)
    return rows


def _write_truth(spark: SparkSession, world: _World, itineraries: DataFrame, folder: Path) -> dict[str, int]:
    zones, pois = truth.tile_zones(spark, world.ground), truth.tile_pois(spark, world.ground)
    hours = world.clock.hours(spark)
    pieces = truth.presence_pieces(itineraries, world.clock, truth.ground_tile(world.ground))
    all_lines = master.make_lines(world.persons, world.lines)
    is_first = (F.col("line_no") == 0) & (F.col("kind") == RESIDENT)
    homes = all_lines.where(is_first).select("person_id", "subscriber_id", "zone_id", "age", "gender")
    lines = all_lines.drop("zone_id", "gender", "age")
    tables = {
        "presence": truth.make_presence(pieces, zones, pois, hours, world.city).coalesce(1),
        "trips": truth.make_trips(itineraries, zones, world.clock, world.ground),
        "activity": truth.make_activity(itineraries, hours, world.clock).coalesce(1),
        "corridor_hours": corridor_hours(itineraries, world.network.lines, hours, world.clock).coalesce(1),
        "homes": homes,
        "lines": lines,
    }
    return {name: landing.write_parquet(frame, folder / name) for name, frame in tables.items()}
