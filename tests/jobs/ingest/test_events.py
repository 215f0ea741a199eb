from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from expectations.audit import QUALITY_RESULTS
from expectations.gate import good_rows
from expectations.table_rules import check_table
from jobs.ingest.admit import rejected
from jobs.ingest.event_counts import EventCounts, counters, counts_of
from jobs.ingest.events import (
    REASONS_MORE,
    EventParams,
    mark_events,
    params_of,
    table_rules,
    typed_events,
    usual_volume,
    with_cell_known,
)
from jobs.ingest.tables import EVENTS_FILE
from jobs.settings import Policy

DATES = (dt.date(2026, 3, 2), dt.date(2026, 3, 3), dt.date(2026, 3, 4))
PARAMS = EventParams("Europe/Berlin", (DATES[1],), DATES)
GOOD = {
    "imsi": "262011234567890",
    "event_time": "2026-03-03T12:30:00+01:00",
    "cell_id": "A",
    "event_type": "data",
    "timing_advance": None,
}
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "good": ({}, []),
    "upper case": ({"event_type": "SMS"}, []),
    "hashed elsewhere": ({"imsi": "ab" * 32}, []),
    "no imsi": ({"imsi": None}, ["imsi_missing"]),
    "letters": ({"imsi": "26201ABC"}, ["imsi_malformed"]),
    "starts with 1": ({"imsi": "162011234567890"}, ["imsi_malformed"]),
    "no time": ({"event_time": None}, ["event_time_missing"]),
    "clock only": ({"event_time": "12:30"}, ["event_time_malformed"]),
    "year only": ({"event_time": "2026"}, ["event_time_malformed"]),
    "no offset": ({"event_time": "2026-03-03 12:30:00"}, ["event_time_malformed"]),
    "30 February": ({"event_time": "2026-02-30T12:00:00Z"}, ["event_time_malformed"]),
    "no cell": ({"cell_id": None}, ["cell_id_missing"]),
    "no type": ({"event_type": None}, ["event_type_missing"]),
    "fax": ({"event_type": "fax"}, ["event_type_unknown"]),
    "advance": ({"timing_advance": "63"}, []),
    "advance in words": ({"timing_advance": "near"}, ["timing_advance_malformed"]),
    "advance below 0": ({"timing_advance": "-1"}, ["timing_advance_out_of_range"]),
    "short line": ({"_line": "262011,2026"}, ["row_malformed"]),
    "in its folder": ({"_folder_text": "2026-03-03"}, []),
    "in another folder": ({"_folder_text": "2026-03-02"}, ["event_time_outside_folder"]),
    "undated in a folder": ({"_folder_text": "2026-03-02", "event_time": None}, ["event_time_missing"]),
    "long gone, in this folder": (
        {"_folder_text": "2026-03-02", "event_time": "1970-01-01T00:00:00Z"},
        ["event_time_outside_folder"],
    ),
    "all at once": (
        {"imsi": None, "cell_id": None, "event_time": "soon"},
        ["cell_id_missing", "event_time_malformed", "imsi_missing"],
    ),
}


def _named(delivered: Callable[..., DataFrame], cases: dict[str, tuple[dict[str, Any], list[str]]]) -> DataFrame:
    # The case's name travels in a column that the events table does not have.
    table = type(EVENTS_FILE)(EVENTS_FILE.name, EVENTS_FILE.required, (*EVENTS_FILE.optional, "case"))
    return delivered(table, GOOD, [{**row, "case": name} for name, (row, _) in cases.items()])


def test_every_reason(delivered: Callable[..., DataFrame], reasons: Callable[..., dict[str, list[str]]]) -> None:
    marked = mark_events(typed_events(_named(delivered, CASES)), PARAMS)
    assert reasons(marked, "case") == {name: want for name, (_, want) in CASES.items()}


def test_typed_values_and_the_window(delivered: Callable[..., DataFrame], spark: SparkSession) -> None:
    cases = {
        "first instant": ({"event_time": "2026-03-02T00:00:00Z"}, []),
        "last instant": ({"event_time": "2026-03-05T00:59:59+01:00", "imsi": "208011234567890"}, []),
        "before": ({"event_time": "2026-03-01T23:59:59Z"}, []),
        "after": ({"event_time": "2026-03-05T00:00:00Z"}, []),
    }
    rows = good_rows(mark_events(typed_events(_named(delivered, cases)), PARAMS)).collect()
    found = {row["_raw_case"]: (row["event_date"], row["home_mcc"]) for row in rows}
    assert found == {"first instant": (DATES[0], 262), "last instant": (DATES[2], 208)}


def test_the_window_is_whole_dates_of_the_hours_around_the_days(context_of: Callable[..., Any]) -> None:
    settings = context_of()[0].settings
    assert params_of(settings).dates == DATES
    with_dst = settings.model_copy(update={"date": dt.date(2026, 3, 28), "until": dt.date(2026, 3, 29)})
    assert params_of(with_dst).dates == tuple(dt.date(2026, 3, day) for day in (27, 28, 29, 30))
    tight = Policy.model_validate({"time_zone": "UTC", "segments": {"hours_before": 0, "hours_after": 0}})
    assert params_of(settings.model_copy(update={"policy": tight})).dates == (DATES[1],)


