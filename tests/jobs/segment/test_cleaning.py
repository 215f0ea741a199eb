"""Cleaning on hand-made contacts: jumps, ping-pong, SIMs that are no persons, and what is counted of them."""

from __future__ import annotations

import datetime as dt

import pytest
from frames import at, frame
from pyspark.sql import functions as F

from expectations.consent_ledger import CONSENT_LEDGER
from expectations.events import EVENTS
from expectations.subscribers import SUBSCRIBERS
from jobs.consent.lines import KEYED_DAYS_SCHEMA, LineParams, sims
from jobs.consent.numbers import number_links
from jobs.segment.admission import MovementParams, admitted
from jobs.segment.cleaning import CleaningParams, contact_counters, run_counters
from jobs.segment.control import Usual, flag_counts, flag_rules, usual_shares
from jobs.segment.movement import closed_runs, run_starts
from jobs.settings import QualityPolicy
from udfs.keys import pads

DAY = dt.date(2026, 3, 3)
PARAMS = MovementParams(262, sim_is_unit=False, max_gap_seconds=43_200, cleaning=CleaningParams())
CELLS = {"a": (0, 0), "b": (350, 0), "c": (3_000, 0), "x": (0, 20_000), "y": (20_000, 20_000)}

# A visitor's SIM a case, so that cases do not meet: (time, cell) and the flags of each of its runs.
FINE, WRONG, ODD, BACK = (False, 0, False), (True, 0, False), (False, 1, False), (False, 0, True)
CASES = {
    "far both ways": ([("08:00:00", "a"), ("08:01:00", "x"), ("08:02:00", "a")], [ODD, WRONG, ODD]),
    "in time": ([("08:00:00", "a"), ("08:30:00", "x"), ("09:00:00", "a")], [FINE, FINE, FINE]),
    "near": ([("08:00:00", "a"), ("08:00:01", "c"), ("08:00:02", "a")], [FINE, FINE, FINE]),
    "one way": ([("08:00:00", "a"), ("08:01:00", "x"), ("08:30:00", "a")], [ODD, ODD, FINE]),
    "two contacts there": ([("08:00:00", "a"), ("08:01:00", "x"), ("08:01:30", "x")], [ODD, ODD]),
    "delivered twice": ([("08:00:00", "a"), *[("08:01:00", "x")] * 2, ("08:02:00", "a")], [ODD, WRONG, ODD]),
    "one after another": (
        [("08:00:00", "a"), ("08:01:00", "x"), ("08:02:00", "y"), ("08:03:00", "a")],
        [ODD, WRONG, WRONG, ODD],
    ),
    "from cell to cell and back": ([("08:00:00", "a"), ("08:00:30", "b"), ("08:01:00", "a")], [FINE, BACK, FINE]),
    "back after long": ([("08:00:00", "a"), ("08:00:30", "b"), ("08:01:01", "a")], [FINE, FINE, FINE]),
    "elsewhere and back": ([("08:00:00", "a"), ("08:00:30", "c"), ("08:01:00", "a")], [FINE, FINE, FINE]),
}
SIM_OF = {name: f"20801{number:010d}" for number, name in enumerate(CASES)}
BUSY, EVERYWHERE, CALLER = "208020000000001", "208020000000002", "208020000000003"
INSTANTS = [(f"09:{i // 2:02d}:00", "ac"[i % 2]) for i in range(44)]


@pytest.fixture(scope="module")
def found(spark):
    """Counts by flag, and the runs by SIM, of all cases in one pass."""
    cells = frame(
        spark,
        "cell_id STRING, cell_no INT, x INT, y INT, reach_m INT",
        *((name, number + 1, *place, 300) for number, (name, place) in enumerate(CELLS.items())),
    )
    contacts = [(SIM_OF[name], at(f"2026-03-03T{t}"), cell) for name, (track, _) in CASES.items() for t, cell in track]
    contacts += [(EVERYWHERE, at(f"2026-03-03T{t}"), cell) for t, cell in INSTANTS]
    contacts += [(CALLER, at("2026-03-03T10:00:00") + dt.timedelta(seconds=2 * i), "a") for i in range(1_800)]
    contacts += [(CALLER, at("2026-03-03T12:00:00"), "nowhere"), ("262990000000001", at("2026-03-03T12:00:00"), "a")]
    sent = frame(spark, "imsi STRING, event_time TIMESTAMP, cell_id STRING", *contacts).unionByName(
        spark.range(10_000).select(
            F.lit(BUSY).alias("imsi"),
            F.timestamp_millis(F.lit(int(at("2026-03-03T10:00:00").timestamp() * 1_000)) + F.col("id") * 6).alias(
                "event_time"
            ),
            F.lit("a").alias("cell_id"),
        )
    )
    columns = {"event_date": F.to_date("event_time"), "event_type": F.lit("data"), "timing_advance": F.lit(1)}
    columns |= {"home_mcc": F.substring("imsi", 1, 3).cast("smallint"), "cell_known": F.lit(True)}
    inner, outer = pads(bytes(32))
    bounds = ("2026-03-02T11:00:00", "2026-03-04T03:00:00", "2026-03-02T23:00:00", "2026-03-03T23:00:00")
    keyed = frame(spark, KEYED_DAYS_SCHEMA, ("2026-03-03", *bounds, inner, outer))
    none = spark.createDataFrame([], SUBSCRIBERS.struct)
    ledger = spark.createDataFrame([], CONSENT_LEDGER.struct)
    lines = sims(none, ledger, keyed, LineParams(at("2026-03-05T00:00:00")), number_links(none))
    events = sent.withColumns(columns).select(EVENTS.column_names)
    served = admitted(events, lines, cells, keyed.drop("inner", "outer"), PARAMS).cache()
    runs = closed_runs(run_starts(served.filter("purposes <> 0 AND x IS NOT NULL"), PARAMS), PARAMS).cache()
    counts = {**served.agg(*contact_counters([DAY])).first().asDict(), f"{DAY}|in": served.count()}
    counts |= runs.agg(*run_counters([DAY])).first().asDict()
    told = runs.orderBy("sim_no", "start_time").collect()
    by_sim: dict[str, list] = {}
    for row in told:
        by_sim.setdefault(str(row["sim_no"]), []).append(row)
    return counts, by_sim


