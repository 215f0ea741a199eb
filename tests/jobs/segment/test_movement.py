"""Stage 1 on hand-made contacts: consent at the join, visitors, repeats, runs, and no identity in what is left."""

from __future__ import annotations

import hmac

import pytest
from frames import at, frame, rows, shuffles
from pyspark.sql import functions as F

from expectations.consent_ledger import CONSENT_LEDGER
from expectations.events import EVENTS
from expectations.footprints import CELL_POSITIONS
from expectations.movement import MOVEMENT
from expectations.subscribers import SUBSCRIBERS
from jobs.consent.lines import KEYED_DAYS_SCHEMA, LineParams, sims
from jobs.consent.numbers import number_links
from jobs.segment.admission import MovementParams, admitted, numbered_cells
from jobs.segment.movement import closed_runs, movement, run_starts
from jobs.segment.profile import profile
from udfs.keys import pads
from udfs.purposes import EVERY, bit

FREE, SILENT, THING, SWAPPED = (f"+49155500000{i:02d}" for i in range(4))
PARAMS = MovementParams(home_mcc=262, sim_is_unit=False, max_gap_seconds=12 * 3600)


MARCH = ("2026-03-03", "2026-03-02T11:00:00", "2026-03-04T03:00:00", "2026-03-02T23:00:00", "2026-03-03T23:00:00")
OCTOBER = ("2026-10-25", "2026-10-24T10:00:00", "2026-10-26T03:00:00", "2026-10-24T22:00:00", "2026-10-25T23:00:00")
"""Summer time ends: 25 hours."""


def _days(spark, day=MARCH):
    return frame(spark, KEYED_DAYS_SCHEMA, (*day, *pads(bytes(32))))


def _events(spark, *contacts):
    ddl = ", ".join(f"{c.name} {c.type}" for c in EVENTS.columns)
    return frame(
        spark,
        ddl,
        *((at(t).date(), i, at(t), c, "data", *(ta or [None]), _mcc(i), True) for i, t, c, *ta in contacts),
    )


def _mcc(imsi):
    return int(imsi[:3]) if imsi.isdigit() else None


def _sims(spark):
    ddl = ", ".join(f"{c.name} {c.type}" for c in SUBSCRIBERS.columns)
    start = "2025-01-01T00:00:00"
    lines = frame(
        spark,
        ddl,
        ("p1", FREE, "262990000000001", "a", "private", 1980, "female", "z1", start, None),
        ("p2", SILENT, "262990000000002", "b", "private", 1981, "male", "z1", start, None),
        (None, THING, "262990000000003", "a", "m2m", None, None, None, start, None),
        ("p3", SWAPPED, "262990000000004", "a", "private", 1990, "male", "z2", start, "2026-03-03T10:00:00"),
        ("p3", SWAPPED, "262990000000005", "a", "private", 1990, "male", "z2", "2026-03-03T10:00:00", None),
    )
    since = "2026-01-01T00:00:00"
    ledger_ddl = ", ".join(f"{c.name} {c.type}" for c in CONSENT_LEDGER.columns)
    ledger = frame(
        spark, ledger_ddl, (SILENT, "market_research", "object", since, None, "q1", "web", None, since, None)
    )
    return sims(lines, ledger, _days(spark), LineParams(at("2026-03-05T00:00:00")), number_links(lines)).cache()


def _cells(spark):
    plan = [("c1", 0.0), ("c2", 400.0)]
    values = {
        "plan_id": "p",
        "site_group": "s",
        "centre_y": 0.0,
        "radius_m": 300.0,
        "is_small": False,
        "quantiles": [1],
    }
    ddl = ", ".join(f"{c.name} {c.type}" for c in CELL_POSITIONS.columns)
    named = [{**values, "cell_id": cell, "centre_x": x} for cell, x in plan]
    return numbered_cells(frame(spark, ddl, *(tuple(n.get(c) for c in CELL_POSITIONS.column_names) for n in named)))


@pytest.fixture(scope="module")
def who(spark):
    return _sims(spark)


def _admitted(spark, who, *contacts, day=MARCH):
    days = _days(spark, day).drop("inner", "outer")
    return admitted(_events(spark, *contacts), who, _cells(spark), days, PARAMS)


def _movement(spark, who, *contacts, day=MARCH):
    served = _admitted(spark, who, *contacts, day=day).filter("purposes <> 0 AND x IS NOT NULL")
    return movement(closed_runs(run_starts(served, PARAMS), PARAMS), _cells(spark), _days(spark, day))


