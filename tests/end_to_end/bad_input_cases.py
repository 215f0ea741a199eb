"""Bad input: a clear error, the right exit code, and earlier tables as they were."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil

import pytest
from end_to_end_tools import SECOND, messages, relabel, run_day, threestep
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

GUARDED = (
    "products/footfall",
    "products/releases",
    "restricted/events",
    "reference/zones",
    "reference/cells",
    "audit/privacy_ledger",
)


def _content(spark, world):
    """Digest of each guarded table's rows: a good table that was delivered again counts as untouched."""
    found = {}
    for table in GUARDED:
        rows = spark.read.format("delta").load(str(world.lake / table))
        total = rows.agg(F.sum(F.xxhash64(*rows.columns).cast("decimal(38,0)")), F.count("*")).first()
        found[table] = (str(total[0]), total[1])
    return found


def _refused(world, broken, capsys, code, *more):
    """Run the second day on a broken landing; returns the message after checking code and tables."""
    spark = SparkSession.getActiveSession()
    before = _content(spark, world)
    capsys.readouterr()
    assert run_day(broken, world.lake, SECOND, *more) == code
    printed = capsys.readouterr()
    failed = [m for m in messages(printed.out) if m.get("event") == "failed"]
    assert failed, printed.out[-2000:]
    assert _content(spark, world) == before
    text = failed[-1]["message"]
    assert not re.search(r"\+?49155\d{6,}|26299\d{10}", printed.out + printed.err)
    return text


def _rewrite(path, change):
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")


class TestConsentFailsClosed:
    def test_no_consent_table(self, world, broken, capsys):
        (broken / "consent.csv").unlink()
        assert "consent" in _refused(world, broken, capsys, 4)

    def test_no_delivery_note(self, world, broken, capsys):
        (broken / "consent_delivery.json").unlink()
        assert "consent_delivery.json" in _refused(world, broken, capsys, 4)

    def test_too_old(self, world, broken, capsys):
        note = broken / "consent_delivery.json"
        content = json.loads(note.read_text())
        content["delivered_at"] = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=49)).isoformat()
        note.write_text(json.dumps(content))
        message = _refused(world, broken, capsys, 4)
        assert "49.0 hours old" in message and "consent.max_age_hours" in message

    def test_rows_do_not_match_the_note(self, world, broken, capsys):
        _rewrite(broken / "consent.csv", lambda lines: lines[:-1])
        assert "consent" in _refused(world, broken, capsys, 4)

    def test_empty_ledger_is_not_believed(self, simulated, broken, tmp_path, capsys):
        _rewrite(broken / "consent.csv", lambda lines: lines[:1])
        relabel(broken)
        assert run_day(broken, tmp_path / "lake", SECOND) == 4
        assert "consent" in capsys.readouterr().out

    def test_waiver_is_refused_where_there_are_subscribers(self, world, broken, capsys):
        assert "waiver" in _refused(world, broken, capsys, 2, "--waive-consent", "no feed yet")


class TestTables:
    @pytest.mark.parametrize("table", ["cells.csv", "subscribers.csv", pytest.param("events", marks=pytest.mark.slow)])
    def test_missing_file(self, world, broken, capsys, table):
        path = broken / table
        if not path.exists():
            path = broken / table.replace(".csv", "")
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        assert table.split(".")[0] in _refused(world, broken, capsys, 3)

    @pytest.mark.slow
    def test_missing_column(self, world, broken, capsys):
        _rewrite(broken / "cells.csv", lambda lines: [",".join(line.split(",")[1:]) for line in lines])
        message = _refused(world, broken, capsys, 3)
        assert "cells" in message and "cell_id" in message

    @pytest.mark.slow
    def test_too_many_impossible_positions(self, world, broken, capsys):
        def swap(lines):
            head = lines[0].split(",")
            at = head.index("latitude")
            return [lines[0]] + [",".join([*(r := line.split(","))[:at], "951.0", *r[at + 1 :]]) for line in lines[1:]]

        _rewrite(broken / "cells.csv", swap)
        message = _refused(world, broken, capsys, 3)
        assert "cells" in message and "latitude_out_of_range" in message and "max_quarantined_share" in message

    @pytest.mark.slow
    def test_empty_day(self, world, broken, capsys):
        for folder in (broken / "events").glob("event_date=*"):
            shutil.rmtree(folder)
        first = next((world.landing / "events").glob("event_date=2026-03-03"))
        shutil.copytree(first, broken / "events" / first.name)
        assert "2026-03-0" in _refused(world, broken, capsys, 3)


@pytest.mark.slow
class TestZones:
    def _zones(self, broken, change):
        path = broken / "zones.geojson"
        content = json.loads(path.read_text())
        change(content["features"])
        path.write_text(json.dumps(content))

    def test_overlap(self, world, broken, capsys):
        def overlap(features):
            districts = [f for f in features if f["properties"]["level"] == "district"]
            districts[0]["geometry"] = districts[1]["geometry"]

        self._zones(broken, overlap)
        assert "overlap" in _refused(world, broken, capsys, 3)

    def test_invalid_polygon(self, world, broken, capsys):
        def bow_tie(features):
            district = next(f for f in features if f["properties"]["level"] == "district")
            x, y = district["geometry"]["coordinates"][0][0][:2]
            ring = [[x, y], [x + 0.02, y + 0.02], [x + 0.02, y], [x, y + 0.02], [x, y]]
            district["geometry"] = {"type": "Polygon", "coordinates": [ring]}

        self._zones(broken, bow_tie)
        assert "zones" in _refused(world, broken, capsys, 3)


class TestUsage:
    @pytest.mark.parametrize(
        "args",
        [
            ("--date", "03.03.2026"),
            ("--date", "2026-03-04", "--until", "2026-03-01"),
            ("--date", "2026-03-04", "--as-of", "yesterday"),
            ("--date", "2026-03-04", "--policy", "nowhere.yaml"),
            ("--date", "2026-03-04", "--format", "parquet"),
        ],
        ids=["date", "until", "as-of", "policy", "format"],
    )
    def test_exit_2(self, world, args):
        assert threestep("run", "--landing", world.landing, "--lake", world.lake, *args) == 2

    def test_missing_landing(self, world, tmp_path):
        assert run_day(tmp_path / "nowhere", world.lake) == 2

    def test_unknown_command(self):
        assert threestep("fly") == 2
