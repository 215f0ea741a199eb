"""The consent feed: objections by purpose and memberships, through every channel and spelling."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.simulate.clock import Clock
from jobs.simulate.draw import Draws
from jobs.simulate.master import local_iso
from jobs.simulate.people import RESIDENT

COLUMNS = ("request_id", "msisdn", "purpose", "decision", "channel", "received_at")
PURPOSES = {
    "all": 0.45, "market_research": 0.20, "mobility_statistics": 0.18,
    "traffic_planning": 0.09, "location_offers": 0.08,
}  # fmt: skip
CHANNELS = {"web": 0.38, "app": 0.27, "phone": 0.14, "shop": 0.09, "letter": 0.07, "sms": 0.05}
_LATE, _MEANWHILE = 0.10, 0.12  # received after the last day; during the days
_WITHDRAWN, _SECOND = 0.12, 0.08
REWARDS = "rewards"
_MEMBERS, _LEAVE = 0.02, 0.15  # of residents' lines; of these


def make_consent(all_lines: DataFrame, clock: Clock, delivered: int, share: float, draws: Draws) -> DataFrame:
    """One row a request: of a ``share`` of residents' lines objections, of a few more the joining of a programme.

    Args:
        all_lines: See ``master.make_lines``.
        clock: The simulated window.
        delivered: Epoch second of delivery; nothing was received later.
        share: Lines that object, of all residents' lines.
        draws: The source of draws.

    Returns:
        The contract's columns; numbers are spelled as people do.
    """
    line = F.col("line_id")
    timing = draws.uniform("objection/timing", line)
    last = F.lit(delivered - 60)
    early = F.lit(clock.begin) - 60 - draws.whole("objection/early", 400 * 86_400, line)
    within = F.lit(clock.begin) + draws.whole("objection/within", clock.end - clock.begin, line)
    late_span = max(1, delivered - 60 - clock.end)
    late = F.lit(clock.end) + draws.whole("objection/late", late_span, line)
    received = F.when(timing < _LATE, late).when(timing < _LATE + _MEANWHILE, within).otherwise(early)
    received = F.least(received, last)
    purpose = draws.choice("objection/purpose", PURPOSES, line)
    others = {name: weight for name, weight in PURPOSES.items() if name != "all"}
    again = F.col("received") + F.floor(
        draws.uniform("objection/again", line) * (last - F.col("received")).cast("double")
    )
    objects, joins = draws.uniform("objects", line) < share, draws.uniform("member", line) < _MEMBERS
    second = objects & (draws.uniform("objection/second", line) < _SECOND)
    withdraws = objects & (draws.uniform("objection/withdrawn", line) < _WITHDRAWN)
    joined = F.lit(clock.begin) - 60 - draws.whole("member/since", 300 * 86_400, line)
    left = joined + F.floor(draws.uniform("member/until", line) * (last - joined).cast("double"))
    leaves = joins & (draws.uniform("member/left", line) < _LEAVE)
    requests = F.array(
        _request(0, objects, purpose, "object", F.col("received")),
        _request(1, second, draws.choice("objection/other", others, line), "object", F.col("received")),
        _request(2, withdraws, purpose, "withdraw", again),
        _request(3, joins, F.lit(REWARDS), "consent", joined),
        _request(4, leaves, F.lit(REWARDS), "withdraw", left),
    )
    return (
        all_lines.where((F.col("kind") == RESIDENT) & (objects | joins))
        .withColumn("received", received)
        .select("line_id", "msisdn", F.inline(requests))
        .where("made")
        .select(
            F.format_string("R%010d", line * 5 + F.col("part")).alias("request_id"),
            spelled(F.col("msisdn"), draws.whole("spelling", 7, line, F.col("part"))).alias("msisdn"),
            "purpose",
            "decision",
            draws.choice("channel", CHANNELS, line, F.col("part")).alias("channel"),
            local_iso(F.col("at"), clock.time_zone).alias("received_at"),
        )
    )


def spelled(msisdn: Column, way: Column) -> Column:
    """A German E.164 number as one of seven ways in which people write it."""
    prefix, rest = F.substring(msisdn, 4, 4), F.expr("substring(msisdn, 8)")
    tail = F.expr("concat(substring(msisdn, 8, 3), ' ', substring(msisdn, 11))")
    ways: tuple[Column, ...] = (
        msisdn,
        F.concat(F.lit("+49 "), prefix, F.lit(" "), rest),
        F.concat(F.lit("0049"), prefix, rest),
        F.concat(F.lit("0049 "), prefix, F.lit(" "), tail),
        F.concat(F.lit("0"), prefix, rest),
        F.concat(F.lit("0"), prefix, F.lit("-"), rest),
        F.concat(F.lit("0"), prefix, F.lit(" "), tail),
    )
    chosen = ways[0]
    for number, text in enumerate(ways[1:], start=1):
        chosen = F.when(way == number, text).otherwise(chosen)
    return chosen


def write_delivery_note(feed: Path, rows: int, delivered_at: datetime) -> Path:
    """Write ``consent_delivery.json`` beside the feed: delivered_at, rows, sha256 by file."""
    note = feed.parent / "consent_delivery.json"
    digest = hashlib.sha256(feed.read_bytes()).hexdigest()
    content = {"delivered_at": delivered_at.isoformat(), "rows": rows, "sha256": {feed.name: digest}}
    note.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return note


def _request(part: int, made: Column, purpose: Column, decision: str, at: Column) -> Column:
    return F.struct(
        F.lit(part).alias("part"),
        made.alias("made"),
        purpose.alias("purpose"),
        F.lit(decision).alias("decision"),
        at.cast("long").alias("at"),
    )