class TestAdmitted:
    def test_purposes(self, spark, who):
        cases = {
            "free": ("262990000000001", "2026-03-03T08:00:00", EVERY),
            "objecting": ("262990000000002", "2026-03-03T08:00:00", EVERY - bit("market_research")),
            "thing": ("262990000000003", "2026-03-03T08:00:00", 0),
            "unexplained": ("262990000000099", "2026-03-03T08:00:00", 0),
            "visitor": ("208010000000001", "2026-03-03T08:00:00", EVERY),
            "before swap": ("262990000000004", "2026-03-03T09:59:59", EVERY),
            "old SIM after swap": ("262990000000004", "2026-03-03T10:00:00", 0),
            "new SIM": ("262990000000005", "2026-03-03T10:00:00", EVERY),
            "hashed elsewhere": ("A" * 64, "2026-03-03T08:00:00", 0),
        }
        got = _admitted(spark, who, *((imsi, time, "c1") for imsi, time, _ in cases.values()))
        found = {(r["sim_text"] or str(r["sim_no"]), r["event_time"]): r["purposes"] for r in got.collect()}
        assert found == {(imsi, at(time).replace(tzinfo=None)): mask for imsi, time, mask in cases.values()}

    def test_outside_the_window_nothing(self, spark, who):
        sim = "262990000000001"
        assert (
            _admitted(spark, who, (sim, "2026-03-02T10:59:59", "c1"), (sim, "2026-03-04T03:00:00", "c1")).count() == 0
        )


class TestRuns:
    def test_contacts_on_a_cell_make_a_run(self, spark, who):
        sim, other = "262990000000001", "208010000000001"
        got = _movement(
            spark,
            who,
            (sim, "2026-03-03T08:00:00", "c1", 4),
            (sim, "2026-03-03T08:05:00", "c1", 7),
            (sim, "2026-03-03T08:05:00", "c1", 7),
            (sim, "2026-03-03T08:10:00", "c2"),
            (sim, "2026-03-03T08:20:00", "c1", None),
            (sim, "2026-03-03T20:21:00", "c1"),
            (sim, "2026-03-03T20:22:00", "c1", 9),
            (other, "2026-03-03T09:00:00", "c1"),
            (other, "2026-03-03T09:00:00", "c1"),
            (other, "2026-03-03T09:01:00", "gone"),
        )
        assert rows(got, "start_time", "end_time", "cell_id", "contacts", "timing_advance") == [
            ("2026-03-03 08:00:00", "2026-03-03 08:05:00", "c1", 2, 6),
            ("2026-03-03 08:10:00", "2026-03-03 08:10:00", "c2", 1, None),
            ("2026-03-03 08:20:00", "2026-03-03 08:20:00", "c1", 1, None),
            ("2026-03-03 09:00:00", "2026-03-03 09:00:00", "c1", 1, None),
            ("2026-03-03 20:21:00", "2026-03-03 20:22:00", "c1", 2, 9),
        ]

    def test_the_doubled_hour_is_two(self, spark, who):
        sim = "208010000000001"
        clock = [(sim, f"2026-10-25T02:30:00+0{offset}:00", "c1") for offset in (2, 1)]
        got = _movement(spark, who, *clock, day=OCTOBER)
        assert rows(got, "date", "start_time", "end_time", "contacts") == [
            ("2026-10-25", "2026-10-25 00:30:00", "2026-10-25 01:30:00", 2)
        ]

    def test_swapped_sim_keeps_its_pseudonym_and_no_identity_is_left(self, spark, who):
        got = _movement(
            spark,
            who,
            ("262990000000004", "2026-03-03T09:00:00", "c1"),
            ("262990000000005", "2026-03-03T11:00:00", "c1"),
            ("208010000000001", "2026-03-03T08:00:00", "c1"),
        )
        assert got.columns == MOVEMENT.column_names
        found = got.collect()
        assert len({(bytes(r["pseudonym"]), r["line_no"]) for r in found}) == 2 and len(found) == 3
        assert not [name for name in ("26299", "20801", "+49") if name in str(found)]

    def test_visitors_pseudonym_is_that_of_the_identity_as_text(self, spark, who):
        sim = "208010000000001"
        got = _movement(spark, who, (sim, "2026-03-03T08:00:00", "c1")).first()
        assert bytes(got["pseudonym"]) == hmac.new(bytes(32), f"v:{sim}".encode(), "sha256").digest()

    def test_one_shuffle_and_one_sort_of_events(self, spark, who):
        resolved = spark.createDataFrame(who.collect(), who.schema)
        got = _movement(spark, resolved, ("262990000000001", "2026-03-03T08:00:00", "c1"))
        keys = shuffles(got)
        # The SIMs, which are few, go the events' way to meet them; the events themselves are shuffled once.
        assert len(keys) == 2
        assert all("date" in key and "sim_no" in key for key in keys)
        sorts = [
            line for line in got._jdf.queryExecution().executedPlan().toString().splitlines() if "- Sort [" in line
        ]
        assert [("event_time" in line, "sim_no" in line) for line in sorts if "cell_id" not in line] == [(True, True)]


class TestProfile:
    def test_bands_and_unknowns(self, spark, who):
        visitors = frame(spark, "date DATE, imsi STRING, home_mcc SMALLINT", ("2026-03-03", "208010000000001", 208))
        got = rows(profile(who, visitors, _days(spark)), "origin", "age_band", "gender", "home_zone_id")
        assert got == [
            ("208", "unknown", "unknown", None),
            ("domestic", "30-39", "male", "z2"),
            ("domestic", "40-49", "female", "z1"),
            ("domestic", "40-49", "male", "z1"),
        ]

    def test_same_unit_same_row(self, spark, who):
        none = frame(spark, "date DATE, imsi STRING, home_mcc SMALLINT")
        found = profile(who, none, _days(spark))
        assert found.groupBy("pseudonym").count().filter(F.col("count") > 1).count() == 0
