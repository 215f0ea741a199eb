"""One small simulation on the built-in city, looked at from every side."""

from __future__ import annotations

import hashlib
import itertools
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from jobs.errors import UsageError
from jobs.simulate.dirt import EVENT_FLAWS
from jobs.simulate.projection import to_laea
from jobs.simulate.run import SimulateParams, SimulateReport, run_simulate

ISO = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d$"
SUBSCRIBERS = 300


@pytest.fixture(scope="module")
def report(spark, tmp_path_factory) -> SimulateReport:
    out = tmp_path_factory.mktemp("simulated") / "landing"
    steps: list[str] = []
    made = run_simulate(spark, SimulateParams(out=out, subscribers=SUBSCRIBERS, dirty_share=0.02), steps.append)
    assert len(steps) > 3
    return made


@pytest.fixture(scope="module")
def events(report) -> pd.DataFrame:
    return pq.read_table(report.out / "events").to_pandas()


@pytest.fixture(scope="module")
def subscribers(report) -> pd.DataFrame:
    return pd.read_csv(report.out / "subscribers.csv", dtype=str)


def truth(report: SimulateReport, name: str) -> pd.DataFrame:
    return pq.read_table(report.out / "truth" / name).to_pandas()


def test_landing_has_the_contracts_columns(report, events, subscribers) -> None:
    assert list(subscribers.columns) == [
        *("subscriber_id", "msisdn", "imsi", "brand", "contract", "birth_year", "gender"),
        *("home_zone_id", "valid_from", "valid_to"),
    ]
    assert [name for name in events.columns if name != "event_date"] == [
        *("imsi", "event_time", "cell_id", "event_type", "timing_advance"),
    ]
    cells = pd.read_csv(report.out / "cells.csv", dtype=str)
    assert {"cell_id", "technology", "latitude", "longitude", "azimuth_deg"} <= set(cells.columns)
    population = pd.read_csv(report.out / "population.csv")
    assert {"zone_id", "year", "gender", "age_band", "residents"} == set(population.columns)
    zones = json.loads((report.out / "zones.geojson").read_text())["features"]
    assert {zone["properties"]["level"] for zone in zones} == {"district", "city", "poi"}
    for name, table in (("events", events), ("subscribers", subscribers), ("cells", cells)):
        assert report.rows[name] == len(table), name


def test_events_hold_every_kind_of_flaw_and_few_of_them(report, events, subscribers) -> None:
    cells = set(pd.read_csv(report.out / "cells.csv", dtype=str)["cell_id"])
    sound_time = events["event_time"].str.match(ISO)
    found = {
        "time_word": (events["event_time"] == "yesterday").sum(),
        "time_no_offset": events["event_time"].str.match(r"^\d{4}-\d\d-\d\d \d\d:\d\d$").sum(),
        "time_only": events["event_time"].str.match(r"^\d\d:\d\d$").sum(),
        "imsi_missing": events["imsi"].isna().sum(),
        "imsi_malformed": (~events["imsi"].dropna().str.match(r"^\d{15}$")).sum(),
        "cell_missing": events["cell_id"].isna().sum(),
        "cell_unknown": (~events["cell_id"].dropna().isin(cells)).sum(),
        "type_unknown": (~events["event_type"].isin(["call", "sms", "data", "signalling"])).sum(),
        "duplicate": events.duplicated().sum(),
        "other_day": (sound_time & ~events["event_time"].str.startswith("2026-03-0")).sum(),
        "negative_advance": (events["timing_advance"] < 0).sum(),
        "sim_unknown": events["imsi"].dropna().str.startswith("26298").sum(),
    }
    assert set(found) == set(EVENT_FLAWS)
    assert all(count > 0 for count in found.values()), found
    assert 0.01 < sum(found.values()) / len(events) < 0.03
    domestic = events["imsi"].dropna()
    domestic = domestic[domestic.str.match(r"^26299\d{10}$")]
    assert set(domestic) <= set(subscribers["imsi"])


