"""Failing hours merged to parts of the day: only failing cells, none in two shown sums, nothing published changes."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import pytest
from frames import frame, rows
from pyspark.sql import functions as F

from jobs.release.disclosure import DisclosureParams, judged_partition, judged_places, lineage

PARAMS = DisclosureParams(20, 3.09, sigma=10.0, over="hour")
ZONES = "zone_id STRING, level STRING, parent_id STRING, role STRING"
NOISED = "release_id STRING, level STRING, zone_id STRING, hour INT, part STRING, other STRING, noised BIGINT"
LEAVES = {**dict.fromkeys("ab", "n"), **dict.fromkeys("cd", "s"), **dict.fromkeys("ef")}
TREE = {"city": ("0", None), "n": ("1", "city"), "s": ("1", "city"), **{z: ("2", up) for z, up in LEAVES.items()}}
BELOW = {"city": "abcd", "n": "ab", "s": "cd", **{z: z for z in LEAVES}}


def _bar(parts):
    return 20 + 3.09 * 10 * math.sqrt(parts)


def _judge(spark, figures, params=PARAMS):
    """``figures``: (zone, hour, part) -> noised."""
    zones = frame(spark, ZONES, *((z, level, parent, "partition") for z, (level, parent) in TREE.items()))
    noised = frame(spark, NOISED, *(("r", "2", z, h, p, None, n) for (z, h, p), n in figures.items()))
    return judged_partition(noised, lineage(zones, ["0", "1", "2"]), ["0", "1", "2"], params)


class TestMergedHours:
    def test_the_first_failing_hour_carries_the_sum(self, spark):
        noised = [
            ("r", "poi", "x", h, None, None, n) for h, n in ((0, 40), (1, 300), (2, 45), (3, 30), (6, 45), (7, 1))
        ]
        places = frame(spark, NOISED, *noised).drop("noised")
        got = judged_places(frame(spark, NOISED, *noised), places, PARAMS).withColumn("noise", F.round("sigma", 2))
        assert rows(got, "hour", "status", "persons", "covers", "noise") == [
            (0, "merged", 115, "00,02,03", 17.32),
            (1, "published", 300, None, 10.0),
            (2, "suppressed", None, None, 10.0),
            (3, "suppressed", None, None, 10.0),
            (6, "suppressed", None, None, 10.0),
            (7, "suppressed", None, None, 10.0),
        ]

    def test_parts_of_the_day_of_one_direction_and_genders_of_one_age(self, spark):
        cells = [("morning", "N", 70), ("night", "N", 40), ("midday", "N", 500), ("night", "S", 90), ("night", "E", 40)]
        noised = frame(spark, NOISED, *(("r", "d", "x", None, part, way, n) for part, way, n in cells))
        params = replace(PARAMS, sigma=20.0, over="part")
        got = judged_places(noised, noised.drop("noised"), params).filter("persons IS NOT NULL")
        # 20 + 3.09 · 20 · √2 = 107.4
        assert rows(got, "part", "other", "status", "persons", "covers") == [
            ("midday", "N", "published", 500, None),
            ("morning", "N", "merged", 110, "morning,night"),
            ("night", "S", "published", 90, None),
        ]
        who = [("20-29", "female", 70), ("20-29", "male", 60), ("20-29", "diverse", 1), ("30-39", "male", 81)]
        ages = frame(spark, NOISED, *(("r", "d", "x", None, age, gender, n) for age, gender, n in who))
        params = replace(params, over="other", words=F.array(F.lit("female"), F.lit("male")))
        got = judged_places(ages, ages.drop("noised"), params)
        assert rows(got, "part", "other", "status", "persons", "covers") == [
            ("20-29", "diverse", "suppressed", None, None),
            ("20-29", "female", "merged", 130, "female,male"),
            ("20-29", "male", "suppressed", None, None),
            ("30-39", "male", "suppressed", None, None),
        ]

    def test_not_where_a_coarser_figure_is_shown(self, spark):
        figures = {(z, h, None): n for z, n in (("a", 40), ("b", 40), ("c", 2), ("d", 2)) for h in (0, 1)}
        got = {(z, h): s for z, h, s in rows(_judge(spark, figures), "zone_id", "hour", "status")}
        assert got["n", 0] == "published" and got["a", 0] == "suppressed" and "merged" not in got.values()


@pytest.fixture(scope="module")
def judged(spark):
    """Twenty days of random figures, each by part: (zone, hour, part) -> figure; rows of the judgement with merges."""
    draw = random.Random(7)
    kinds = (lambda: draw.randint(-20, 50), lambda: draw.randint(30, 50), lambda: draw.randint(60, 400))
    keys = itertools.product("abcdef", (0, 1, 2, 5, 6, 8, 9), [f"p{i}" for i in range(20)])
    figures = {key: kinds[draw.choice((0, 1, 1, 2))]() for key in keys}
    return figures, _judge(spark, figures).collect()


def test_no_cell_is_in_two_shown_sums(judged):
    figures, got = judged
    shown = {(r["zone_id"], r["hour"], r["part"]) for r in got if r["status"] == "published"}
    merges = [(r["zone_id"], [int(h) for h in r["covers"].split(",")], r) for r in got if r["status"] == "merged"]
    assert len(merges) > 10 and len(got) == 9 * 7 * 20
    for zone, covers, row in merges:
        assert len(covers) >= 2 and covers[0] == row["hour"] and len(set(map(_daypart, covers))) == 1
        assert row["persons"] == sum(figures[zone, h, row["part"]] for h in covers) >= _bar(len(covers))
        for h in covers:
            assert figures[zone, h, row["part"]] < _bar(1)
            assert not any(zone in BELOW[node] for node, hour, part in shown if (hour, part) == (h, row["part"]))
    cells = [(zone, h, row["part"]) for zone, covers, row in merges for h in covers]
    assert len(cells) == len(set(cells))


def test_published_cells_stay_as_they_are(spark, judged):
    figures, got = judged
    few = {key: n for key, n in figures.items() if key[2] in ("p0", "p1", "p2")}
    plain = _judge(spark, few, replace(PARAMS, over=None)).filter("status = 'published'")
    shown = [r for r in got if r["status"] == "published" and r["part"] in ("p0", "p1", "p2")]
    keys = ("zone_id", "hour", "part", "persons")
    assert rows(plain, *keys) == sorted((tuple(r[k] for k in keys) for r in shown), key=repr)


def _daypart(hour):
    return sum(hour >= start for start in (6, 10, 14, 19))


def test_blocks_add_up_and_are_what_a_reader_can_reckon(judged):
    """A sum's blocks: its shown finest cells, and the remainder of each shown sum at or below it."""
    _, got = judged
    persons = {(r["zone_id"], r["hour"], r["part"]): r["persons"] for r in got if r["status"] == "published"}
    for row in got:
        node, when = row["zone_id"], (row["hour"], row["part"])
        if node in "abcdef" or row["persons"] is None:
            assert row["blocks"] is None
            continue
        blocks = {b["zone_id"]: b["persons"] for b in row["blocks"]}
        assert sum(blocks.values()) == row["persons"]
        for name, figure in blocks.items():
            below = [z for z, *at in persons if tuple(at) == when and set(BELOW[z]) < set(BELOW[name])]
            most = [z for z in below if not any(set(BELOW[z]) < set(BELOW[o]) for o in below)]
            assert figure == persons[name, *when] - sum(persons[z, *when] for z in most)
