"""Keys live as long as their period needs them, and what lived under them goes with them."""

from __future__ import annotations

import datetime as dt

import pytest
from end_to_end_tools import messages, threestep
from frames import at, frame, rows

from expectations.audit import KEY_EVENTS
from expectations.catalog import ALL
from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.events import EVENTS
from expectations.gate import Gate
from expectations.movement import MOVEMENT, PROFILE
from expectations.quarantine import QUARANTINE
from jobs.context import RunContext
from jobs.errors import ThreestepError, UsageError
from jobs.lake import Lake
from jobs.segment.days import keyed_days
from jobs.segment.keys import expire, key_store, keys_live, living_days, make_keys, overdue, rows_under
from jobs.segment.keystore import FileKeyStore, day_period, month_period
from jobs.segment.periods import (
    deadline,
    first_day,
    last_day,
    periods_of,
    release_from,
    split,
    values_under,
    week_period,
)
from jobs.segment.retention import purge_events
from jobs.settings import Policy, RunSettings
from udfs.keys import hmac_sha256

DAY = dt.date(2026, 3, 3)


@pytest.fixture()
def context_at(spark, tmp_path):
    def build(as_of, day=DAY, **policy):
        settings = RunSettings(
            landing=tmp_path / "landing",
            lake=str(tmp_path / "lake"),
            keys=tmp_path / "lake.keys",
            date=day,
            until=day,
            as_of=at(as_of),
            policy=Policy(**policy),
        )
        return RunContext(spark, Lake(spark, settings.lake), settings, Gate(), "run")

    return build


def _table(name, *more):
    return Contract(
        schema=Schema.PSEUDONYMOUS,
        name=name,
        comment="For tests",
        columns=columns(*more, ("pseudonym", "BINARY!", "Pseudonym")),
        keys=("pseudonym",),
        mode=WriteMode.REPLACE_WHERE,
        period=more[0][0],
        retention="as long as the key",
    )


DATE, WEEK, MONTH = ("date", "DATE!", "Day"), ("week", "STRING!", "Week"), ("month", "STRING!", "Month")


class TestPeriods:
    def test_ends(self):
        found = {p: (str(first_day(p)), str(last_day(p))) for p in periods_of(dt.date(2026, 12, 31))}
        assert found == {
            "day-2026-12-31": ("2026-12-31", "2026-12-31"),
            "week-2026-W53": ("2026-12-28", "2027-01-03"),
            "month-2026-12": ("2026-12-01", "2026-12-31"),
        }
        assert week_period(dt.date(2027, 1, 3)) == "week-2026-W53" and last_day("month-2026-02") == dt.date(2026, 2, 28)

    @pytest.mark.parametrize(
        "text", ["day-2026-13-01", "week-2026-W54", "month-2026-00", "2026-03-03", "year-2026", ""]
    )
    def test_what_is_no_period(self, text):
        with pytest.raises(UsageError, match="is no key period"):
            first_day(text)

    def test_release_and_deadline_are_local_midnights_over_the_clock_change(self):
        berlin, late = Policy(), Policy(late_days=2)
        assert release_from(dt.date(2026, 3, 28), berlin) == at("2026-03-28T23:00:00")
        assert release_from(dt.date(2026, 3, 28), late) == at("2026-03-30T22:00:00")
        assert deadline("day-2026-03-28", late) == at("2026-03-31T22:00:00")
        assert deadline("week-2026-W13", berlin) == at("2026-03-30T22:00:00")
        assert deadline("month-2026-03", berlin) == at("2026-04-01T22:00:00")

    def test_rows_are_found_by_the_period_column(self):
        day, week, month = _table("d", DATE), _table("w", WEEK), _table("m", MONTH)
        monthly_by_date = _table("md", DATE, MONTH)
        asked = ["day-2026-03-03", "week-2026-W10", "month-2026-02"]
        found = rows_under(asked, [day, week, month, monthly_by_date, EVENTS])
        assert found == {
            day: ["2026-03-03"],
            week: ["2026-W10"],
            month: ["2026-02"],
            monthly_by_date: [f"2026-02-{d:02d}" for d in range(1, 29)],
        }
        with pytest.raises(ThreestepError, match="period column"):
            values_under(_table("odd", ("at", "TIMESTAMP!", "Instant")), "day-2026-03-03")

    def test_every_pseudonymous_table_of_the_catalog_has_a_key(self):
        every = {c for c in ALL if c.schema is Schema.PSEUDONYMOUS}
        assert set(rows_under(list(periods_of(DAY)))) == every and len(every) >= 3


