"""Stage 1 on hand-made contacts: consent at the join, visitors, repeats, runs, and no identity in what is left."""

from __future__ import annotations

import pytest
from frames import at, frame, rows, shuffles
from pyspark.sql import functions as F

from expectations.consent_ledger import CONSENT_LEDGER
from expectations.events import EVENTS
from expectations.movement import MOVEMENT
from expectations.subscribers import SUBSCRIBERS
from jobs.consent.lines import KEYED_DAYS_SCHEMA, LineParams, sims
from jobs.consent.numbers import number_links
from jobs.segment.movement import MovementParams, admitted, flagged_runs, movement, profile
from udfs.keys import pads
from udfs.purposes import EVERY, bit

FREE, SILENT, THING, SWAPPED = (f"+49155500000{i:02d}" for i in range(4))
PARAMS = MovementParams(home_mcc=262, sim_is_unit=False, max_gap_seconds=12 * 3600)


def _days(spark):
    inner, outer = pads(bytes(32))
    day = ("2026-03-03", "2026-03-02T11:00:00", "2026-03-04T03:00:00", "2026-03-02T23:00:00", "2026-03-03T23:00:00")
    return frame(spark, KEYED_DAYS_SCHEMA, (*day, inner, outer))


def _events(spark, *contacts):
    ddl = ", ".join(f"{c.name} {c.type}" for c in EVENTS.columns)
    return frame(
        spark,
        ddl,
        *((at(t).date(), i, at(t), c, "data", None, int(i[:3]), True) for i, t, c in contacts),
    )


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


@pytest.fixture(scope="module")
def who(spark):
    return _sims(spark)


class TestAdmitted:
    @pytest.mark.parametrize(
        ("imsi", "time", "purposes"),
        [
            ("262990000000001", "2026-03-03T08:00:00", EVERY),
            ("262990000000002", "2026-03-03T08:00:00", EVERY - bit("market_research")),
            ("262990000000003", "2026-03-03T08:00:00", 0),
            ("262990000000099", "2026-03-03T08:00:00", 0),
            ("208010000000001", "2026-03-03T08:00:00", EVERY),
            ("262990000000004", "2026-03-03T09:59:59", EVERY),
            ("262990000000004", "2026-03-03T10:00:00", 0),
            ("262990000000005", "2026-03-03T10:00:00", EVERY),
        ],
        ids=["free", "objecting", "thing", "unexplained", "visitor", "before swap", "old SIM after swap", "new SIM"],
    )
    def test_purposes(self, spark, who, imsi, time, purposes):
        got = admitted(_events(spark, (imsi, time, "c1")), who, _days(spark).drop("inner", "outer"), PARAMS)
        assert [r["purposes"] for r in got.select("purposes").collect()] == [purposes]

    def test_outside_the_window_nothing(self, spark, who):
        events = _events(
            spark, ("262990000000001", "2026-03-02T10:59:59", "c1"), ("262990000000001", "2026-03-04T03:00:00", "c1")
        )
        assert admitted(events, who, _days(spark).drop("inner", "outer"), PARAMS).count() == 0


def _movement(spark, who, *contacts):
    runs = flagged_runs(
        admitted(_events(spark, *contacts), who, _days(spark).drop("inner", "outer"), PARAMS).filter("purposes <> 0"),
        PARAMS,
    )
    return movement(runs, _days(spark))


class TestRuns:
    def test_contacts_on_a_cell_make_a_run(self, spark, who):
        sim = "262990000000001"
        got = _movement(
            spark,
            who,
            (sim, "2026-03-03T08:00:00", "c1"),
            (sim, "2026-03-03T08:05:00", "c1"),
            (sim, "2026-03-03T08:05:00", "c1"),
            (sim, "2026-03-03T08:10:00", "c2"),
            (sim, "2026-03-03T08:20:00", "c1"),
            (sim, "2026-03-03T20:21:00", "c1"),
        )
        assert rows(got, "start_time", "end_time", "cell_id", "contacts") == [
            ("2026-03-03 08:00:00", "2026-03-03 08:05:00", "c1", 2),
            ("2026-03-03 08:10:00", "2026-03-03 08:10:00", "c2", 1),
            ("2026-03-03 08:20:00", "2026-03-03 08:20:00", "c1", 1),
            ("2026-03-03 20:21:00", "2026-03-03 20:21:00", "c1", 1),
        ]

    def test_swapped_sim_keeps_its_pseudonym(self, spark, who):
        got = _movement(
            spark,
            who,
            ("262990000000004", "2026-03-03T09:00:00", "c1"),
            ("262990000000005", "2026-03-03T11:00:00", "c1"),
        )
        assert got.select("pseudonym", "line_no").distinct().count() == 1

    def test_no_identity_is_left(self, spark, who):
        got = _movement(
            spark,
            who,
            ("262990000000001", "2026-03-03T08:00:00", "c1"),
            ("208010000000001", "2026-03-03T08:00:00", "c1"),
        )
        assert got.columns == MOVEMENT.column_names
        text = str(got.collect())
        assert "26299" not in text and "20801" not in text and "+49" not in text

    def test_one_shuffle_of_events(self, spark, who):
        resolved = spark.createDataFrame(who.collect(), who.schema)
        keys = shuffles(_movement(spark, resolved, ("262990000000001", "2026-03-03T08:00:00", "c1")))
        # A join that sorts shuffles both sides by the same keys: the SIMs, which are few, and the events once.
        assert len(keys) == 2
        assert all("date" in key and "imsi" in key for key in keys)


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
