"""The simulation's parts: same rows however it is cut, a city without gaps, clean data on request."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from jobs.errors import InputRejectedError, UsageError
from jobs.simulate import consent_feed, dirt, events, master
from jobs.simulate.builtin import RESIDENTS, built_in_city
from jobs.simulate.city import load_city, write_city
from jobs.simulate.clock import Clock
from jobs.simulate.draw import Draws
from jobs.simulate.ground import strata, survey
from jobs.simulate.itineraries import make_itineraries
from jobs.simulate.lines import Lines
from jobs.simulate.people import Crowd
from jobs.simulate.projection import to_laea, to_wgs84
from jobs.simulate.run import SimulateParams, make_world, simulated_events
from jobs.simulate.shape import shape_scores

PARAMS = SimulateParams(out=Path("unused"), subscribers=80, seed=7, dirty_share=0)


@pytest.fixture(scope="module")
def world(spark):
    return make_world(spark, PARAMS)


def events_of(spark, world, tasks: int, shuffles: int) -> pd.DataFrame:
    """Clean events with the persons spread over so many tasks, in a fixed order."""
    before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", str(shuffles))
    try:
        days, persons = world.clock.person_days(spark), world.persons.repartition(tasks)
        paths = make_itineraries(persons, days, world.destinations, world.network, world.draws)
        found = simulated_events(spark, PARAMS, world, paths).toPandas()
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", before)
    return found.sort_values(["line_id", "time_ms", "cell_id", "event_type"]).reset_index(drop=True)


@pytest.fixture(scope="module")
def found(spark, world) -> pd.DataFrame:
    return events_of(spark, world, 1, 2)


def test_rows_do_not_depend_on_partitions(spark, world, found) -> None:
    again = events_of(spark, world, 3, 5)
    pd.testing.assert_frame_equal(found, again)
    assert len(found) > PARAMS.subscribers * 30


def test_clean_data_is_clean(world, found) -> None:
    assert not found[list(events.COLUMNS)].drop(columns="timing_advance").isna().any(axis=None)
    assert found["event_time"].str.match(r"^2026-03-0[23]T\d\d:\d\d:\d\d\.\d{3}\+00:00$").all()
    assert found["event_type"].isin(["call", "sms", "data", "signalling"]).all()
    assert (found["timing_advance"].dropna() >= 0).all()
    assert not found[list(events.COLUMNS)].duplicated().any()
    # Where the phones truly were: nobody flies, and cells are near, but not only the nearest.
    ordered = found.sort_values(["line_id", "time_ms"])
    same = ordered["line_id"] == ordered["line_id"].shift()
    metres = np.hypot(ordered["x"].diff(), ordered["y"].diff())
    seconds = ordered["time_ms"].diff() / 1000
    assert (metres / seconds)[same & (seconds > 5)].max() < 12
    cells = pd.DataFrame(world.city.cells).set_index("cell_id")
    at = cells.loc[ordered["cell_id"], ["longitude", "latitude"]].astype(float)
    cell_x, cell_y = to_laea(at["longitude"].to_numpy(), at["latitude"].to_numpy())
    away = np.hypot(ordered["x"] - cell_x, ordered["y"] - cell_y)
    assert 100 < away.median() < 1_500
    assert away.quantile(0.95) < 5_000
    assert dirt.soil_events(world.persons, 0, world.draws) is world.persons
    assert dirt.soil_city(world.city, 0).cells == world.city.cells
    assert dirt.flawed_rows(0, 1_000_000) == 0


def test_three_per_cent_of_lines_object(spark) -> None:
    clock = Clock(date(2026, 3, 3), 1, "Europe/Berlin")
    draws, crowd = Draws(3), Crowd(20_000)
    lines = Lines(draws, clock, crowd)
    persons = spark.range(crowd.total).select(
        F.col("id").alias("person_id"), crowd.kind(F.col("id")).alias("kind"), F.lit("z").alias("zone_id"),
        F.lit("female").alias("gender"), F.lit(40).alias("age"),
    )  # fmt: skip
    all_lines = master.make_lines(persons, lines).cache()
    requests = consent_feed.make_consent(all_lines, clock, clock.end + 7 * 3600, 0.03, draws).toPandas()
    mobile = all_lines.where("kind = 'resident'").count()
    objecting = requests[requests["request_id"].str[-1].notna() & (requests["decision"] == "object")]
    digits = objecting["msisdn"].str.replace(r"\D", "", regex=True).str.replace(r"^(0049|49|0)", "", regex=True)
    assert digits.str.match(r"^1555\d{7}$").all()
    assert 0.026 < digits.nunique() / mobile < 0.034
    assert set(requests["purpose"]) == {*consent_feed.PURPOSES, "rewards"}
    members = requests[requests["purpose"] == "rewards"]
    assert set(members["decision"]) == {"consent", "withdraw"} and members["request_id"].is_unique
    assert 0.016 < (members["decision"] == "consent").sum() / mobile < 0.024
    assert set(requests["channel"]) == set(consent_feed.CHANNELS)
    received = requests["received_at"].map(datetime.fromisoformat)
    assert (received >= datetime.fromisoformat("2026-03-04T00:00:00+01:00")).any()
    assert (received < datetime.fromisoformat("2026-03-03T00:00:00+01:00")).any()
    assert (requests.loc[requests["purpose"] != "rewards", "decision"] == "withdraw").any()
    assert requests["request_id"].is_unique
    numbers = all_lines.agg(F.count_distinct("imsi"), F.count("imsi"), F.count_distinct("msisdn"),
                            F.count("msisdn")).first()  # fmt: skip
    assert numbers[0] == numbers[1]
    assert numbers[2] == numbers[3]
    all_lines.unpersist()


def test_the_built_in_city_has_no_gaps_and_reads_back(tmp_path: Path) -> None:
    city = built_in_city()
    districts = city.at_level("district")
    assert 16 <= len(districts) <= 20
    whole = city.at_level("city")[0].geometry
    assert abs(sum(zone.geometry.area for zone in districts) / whole.area - 1) < 1e-6
    assert abs(sum(int(row["residents"]) for row in city.population) - RESIDENTS) < 200
    ground = survey(city)
    sizes = sorted(len(keys) for keys in ground.pois.values())
    assert sizes[0] == 1
    assert sum(size >= 10 for size in sizes) >= 4
    write_city(city, tmp_path)
    again = load_city(tmp_path)
    assert [zone.zone_id for zone in again.zones] == [zone.zone_id for zone in city.zones]
    assert len(again.cells) == len(city.cells)
    assert strata(again, survey(again)).residents.sum() == strata(city, ground).residents.sum()


def test_a_city_without_its_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cells\.csv"):
        load_city(tmp_path)
    write_city(built_in_city(), tmp_path)
    (tmp_path / "cells.csv").write_text("cell_id,latitude\n1,51\n")
    with pytest.raises(InputRejectedError, match="technology, longitude"):
        load_city(tmp_path)


def test_projection_agrees_with_proj() -> None:
    pyproj = pytest.importorskip("pyproj")
    lon, lat = np.array([6.1, 9.0, 12.4, 14.9]), np.array([47.5, 51.3, 53.6, 54.8])
    x, y = to_laea(lon, lat)
    a, b = pyproj.Transformer.from_crs(4326, 3035, always_xy=True).transform(lon, lat)
    assert np.allclose(x, a, atol=0.002)
    assert np.allclose(y, b, atol=0.002)
    assert np.allclose(to_wgs84(x, y), (lon, lat), atol=1e-8)


def test_days_of_23_and_25_hours(spark) -> None:
    spring = Clock(date(2026, 3, 29), 1, "Europe/Berlin")
    autumn = Clock(date(2026, 10, 25), 1, "Europe/Berlin")
    assert (spring.hour_count, autumn.hour_count) == (23, 25)
    assert 2 not in [row["hour"] for row in spring.hours(spark).collect()]
    assert [row["hour"] for row in autumn.hours(spark).collect()].count(2) == 2


def test_shape_scores_correlate_by_weekday(spark, tmp_path: Path) -> None:
    rows = [(date(2026, 3, 3), hour, float(hour), 0.0, float(hour), float(100 - hour)) for hour in range(24)]
    activity = spark.createDataFrame(
        rows, "date date, hour int, walk double, bike double, ride double, out_of_home double"
    )
    counts = tmp_path / "counts.csv"
    counts.write_text("weekday,hour,pedestrians\n" + "".join(f"Tue,{h},{2 * h}\n" for h in range(8, 17)))
    scores = {score.measure: score for score in shape_scores(activity, counts)}
    assert scores["on_foot"].pearson == pytest.approx(1)
    assert scores["out_of_home"].pearson == pytest.approx(-1)
    assert scores["on_foot"].hours == 8
    counts.write_text("weekday,hour\nTue,8\n")
    with pytest.raises(InputRejectedError, match="pedestrians"):
        shape_scores(activity, counts)
