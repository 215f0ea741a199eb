"""The ledger from requests, and what a merge into it writes: order, repeats, contradictions, what was known when."""

from __future__ import annotations

from frames import at, frame, rows
from pyspark.sql import functions as F

from expectations.consent_ledger import CONSENT_LEDGER
from expectations.consent_requests import CONSENT_REQUESTS
from jobs.consent.ledger import changes, current, intervals, known_at, objections, state_of
from jobs.consent.receipts import objecting_lines

DDL = ", ".join(f"{c.name} {c.type}" for c in CONSENT_REQUESTS.columns)
LEDGER_DDL = ", ".join(f"{c.name} {c.type}" for c in CONSENT_LEDGER.columns)
A, B = "+4915550000001", "+4915550000002"
# Name: what was said (purpose, decision, day of January), and the intervals (purpose, first day, day after).
SAID = {
    "object, withdraw": ([("all", "object", 1), ("all", "withdraw", 5)], [("all", 1, 5)]),
    "in another order": ([("all", "withdraw", 5), ("all", "object", 1)], [("all", 1, 5)]),
    "a tie": ([("all", "object", 1), ("all", "withdraw", 1)], [("all", 1, None)]),
    "a tie while it holds": ([("all", "object", 1), ("all", "withdraw", 3), ("all", "object", 3)], [("all", 1, None)]),
    "back-dated withdrawal": (
        [("all", "object", 1), ("all", "object", 5), ("all", "withdraw", 3)],
        [("all", 1, 3), ("all", 5, None)],
    ),
    "one purpose leaves all": (
        [("all", "object", 1), ("market_research", "object", 2), ("market_research", "withdraw", 3)],
        [("all", 1, None), ("market_research", 2, 3)],
    ),
    "all lifts everything": (
        [("market_research", "object", 2), ("all", "withdraw", 3)],
        [("market_research", 2, 3)],
    ),
    "repeated": ([("all", "object", 2), ("all", "object", 5)], [("all", 2, None)]),
    "nothing to withdraw": ([("all", "withdraw", 2)], []),
    "membership": (
        [("rewards", "consent", 1), ("all", "object", 2), ("all", "withdraw", 3), ("rewards", "withdraw", 4)],
        [("all", 2, 3), ("rewards", 1, 4)],
    ),
    "membership, a tie": ([("rewards", "consent", 1), ("rewards", "withdraw", 1)], []),
    "unclear": ([("rewards", "object", 1), ("market_research", "consent", 2)], []),
}


def _day(day):
    return None if day is None else f"2026-01-{day:02d}T10:00:00"


def _said(spark, *said):
    """Requests: number, purpose, decision, day."""
    return frame(
        spark, DDL, *((f"r{i}", m, p, d, "web", "alpha", _day(t), "accepted") for i, (m, p, d, t) in enumerate(said))
    )


def _ledger(spark, *lines):
    """Ledger rows: number, purpose, days of validity, days of knowledge."""
    return frame(
        spark,
        LEDGER_DDL,
        *((m, p, "object", _day(a), _day(b), "r", "web", None, _day(c), _day(d)) for m, p, a, b, c, d in lines),
    )


def _now(spark, *lines):
    """Intervals: number, purpose, days of validity."""
    known = _ledger(spark, *((*line, 1, None) for line in lines))
    return known.drop("recorded_from", "recorded_to")


def _days(df):
    """Rows without request, channel and brand; instants as days of January."""
    names = ("msisdn", "purpose", "valid_from", "valid_to", "recorded_from", "recorded_to")
    picked = [[v and (int(v[8:10]) if v[:4] == "2026" else v) for v in row] for row in rows(df, *names)]
    return sorted((tuple(row) for row in picked), key=repr)


class TestIntervals:
    def test_what_was_said_by_purpose_and_time(self, spark):
        numbers = {name: f"+49155500{i:05d}" for i, name in enumerate(SAID)}
        said = [(numbers[name], *request) for name, (requests, _) in SAID.items() for request in requests]
        got = rows(intervals(_said(spark, *said)), "msisdn", "purpose", "decision", "valid_from", "valid_to")
        want = [
            (numbers[n], p, "consent" if p == "rewards" else "object", _day(a), _day(b))
            for n, (_, found) in SAID.items()
            for p, a, b in found
        ]
        plain = [tuple(v and v.replace("T", " ") if i > 2 else v for i, v in enumerate(row)) for row in want]
        assert got == sorted(plain, key=repr)

    def test_request_and_brand_are_those_of_the_first_objection(self, spark):
        got = intervals(_said(spark, (A, "all", "object", 2), (A, "all", "object", 2), (A, "all", "object", 3)))
        assert rows(got, "request_id", "channel", "brand") == [("r0", "web", "alpha")]


