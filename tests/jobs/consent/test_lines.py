"""Which SIM may serve what: objections in force, holders, one line a person, things and business lines."""

from __future__ import annotations

import pytest
from frames import at, frame
from pyspark.sql import functions as F

from expectations.consent_ledger import CONSENT_LEDGER
from expectations.subscribers import SUBSCRIBERS
from jobs.consent.lines import KEYED_DAYS_SCHEMA, LineParams, allowed_at, sims
from jobs.consent.numbers import closed_links
from udfs.keys import pads
from udfs.purposes import EVERY, bit

DDL = ", ".join(f"{c.name} {c.type}" for c in SUBSCRIBERS.columns)
LEDGER_DDL = ", ".join(f"{c.name} {c.type}" for c in CONSENT_LEDGER.columns)
AS_OF = at("2026-03-05T00:00:00")
A, B, C = "+4915550000001", "+4915550000002", "+4915550000003"


def _line(msisdn, imsi, who=None, contract="private", start="2025-01-01T00:00:00", end=None):
    return (who, msisdn, imsi, "alpha", contract, 1980, "female", "z1", start, end)


def _sims(spark, lines, objections=(), covers_holder=False):
    inner, outer = pads(bytes(32))
    days = frame(
        spark,
        KEYED_DAYS_SCHEMA,
        (
            "2026-03-03",
            "2026-03-02T11:00:00",
            "2026-03-04T03:00:00",
            "2026-03-02T23:00:00",
            "2026-03-03T23:00:00",
            inner,
            outer,
        ),
    )
    ledger = frame(
        spark,
        LEDGER_DDL,
        *((m, p, "object", a, b, f"q{i}", "web", None, a, None) for i, (m, p, a, b) in enumerate(objections)),
    )
    master = frame(spark, DDL, *lines)
    with closed_links(master, covers_holder=covers_holder) as links:
        found = sims(master, ledger, days, LineParams(AS_OF), links).collect()
    return {row["imsi"]: row for row in found}


class TestObjections:
    def test_free_line_serves_everything(self, spark):
        assert _sims(spark, [_line(A, "262990000000001", "p1")])["262990000000001"]["purposes"] == EVERY

    def test_objection_now_blocks_its_purpose(self, spark):
        got = _sims(spark, [_line(A, "262990000000001", "p1")], [(A, "market_research", "2026-03-04T00:00:00", None)])
        assert got["262990000000001"]["purposes"] == EVERY - bit("market_research")

    def test_all_blocks_everything(self, spark):
        got = _sims(spark, [_line(A, "262990000000001", "p1")], [(A, "all", "2026-01-01T00:00:00", None)])
        assert got["262990000000001"]["purposes"] == 0

    def test_objection_follows_the_number_over_a_swap(self, spark):
        lines = [
            _line(A, "262990000000001", "p1", end="2026-03-03T10:00:00"),
            _line(A, "262990000000009", "p1", start="2026-03-03T10:00:00"),
        ]
        got = _sims(spark, lines, [(A, "all", "2026-01-01T00:00:00", None)])
        assert [r["purposes"] for r in got.values()] == [0, 0]

    def test_withdrawn_objection_blocks_its_time_only(self, spark):
        got = _sims(
            spark, [_line(A, "262990000000001", "p1")], [(A, "all", "2026-03-03T08:00:00", "2026-03-03T12:00:00")]
        )["262990000000001"]
        assert got["purposes"] == EVERY
        past = frame(
            spark,
            "t TIMESTAMP, purposes TINYINT, past ARRAY<STRUCT<bits: INT, `from`: TIMESTAMP, `to`: TIMESTAMP>>",
            *(
                (t, EVERY, [(15, at("2026-03-03T08:00:00"), at("2026-03-03T12:00:00"))])
                for t in ("2026-03-03T07:59:59", "2026-03-03T08:00:00", "2026-03-03T11:59:59", "2026-03-03T12:00:00")
            ),
        )
        masks = past.select(allowed_at(F.col("purposes"), F.col("past"), F.col("t"))).collect()
        assert [m[0] for m in masks] == [EVERY, 0, 0, EVERY]

    def test_reissued_number_leaves_objection_with_its_maker(self, spark):
        lines = [
            _line(A, "262990000000001", "p1", end="2026-03-03T06:00:00"),
            _line(A, "262990000000002", "p2", start="2026-03-03T07:00:00"),
        ]
        got = _sims(spark, lines, [(A, "all", "2026-01-01T00:00:00", None)])
        assert got["262990000000001"]["purposes"] == 0
        assert got["262990000000002"]["purposes"] == EVERY

    def test_where_persons_cannot_be_told_apart_the_number_keeps_it(self, spark):
        lines = [
            _line(A, "262990000000001", None, end="2026-03-03T06:00:00"),
            _line(A, "262990000000002", None, start="2026-03-03T07:00:00"),
        ]
        got = _sims(spark, lines, [(A, "all", "2026-01-01T00:00:00", None)])
        assert [r["purposes"] for r in got.values()] == [0, 0]

    def test_unknown_number_binds_to_its_first_later_holder(self, spark):
        lines = [_line(A, "262990000000001", "p1", start="2026-02-01T00:00:00")]
        got = _sims(spark, lines, [(A, "all", "2026-01-01T00:00:00", None)])
        assert got["262990000000001"]["purposes"] == 0


class TestUnits:
    def test_one_line_of_a_person_counts(self, spark):
        lines = [_line(m, f"26299000000000{i}", "p1") for i, m in enumerate((A, B, C))]
        got = _sims(spark, lines)
        assert sorted(r["purposes"] for r in got.values()) == [0, 0, EVERY]
        assert len({bytes(r["pseudonym"]) for r in got.values()}) == 1
        assert sorted(r["line_no"] for r in got.values()) == [1, 2, 3]

    def test_objecting_line_counts_as_a_deleted_one(self, spark):
        lines = [_line(m, f"26299000000000{i}", "p1") for i, m in enumerate((A, B))]
        full = _sims(spark, lines)
        chosen = next(r for r in full.values() if r["purposes"])
        silenced = _sims(spark, lines, [(chosen["msisdn"], "all", "2026-01-01T00:00:00", None)])
        deleted = _sims(spark, [line for line in lines if line[1] != chosen["msisdn"]])
        other = next(iter(deleted))
        assert silenced[other]["purposes"] == deleted[other]["purposes"] == EVERY
        assert silenced[chosen["imsi"]]["purposes"] == 0

    def test_purposes_may_be_served_by_different_lines(self, spark):
        lines = [_line(m, f"26299000000000{i}", "p1") for i, m in enumerate((A, B))]
        chosen = next(r for r in _sims(spark, lines).values() if r["purposes"])
        got = _sims(spark, lines, [(chosen["msisdn"], "market_research", "2026-01-01T00:00:00", None)])
        assert sorted(r["purposes"] for r in got.values()) == sorted(
            [bit("market_research"), EVERY - bit("market_research")]
        )

    @pytest.mark.parametrize(("contract", "units"), [("business", 2), ("private", 1)])
    def test_business_lines_are_their_own_units(self, spark, contract, units):
        lines = [_line(m, f"26299000000000{i}", "p1", contract) for i, m in enumerate((A, B))]
        got = _sims(spark, lines)
        assert len({bytes(r["pseudonym"]) for r in got.values()}) == units
        assert sum(r["purposes"] == EVERY for r in got.values()) == units

    def test_things_are_never_persons(self, spark):
        got = _sims(spark, [_line(A, "262990000000001", "p1", "m2m")])["262990000000001"]
        assert got["is_thing"] and got["purposes"] == 0 and got["pseudonym"] is None
