"""A request for access: what the present holder is told of a line, by what was known when each day was processed."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from end_to_end_tools import messages, threestep
from frames import at, frame

from expectations.audit import CONSENT_RECEIPTS
from expectations.catalog import ALL
from expectations.consent_ledger import CONSENT_LEDGER, PURPOSES
from expectations.subscribers import SUBSCRIBERS
from jobs.consent.eligibility import Holding, Objection, verdict
from jobs.consent.explain import ExplainParams, explain_line, masked
from jobs.consent.receipts import GENESIS, chain
from jobs.errors import RoomError, ThreestepError, UsageError
from jobs.lake import Lake
from udfs.purposes import EVERY, bit

DAY = (at("2026-03-02T23:00:00"), at("2026-03-03T23:00:00"))
NOW = at("2026-03-04T05:00:00")
STATISTICS, RESEARCH = PURPOSES[0], PURPOSES[1]


def _held(*objections, since="2026-01-01T00:00:00", until=None, is_thing=False):
    made = tuple(Objection(bits, at(start), at(end) if end else None) for bits, start, end in objections)
    return Holding(at(since), at(until) if until else None, is_thing, made)


class TestVerdict:
    @pytest.mark.parametrize(
        ("objections", "told"),
        [
            ([], "eligible"),
            ([(bit(RESEARCH), "2026-01-01T00:00:00", None)], "eligible"),
            ([(EVERY, "2026-03-04T04:59:59", None)], "not eligible: objection since 2026-03-04T04:59:59+00:00"),
            ([(EVERY, "2026-03-04T05:00:01", None)], "eligible"),
            ([(EVERY, "2026-02-01T00:00:00", "2026-03-02T23:00:00")], "eligible"),
            (
                [(EVERY, "2026-02-01T00:00:00", "2026-03-03T10:00:00")],
                "partly: objection 2026-03-02T23:00:00+00:00 to 2026-03-03T10:00:00+00:00",
            ),
            (
                [
                    (EVERY, "2026-02-01T00:00:00", "2026-03-03T10:00:00"),
                    (bit(STATISTICS), "2026-03-03T10:00:00", "2026-03-04T01:00:00"),
                ],
                "not eligible: objection 2026-03-02T23:00:00+00:00 to 2026-03-03T10:00:00+00:00, "
                "2026-03-03T10:00:00+00:00 to 2026-03-03T23:00:00+00:00",
            ),
            (
                [
                    (EVERY, "2026-02-01T00:00:00", "2026-03-03T10:00:00"),
                    (EVERY, "2026-03-03T10:00:01", "2026-03-04T01:00:00"),
                ],
                "partly: objection 2026-03-02T23:00:00+00:00 to 2026-03-03T10:00:00+00:00, "
                "2026-03-03T10:00:01+00:00 to 2026-03-03T23:00:00+00:00",
            ),
        ],
    )
    def test_by_event_time_and_processing_time(self, objections, told):
        assert verdict([_held(*objections)], STATISTICS, DAY, NOW) == told

    def test_without_a_line_on_the_day(self):
        none = "not eligible: no line of this holder on the day"
        assert verdict([_held(until="2026-03-02T23:00:00")], STATISTICS, DAY, NOW) == none
        assert verdict([_held(since="2026-03-03T23:00:00")], STATISTICS, DAY, NOW) == none
        assert verdict([_held(is_thing=True)], STATISTICS, DAY, NOW) == verdict([], STATISTICS, DAY, NOW) == none
        assert verdict([_held(until="2026-03-02T23:00:01")], STATISTICS, DAY, NOW) == "eligible"


A, B, OLD = "+4915550000001", "+4915550000002", "+4915550000009"


@pytest.fixture(scope="module")
def lake(spark, tmp_path_factory):
    """B was another person's until February. A's holder had the number OLD before."""
    lake = Lake(spark, str(tmp_path_factory.mktemp("explain") / "lake"))
    door = lake.door(writes=[CONSENT_LEDGER, SUBSCRIBERS, CONSENT_RECEIPTS])
    people = (
        "subscriber_id STRING, msisdn STRING, imsi STRING, contract STRING, valid_from TIMESTAMP, valid_to TIMESTAMP"
    )
    held = frame(
        spark,
        people,
        ("anna", OLD, "262990000000009", "private", "2025-01-01T00:00:00", "2026-01-01T00:00:00"),
        ("anna", A, "262990000000009", "private", "2026-01-01T00:00:00", None),
        ("bert", B, "262990000000002", "private", "2025-01-01T00:00:00", "2026-02-01T00:00:00"),
        ("cleo", B, "262990000000003", "private", "2026-02-01T00:00:00", None),
    )
    rest = held.selectExpr("*", "'b' AS brand", "1980 AS birth_year", "'male' AS gender", "'z' AS home_zone_id")
    door.replace(SUBSCRIBERS, rest)
    ddl = ", ".join(f"{c.name} {c.type}" for c in CONSENT_LEDGER.columns)
    first, second = "2026-03-03T05:00:00", "2026-03-04T05:00:00"
    ledger = frame(
        spark,
        ddl,
        (OLD, RESEARCH, "object", "2025-06-01T00:00:00", None, "r1", "web", "b", first, None),
        (A, "rewards", "consent", "2026-02-01T00:00:00", None, "r2", "app", "b", first, None),
        # Of this one nobody knew on the first day: it came in late.
        (A, STATISTICS, "object", "2026-03-01T00:00:00", None, "r3", "letter", "b", second, None),
        (B, "all", "object", "2025-06-01T00:00:00", None, "r4", "web", "b", first, None),
    )
    door.merge(CONSENT_LEDGER, ledger)
    receipts = []
    for day, processed in ((2, first), (3, second)):
        for purpose in PURPOSES:
            receipts.append(
                {
                    "receipt_id": f"{day}{purpose}",
                    "number": len(receipts) + 1,
                    "run_id": "run",
                    "date": dt.date(2026, 3, day),
                    "purpose": purpose,
                    "ledger_version": "v",
                    "delivered_at": at(processed),
                    "processed_at": at(processed),
                    **dict.fromkeys(("lines_objecting", "events_in", "events_excluded", "events_unexplained"), 1),
                    **{"events_kept": 1, "probe_leaks": 0, "waiver": None},
                }
            )
    chained = [tuple(row[c] for c in CONSENT_RECEIPTS.column_names) for row in chain(receipts, GENESIS)]
    door.merge(CONSENT_RECEIPTS, spark.createDataFrame(chained, CONSENT_RECEIPTS.struct).coalesce(1), matched={})
    return lake


class TestExplain:
    def test_by_what_was_known_on_each_day_and_over_a_change_of_number(self, lake, monkeypatch):
        """It opens three tables; that its modules name no location table either, the test of the rooms holds."""
        opened, door = [], Lake.door

        def spy(self, reads=(), writes=()):
            opened.append((set(reads), set(writes)))
            return door(self, reads, writes)

        monkeypatch.setattr(Lake, "door", spy)
        answer = explain_line(lake, "01555 / 000-0001", ExplainParams("Europe/Berlin"))
        allowed = {CONSENT_LEDGER, SUBSCRIBERS, CONSENT_RECEIPTS}
        assert opened == [(allowed, set())]
        for contract in (c for c in ALL if c not in allowed):
            with pytest.raises(RoomError):
                door(lake, reads=allowed).read(contract)
        first, second = answer.days
        research = "not eligible: objection since 2025-06-01T00:00:00+00:00"
        assert (first["date"], first[STATISTICS], first[RESEARCH]) == ("2026-03-02", "eligible", research)
        late = "not eligible: objection since 2026-03-01T00:00:00+00:00"
        assert (second["date"], second[STATISTICS], second[RESEARCH]) == ("2026-03-03", late, research)
        assert second["traffic_planning"] == "eligible"
        told = [(d["purpose"], d["decision"], d["recorded_from"][:10], d["made_for"]) for d in answer.decisions]
        assert sorted(told, key=str) == [
            (RESEARCH, "object", "2026-03-03", "an earlier number of the holder"),
            (STATISTICS, "object", "2026-03-04", "this number"),
            ("rewards", "consent", "2026-03-03", "this number"),
        ]
        assert A not in json.dumps([answer.masked, answer.decisions, answer.days])

    def test_an_earlier_holders_decisions_are_not_told(self, lake):
        answer = explain_line(lake, B, ExplainParams("Europe/Berlin"))
        assert answer.decisions == [] and {d[p] for d in answer.days for p in PURPOSES} == {"eligible"}

    def test_by_the_command_and_only_by_who_owns_the_folder(self, lake, tmp_path, capsys):
        capsys.readouterr()
        assert threestep("explain-line", "+49 (0)1555 0000001", "--lake", lake.root) == 0
        out = capsys.readouterr()
        told = messages(out.out)
        assert [m["event"] for m in told].count("decision") == 3 and [m["event"] for m in told].count("day") == 2
        assert masked(A) == "+49•••••••••01" and any(masked(A) in m["event"] for m in told)
        assert not [n for n in (A, A[1:], A[3:], OLD[1:], "0000001") if n in out.out + out.err]
        assert threestep("explain-line", "no number", "--lake", lake.root) == 2
        assert threestep("explain-line", A, "--lake", tmp_path / "none") == 1

        folder = Path(lake.root) / "restricted"
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o750)
        capsys.readouterr()
        assert threestep("explain-line", A, "--lake", lake.root) == 1
        assert "chmod 0700" in capsys.readouterr().out
        folder.chmod(0o700)

    def test_another_user_is_refused(self, lake, monkeypatch):
        from jobs.consent import access

        access.refuse_strangers(Path(lake.root) / "restricted")
        monkeypatch.setattr(access.os, "geteuid", lambda: 12345)
        with pytest.raises(RoomError, match="another user"):
            access.refuse_strangers(Path(lake.root) / "restricted")

    def test_what_cannot_be_answered(self, lake, spark, tmp_path):
        with pytest.raises(UsageError, match="phone number"):
            explain_line(lake, "12", ExplainParams("Europe/Berlin"))
        with pytest.raises(ThreestepError, match="does not exist"):
            explain_line(Lake(spark, str(tmp_path / "lake")), A, ExplainParams("Europe/Berlin"))