class TestChanges:
    def test_superseded_rows_are_closed_and_new_ones_begin(self, spark):
        then = _ledger(
            spark, (A, "all", 1, None, 2, None), (A, "market_research", 1, None, 2, None), (B, "all", 3, None, 4, None)
        )
        now = _now(spark, (A, "all", 1, None), (B, "all", 1, None), (B, "traffic_planning", 5, 6))
        # A's one objection stays as it is, its other one never was, and B objected earlier than was thought.
        assert _days(changes(now, then, at(_day(9)))) == [
            (A, "market_research", 1, None, 2, 9),
            (B, "all", 1, None, 9, None),
            (B, "all", 3, None, 4, 9),
            (B, "traffic_planning", 5, 6, 9, None),
        ]
        assert changes(
            _now(spark, (A, "all", 1, None)), _ledger(spark, (A, "all", 1, None, 2, None)), at(_day(9))
        ).isEmpty()

    def test_what_was_recorded_at_the_same_instant_or_ahead_was_never_known(self, spark):
        then = _ledger(
            spark, (A, "all", 1, None, 9, None), (B, "all", 1, None, 12, None), (B, "market_research", 1, None, 9, None)
        )
        now = _now(spark, (A, "all", 1, 3), (B, "all", 1, 3))
        assert _days(changes(now, then, at(_day(9)))) == [
            (A, "all", 1, 3, 9, None),
            (B, "all", 1, 3, 12, None),
            (B, "market_research", 1, None, 9, 9),
        ]


class TestKnowledge:
    def test_now_then_and_the_state_in_between(self, spark):
        told = _ledger(
            spark, (A, "all", 1, None, 2, 5), (A, "all", 1, 4, 5, None), (B, "market_research", 3, None, 3, None)
        )
        member = _ledger(spark, (B, "rewards", 1, None, 6, None)).withColumn("decision", F.lit("consent"))
        whole = told.unionByName(member)
        assert _days(current(whole)) == [
            (A, "all", 1, 4, 5, None),
            (B, "market_research", 3, None, 3, None),
            (B, "rewards", 1, None, 6, None),
        ]
        assert [row[:4] for row in _days(known_at(whole, at(_day(4))))] == [
            (A, "all", 1, None),
            (B, "market_research", 3, None),
        ]
        assert rows(objections(whole), "purpose", "valid_to") == [
            ("all", "2026-01-04 10:00:00"),
            ("market_research", None),
        ]
        requests = _said(spark, (A, "all", "object", 1), (B, "all", "object", 1)).replace(
            "accepted", "open", ["status"]
        )
        found = state_of(whole, requests, at(_day(7))).first()
        assert (found["rows"], found["lines"], found["requests"], found["open"]) == (3, 2, 2, 2)
        assert (found["mobility_statistics"], found["market_research"]) == (0, 1)
        # The digest is of what is known now: not of when it became known, nor of what was thought before.
        later = current(whole).withColumn("recorded_from", F.col("valid_from"))
        assert state_of(later, requests, at(_day(7))).first()["content"] == found["content"]
        assert state_of(told, requests, at(_day(7))).first()["content"] != found["content"]


class TestProbeAgrees:
    def test_last_words_equal_open_intervals(self, spark):
        requests = _said(
            spark,
            (A, "all", "object", 1),
            (A, "all", "withdraw", 2),
            (A, "market_research", "object", 2),
            (A, "traffic_planning", "object", 3),
            (A, "traffic_planning", "withdraw", 3),
        )
        open_now = {r[0] for r in rows(intervals(requests), "purpose", "valid_to") if r[1] is None}
        assert {r[0] for r in rows(objecting_lines(requests), "purpose")} == open_now
        assert open_now == {"market_research", "traffic_planning"}
