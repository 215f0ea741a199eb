"""Consent over random histories, judged by one Spark job and by plain Python: not one event on the wrong side."""

from __future__ import annotations

import random
from collections import Counter

import consent_oracle
import pytest
from consent_histories import AS_OF, DAY_END, DAY_START, WINDOW_END, WINDOW_START, History, Request, history, instant
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from expectations.consent_ledger import CONSENT_LEDGER
from expectations.consent_requests import CONSENT_REQUESTS
from expectations.events import EVENTS
from expectations.subscribers import SUBSCRIBERS
from jobs.consent.ledger import changes, current, intervals
from jobs.consent.lines import KEYED_DAYS_SCHEMA, LineParams, sims
from jobs.consent.numbers import closed_links
from jobs.consent.requests import of_touched_lines, unseen
from jobs.segment.admission import MovementParams, admitted, cell_of
from udfs.keys import pads
from udfs.purposes import bit

SEED = 20260303
KEYS = list(CONSENT_LEDGER.keys)
MERGED = [c for c in CONSENT_LEDGER.column_names if not c.startswith("recorded_")]


def _rows(spark: SparkSession, made: list[History]) -> DataFrame:
    rows = [
        (r.who, r.number, r.sim, "a", r.contract, None, None, None, instant(r.start), instant(r.end))
        for h in made
        for r in h.rows
    ]
    return spark.createDataFrame(rows, SUBSCRIBERS.struct)


def _events(spark: SparkSession, made: list[History]) -> DataFrame:
    """Events whose cell says which they are."""
    rows = [
        {
            "event_date": instant(at).date(),  # type: ignore[union-attr]
            "imsi": sim,
            "event_time": instant(at),
            "cell_id": f"{block}/{i}",
            "event_type": "data",
            "home_mcc": 262,
            "cell_known": True,
        }
        for block, h in enumerate(made)
        for i, (sim, at) in enumerate(h.events)
    ]
    names = EVENTS.column_names
    return spark.createDataFrame([tuple(row.get(n) for n in names) for row in rows], EVENTS.struct)


def _requests(spark: SparkSession, requests: list[Request]) -> DataFrame:
    rows = [(r.identity, r.number, r.purpose, r.decision, "web", None, instant(r.at), "accepted") for r in requests]
    return spark.createDataFrame(rows, CONSENT_REQUESTS.struct)


def _delivered(spark: SparkSession, made: list[History], first: bool) -> DataFrame:
    """One of two deliveries: each request is in one of them, or in both, in no order."""
    draw = random.Random(SEED)
    where = [(r, draw.random()) for h in made for r in h.requests]
    picked = [r for r, side in where if (side < 0.6 if first else side > 0.4)]
    random.Random(first).shuffle(picked)
    return _requests(spark, picked).withColumn("made", F.concat("request_id", F.lit("#")))


def _ledger(spark: SparkSession, made: list[History]) -> DataFrame:
    """The ledger after two deliveries, merged as the table's MERGE does."""
    at = [instant(AS_OF - 60), instant(AS_OF)]
    stored = unseen(_delivered(spark, made, True), spark.createDataFrame([], CONSENT_REQUESTS.struct)).cache()
    first = changes(intervals(stored), spark.createDataFrame([], CONSENT_LEDGER.struct), at[0]).cache()
    new = unseen(_delivered(spark, made, False), stored).cache()
    lines = new.select("msisdn").distinct()
    known = current(first).join(lines, "msisdn", "left_semi").select(CONSENT_LEDGER.column_names)
    second = changes(intervals(of_touched_lines(new, stored)), known, at[1]).cache()
    return first.join(second, KEYS, "left_anti").select(CONSENT_LEDGER.column_names).unionByName(second).cache()


@pytest.mark.parametrize("count", [10_000])
def test_not_one_event_on_the_wrong_side(spark: SparkSession, count: int) -> None:
    made = [history(block, SEED) for block in range(count)]
    inner, outer = pads(consent_oracle.KEY)
    bounds = [instant(m) for m in (WINDOW_START, WINDOW_END, DAY_START, DAY_END)]
    day = instant(0).date()  # type: ignore[union-attr]
    days = spark.createDataFrame([(day, *bounds, bytearray(inner), bytearray(outer))], KEYED_DAYS_SCHEMA)
    master, ledger = _rows(spark, made).cache(), _ledger(spark, made)
    with closed_links(master) as links:
        served = sims(master, ledger, days, LineParams(instant(AS_OF)), links)  # type: ignore[arg-type]
        params = MovementParams(home_mcc=262, sim_is_unit=False, max_gap_seconds=3600)
        cells = [f"{block}/{i}" for block, h in enumerate(made) for i in range(len(h.events))]
        plan = spark.createDataFrame(
            [(cell, number, 0, 0, 1) for number, cell in enumerate(cells, 1)],
            "cell_id STRING, cell_no INT, x INT, y INT, reach_m INT",
        )
        contacts = admitted(_events(spark, made), served, plan, days.drop("inner", "outer"), params)
        numbered = contacts.select(cell_of(F.col("contact")).alias("number"), "purposes").collect()
        found = {cells[row["number"] - 1]: row["purposes"] for row in numbered}
    wrong: Counter[str] = Counter()
    sides: Counter[bool] = Counter()
    blocks = set()
    for block, h in enumerate(made):
        for i, want in enumerate(consent_oracle.serves(h)):
            bits = sum(bit(p) for p in want)
            got = found[f"{block}/{i}"]
            sides[bool(want)] += 1
            if got != bits:
                wrong["served against an objection" if got & ~bits else "withheld without one"] += 1
                blocks.add(block)
    assert not wrong, (dict(wrong), sorted(blocks)[:5])
    assert len(found) == sum(len(h.events) for h in made)
    assert min(sides.values()) > count
    # The merge of two deliveries knows what one delivery of everything would.
    once = intervals(_requests(spark, [r for h in made for r in h.requests])).select(MERGED)
    twice = current(ledger).select(MERGED)
    assert once.exceptAll(twice).isEmpty() and twice.exceptAll(once).isEmpty()