def test_a_cell_is_known_while_it_is_valid(spark: SparkSession) -> None:
    events = spark.sql(
        "SELECT * FROM VALUES ('A', timestamp'2026-03-03 10:00:00Z'), ('A', timestamp'2026-03-03 12:00:00Z'),"
        " ('A', timestamp'2026-03-03 14:00:00Z'), ('B', timestamp'2026-03-03 10:00:00Z'),"
        " ('C', timestamp'2026-03-03 10:00:00Z'), (NULL, NULL) AS t(cell_id, event_time)"
    )
    cells = spark.sql(
        "SELECT * FROM VALUES ('A', NULL, timestamp'2026-03-03 11:00:00Z'),"
        " ('A', timestamp'2026-03-03 12:00:00Z', timestamp'2026-03-03 14:00:00Z'), ('B', NULL, NULL)"
        " AS t(cell_id, valid_from, valid_to)"
    )
    rows = with_cell_known(events, cells).orderBy("cell_id", "event_time").collect()
    assert [(row.cell_id, row.cell_known) for row in rows] == [
        (None, False), ("A", True), ("A", True), ("A", False), ("B", True), ("C", False),
    ]  # fmt: skip


def test_quarantine_keeps_the_row_and_its_day(delivered: Callable[..., DataFrame]) -> None:
    cases = {
        "folder": ({"_folder_text": "2026-03-02", "event_time": None, "extra": "x"}, []),
        "time": ({"imsi": None}, []),
        "line": ({"_line": "only,this"}, []),
    }
    table = rejected(mark_events(typed_events(_named(delivered, cases)), PARAMS), "events", "batch")
    rows = {tuple(row.reasons): (row.event_date, row.row) for row in table.collect()}
    assert rows[("event_time_missing",)][0] == DATES[0]
    assert rows[("imsi_missing",)][0] == DATES[1]
    assert rows[("imsi_missing",)][1] == (
        '{"event_time":"2026-03-03T12:30:00+01:00","cell_id":"A","event_type":"data","case":"time"}'
    )
    assert rows[("row_malformed",)][1] == '{"line":"only,this"}'


def _counted(delivered: Callable[..., DataFrame], cells: DataFrame) -> EventCounts:
    marked = mark_events(typed_events(_named(delivered, CASES)), PARAMS)
    row = with_cell_known(marked, cells).agg(*counters(REASONS_MORE, PARAMS.days, PARAMS.time_zone)).first()
    assert row is not None
    return counts_of(row.asDict())


def test_counts_are_those_of_the_rows(delivered: Callable[..., DataFrame], spark: SparkSession) -> None:
    plan = spark.createDataFrame([("B", None, None)], "cell_id STRING, valid_from TIMESTAMP, valid_to TIMESTAMP")
    counts = _counted(delivered, plan)
    good = [name for name, (_, why) in CASES.items() if not why]
    want = Counter(reason for _, why in CASES.values() for reason in why)
    assert (counts.total, counts.good, counts.unknown_cells) == (len(CASES), len(good), len(good))
    assert counts.by_day == {DATES[1]: len(good)} and counts.reasons == dict(want)


def test_table_rules() -> None:
    day = DATES[1]
    counts = EventCounts(107, 7, 60, {"imsi_malformed": 7, "cell_id_missing": 0}, {day: 100})
    assert (counts.good, counts.reasons) == (100, {"imsi_malformed": 7})
    blocked = {r.rule for r in check_table(table_rules(counts, PARAMS, Policy(), None)) if r.blocks}
    assert blocked == {"max_unknown_cell_share"}
    for usual, want in ((400.0, True), (20.0, True), (100.0, False)):
        found = check_table(table_rules(counts, PARAMS, Policy(), usual))
        assert any(r.blocks and r.rule == "events_volume_2026-03-03" for r in found) is want
    empty = check_table(table_rules(EventCounts(0, 0, 0, {}, {}), PARAMS, Policy(), None))
    assert [r.rule for r in empty if r.blocks] == ["events_present_2026-03-03"]


def test_the_usual_volume_comes_from_accepted_days(spark: SparkSession) -> None:
    at = dt.datetime(2026, 3, 3, tzinfo=dt.UTC)

    def row(day: str, rows: int, success: bool = True, table: str = "restricted.events", hour: int = 0) -> tuple:
        return (
            "r",
            table,
            "b",
            f"events_volume_{day}",
            "table",
            success,
            True,
            None,
            None,
            rows,
            at.replace(hour=hour),
        )

    results = spark.createDataFrame(
        [
            row("2026-03-01", 10),
            row("2026-03-01", 30, hour=2),
            row("2026-03-02", 50),
            row("2026-02-28", 9999, success=False),
            row("2026-03-03", 9999),
            row("2026-03-02", 9999, table="restricted.subscribers"),
            *(row(f"2026-02-{day}", 40) for day in range(20, 25)),
            row("2026-02-19", 9999),
        ],
        QUALITY_RESULTS.struct,
    )
    found = usual_volume(results, DATES[1]).first()
    assert found is not None and found.mean == (30 + 50 + 5 * 40) / 7
    none = usual_volume(results.limit(0), DATES[1]).first()
    assert none is not None and none.mean is None