def test_small_tables_are_flawed_below_five_per_cent(report, subscribers) -> None:
    bad = (
        ~subscribers["msisdn"].str.match(r"^\+\d+$")
        | ~subscribers["contract"].isin(["private", "business", "prepaid", "m2m"])
        | subscribers.duplicated()
    )
    assert 3 <= bad.sum() < 0.05 * len(subscribers)
    cells = pd.read_csv(report.out / "cells.csv")
    assert ((cells["latitude"] == 0) & (cells["longitude"] == 0)).sum() == 1
    assert (cells["azimuth_deg"] > 360).sum() == 1
    assert cells["cell_id"].duplicated().sum() == 1
    assert (pd.read_csv(report.out / "population.csv")["residents"] < 0).sum() == 1


def test_subscribers_are_of_every_sort(events, subscribers) -> None:
    assert {"private", "business", "prepaid", "m2m"} <= set(subscribers["contract"])
    assert subscribers.loc[subscribers["contract"] == "business", ["birth_year", "gender"]].isna().all(axis=None)
    held = subscribers[subscribers["contract"] == "private"].groupby("subscriber_id")["msisdn"].nunique()
    assert held.max() in (2, 3)
    assert subscribers["brand"].nunique() >= 3
    assert subscribers["valid_from"].str.match(ISO).all()
    foreign = events["imsi"].dropna()[lambda imsi: imsi.str.match(r"^(20|22|23|260)\d+$")]
    assert foreign.nunique() >= 5


def test_swapped_sims_hand_over_inside_the_day(events, subscribers) -> None:
    before = subscribers[subscribers["valid_to"].notna()]
    assert len(before) >= 1
    joined = before.merge(subscribers, left_on=["msisdn", "valid_to"], right_on=["msisdn", "valid_from"])
    assert len(joined) == len(before)
    sound = events[events["event_time"].str.match(ISO) & events["event_time"].str.startswith("2026-03-0")]
    for row in joined.itertuples():
        moment = datetime.fromisoformat(row.valid_to_x)
        assert moment.date().isoformat() == "2026-03-03"
        times = {sim: sound.loc[sound["imsi"] == sim, "event_time"].map(datetime.fromisoformat)
                 for sim in (row.imsi_x, row.imsi_y)}  # fmt: skip
        assert (times[row.imsi_x] < moment).all()
        assert (times[row.imsi_y] >= moment).all()


def test_consent_note_matches_the_feed(report) -> None:
    feed = report.out / "consent.csv"
    note = json.loads((report.out / "consent_delivery.json").read_text())
    rows = pd.read_csv(feed, dtype=str)
    assert note["rows"] == len(rows) == report.rows["consent"]
    assert note["sha256"] == {"consent.csv": hashlib.sha256(feed.read_bytes()).hexdigest()}
    delivered = datetime.fromisoformat(note["delivered_at"])
    assert delivered.isoformat() == "2026-03-04T07:00:00+01:00"
    assert (rows["received_at"].map(datetime.fromisoformat) < delivered).all()


def test_truth_sums_from_districts_to_city(report) -> None:
    presence = truth(report, "presence")
    assert len(presence) == 24 * 25
    by_hour = presence.groupby(["level", "hour"])["persons"].sum().unstack(0)
    assert (by_hour["district"] == by_hour["city"]).all()
    persons = SUBSCRIBERS + round(SUBSCRIBERS * 0.03)
    assert by_hour["city"].between(0.97 * persons, persons).all()
    assert presence.loc[presence["level"] == "poi", "persons"].sum() > 0
    homes = truth(report, "homes")
    at_night = presence[(presence["hour"] == 3) & (presence["level"] == "district")].set_index("zone_id")
    living = homes.groupby("zone_id").size()
    # Visitors sleep in hotels, so a district may hold more at night than live there, never far fewer.
    assert (at_night["persons"].reindex(living.index) >= living - 3).all()


