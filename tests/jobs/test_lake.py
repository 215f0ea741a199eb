"""The door: rooms, idempotent writes, columns, redacted failures, statistics, the lock."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from frames import frame, rows
from pyspark.sql import functions as F

from expectations.consent_ledger import CONSENT_LEDGER
from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.products import FOOTFALL
from jobs.errors import RoomError, ThreestepError
from jobs.lake import Lake, period_predicate

PEOPLE = Contract(
    schema=Schema.RESTRICTED,
    name="people",
    comment="One row a person; it's for tests",
    columns=columns(("day", "DATE!", "Day"), ("msisdn", "STRING!", "Number"), ("n", "INT", "Count")),
    keys=("day", "msisdn"),
    mode=WriteMode.REPLACE_WHERE,
    period="day",
    partitioned=True,
    retention="a day",
    checks={"n_positive": "n > 0"},
)
DDL = "day DATE, msisdn STRING, n INT"
ALL = list(Schema)


@pytest.fixture()
def lake(spark, tmp_path):
    return Lake(spark, str(tmp_path / "lake"))


class TestRooms:
    def test_door_opens_to_its_schemas_only(self, lake):
        door = lake.door(reads=[Schema.REFERENCE], writes=[Schema.STAGING])
        for attempt in (
            lambda: door.read(PEOPLE),
            lambda: door.create([PEOPLE]),
            lambda: door.remove(PEOPLE, ["2026-03-03"]),
        ):
            with pytest.raises(RoomError, match=r"may not .* restricted\.people"):
                attempt()

    def test_reading_does_not_let_write(self, spark, lake):
        with pytest.raises(RoomError):
            lake.door(reads=ALL).replace(PEOPLE, frame(spark, DDL), ["2026-03-03"])

    def test_absent_table_is_named(self, lake):
        with pytest.raises(ThreestepError, match=r"restricted\.people does not exist"):
            lake.door(reads=ALL).read(PEOPLE)


class TestReplace:
    def test_replaces_its_period_alone_and_again(self, spark, lake):
        door = lake.door(writes=ALL)
        door.replace(PEOPLE, frame(spark, DDL, ("2026-03-03", "+491", 1)), ["2026-03-03"])
        for _ in range(2):
            door.replace(PEOPLE, frame(spark, DDL, ("2026-03-04", "+492", 2)), ["2026-03-04"])
        assert rows(door.read(PEOPLE)) == [("2026-03-03", "+491", 1), ("2026-03-04", "+492", 2)]

    def test_side_by_side_each_period_is_replaced(self, spark, lake):
        door = lake.door(writes=ALL)
        whole = replace(PEOPLE, name="whole", partitioned=False)
        days = [f"2026-03-0{n}" for n in range(1, 5)]
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(lambda day: door.replace(whole, frame(spark, DDL, (day, "+491", 1)), [day]), days))
        assert [row[0] for row in rows(door.read(whole))] == days

    def test_wrong_columns_are_named(self, spark, lake):
        with pytest.raises(ThreestepError, match=r"missing columns \['n'\], unexpected columns \['m'\]"):
            lake.door(writes=ALL).replace(PEOPLE, frame(spark, "day DATE, msisdn STRING, m INT"), ["2026-03-03"])

    def test_failure_is_redacted_and_leaves_the_table(self, spark, lake, capfd):
        door = lake.door(writes=ALL)
        door.replace(PEOPLE, frame(spark, DDL, ("2026-03-03", "+491", 1)), ["2026-03-03"])
        with pytest.raises(ThreestepError) as caught:
            door.replace(PEOPLE, frame(spark, DDL, ("2026-03-03", "+4915551234567", -7)), ["2026-03-03"])
        text = str(caught.value) + str(caught.value.__cause__) + "".join(capfd.readouterr())
        assert "4915551234567" not in text and "writing restricted.people failed" in text
        assert rows(door.read(PEOPLE)) == [("2026-03-03", "+491", 1)]

    def test_periods_cannot_carry_sql(self):
        with pytest.raises(RoomError):
            period_predicate(PEOPLE, ["2026-03-03' OR '1'='1"])

    def test_append_to_a_replaced_table_is_refused(self, spark, lake):
        with pytest.raises(RoomError, match="replace_where only"):
            lake.door(writes=ALL).append(PEOPLE, [])


class TestMerge:
    def test_first_rows_come_in_and_later_ones_by_key(self, spark, lake):
        contract, door = replace(PEOPLE, mode=WriteMode.MERGE), lake.door(writes=ALL)
        door.merge(contract, frame(spark, DDL, ("2026-03-03", "+491", 1), ("2026-03-03", "+492", 2)))
        door.merge(contract, frame(spark, DDL, ("2026-03-03", "+492", 3), ("2026-03-04", "+493", 4)))
        found = rows(door.read(contract).select("msisdn", "n"))
        assert sorted(found) == [("+491", 1), ("+492", 3), ("+493", 4)]

    def test_first_rows_keep_to_the_constraints(self, spark, lake):
        contract, door = replace(PEOPLE, mode=WriteMode.MERGE), lake.door(writes=ALL)
        with pytest.raises(ThreestepError):
            door.merge(contract, frame(spark, DDL, ("2026-03-03", "+491", 0)))
        assert door.version(contract) == 0


class TestLeaks:
    def test_no_identifier_in_the_transaction_log(self, spark, lake, tmp_path):
        lake.door(writes=ALL).replace(PEOPLE, frame(spark, DDL, ("2026-03-03", "+4915551234567", 1)), ["2026-03-03"])
        logs = "".join(p.read_text() for p in (tmp_path / "lake/restricted/people/_delta_log").glob("*.json"))
        assert "4915551234567" not in logs and '"minValues"' not in logs.replace('\\"', '"')

    def test_purge_leaves_no_old_file(self, spark, lake, tmp_path):
        door = lake.door(writes=ALL)
        door.replace(PEOPLE, frame(spark, DDL, ("2026-03-03", "+491", 1)), ["2026-03-03"])
        door.replace(PEOPLE, frame(spark, DDL, ("2026-03-04", "+492", 1)), ["2026-03-04"])
        folder = tmp_path / "lake/restricted/people"
        kept = {f for f in folder.rglob("*.parquet") if "2026-03-04" in str(f)}
        for orphan in ("orphan.parquet", "day=2026-03-09/part-0.parquet"):
            (folder / orphan).parent.mkdir(exist_ok=True)
            (folder / orphan).write_text("x")
        door.remove(PEOPLE, ["2026-03-03"], purge=True)
        assert kept and {f for f in folder.rglob("*.parquet")} == kept
        assert {f.name for f in folder.rglob("*.crc") if "_delta_log" not in f.parts} <= {
            f".{f.name}.crc" for f in kept
        }
        assert rows(door.read(PEOPLE), "msisdn") == [("+492",)]

    def test_properties(self, spark, lake):
        door = lake.door(writes=ALL)
        door.create([CONSENT_LEDGER, FOOTFALL])
        detail = spark.sql(f"DESCRIBE DETAIL {lake.target(CONSENT_LEDGER)}").first()
        assert detail["properties"]["delta.dataSkippingNumIndexedCols"] == "0"
        assert detail["description"] == CONSENT_LEDGER.comment
        fields = {f.name: f for f in spark.read.format("delta").load(lake.location(FOOTFALL)).schema}
        assert all(fields[c.name].metadata["comment"] == c.comment for c in FOOTFALL.columns)


class TestLock:
    def test_two_at_once(self, lake):
        code = (
            "import sys; from jobs.lake import Lake; from jobs.errors import ThreestepError\n"
            "try:\n    with Lake(None, sys.argv[1]).lock(): print('in')\n"
            "except ThreestepError as e: print('refused:', e)"
        )
        with lake.lock():
            out = subprocess.run(
                [sys.executable, "-c", code, lake.root], capture_output=True, text=True, check=True
            ).stdout
        assert out.startswith("refused: another run is writing")
        out = subprocess.run([sys.executable, "-c", code, lake.root], capture_output=True, text=True, check=True).stdout
        assert out == "in\n"


def test_of_what_is_taken_back_no_file_stays(spark, lake, tmp_path):
    door = lake.door(writes=ALL)
    door.replace(PEOPLE, frame(spark, DDL, ("2026-03-03", "+491", 1)), ["2026-03-03"])
    files = set((tmp_path / "lake").rglob("day=*/*.parquet"))
    before = door.version(PEOPLE)
    door.replace(PEOPLE, frame(spark, DDL, ("2026-03-04", "+492", 2)), ["2026-03-04"])
    door.restore(PEOPLE, before)
    assert set((tmp_path / "lake").rglob("day=*/*.parquet")) == files != set()
    assert rows(door.read(PEOPLE)) == [("2026-03-03", "+491", 1)]


def test_versions_are_read_back(spark, lake):
    door = lake.door(writes=ALL)
    door.replace(PEOPLE, frame(spark, DDL, ("2026-03-03", "+491", 1)), ["2026-03-03"])
    before = door.version(PEOPLE)
    door.replace(PEOPLE, frame(spark, DDL, ("2026-03-03", "+492", 2)), ["2026-03-03"])
    assert rows(door.read(PEOPLE, before).select(F.col("msisdn"))) == [("+491",)]
