"""Deliveries that repeat, contradict and decide what is known."""

from __future__ import annotations

from frames import frame, rows

from expectations.consent_requests import CONSENT_REQUESTS
from jobs.consent.requests import of_touched_lines, unseen

DDL = ", ".join(f"{c.name} {c.type}" for c in CONSENT_REQUESTS.columns)
A, B = "+4915550000001", "+4915550000002"
JAN, FEB = "2026-01-01T00:00:00", "2026-02-01T00:00:00"
OK, OPEN = "accepted", "open"
ALL, END = ("all", "object"), ("all", "withdraw")
# Name: what is stored and what is delivered under the identity (number, purpose, decision, time, status), and what
# is to be written: under its own identity, or under one made for it.
CASES = {
    "new": (None, (A, *ALL, JAN, OK), (A, *ALL, OK)),
    "again": ((A, *ALL, JAN, OK), (A, *ALL, JAN, OK), None),
    "decided": (
        (A, *ALL, JAN, OPEN),
        (A, "market_research", "object", JAN, OK),
        (A, "market_research", "object", OK),
    ),
    "decided: none": ((A, *ALL, JAN, OPEN), (A, *END, FEB, OK), (A, *END, OK)),
    "a number for it": ((None, *ALL, JAN, OPEN), (A, *ALL, JAN, OK), (A, *ALL, OK)),
    "a number, still open": (
        (None, *ALL, JAN, OPEN),
        (A, *ALL, FEB, OPEN),
        (A, *ALL, OPEN),
    ),
    "open again, another time": ((A, *ALL, JAN, OPEN), (A, *ALL, FEB, OPEN), None),
    "open after its decision": ((A, *END, FEB, OK), (A, *ALL, FEB, OPEN), None),
    "no number after its decision": ((A, *END, FEB, OK), (None, *ALL, FEB, OPEN), None),
    "another line's objection": (
        (A, *ALL, JAN, OK),
        (B, *ALL, JAN, OK),
        (B, *ALL, "made"),
    ),
    "another line's withdrawal": ((A, *ALL, JAN, OK), (B, *END, JAN, OK), None),
    "another line's decision": (
        (A, *ALL, JAN, OPEN),
        (B, *ALL, JAN, OK),
        (B, *ALL, "made"),
    ),
    "another objection": ((A, *END, JAN, OK), (A, *ALL, JAN, OK), (A, *ALL, "made")),
    "another purpose, open": (
        (A, "market_research", "object", JAN, OPEN),
        (A, *ALL, JAN, OPEN),
        (A, *ALL, "made"),
    ),
}


def _frames(spark):
    stored = [(name, *row) for name, (row, _, _) in CASES.items() if row]
    stored.append(("seen#m", B, "all", "object", JAN, OPEN))
    stored.append(("seen", A, "all", "object", JAN, OK))
    delivered = [(name, *row, f"{name}#m") for name, (_, row, _) in CASES.items()]
    # Under an identity made for it before; and a case that comes with its decision.
    delivered.append(("seen", B, "all", "object", JAN, OK, "seen#m"))
    delivered.append(("both", A, "all", "object", JAN, OPEN, "both#m"))
    delivered.append(("both", A, "all", "withdraw", FEB, OK, "both#n"))
    full = [(i, m, p, d, "web", None, t, s) for i, m, p, d, t, s in stored]
    new = [(i, m, p, d, "web", None, t, s, made) for i, m, p, d, t, s, made in delivered]
    return frame(spark, f"{DDL}, made STRING", *new), frame(spark, DDL, *full)


class TestUnseen:
    def test_what_a_delivery_adds(self, spark):
        got = rows(unseen(*_frames(spark)), "request_id", "msisdn", "purpose", "decision", "status")
        want = [
            (f"{name}#m", *row[:3], OPEN) if row[3] == "made" else (name, *row)
            for name, (_, _, row) in CASES.items()
            if row
        ]
        assert got == sorted([*want, ("both", A, "all", "withdraw", OK)], key=repr)


class TestTouchedLines:
    def test_every_request_of_a_touched_line_once(self, spark):
        stored = frame(
            spark,
            DDL,
            ("1", A, "all", "object", "web", None, JAN, OPEN),
            ("2", A, "all", "object", "web", None, JAN, OK),
            ("3", B, "all", "object", "web", None, JAN, OK),
        )
        new = frame(
            spark,
            DDL,
            ("1", A, "all", "withdraw", "web", None, FEB, OK),
            ("4", None, "all", "object", "web", None, FEB, OPEN),
        )
        got = rows(of_touched_lines(new, stored), "request_id", "decision")
        assert got == [("1", "withdraw"), ("2", "object"), ("4", "object")]
