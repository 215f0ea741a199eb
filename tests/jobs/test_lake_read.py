"""Tables of a local lake read by the files that their log names: the same rows as the engine's own source has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from frames import frame, rows

from expectations.contract import Contract, Schema, WriteMode, columns
from jobs.errors import ThreestepError
from jobs.lake import Lake
from jobs.lake_log import create_table

VISITS = Contract(
    schema=Schema.STAGING,
    name="visits",
    comment="One row a visit",
    columns=columns(
        ("period", "STRING!", "Period"),
        ("n", "INT", "Count"),
        ("blocks", "ARRAY<STRUCT<zone_id: STRING, persons: BIGINT>>", "Parts"),
    ),
    keys=("period", "n"),
    mode=WriteMode.REPLACE_WHERE,
    period="period",
    partitioned=True,
    retention="a day",
)
DDL = "period STRING, n INT, blocks ARRAY<STRUCT<zone_id: STRING, persons: BIGINT>>"
ROWS = [("2026-W10", 1, [("a", 2)]), ("2026-W10", None, None), ("a: b/ +c", 3, [])]
PERIODS = ["2026-W10", "a: b/ +c"]


def _door(spark, root):
    return Lake(spark, str(root)).door(writes=[Schema.STAGING])


class TestReadTable:
    @pytest.mark.parametrize("root", ["lake", "a lake, 100 %", "what?[is]*this"])
    def test_has_the_rows_of_the_engine_s_source(self, spark, tmp_path, root):
        door = _door(spark, tmp_path / root)
        door.replace(VISITS, frame(spark, DDL, *ROWS), PERIODS)
        door.replace(VISITS, frame(spark, DDL, ("2026-W10", 5, None)), ["2026-W10"])
        by_engine = spark.read.format("delta").load(f"{tmp_path}/{root}/staging/visits")
        assert rows(door.read(VISITS)) == rows(by_engine) == [("2026-W10", 5, None), ("a: b/ +c", 3, [])]
        assert door.read(VISITS).schema.simpleString() == by_engine.schema.simpleString()

    def test_a_frame_keeps_to_the_version_that_it_was_made_of(self, spark, tmp_path):
        door = _door(spark, tmp_path)
        door.replace(VISITS, frame(spark, DDL, *ROWS), PERIODS)
        before = door.read(VISITS).select("n")
        door.replace(VISITS, before.selectExpr("'2026-W10' period", "n + 1 n", "NULL blocks"), ["2026-W10"])
        assert {row[0] for row in rows(before)} == {1, 3, None}
        assert {row[0] for row in rows(door.read(VISITS).select("n"))} == {2, 3, 4, None}

    def test_an_empty_table_has_its_columns(self, spark, tmp_path):
        door = _door(spark, tmp_path)
        door.create([VISITS])
        found = door.read(VISITS)
        assert found.isEmpty() and found.schema.simpleString() == frame(spark, DDL).schema.simpleString()

    def test_only_the_days_asked_for_are_read(self, spark, tmp_path):
        door = _door(spark, tmp_path)
        door.replace(VISITS, frame(spark, DDL, *ROWS), PERIODS)
        found = door.read(VISITS)
        (tmp_path / "staging" / "visits" / "period=2026-W10").rename(tmp_path / "away")
        assert rows(found.filter("period > 'a'").select("n")) == [(3,)]

    def test_what_files_alone_do_not_tell_is_left_to_the_engine(self, spark, tmp_path):
        where = tmp_path / "staging" / "visits"
        create_table(str(where), VISITS)
        spark.sql(f"ALTER TABLE delta.`{where}` SET TBLPROPERTIES (delta.enableDeletionVectors = true)")
        door = _door(spark, tmp_path)
        door.replace(VISITS, frame(spark, DDL, *((*ROWS[0][:1], n, None) for n in range(9))).coalesce(1), PERIODS)
        spark.sql(f"DELETE FROM delta.`{where}` WHERE n < 8")
        assert rows(door.read(VISITS)) == [("2026-W10", 8, None)]

    def test_a_damaged_log_is_named(self, spark, tmp_path):
        door = _door(spark, tmp_path)
        door.replace(VISITS, frame(spark, DDL, *ROWS), PERIODS)
        last = tmp_path / "staging" / "visits" / "_delta_log" / f"{1:020d}.json"
        last.write_text(last.read_text()[:-40])
        with pytest.raises(ThreestepError, match=r"reading staging\.visits failed"):
            door.read(VISITS)


class TestFirstWrite:
    @pytest.mark.parametrize("is_partitioned", [True, False])
    def test_rows_outside_the_periods_are_refused_as_later_ones_are(self, spark, tmp_path, is_partitioned):
        door, visits = _door(spark, tmp_path), replace(VISITS, partitioned=is_partitioned)
        for _ in range(2):
            with pytest.raises(ThreestepError, match=r"writing staging\.visits failed"):
                door.replace(visits, frame(spark, DDL, *ROWS), ["2026-W10"])
            assert door.read(visits).filter("period <> '2026-W10'").isEmpty()
            door.replace(visits, frame(spark, DDL, ROWS[0]), ["2026-W10"])
        assert rows(door.read(visits)) == [ROWS[0]]
