"""The job consent on small feeds: what is written, what is not written again, what is refused."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
from frames import at, frame, rows

from expectations.consent_ledger import CONSENT_LEDGER, PURPOSES
from expectations.consent_requests import CONSENT_REQUESTS
from expectations.contract import Schema
from expectations.gate import Gate
from expectations.movement import MOVEMENT, PROFILE
from expectations.quarantine import QUARANTINE
from jobs.consent.guard import check_unchanged, open_ledger
from jobs.consent.receipts import LedgerState
from jobs.consent.run import check_feed, run_consent
from jobs.context import RunContext
from jobs.errors import ConsentError
from jobs.ingest.landing import Landing
from jobs.lake import Lake
from jobs.settings import ConsentPolicy, Policy, RunSettings

DAY = dt.date(2026, 3, 3)
TABLES = (CONSENT_REQUESTS, CONSENT_LEDGER, QUARANTINE, MOVEMENT, PROFILE)
HEAD = "request_id,msisdn,purpose,decision,channel,received_at,brand\n"
A, B, C = "+4915550000001", "+4915550000002", "+4915550000003"
FIRST = (
    f"r1,{A},all,object,web,2026-01-01T00:00:00Z,alpha\n"
    f"r2,0049 1555 0000002,spam,object,web,2026-01-02T00:00:00Z,\n"  # an unknown purpose
    "r3,12,all,object,web,2026-01-03T00:00:00Z,\n"  # no number
    f"r4,{A},rewards,consent,app,2026-01-04T00:00:00Z,beta\n"
)


def _context(spark, folder, as_of, **consent):
    settings = RunSettings(
        landing=folder / "landing",
        lake=str(folder / "lake"),
        keys=folder / "lake.keys",
        date=DAY,
        until=DAY,
        as_of=at(as_of),
        policy=Policy(consent=ConsentPolicy(**consent)),
    )
    said = []
    context = RunContext(spark, Lake(spark, settings.lake), settings, Gate(), "run", said.append)
    context.lake.door(writes=list(Schema)).create(TABLES)
    return context, said


def _deliver(folder, text, delivered_at, rows=None):
    landing = folder / "landing"
    landing.mkdir(exist_ok=True)
    (landing / "consent.csv").write_text(HEAD + text)
    note = {"delivered_at": delivered_at, "rows": text.count("\n") if rows is None else rows}
    (landing / "consent_delivery.json").write_text(json.dumps(note))


def _run(spark, folder, text, day, **consent):
    """Deliver at midnight and run an hour later."""
    _deliver(folder, text, f"2026-03-{day:02d}T00:00:00Z")
    context, said = _context(spark, folder, f"2026-03-{day:02d}T01:00:00", **consent)
    feed = check_feed(context, Landing(spark, str(folder / "landing"), "threestep"))
    return (*run_consent(context, feed), context, said)


def _ledger(context):
    ledger = context.lake.door(reads=list(Schema)).read(CONSENT_LEDGER)
    names = ("msisdn", "purpose", "valid_from", "valid_to", "recorded_from", "recorded_to")
    short = ([v[5:13] if v and v.startswith("2026-") else v for v in row] for row in rows(ledger, *names))
    return sorted((tuple(row) for row in short), key=repr)


def test_days_of_deliveries(spark, tmp_path):
    report, state, context, said = _run(spark, tmp_path, FIRST, 5)
    first = [
        (A, "all", "01-01 00", None, "03-05 01", None),
        (A, "rewards", "01-04 00", None, "03-05 01", None),
        (B, "all", "01-02 00", None, "03-05 01", None),
    ]
    assert _ledger(context) == sorted(first, key=repr)
    assert report.counts == {"lines": 2, "new_requests": 4, "open_cases": 2}
    assert "4 new requests, 2 open cases" in said[-1]
    assert state.lines == dict.fromkeys(PURPOSES, 2)
    assert A not in str(report) + str(said)

    # The same delivery again, whole: not one commit.
    door = context.lake.door(reads=list(Schema))
    before = {table.name: door.version(table) for table in TABLES}
    again, same, context, _ = _run(spark, tmp_path, FIRST, 6)
    assert {table.name: door.version(table) for table in TABLES} == before
    assert again.counts["new_requests"] == 0 and again.rows_out == 3
    assert (same.version, same.table_version) == (state.version, state.table_version)

    # A withdrawal that is back-dated; a decision on the unknown purpose; a number for the one that had none.
    more = (
        f"r5,{A},all,withdraw,web,2026-02-01T00:00:00Z,\n"
        f"r2,{B},market_research,object,web,2026-01-02T00:00:00Z,\n"
        f"r3,{C},all,withdraw,letter,2026-01-03T00:00:00Z,\n"
    )
    report, state, context, _ = _run(spark, tmp_path, FIRST + more, 7)
    assert _ledger(context) == sorted(
        [
            (A, "all", "01-01 00", None, "03-05 01", "03-07 01"),
            (A, "all", "01-01 00", "02-01 00", "03-07 01", None),
            (A, "rewards", "01-04 00", None, "03-05 01", None),
            (B, "all", "01-02 00", None, "03-05 01", "03-07 01"),
            (B, "market_research", "01-02 00", None, "03-07 01", None),
        ],
        key=repr,
    )
    assert report.counts == {"lines": 2, "new_requests": 3, "open_cases": 0}
    assert state.lines == {p: int(p == "market_research") for p in PURPOSES}
    assert state.version != same.version

    # The ledger is lost, but not the requests: it is made anew.
    spark.sql(f"DELETE FROM {context.lake.target(CONSENT_LEDGER)}")
    _, anew, context, _ = _run(spark, tmp_path, FIRST + more, 7)
    assert anew.version == state.version

    # Stage 1 reads the ledger of its run, and leaves nothing where it changes meanwhile.
    rows_of_day = frame(
        spark,
        ", ".join(f"{c.name} {c.type}" for c in MOVEMENT.columns),
        tuple(_any(c.name, c.type) for c in MOVEMENT.columns),
    )
    writes = context.lake.door(writes=list(Schema))
    writes.replace(MOVEMENT, rows_of_day, [str(DAY)])
    check_unchanged(context, [DAY], anew)
    spark.sql(f"UPDATE {context.lake.target(CONSENT_LEDGER)} SET channel = channel")
    check_unchanged(context, [DAY], anew)
    assert door.read(MOVEMENT).count() == 1 and open_ledger(context, anew).count() == 3
    _run(spark, tmp_path, f"r9,{C},all,object,web,2026-03-01T00:00:00Z,\n", 8)
    assert open_ledger(context, anew).count() == 3
    with pytest.raises(ConsentError, match="changed while stage 1 was under way") as caught:
        check_unchanged(context, [DAY], anew)
    assert caught.value.exit_code == 4 and door.read(MOVEMENT).isEmpty()
    with pytest.raises(ConsentError, match="cannot be read at version 99") as caught:
        open_ledger(context, replace(anew, table_version=99))
    none = LedgerState("none", None, {}, "no master data")
    assert open_ledger(context, none).isEmpty()
    check_unchanged(context, [DAY], none)


def _any(name, kind):
    known = {"date": DAY, "BINARY": b"x", "STRING": "c", "TIMESTAMP": at("2026-03-03T08:00:00")}
    return known.get(name, known.get(kind, 1))


class TestRefused:
    def test_by_its_note(self, spark, tmp_path):
        context, _ = _context(spark, tmp_path, "2026-03-05T00:00:00", max_age_hours=24)
        landing = Landing(spark, str(tmp_path / "landing"), "threestep")

        def refused():
            with pytest.raises(ConsentError) as caught:
                check_feed(context, landing)
            assert caught.value.exit_code == 4
            return str(caught.value)

        (tmp_path / "landing").mkdir()
        assert "there is no consent table" in refused()
        _deliver(tmp_path, FIRST, "2026-03-03T23:00:00Z")
        assert "25.0 hours old" in refused()
        _deliver(tmp_path, FIRST, "2026-03-05T01:00:00Z")
        assert "lies in the future" in refused()
        _deliver(tmp_path, FIRST[: FIRST.index("spam")], "2026-03-04T23:00:00Z", rows=4)  # cut in half
        assert "says 4 rows, 2 were delivered" in refused()

    def test_empty_unless_allowed(self, spark, tmp_path):
        with pytest.raises(ConsentError, match="the consent ledger is empty") as caught:
            _run(spark, tmp_path, "", 5)
        assert caught.value.exit_code == 4
        report, state, *_ = _run(spark, tmp_path, "", 5, allow_empty_ledger=True)
        assert report.rows_out == 0 and state.lines == dict.fromkeys(PURPOSES, 0)
