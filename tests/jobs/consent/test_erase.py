"""Whom to erase: silent lines, units that share a line that serves, numbers that went to others, new objections."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from frames import at, frame, rows

from expectations.consent_ledger import CONSENT_LEDGER
from expectations.subscribers import SUBSCRIBERS
from jobs.consent.erase import (
    KEYS_SCHEMA,
    EraseParams,
    marks,
    needles,
    objecting,
    pseudonyms,
    silent_sims,
)
from jobs.consent.numbers import number_links
from udfs.keys import pads
from udfs.purposes import EVERY, bit

START, SWAP, BEFORE, LAST, NOW = (f"2026-0{m}-01T00:00:00" for m in range(1, 6))
SILENT, SWAPPED, PARTLY, SECOND, REISSUED, UNKNOWN, EACH = (f"+49155500000{i:02d}" for i in range(7))
KEY = bytes(range(32))
PARAMS = EraseParams(as_of=at(NOW), since=at(LAST))


def _sim(n):
    return f"2629900000000{n:02d}"


def _subscribers(spark):
    ddl = ", ".join(f"{c.name} {c.type}" for c in SUBSCRIBERS.columns)

    def line(person, number, sim, start=START, end=None, contract="private"):
        return (person, number, _sim(sim), "a", contract, None, None, None, start, end)

    return frame(
        spark,
        ddl,
        line("p1", SILENT, 1, contract="business"),
        line("p2", SWAPPED, 2, START, SWAP),
        line("p2", SWAPPED, 3, SWAP),
        line("p3", PARTLY, 4),
        line("p4", SECOND, 5),
        line("p4", "+4915550000099", 6),
        line("p5", REISSUED, 7, START, SWAP),
        line("p6", REISSUED, 8, SWAP),
        line("p7", EACH, 9),
    )


def _ledger(spark):
    ddl = ", ".join(f"{c.name} {c.type}" for c in CONSENT_LEDGER.columns)

    def objection(number, purpose="all", known=BEFORE, start=START, end=None, gone=None):
        return (number, purpose, "object", start, end, f"{number}{purpose}", "web", None, known, gone)

    each = ("mobility_statistics", "market_research", "traffic_planning", "location_offers")
    return frame(
        spark,
        ddl,
        objection(SILENT),
        objection(SWAPPED, known=NOW),
        objection(PARTLY, "market_research", known=NOW),
        objection(SECOND, known=NOW),
        objection(REISSUED),
        objection(UNKNOWN),
        objection("+4915550000099", "all", end=SWAP),
        *(objection(EACH, purpose) for purpose in each),
        objection("+4915550000098", "all", gone=NOW),
        (SILENT, "rewards", "consent", START, None, "r", "web", None, NOW, None),
    )


@pytest.fixture(scope="module")
def found(spark):
    people = _subscribers(spark)
    lines = objecting(people, _ledger(spark), number_links(people), PARAMS).cache()
    return lines, marks(lines, _ledger(spark), PARAMS).cache()


class TestWhom:
    def test_bits_and_what_is_new(self, found):
        assert rows(found[0].filter("bits <> 0 OR fresh <> 0"), "msisdn", "imsi", "bits", "fresh") == [
            (SILENT, _sim(1), EVERY, 0),
            (SWAPPED, _sim(2), EVERY, EVERY),
            (SWAPPED, _sim(3), EVERY, EVERY),
            (PARTLY, _sim(4), bit("market_research"), bit("market_research")),
            (SECOND, _sim(5), EVERY, EVERY),
            (REISSUED, _sim(7), EVERY, 0),
            (EACH, _sim(9), EVERY, 0),
        ]

    def test_sims_by_interval(self, found):
        got = rows(silent_sims(found[0]), "imsi", "valid_from", "valid_to")
        assert [row[0] for row in got] == [_sim(n) for n in (1, 2, 3, 5, 7, 9)]
        assert got[1][2] == SWAP.replace("T", " ") and got[2][2] is None

    def test_marks_that_others_share_are_not_gone(self, found):
        got = {(kind, value): (gone, fresh) for kind, value, gone, fresh in rows(found[1])}
        assert got == {
            **{("number", number): (True, number in (SWAPPED, SECOND)) for number in (SILENT, SWAPPED, SECOND, EACH)},
            ("number", UNKNOWN): (True, False),
            ("number", PARTLY): (False, True),
            **{("sim", _sim(n)): (True, n in (2, 3, 5)) for n in (1, 2, 3, 5, 7, 9)},
            ("sim", _sim(4)): (False, True),
            ("unit", f"l:{SILENT}"): (True, False),
            **{("unit", f"s:p{n}"): (True, n == 2) for n in (2, 5, 7)},
            # The unit has a line that serves: its rows are made anew, but its pseudonym may be seen.
            ("unit", "s:p3"): (False, True),
            ("unit", "s:p4"): (False, True),
        }

    def test_before_the_first_erasure_all_is_new(self, spark):
        first = EraseParams(as_of=at(NOW), since=None)
        people = _subscribers(spark)
        got = objecting(people, _ledger(spark), number_links(people), first)
        assert got.filter("bits <> 0").count() == 7 and got.filter("bits <> fresh").isEmpty()


class TestNeedles:
    def test_every_pseudonym_of_every_living_key(self, spark, found):
        keys = frame(spark, KEYS_SCHEMA, ("day-2026-03-03", *pads(KEY)), ("month-2026-03", *pads(KEY[::-1])))
        hashes = pseudonyms(found[1], keys).cache()
        got = {bytes(row["pseudonym"]): row["gone"] for row in hashes.collect()}

        def made(key, message):
            return hmac.new(key, message.encode(), hashlib.sha256).digest()

        for key in (KEY, KEY[::-1]):
            for message in (f"l:{SILENT}", "s:p2", f"v:{_sim(3)}", f"line:{UNKNOWN}", f"l:{UNKNOWN}"):
                assert got[made(key, message)] is True
            assert got[made(key, "s:p4")] is False
            assert made(key, f"v:{_sim(4)}") not in got and made(key, f"l:{REISSUED}") not in got
        looked_for = dict(rows(needles(found[1], hashes, PARAMS)))
        assert looked_for[SILENT[1:]] == "number" and looked_for[_sim(1)] == "sim"
        assert looked_for[made(KEY, "s:p2").hex().upper()] == "pseudonym"
        assert made(KEY, "s:p4").hex().upper() not in looked_for and REISSUED[1:] not in looked_for
