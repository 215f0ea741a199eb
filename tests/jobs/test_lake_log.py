"""Tables of a local lake: created as a statement would have created them, in one piece, once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from frames import at, frame

from expectations.audit import KEY_EVENTS
from expectations.catalog import ALL
from expectations.contract import Schema
from expectations.events import EVENTS
from expectations.products import FOOTFALL
from jobs.errors import ThreestepError
from jobs.lake import Lake
from jobs.lake_log import create_table, latest_version, may_hold


def _log_of(spark, folder):
    text = (folder / "_delta_log" / f"{0:020d}.json").read_text()
    found = {}
    for line in text.splitlines():
        found.update(json.loads(line))
    meta, protocol = found["metaData"], found["protocol"]
    kept = {k: v for k, v in meta.items() if k not in ("id", "createdTime", "schemaString")}
    return {**kept, "schema": json.loads(meta["schemaString"]), "protocol": protocol}


class TestCreateTable:
    @pytest.mark.parametrize("contract", [EVENTS, FOOTFALL], ids=lambda c: c.full_name)
    def test_is_what_the_statement_makes(self, spark, tmp_path, contract):
        create_table(str(tmp_path / "a" / "b"), contract)
        spark.sql(contract.ddl(f"delta.`{tmp_path}/by_sql`"))
        assert _log_of(spark, tmp_path / "a" / "b") == _log_of(spark, tmp_path / "by_sql")

    def test_what_is_there_stays(self, tmp_path):
        create_table(str(tmp_path / "t"), EVENTS)
        log = tmp_path / "t" / "_delta_log"
        before = {p.name: p.read_bytes() for p in log.iterdir()}
        create_table(str(tmp_path / "t"), FOOTFALL)
        assert {p.name: p.read_bytes() for p in log.iterdir()} == before and len(before) == 2

    def test_checksum_tells_what_the_first_commit_does(self, tmp_path):
        create_table(str(tmp_path / "t"), EVENTS)
        first, checksum = (tmp_path / "t" / "_delta_log" / f"{0:020d}.{end}" for end in ("json", "crc"))
        actions = {name: value for line in first.read_text().splitlines() for name, value in json.loads(line).items()}
        told = json.loads(checksum.read_text())
        assert (told["metadata"], told["protocol"]) == (actions["metaData"], actions["protocol"])
        assert (told["numFiles"], told["tableSizeBytes"], told["allFiles"]) == (0, 0, [])

    def test_identifiers_are_for_their_owner(self, tmp_path):
        create_table(str(tmp_path / "restricted" / "events"), EVENTS)
        assert (tmp_path / "restricted").stat().st_mode & 0o077 == 0

    def test_constraints_hold_and_history_is_told(self, spark, tmp_path):
        contract = replace(FOOTFALL, schema=Schema.STAGING)
        door = Lake(spark, str(tmp_path / "lake")).door(writes=list(Schema))
        ddl = ", ".join(f"{c.name} {c.type}" for c in contract.columns)
        bad = ("r", "2026-03-03", "z", 1, "district", "suppressed", 5, None, None, None, None)
        with pytest.raises(ThreestepError):
            door.replace(contract, frame(spark, ddl, bad), ["r"])
        history = spark.sql(f"DESCRIBE HISTORY delta.`{tmp_path}/lake/staging/footfall`").collect()
        assert [row["operation"] for row in history] == ["CREATE TABLE"] and door.version(contract) == 0

    def test_every_contract_can_be_created_and_read(self, spark, tmp_path):
        door = Lake(spark, str(tmp_path / "lake")).door(writes=list(Schema))
        door.create(ALL)
        assert [door.version(contract) for contract in ALL] == [0] * len(ALL)
        assert door.read(ALL[0]).isEmpty()


class TestAppendRows:
    def test_rows_stand_beside_those_of_the_engine(self, spark, tmp_path):
        door = Lake(spark, str(tmp_path / "lake")).door(writes=[Schema.AUDIT])
        first, later = (
            ("day-1", event, "why", at(f"2026-03-0{n}T00:00:00")) for n, event in ((1, "created"), (2, "x"))
        )
        door.append(KEY_EVENTS, [first])
        spark.createDataFrame([later], KEY_EVENTS.struct).write.format("delta").mode("append").save(
            str(tmp_path / "lake/audit/key_events")
        )
        door.append(KEY_EVENTS, [first, later])
        assert sorted(map(tuple, door.read(KEY_EVENTS).select("event").collect())) == [("created",)] * 2 + [("x",)] * 2
        told = door.read(KEY_EVENTS).filter("event = 'created'").selectExpr("CAST(at AS STRING)").first()
        assert told[0] == "2026-03-01 00:00:00" and door.version(KEY_EVENTS) == 3

    def test_what_is_required_has_to_be_there_and_nothing_is_quoted(self, spark, tmp_path):
        door = Lake(spark, str(tmp_path / "lake")).door(writes=[Schema.AUDIT])
        with pytest.raises(ThreestepError, match=r"appending to audit\.key_events failed") as caught:
            door.append(KEY_EVENTS, [("+4915551234567", None, "why", at("2026-03-01T00:00:00"))])
        assert "4915551234567" not in str(caught.value) and caught.value.__cause__ is None
        assert door.version(KEY_EVENTS) == 0


class TestLatestVersion:
    def test_counts_commits_only(self, spark, tmp_path):
        assert latest_version(str(tmp_path / "none")) is None
        spark.range(1).write.format("delta").save(str(tmp_path / "t"))
        spark.range(1).write.format("delta").mode("append").save(str(tmp_path / "t"))
        (tmp_path / "t" / "_delta_log" / "draft.json").write_text("")
        assert latest_version(f"file:{tmp_path}/t") == 1


class TestMayHold:
    @pytest.mark.parametrize("is_partitioned", [True, False])
    def test_tells_what_no_file_can_hold(self, spark, tmp_path, is_partitioned):
        contract = replace(FOOTFALL, schema=Schema.STAGING, partitioned=is_partitioned)
        ddl = ", ".join(f"{c.name} {c.type}" for c in contract.columns)
        door = Lake(spark, str(tmp_path / "lake")).door(writes=[Schema.STAGING])
        where, ids = f"{tmp_path}/lake/staging/footfall", [f"footfall-2026-03-0{n}-r0" for n in range(1, 8)]
        door.create([contract])
        assert not may_hold(where, "release_id", ids)
        for name in (ids[2], ids[4]):
            row = (name, name[9:19], "z", 1, "district", "suppressed", None, None, None, None, None)
            door.replace(contract, frame(spark, ddl, row), [name])
        assert [may_hold(where, "release_id", [name]) for name in ids] == [n in (2, 4) for n in range(7)]
        assert may_hold(where, "release_id", [ids[0], ids[4]])
        door.replace(contract, frame(spark, ddl, row), [name])
        history = spark.sql(f"DESCRIBE HISTORY delta.`{where}`").orderBy("version").collect()
        assert [row["operationParameters"].get("mode") for row in history[1:]] == ["Append", "Append", "Overwrite"]
        assert door.read(contract).count() == 2

    def test_what_has_no_statistics_may_be_held(self, spark, tmp_path):
        where = f"{tmp_path}/t"
        frame(spark, "day DATE, n INT", ("2026-03-03", 1)).write.format("delta").option(
            "delta.dataSkippingNumIndexedCols", 0
        ).save(where)
        assert may_hold(where, "day", ["2020-01-01"])