def test_people_move_at_plausible_speeds_and_are_in_one_place(report) -> None:
    path = truth(report, "itineraries")
    metres = ((path["x1"] - path["x0"]) ** 2 + (path["y1"] - path["y0"]) ** 2) ** 0.5
    speed = metres / (path["end_s"] - path["start_s"])
    top = {"walk": 1.5, "bike": 4.5, "ride": 12.0}
    for mode, limit in top.items():
        assert 0 < speed[path["mode"] == mode].max() < limit
    assert (metres[path["mode"].isna()] == 0).all()
    ordered = path.sort_values(["person_id", "start_s"])
    same = ordered["person_id"] == ordered["person_id"].shift()
    assert (ordered["start_s"] == ordered["end_s"].shift())[same].all()
    # Nor does anyone leap: each leg begins where the one before it ended.
    moved = same & (ordered["mode"].notna() | ordered["mode"].shift().notna())
    for axis in "xy":
        assert (ordered[f"{axis}0"] == ordered[f"{axis}1"].shift())[moved].all()


def test_people_follow_the_corridors_that_serve_them(report) -> None:
    delivered = pd.read_csv(report.out / "corridors.csv", dtype=str)
    assert list(delivered.columns) == ["corridor_id", "name", "kind", "geometry"]
    assert 8 <= len(delivered) <= 20 and set(delivered["kind"]) == {"road", "rail"}
    lines = {row.corridor_id: json.loads(row.geometry)["coordinates"] for row in delivered.itertuples()}
    path = truth(report, "itineraries")
    on = path[path["corridor_id"].notna()]
    assert len(on) > 50 and set(on["mode"]) <= {"ride", "bike"}
    vertices = {name: np.stack(to_laea(*np.array(line).T), axis=1) for name, line in lines.items()}
    for leg in on.head(200).itertuples():
        ends = np.array([[leg.x0, leg.y0], [leg.x1, leg.y1]])
        points = vertices[leg.corridor_id]
        found = [_along(points, end) for end in ends]
        assert max(away for _, away in found) < 2
        assert (found[1][0] > found[0][0]) == leg.forward
    hours = truth(report, "corridor_hours")
    assert len(hours) == len(delivered) * 2 * 24
    begins = datetime.fromisoformat("2026-03-03T00:00:00+01:00").timestamp()
    inside = on[(on["start_s"] >= begins) & (on["start_s"] < begins + 86_400)]
    ways = inside.groupby(["person_id", "arrives_s", "corridor_id", "forward"]).ngroups
    assert 0.9 * ways <= hours["persons"].sum() <= ways
    assert hours["speed_kmh"].dropna().between(8, 45).all()


def _along(points, at) -> tuple[float, float]:
    """Metres along a line, and away from it, of the nearest point."""
    best, passed = (0.0, np.inf), 0.0
    for a, b in itertools.pairwise(points):
        length = np.hypot(*(b - a))
        share = np.clip(np.dot(at - a, b - a) / length**2, 0, 1)
        away = float(np.hypot(*(at - a - share * (b - a))))
        best = min(best, (passed + share * length, away), key=lambda found: found[1])
        passed += length
    return best


def test_only_what_a_simulation_left_is_replaced(spark, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep")
    with pytest.raises(UsageError, match="not empty"):
        run_simulate(spark, SimulateParams(out=tmp_path, subscribers=10))
    assert (tmp_path / "precious.txt").exists()


@pytest.mark.parametrize(
    "wrong", [{"subscribers": 0}, {"days": 0}, {"format": "orc"}, {"dirty_share": 0.2}, {"seed": -1}]
)
def test_senseless_parameters_are_refused(wrong) -> None:
    with pytest.raises(UsageError):
        SimulateParams(**{"out": Path("unused"), "subscribers": 10, **wrong}).check()