class TestStore:
    def test_after_destruction_no_pseudonym_can_be_recomputed(self, spark, tmp_path):
        store = FileKeyStore(tmp_path / "keys")

        def pseudonym():
            keyed = keyed_days(spark, [DAY], Policy(), store)
            return keyed.select(hmac_sha256(keyed["inner"], keyed["outer"], keyed["date"].cast("string"))).first()[0]

        before, key, name = pseudonym(), store.get(day_period(DAY)), tmp_path / "keys" / f"{day_period(DAY)}.key"
        assert pseudonym() == before and store.periods() == [day_period(DAY)]
        assert store.destroy(day_period(DAY)) and not store.destroy(day_period(DAY))
        assert store.get(day_period(DAY)) is None and store.periods() == [] and not name.exists()
        assert not [p for p in tmp_path.rglob("*") if p.is_file() and key in p.read_bytes()]
        assert pseudonym() != before


class TestExpiry:
    def _fill(self, context):
        door = context.lake.door(writes=[Schema.PSEUDONYMOUS])
        found = frame(
            context.spark,
            "date DATE, pseudonym BINARY, origin STRING, age_band STRING, gender STRING, home_zone_id STRING",
            ("2026-03-02", b"a", "domestic", "20-29", "male", None),
            ("2026-03-03", b"b", "domestic", "20-29", "male", None),
        )
        door.replace(PROFILE, found, ["2026-03-02", "2026-03-03"])

    def test_what_is_over_goes_with_its_rows_and_on_record(self, context_at, tmp_path):
        """2 March ended two days and a minute before the processing time; 3 March one day and a minute."""
        context = context_at("2026-03-04T23:01:00", late_days=0)
        self._fill(context)
        wanted = ["day-2026-03-02", "day-2026-03-03", "day-2026-03-04", "week-2026-W09", "month-2026-02"]
        make_keys(context, wanted, "test")
        make_keys(context, wanted, "test")
        assert keys_live(context, [DAY]) and not keys_live(context, [DAY, dt.date(2026, 3, 5)])

        assert overdue(context_at("2026-03-04T22:59:00"), []) == ["day-2026-03-02", "month-2026-02", "week-2026-W09"]
        late = overdue(context_at("2026-03-04T23:01:00", late_days=1), [])
        assert late == ["day-2026-03-02", "month-2026-02", "week-2026-W09"]
        assert overdue(context_at("2026-03-04T23:01:00", late_days=2), []) == ["month-2026-02", "week-2026-W09"]
        assert overdue(context, [DAY]) == ["day-2026-03-02", "month-2026-02", "week-2026-W09"]
        assert overdue(context, []) == ["day-2026-03-02", "day-2026-03-03", "month-2026-02", "week-2026-W09"]
        assert expire(context, overdue(context, [DAY])) == ["day-2026-03-02", "month-2026-02", "week-2026-W09"]
        assert key_store(context).periods() == ["day-2026-03-03", "day-2026-03-04"]
        assert living_days(context) == {DAY, dt.date(2026, 3, 4)}
        door = context.lake.door(reads=[Schema.PSEUDONYMOUS, Schema.AUDIT])
        assert rows(door.read(PROFILE), "date") == [("2026-03-03",)]
        files = {p.parent.name for p in (tmp_path / "lake" / "pseudonymous" / "profile").rglob("*.parquet")}
        assert files == {"date=2026-03-03"}
        version = door.version(PROFILE)
        assert expire(context, []) == [] and door.version(PROFILE) == version
        noted = rows(door.read(KEY_EVENTS), "event", "period")
        assert [p for e, p in noted if e == "created"] == sorted(wanted)
        assert [p for e, p in noted if e == "destroyed"] == ["day-2026-03-02", "month-2026-02", "week-2026-W09"]

    def test_on_order(self, context_at, tmp_path, capsys):
        context = context_at("2026-03-04T05:00:00")
        self._fill(context)
        make_keys(context, [day_period(DAY), month_period(DAY)], "test")
        capsys.readouterr()
        assert threestep("keys", "--lake", tmp_path / "lake") == 0
        told = [m for m in messages(capsys.readouterr().out) if m["event"] == "key"]
        assert [(m["period"], m["gone_by"]) for m in told] == [
            ("day-2026-03-03", "2026-03-04T23:00:00+00:00"),
            ("month-2026-03", "2026-04-01T22:00:00+00:00"),
        ]
        destroy = ("keys", "--lake", tmp_path / "lake", "--destroy", "day-2026-03-03")
        assert threestep(*destroy) == 2
        assert threestep("keys", "--lake", tmp_path / "lake", "--destroy", "2026-03-03", "--reason", "x") == 2
        assert threestep(*destroy, "--reason", "ordered by the privacy officer") == 0
        assert key_store(context).periods() == ["month-2026-03"]
        door = context.lake.door(reads=[Schema.PSEUDONYMOUS, Schema.AUDIT])
        assert rows(door.read(PROFILE), "date") == [("2026-03-02",)]
        events = door.read(KEY_EVENTS).filter("event <> 'created'").orderBy("at")
        assert [(e.event, e.period, e.reason) for e in events.collect()] == [
            (word, "day-2026-03-03", "ordered by the privacy officer") for word in ("ordered", "destroyed")
        ]
        assert threestep(*destroy, "--reason", "again") == 2


