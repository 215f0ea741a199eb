"""Scoring of flows along corridors on persons that can be counted by hand."""

from __future__ import annotations

from frames import frame, rows

from expectations.product_words import DIRECTIONS
from jobs.audit.score_corridors import flow_cells, flow_persons

DAY, ONE, OTHER = "2026-03-03", *DIRECTIONS
FLOWS = "date DATE, pseudonym BINARY, corridor_id STRING, direction STRING, hour INT"
A, B, C = (bytes([i]) * 32 for i in range(3))
TRUTH = [(DAY, A, "c1", ONE, 8), (DAY, B, "c1", ONE, 8), (DAY, C, "c1", OTHER, 8), (DAY, A, "c2", ONE, 9)]
SEEN = [(DAY, A, "c1", ONE, 8), (DAY, A, "c1", ONE, 8), (DAY, B, "c1", OTHER, 8), (DAY, C, "c1", OTHER, 9)]


class TestFlowPersons:
    def test_recall_and_precision_count_persons_once(self, spark):
        found = flow_persons(frame(spark, FLOWS, *TRUTH), frame(spark, FLOWS, *SEEN))
        told = rows(found, "measure", "level", "method", "value", "compared")
        assert told == [
            ("corridor_precision", "corridor", "threestep", 1 / 3, 3),
            ("corridor_recall", "corridor", "threestep", 1 / 4, 4),
        ]

    def test_nobody_seen_leaves_precision_open(self, spark):
        found = flow_persons(frame(spark, FLOWS, *TRUTH), frame(spark, FLOWS))
        assert rows(found, "measure", "value") == [("corridor_precision", None), ("corridor_recall", 0.0)]


class TestFlowCells:
    def test_the_domain_is_whole_with_zeros(self, spark):
        corridors = frame(spark, "corridor_id STRING", ("c1",))
        clock = frame(spark, "date DATE, hour INT", (DAY, 8))
        found = flow_cells(frame(spark, FLOWS, *TRUTH), frame(spark, FLOWS, *SEEN), corridors, clock)
        told = {(r["direction"], r["true"], r["estimated"]) for r in found.collect()}
        assert told == {(ONE, 2, 1), (OTHER, 1, 1)}
