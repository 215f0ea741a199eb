"""The ledger from requests: order, repeats, contradictions, all against one."""

from __future__ import annotations

from frames import frame, rows

from jobs.consent.ledger import intervals
from jobs.consent.receipts import objecting_lines

DDL = (
    "request_id STRING, msisdn STRING, purpose STRING, decision STRING, channel STRING, "
    "brand STRING, received_at TIMESTAMP, status STRING"
)
A = "+4915550000001"


def _requests(spark, *said):
    return frame(spark, DDL, *((f"r{i}", A, p, d, "web", "alpha", t, "accepted") for i, (p, d, t) in enumerate(said)))


def _ledger(spark, *said):
    return rows(intervals(_requests(spark, *said)), "purpose", "valid_from", "valid_to")


class TestLedger:
    def test_object_then_withdraw(self, spark):
        got = _ledger(spark, ("all", "object", "2026-01-01T10:00:00"), ("all", "withdraw", "2026-02-01T10:00:00"))
        assert got == [("all", "2026-01-01 10:00:00", "2026-02-01 10:00:00")]

    def test_order_of_arrival_does_not_matter(self, spark):
        said = [("all", "withdraw", "2026-02-01T10:00:00"), ("all", "object", "2026-01-01T10:00:00")]
        assert _ledger(spark, *said) == _ledger(spark, *reversed(said))

    def test_objection_wins_a_tie(self, spark):
        t = "2026-01-01T10:00:00"
        assert _ledger(spark, ("all", "object", t), ("all", "withdraw", t)) == [("all", "2026-01-01 10:00:00", None)]

    def test_withdrawing_one_purpose_leaves_all(self, spark):
        got = _ledger(
            spark,
            ("all", "object", "2026-01-01T00:00:00"),
            ("market_research", "object", "2026-01-02T00:00:00"),
            ("market_research", "withdraw", "2026-01-03T00:00:00"),
        )
        assert got == [
            ("all", "2026-01-01 00:00:00", None),
            ("market_research", "2026-01-02 00:00:00", "2026-01-03 00:00:00"),
        ]

    def test_withdrawing_all_lifts_everything(self, spark):
        got = _ledger(
            spark,
            ("market_research", "object", "2026-01-02T00:00:00"),
            ("all", "withdraw", "2026-01-03T00:00:00"),
        )
        assert got == [("market_research", "2026-01-02 00:00:00", "2026-01-03 00:00:00")]

    def test_joining_rewards_touches_nothing(self, spark):
        got = _ledger(spark, ("all", "object", "2026-01-02T00:00:00"), ("rewards", "consent", "2026-01-03T00:00:00"))
        assert got == [("all", "2026-01-02 00:00:00", None), ("rewards", "2026-01-03 00:00:00", None)]

    def test_repeated_objection_keeps_the_first_instant(self, spark):
        got = _ledger(spark, ("all", "object", "2026-01-02T00:00:00"), ("all", "object", "2026-01-05T00:00:00"))
        assert got == [("all", "2026-01-02 00:00:00", None)]


class TestProbeAgrees:
    def test_last_words_equal_open_intervals(self, spark):
        requests = _requests(
            spark,
            ("all", "object", "2026-01-01T00:00:00"),
            ("all", "withdraw", "2026-01-02T00:00:00"),
            ("market_research", "object", "2026-01-02T00:00:00"),
            ("traffic_planning", "object", "2026-01-03T00:00:00"),
            ("traffic_planning", "withdraw", "2026-01-03T00:00:00"),
        )
        open_now = {r[0] for r in rows(intervals(requests), "purpose", "valid_to") if r[1] is None}
        assert {r[0] for r in rows(objecting_lines(requests), "purpose")} == open_now
        assert open_now == {"market_research", "traffic_planning"}
