"""Receipts: whoever alters, removes or re-orders one is found out, from the stored rows alone."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from end_to_end_tools import messages, threestep
from frames import at

from expectations.audit import CONSENT_RECEIPTS, RUNS
from expectations.consent_ledger import PURPOSES
from expectations.contract import Schema
from jobs.consent.receipts import GENESIS, chain, link_hash
from jobs.consent.verify import Anchor, all_receipts, faults, recorded_ends
from jobs.lake import Lake


def _receipt(number, **changes):
    row = {
        "receipt_id": f"id{number}",
        "number": number,
        "run_id": "run",
        "date": dt.date(2026, 3, 3),
        "purpose": PURPOSES[(number - 1) % 4],
        "ledger_version": "abc",
        "delivered_at": at("2026-03-04T04:00:00"),
        "processed_at": at("2026-03-04T05:00:00.123456"),
        "lines_objecting": 7,
        "events_in": 100,
        "events_excluded": 10,
        "events_unexplained": 5,
        "events_kept": 85,
        "probe_leaks": 0,
        "waiver": None,
    }
    return {**row, **changes}


def _chain(count=6):
    return chain([_receipt(n) for n in range(1, count + 1)], GENESIS)


def _rehashed(row):
    """As a careful forger would leave it."""
    return {**row, "hash": link_hash(row, row["previous_hash"])}


def _told(rows, *anchors):
    return [(f.receipt_id, f.what) for f in faults(rows, anchors)]


class TestFaults:
    def test_an_untouched_chain_has_none_in_any_order(self):
        rows = _chain()
        assert (
            faults(list(reversed(rows)), [Anchor(4, rows[3]["hash"], "a run"), Anchor(6, rows[5]["hash"], "r")]) == []
        )
        assert faults([], []) == []

    @pytest.mark.parametrize("name", [c for c in CONSENT_RECEIPTS.column_names if c not in ("receipt_id", "number")])
    def test_any_altered_field(self, name):
        rows = _chain()
        value = rows[2][name]
        changed = value + dt.timedelta(days=1) if isinstance(value, dt.date) else f"{value}1"
        rows[2][name] = value + 1 if isinstance(value, int) else changed
        assert ("id3", "altered: its content does not give its hash") in _told(rows)

    def test_altered_and_hashed_anew(self):
        rows = _chain()
        rows[2] = _rehashed({**rows[2], "events_excluded": 0})
        assert [r for r, _ in _told(rows)] == ["id4"]
        rows[5] = _rehashed({**rows[5], "events_excluded": 0})
        assert ("id6", "not the receipt that a run recorded") in _told(rows, Anchor(6, _chain()[5]["hash"], "a run"))

    def test_removed_in_the_middle(self):
        rows = _chain()
        told = _told(rows[:2] + rows[3:])
        assert told[0] == ("id4", "number 3 before it was removed") and "follow" in told[1][1] and len(told) == 2

    def test_removed_and_numbered_anew(self):
        rows = _chain()
        told = _told(rows[:2] + [{**row, "number": row["number"] - 1} for row in rows[3:]])
        assert [r for r, _ in told] == ["id4", "id4", "id5", "id6"]

    def test_removed_at_the_start_and_at_the_end(self):
        rows = _chain()
        assert _told(rows[1:])[0] == ("id2", "number 1 before it was removed")
        assert _told(rows[:4]) == []
        told = _told(rows[:4], Anchor(6, rows[5]["hash"], "a run"))
        assert told == [("id4", "the chain ends here; a run recorded 6 receipts: its end was removed")]
        assert _told([], Anchor(6, rows[5]["hash"], "a run"))[0][0] == "-"

    def test_end_replaced_by_another(self):
        rows = _chain()
        other = chain([_receipt(n, events_excluded=0) for n in (5, 6)], rows[3]["hash"])
        assert _told(rows[:4] + other) == []
        assert [r for r, _ in _told(rows[:4] + other, Anchor(6, rows[5]["hash"], "a run"))] == ["id6"]

    def test_two_that_changed_places(self):
        rows = _chain()
        rows[1], rows[2] = {**rows[2], "number": 2}, {**rows[1], "number": 3}
        assert {r for r, _ in _told(rows)} == {"id3", "id2", "id4"}


class TestStored:
    def test_what_is_stored_gives_its_hash_and_a_change_in_the_lake_shows(self, spark, tmp_path, capsys):
        lake, written = Lake(spark, str(tmp_path / "lake")), _chain(4)
        door = lake.door(writes=[Schema.AUDIT])
        rows = [tuple(row[c] for c in CONSENT_RECEIPTS.column_names) for row in written]
        door.merge(CONSENT_RECEIPTS, spark.createDataFrame(rows, CONSENT_RECEIPTS.struct).coalesce(1), matched={})
        day, now = dt.date(2026, 3, 3), at("2026-03-04T05:01:00")
        ended = ("run", "segment", day, day, "done", "", 1, 1, 1.0, None, 4, written[3]["hash"], now)
        door.append(RUNS, [ended])
        assert all_receipts(lake) == written
        assert recorded_ends(lake) == [Anchor(4, written[3]["hash"], "audit.runs of run run")]

        capsys.readouterr()
        verify = ("receipts", "--lake", tmp_path / "lake", "--date", "2026-03-03", "--verify")
        assert threestep(*verify, "--contains", written[1]["hash"]) == 0
        told = messages(capsys.readouterr().out)
        assert [m["number"] for m in told if m["event"] == "receipt"] == [1, 2, 3, 4]
        assert written[3]["hash"] in told[-1]["event"]
        assert threestep(*verify, "--contains", "no such hash") == 1
        assert threestep("receipts", "--lake", tmp_path / "no lake", "--verify") == 1

        spark.sql(f"UPDATE delta.`{lake.location(CONSENT_RECEIPTS)}` SET events_excluded = 11 WHERE receipt_id = 'id2'")
        assert threestep(*verify) == 1
        failed = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert "receipt id2, number 2: altered" in failed["message"]

    def test_a_naive_instant_is_not_hashed(self):
        with pytest.raises(ValueError, match="time zone"):
            link_hash({"at": dt.datetime(2026, 3, 3)}, GENESIS)
