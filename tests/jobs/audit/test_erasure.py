"""Erasure on a tiny lake: what goes, what stays, what is made anew, and that doing it again does nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from frames import at, frame, rows

from expectations.audit import ERASURES, RUNS
from expectations.catalog import ALL
from expectations.consent_ledger import CONSENT_LEDGER
from expectations.contract import Schema
from expectations.events import EVENTS
from expectations.gate import Gate
from expectations.movement import MOVEMENT, PROFILE
from expectations.od_contributions import OD_CONTRIBUTIONS
from expectations.products import NOISED, RELEASES
from expectations.quarantine import QUARANTINE
from expectations.segments import SEGMENTS
from expectations.subscribers import SUBSCRIBERS
from expectations.visits import VISITS
from jobs.audit.erasure import erase_all, erase_new
from jobs.audit.journal import Journal
from jobs.audit.removal import PSEUDONYMOUS
from jobs.consent.receipts import LedgerState, stored
from jobs.consent.verify import faults
from jobs.context import RunContext
from jobs.errors import ThreestepError
from jobs.lake import Lake
from jobs.segment.keystore import FileKeyStore
from jobs.settings import RunSettings

DAY, START, SWAP, LAST, NOW = (
    "2026-03-03",
    "2026-01-01T00:00:00",
    "2026-03-03T10:00:00",
    "2026-03-04T00:00:00",
    "2026-03-05T00:00:00",
)
SILENT, PARTLY, FREE, SECOND, TWIN = (f"+49155500000{i:02d}" for i in range(5))
SIMS = {number: f"2629900000000{i:02d}" for i, number in enumerate((SILENT, PARTLY, FREE, SECOND, TWIN))}
KEY, WEEK_KEY, MONTH_KEY = (bytes(range(n, n + 32)) for n in (0, 1, 2))
LEDGER = LedgerState("v2", at(LAST), {})


def _ddl(contract):
    return ", ".join(f"{c.name} {c.type}" for c in contract.columns)


def _name(person, key=KEY):
    return hmac.new(key, f"s:{person}".encode(), hashlib.sha256).digest()


PEOPLE = {SILENT: "p0", PARTLY: "p1", FREE: "p2", SECOND: "p3", TWIN: "p3"}


def _fill(spark, lake):
    """A day on which a run broke off after stage 2 with its noise drawn; since then three lines objected."""
    door = lake.door(writes=list(Schema))

    def put(contract, *values, periods=(DAY,)):
        door.replace(contract, frame(spark, _ddl(contract), *values), periods)

    lines = [(PEOPLE[n], n, SIMS[n], "a", "private", None, None, None, START, None) for n in SIMS if n != SILENT]
    lines.append(("p0", SILENT, SIMS[SILENT], "a", "private", None, None, None, START, SWAP))
    lines.append(("p2", FREE, SIMS[SILENT], "a", "private", None, None, None, SWAP, None))
    put(SUBSCRIBERS, *lines)
    contacts = [(n, f"{DAY}T08:00:00") for n in SIMS] + [(SILENT, f"{DAY}T09:59:59"), (SILENT, SWAP)]
    put(EVENTS, *((DAY, SIMS[n], time, "c1", "data", None, 262, True) for n, time in contacts))
    refused = [
        ("events", json.dumps({"imsi": SIMS[SECOND], "cell_id": None})),
        ("events", json.dumps({"imsi": SIMS[FREE]})),
    ]
    own = ("consent", json.dumps({"msisdn": SILENT, "purpose": "?"}))
    put(QUARANTINE, *(("b/1", table, None, ["x"], row) for table, row in (*refused, own)), periods=("b/1",))
    whole = (f"{DAY}T08:00:00", f"{DAY}T09:00:00")
    put(MOVEMENT, *((DAY, _name(p), 1, 15, *whole, "c1", 2, None) for p in ("p0", "p1", "p2", "p3")))
    put(PROFILE, *((DAY, _name(p), "domestic", "unknown", "unknown", None) for p in ("p0", "p1", "p2", "p3")))
    put(
        SEGMENTS,
        *((DAY, _name(p), 1, 15, "stay", *whole, 7, False, False, None, "c1", None, False) for p in ("p0", "p2")),
    )
    put(OD_CONTRIBUTIONS, *((DAY, "2026-W10", _name(p, WEEK_KEY), 15, "a", "b", "night") for p in ("p0", "p2")))
    put(VISITS, *((DAY, "2026-03", _name(p, MONTH_KEY), 15, "place", "mall") for p in ("p0", "p2")))
    put(NOISED, ("panel-x-r0", "panel", "city", "z", None, None, None, 7), periods=("panel-x-r0",))
    door.create([RELEASES])
    facts = (None, None, 1.0, None, None, None)
    day = dt.date.fromisoformat(DAY)
    done = [("r", job, day, day, "done", "f", *facts, at(LAST)) for job in ("consent", "segment", "transform")]
    door.append(RUNS, done)
    objections = [(SILENT, "all"), (PARTLY, "market_research"), (SECOND, "all")]
    known = ((n, p, "object", START, None, n, "web", None, NOW, None) for n, p in objections)
    door.merge(CONSENT_LEDGER, frame(spark, _ddl(CONSENT_LEDGER), *known))


@pytest.fixture(scope="module")
def context(spark, tmp_path_factory):
    root = tmp_path_factory.mktemp("erasure")
    lake = Lake(spark, str(root / "lake"))
    for period, key in ((f"day-{DAY}", KEY), ("week-2026-W10", WEEK_KEY), ("month-2026-03", MONTH_KEY)):
        keys = FileKeyStore(root / "lake.keys", random=lambda n, key=key: key)
        keys.create(period)
    lake.door(writes=list(Schema)).create(ALL)
    _fill(spark, lake)
    date = dt.date.fromisoformat(DAY)
    settings = RunSettings(landing=root, lake=lake.root, date=date, until=date, keys=keys.folder, as_of=at(NOW))
    return RunContext(spark, lake, settings, Gate(None), "run")


def _content(lake):
    return {p: p.read_bytes() for p in Path(lake.root).rglob("*") if p.is_file()}


def _consent_done(context, at_time):
    day = context.settings.date
    record = ("r2", "consent", day, day, "done", LEDGER.version, None, None, 1.0, None, None, None, at(at_time))
    context.lake.door(writes=[Schema.AUDIT]).append(RUNS, [record])


def test_a_late_objection_reaches_back_and_is_proven(spark, context):
    done = erase_new(context, Journal(context), LEDGER)
    door = context.lake.door(reads=list(Schema))

    assert done.removed == {
        "restricted.events": 3,
        "restricted.quarantine": 1,
        "pseudonymous.movement": 3,
        "pseudonymous.profile": 3,
        "pseudonymous.segments": 1,
        "pseudonymous.od_contributions": 1,
        "pseudonymous.visits": 1,
    }
    # The SIM serves another line since the swap; events that serve another purpose stay.
    assert rows(door.read(EVENTS), "imsi", "event_time") == sorted(
        [(SIMS[SILENT], "2026-03-03 10:00:00"), *((SIMS[n], "2026-03-03 08:00:00") for n in (PARTLY, FREE, TWIN))]
    )
    assert [json.loads(row[1]) for row in rows(door.read(QUARANTINE), "table_name", "row")] == [
        {"msisdn": SILENT, "purpose": "?"},
        {"imsi": SIMS[FREE]},
    ]
    for table in (MOVEMENT, PROFILE, SEGMENTS):
        assert rows(door.read(table), "pseudonym") == [(_name("p2"),)]
    assert rows(door.read(OD_CONTRIBUTIONS), "pseudonym") == [(_name("p2", WEEK_KEY),)]
    assert rows(door.read(VISITS), "pseudonym") == [(_name("p2", MONTH_KEY),)]
    assert set(PSEUDONYMOUS) >= {MOVEMENT, PROFILE, SEGMENTS, OD_CONTRIBUTIONS, VISITS}
    # What was drawn from those rows is drawn anew, and no run skips the jobs that made them.
    assert door.read(NOISED).isEmpty()
    outdated = rows(door.read(RUNS).filter("status = 'failed'"), "run_id", "job", "date")
    assert outdated == [("r", "segment", DAY), ("r", "transform", DAY)]
    assert done.scan is not None and done.scan.hits == 0 and done.scan.files > 50
    receipts = stored(door.read(ERASURES))
    assert [(r["lines_silent"], r["units_touched"], r["hits"], r["started_by"]) for r in receipts] == [(2, 3, 0, "run")]
    assert receipts[0]["rows_removed"] == done.removed and faults(receipts) == []


def test_again_it_does_nothing_and_proves_it_again(context):
    _consent_done(context, "2026-03-05T00:00:01")
    before = _content(context.lake)
    assert erase_new(context, Journal(context), LEDGER).scan is None
    again = erase_all(context, Journal(context), LEDGER)
    assert again.removed == {} and again.scan is not None and again.scan.hits == 0
    assert _content(context.lake) == before


def test_a_trace_that_no_table_knows_of_fails_it(context):
    stray = Path(context.lake.root) / "products/sent.csv"
    stray.parent.mkdir(exist_ok=True)
    stray.write_text(f"when,who\n2026-03-03T08:00:00Z,{SIMS[SECOND]}\n{_name('p0').hex()},1\n")
    with pytest.raises(
        ThreestepError, match=r"products/sent\.csv: 1 of kind pseudonym.*products/sent\.csv: 1 of kind sim"
    ):
        erase_all(context, Journal(context), LEDGER)
    receipts = sorted(stored(context.lake.door(reads=[Schema.AUDIT]).read(ERASURES)), key=lambda r: r["number"])
    assert [(r["number"], r["hits"]) for r in receipts] == [(1, 0), (2, 2)] and faults(receipts) == []
    assert faults([{**row, "hits": 0} for row in receipts])
    stray.unlink()


def test_old_versions_and_files_of_a_broken_erasure_go(spark, context):
    door = context.lake.door(writes=[Schema.RESTRICTED])
    late = frame(spark, _ddl(EVENTS), (DAY, SIMS[SECOND], f"{DAY}T11:00:00", "c1", "data", None, 262, True))
    door.replace(EVENTS, late, [DAY])
    door.replace(EVENTS, late.filter("false"), [DAY])
    again = erase_all(context, Journal(context), LEDGER)
    assert again.removed == {} and again.scan is not None and again.scan.hits == 0
    assert not list((Path(context.lake.root) / "restricted/events").rglob("*.parquet"))