class TestRetention:
    DATES = ("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04")

    def _fill(self, context):
        door = context.lake.door(writes=[Schema.RESTRICTED])
        ddl = (
            "event_date DATE, imsi STRING, event_time TIMESTAMP, cell_id STRING, event_type STRING, "
            "timing_advance INT, home_mcc SMALLINT, cell_known BOOLEAN"
        )
        seen = [(d, "262990000000001", f"{d}T10:00:00", "c", "data", None, 262, True) for d in self.DATES]
        door.replace(EVENTS, frame(context.spark, ddl, *seen), self.DATES)
        bad = "batch STRING, table_name STRING, event_date DATE, reasons ARRAY<STRING>, row STRING"
        rejected = [
            ("events/2026-03-02..2026-03-02", "events", "2026-03-01", ["r"], "1"),
            ("events/2026-03-02..2026-03-02", "events", None, ["r"], "2"),
            ("events/2026-03-03..2026-03-03", "events", "2026-03-02", ["r"], "3"),
            ("events/2026-03-03..2026-03-03", "events", "2026-03-03", ["r"], "4"),
            ("events/2026-03-03..2026-03-03", "events", None, ["r"], "5"),
            ("consent", "consent", None, ["r"], "6"),
        ]
        batches = sorted({r[0] for r in rejected})
        door.replace(QUARANTINE, frame(context.spark, bad, *rejected), batches)

    def _left(self, context):
        door = context.lake.door(reads=[Schema.RESTRICTED])
        return [r[0][-2:] for r in rows(door.read(EVENTS), "event_date")], [
            r[0] for r in rows(door.read(QUARANTINE), "row")
        ]

    def test_dates_go_a_day_after_they_could_be_released(self, context_at, tmp_path):
        """In the morning of the 4th, the day after the 3rd: what the 3rd's own release read goes, but not the 3rd."""
        context = context_at("2026-03-04T05:00:00")
        self._fill(context)
        held = {dt.date(2026, 3, 2)}
        assert purge_events(context_at("2026-03-04T05:00:00", late_days=3), []) == []
        assert purge_events(context, held) == []
        assert self._left(context) == (["01", "02", "03", "04"], list("123456"))

        assert list(map(str, purge_events(context, []))) == ["2026-03-01", "2026-03-02"]
        assert self._left(context) == (["03", "04"], list("456"))
        folders = {p.parent.name for p in (tmp_path / "lake" / "restricted" / "events").rglob("*.parquet")}
        assert folders == {"event_date=2026-03-03", "event_date=2026-03-04"}
        door = context.lake.door(reads=[Schema.RESTRICTED])
        versions = door.version(EVENTS), door.version(QUARANTINE)
        assert purge_events(context, []) == []
        assert (door.version(EVENTS), door.version(QUARANTINE)) == versions
        assert len(purge_events(context_at("2026-11-01T00:00:00"), [])) == 2
        assert self._left(context) == ([], ["6"])


def test_split_and_movement_share_the_day():
    assert split(day_period(DAY)) == ("day", "2026-03-03") and values_under(MOVEMENT, day_period(DAY)) == ["2026-03-03"]
