"""What was released against everybody's truth, on figures that can be reckoned by hand."""

from __future__ import annotations

import datetime as dt

import pytest
from frames import frame, rows

from jobs.audit.score_released import (
    _is_month,
    _known,
    _with_covers,
    everybody,
    od_measures,
    shown_share,
    shown_visitors,
    true_profile,
)
from jobs.audit.score_visits import word_counts

DAY = "2026-03-03"
OD = "period STRING, origin_zone_id STRING, destination_zone_id STRING, daypart STRING, status STRING, estimate BIGINT"
PAIRS = "week STRING, origin_zone_id STRING, destination_zone_id STRING, daypart STRING, persons BIGINT"
WEEK = "2026-W10"


class TestEverybody:
    def test_each_person_once_a_day_and_no_thing(self, spark):
        lines = frame(
            spark, "person_id BIGINT, kind STRING", (1, "resident"), (1, "resident"), (2, "visitor"), (3, "thing")
        )
        dates = frame(spark, "date DATE", (DAY,), ("2026-03-04",))
        got = rows(everybody(lines, dates), "date", "person_id")
        assert sorted(person for _, person in got) == [1, 1, 2, 2]

    def test_profile_of_those_who_live_there(self, spark):
        lines = frame(spark, "person_id BIGINT, kind STRING", (1, "resident"), (2, "visitor"))
        persons = everybody(lines, frame(spark, "date DATE", (DAY,)))
        homes = frame(spark, "person_id BIGINT, zone_id STRING, age INT, gender STRING", (1, "a", 39, "female"))
        got = rows(true_profile(persons, homes), "age_band", "gender", "home_zone_id")
        assert got == [("30-39", "female", "a")]


def test_share_of_person_hours_that_are_shown(spark):
    released = frame(
        spark, "date DATE, level STRING, zone_id STRING, hour INT, persons BIGINT",
        (DAY, "district", "a", 1, 70), (DAY, "district", "b", 1, None), (DAY, "district", "c", 1, 20),
    )  # fmt: skip
    presence = frame(
        spark, "date DATE, zone_id STRING, hour INT, persons BIGINT",
        (DAY, "a", 1, 60), (DAY, "b", 1, 10), (DAY, "c", 1, 30), (DAY, "d", 1, 99),
    )  # fmt: skip
    [(share, compared)] = rows(shown_share(released, presence), "value", "compared")
    assert share == pytest.approx(0.9) and compared == 3


class TestOd:
    def _measured(self, spark, truth, released):
        weeks = frame(spark, "week STRING, date DATE", (WEEK, DAY))
        got = od_measures(frame(spark, PAIRS, *truth), frame(spark, OD, *released), 2.0, "district", weeks)
        return dict(rows(got, "measure", "value"))

    def test_common_part_and_share_shown(self, spark):
        truth = [(WEEK, "a", "b", "morning", 30), (WEEK, "b", "a", "evening", 10)]
        released = [
            (WEEK, "a", "b", "morning", "published", 40),
            (WEEK, "b", "a", "evening", "suppressed", None),
            (WEEK, "a", "c", "morning", "published", 20),
            (WEEK, "a", "a", "morning", "published", 500),
            (WEEK, "a", "all", "morning", "published", 60),
            (WEEK, "all", "b", "morning", "published", 40),
        ]
        got = self._measured(spark, truth, released)
        # t = 60, 20, 0 and e = 40, 0, 20: 2 · 40 / (80 + 60)
        assert got["od_cpc"] == pytest.approx(80 / 140)
        assert got["od_published"] == pytest.approx(60 / 80)


class TestKnown:
    def test_the_unknown_stand_apart(self, spark):
        cells = frame(
            spark, "date DATE, product STRING, zone_id STRING, part STRING, other STRING, n BIGINT",
            (DAY, "audience", "z", "20-29", "male", 5), (DAY, "audience", "z", "unknown", "male", 5),
            (DAY, "audience", "z", "20-29", "unknown", 5), (DAY, "approach", "z", "morning", "N", 3),
            (DAY, "approach", "z", "evening", "N", 4), (DAY, "approach", "z", "morning", "unknown", 9),
            (DAY, "dwell", "z", "15-30", None, 7),
        )  # fmt: skip
        got = rows(word_counts(_known(cells)), "product", "word", "n")
        assert sorted(got) == [("approach", "N", 7), ("audience", "20-29 male", 5), ("dwell", "15-30 ", 7)]


class TestFiguresOfSeveralCells:
    """What is offered together is compared together."""

    CELL = "date DATE, product STRING, zone_id STRING, part STRING, other STRING"

    def test_true_cells_know_with_which_others_they_are_shown(self, spark):
        truth = frame(
            spark, f"{self.CELL}, n BIGINT",
            (DAY, "audience", "z", "20-29", "female", 5), (DAY, "audience", "z", "20-29", "male", 6),
            (DAY, "audience", "z", "30-39", "male", 7), (DAY, "approach", "z", "night", "N", 3),
            (DAY, "approach", "z", "morning", "N", 4), (DAY, "approach", "z", "morning", "S", 9),
            (DAY, "dwell", "z", "15-30", None, 8),
        )  # fmt: skip
        released = frame(
            spark, f"{self.CELL}, covers STRING",
            (DAY, "audience", "z", "20-29", "female", "female,male"),
            (DAY, "approach", "z", "morning", "N", "morning,night"), (DAY, "dwell", "z", "15-30", None, None),
        )  # fmt: skip
        got = _with_covers(truth, released)
        assert rows(got.filter("is_shown"), "product", "part", "other", "covers") == [
            ("approach", "morning", "N", "morning,night"), ("approach", "night", "N", "morning,night"),
            ("audience", "20-29", "female", "female,male"), ("audience", "20-29", "male", "female,male"),
            ("dwell", "15-30", None, None),
        ]  # fmt: skip
        assert rows(got.filter("NOT is_shown"), "product", "n") == [("approach", 9), ("audience", 7)]
        assert rows(word_counts(got.filter("is_shown")), "product", "word", "n") == [
            ("approach", "N", 7), ("audience", "20-29 female,male", 11), ("dwell", "15-30 ", 8),
        ]  # fmt: skip

    def test_visitors_of_several_homes_count_as_visitors_of_none(self, spark):
        released = frame(
            spark, "zone_id STRING, home_zone_id STRING, status STRING, persons BIGINT, estimate BIGINT",
            ("z", "a", "published", 50, 200), ("z", "b", "merged", 60, 240), ("z", "c", "suppressed", None, None),
            ("z", "d", "published", 70, None),
        )  # fmt: skip
        assert rows(shown_visitors(released)) == [("z", "a", 200), ("z", "d", 70), ("z", None, 240)]


def test_a_month_is_a_whole_one():
    assert _is_month([dt.date(2026, 2, 1), dt.date(2026, 2, 28)])
    assert not _is_month([dt.date(2026, 2, 1), dt.date(2026, 2, 27)])
    assert not _is_month([dt.date(2026, 1, 1), dt.date(2026, 2, 28)])