class TestRuns:
    @pytest.mark.parametrize("name", CASES)
    def test_flags(self, found, name):
        runs = found[1][SIM_OF[name]]
        assert [(r["is_incorrect"], r["suspicious"], r["is_ping_pong"]) for r in runs] == CASES[name][1]
        assert all(r["is_person"] for r in runs)

    def test_thousands_of_contacts_in_a_minute_are_no_person(self, found):
        _, by_sim = found
        assert not any(r["is_person"] for r in by_sim[BUSY]) and by_sim[BUSY][0]["of_sim"] == 10_000
        assert not any(r["is_person"] for r in by_sim[EVERYWHERE])
        assert [(r["is_person"], r["contacts"]) for r in by_sim[CALLER]] == [(True, 1_800)]

    def test_counts_of_the_day(self, found):
        counts, _ = found
        got = flag_counts(counts, DAY)
        contacts = sum(len(track) for track, _ in CASES.values())
        runs = [flags for _, flags in CASES.values() for flags in flags]
        assert got == {
            "in": contacts + len(INSTANTS) + 10_000 + 1_802,
            "admitted": contacts + len(INSTANTS) + 10_000 + 1_800,
            "cells_unknown": 1,
            "inbound": contacts + len(INSTANTS) + 10_000 + 1_801,
            "things": 0,
            "repeats": 1,
            "incorrect": runs.count(WRONG),
            "suspicious": runs.count(ODD),
            "ping_pong": runs.count(BACK),
            "not_persons": 10_000 + len(INSTANTS),
        }
        assert counts[f"{DAY}|not_person_sims"] == 2


COUNTS = {f"{DAY}|{k}": v for k, v in {"in": 1000, "admitted": 1000, "distinct": 960, "incorrect": 8}.items()}


class TestControl:
    @pytest.mark.parametrize(
        ("usual", "control", "success", "blocks"),
        [
            (Usual(5, 0.038, 0.002), "warn", True, False),
            (Usual(5, 0.010, 0.002), "warn", False, False),
            (Usual(5, 0.010, 0.002), "block", False, True),
            (Usual(5, 0.060, 0.001), "block", False, True),
            (Usual(5, 0.010, 0.020), "block", True, False),
            (Usual(2, 0.900, 0.001), "block", True, False),
        ],
        ids=["usual", "warns", "blocks", "too few", "wide limits", "no history"],
    )
    def test_limits(self, usual, control, success, blocks):
        rules = flag_rules(COUNTS, [DAY], {"repeats": usual}, QualityPolicy(control=control))
        results = {rule.name: rule.check() for rule in rules}
        got = results[f"flag_repeats_{DAY}"]
        assert (got.success, got.blocks, got.observed, got.rows) == (success, blocks, 0.04, 1000)
        assert results[f"flag_incorrect_{DAY}"].observed == 0.008 and len(results) == 8

    def test_the_usual_share_comes_from_the_last_days_not_blocked(self, spark):
        ddl = "table_name STRING, rule STRING, success BOOLEAN, blocking BOOLEAN, observed DOUBLE, at TIMESTAMP"
        table, shares = "pseudonymous.movement", [0.9, 0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.2]
        held = [
            (table, f"flag_ping_pong_2026-02-{20 + n}", True, False, share, "2026-03-01T00:00:00")
            for n, share in enumerate(shares)
        ]
        results = frame(
            spark,
            ddl,
            *held,
            (table, "flag_ping_pong_2026-02-27", False, False, 0.4, "2026-03-01T01:00:00"),
            (table, "flag_ping_pong_2026-02-28", False, True, 0.9, "2026-03-01T00:00:00"),
            (table, "flag_ping_pong_2026-03-03", True, False, 0.9, "2026-03-03T00:00:00"),
            ("restricted.events", "flag_ping_pong_2026-02-27", True, False, 0.9, "2026-03-01T02:00:00"),
            (table, "exact_repeats", True, True, 0.9, "2026-03-01T00:00:00"),
        )
        (got,) = usual_shares(results, DAY).collect()
        assert (got["flag"], got["days"], round(got["mean"], 6)) == ("ping_pong", 7, round(1.6 / 7, 6))
        assert got["deviation"] == pytest.approx(0.10301575)
