"""The scan must be able to fail: leaks of every kind, each in a file that no table's log needs to know of."""

from __future__ import annotations

import base64
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frames import frame

from expectations.contract import Schema
from expectations.events import EVENTS
from expectations.quarantine import QUARANTINE
from expectations.subscribers import SUBSCRIBERS
from jobs.audit.scan import NEEDLES_SCHEMA, Finding, ScanParams, scan
from jobs.errors import ThreestepError
from jobs.lake import Lake
from jobs.lake_files import list_files

NUMBER, SIM, OTHER = "491701234567", "262990000000001", "262990000000002"
HASH = bytes(range(200, 232))
PARAMS = ScanParams(
    frozenset({"restricted/subscribers"}), {"restricted/quarantine": "NOT (table_name IN ('subscribers', 'consent'))"}
)
CONTRACTS = (EVENTS, QUARANTINE, SUBSCRIBERS)


def _ddl(contract):
    return ", ".join(f"{c.name} {c.type}" for c in contract.columns)


@pytest.fixture(scope="module")
def lake(spark, tmp_path_factory):
    """Events of another SIM, the line in its own records, and nothing of it anywhere else."""
    made = Lake(spark, str(tmp_path_factory.mktemp("scan") / "lake"))
    door = made.door(writes=list(Schema))
    event = ("2026-03-03", OTHER, "2026-03-03T08:00:00", "c1", "data", None, 262, True)
    door.replace(EVENTS, frame(spark, _ddl(EVENTS), event), ["2026-03-03"])
    own = ("p1", f"+{NUMBER}", SIM, "a", "private", None, None, None, "2025-01-01T00:00:00", None)
    door.replace(SUBSCRIBERS, frame(spark, _ddl(SUBSCRIBERS), own))
    request = ("consent", "consent", None, ["purpose_unknown"], json.dumps({"msisdn": f"+{NUMBER}"}))
    door.replace(QUARANTINE, frame(spark, _ddl(QUARANTINE), request), ["consent"])
    return made


def _needles(spark, *more):
    held = (HASH.hex().upper(), "pseudonym"), (base64.b64encode(HASH).decode().rstrip("="), "pseudonym")
    rows = [(NUMBER, "number"), (SIM, "sim"), *held, *more]
    return frame(spark, NEEDLES_SCHEMA, *rows).cache()


def _seed(spark, root):
    """One leak of each kind; what each has to be found as."""
    events = root / "restricted/events"
    pq.write_table(pa.table({"imsi": [SIM, OTHER]}), events / "orphan.parquet")
    pq.write_table(pa.table({"who": pa.array([HASH]), "n": [1]}), root / "pseudonymous-copy.parquet")
    pq.write_table(pa.table({"sim": pa.array([int(SIM), None])}), root / "numbers.bak")
    nested = pa.table({"seen": pa.array([[{"by": f"+{NUMBER}"}]])})
    pq.write_table(nested, events / "nested.parquet")
    log = {"add": {"path": "x", "stats": json.dumps({"minValues": {"msisdn": f"+{NUMBER}"}})}}
    (events / "_delta_log/00000000000000000009.json").write_text(json.dumps(log))
    added = pa.table({"add": [{"path": "x", "stats": log["add"]["stats"]}], "txn": pa.array([None], pa.string())})
    pq.write_table(added, events / "_delta_log/00000000000000000008.checkpoint.parquet")
    (root / "products").mkdir()
    (root / "products/run [1].log").write_text(json.dumps({"event": "done", "caller": "+49 170 123 45-67"}))
    (root / "products/.hidden").write_text(f"p={HASH.hex()}")
    (root / "products/raw.bin").write_bytes(b"\xff\x00" * 40_000 + HASH + b"\xff" * 9)
    (root / f"products/{SIM}.txt").write_text("nothing here")
    docs = root.parent / f"{root.name}.docs"
    docs.mkdir()
    (docs / "index.html").write_text(f"<td>{base64.b64encode(HASH).decode()}</td>")
    door = Lake(spark, str(root)).door(writes=list(Schema))
    bad = ("events/1", "events", None, ["cell_id_missing"], json.dumps({"imsi": SIM}))
    door.replace(QUARANTINE, frame(spark, _ddl(QUARANTINE), bad), ["events/1"])


def test_clean_then_every_leak_is_found(spark, lake):
    from pathlib import Path

    root, needles = Path(lake.root), _needles(spark)
    clean = scan(spark, list_files(lake, CONTRACTS), needles, PARAMS)
    assert clean.findings == () and clean.unreadable == () and clean.files > 10 and clean.apart > 0
    clean.require_clean()
    # Of another line the same files tell at once: it is not the files that are silent.
    told = scan(spark, list_files(lake, CONTRACTS), _needles(spark, (OTHER, "sim")), PARAMS)
    assert told.findings == (Finding("restricted/events", "data file", "sim", 1, 1),)

    _seed(spark, root)
    found = scan(spark, list_files(lake, CONTRACTS), needles, PARAMS)
    assert set(found.findings) == {
        Finding("restricted/events", "data file", "sim", 1, 1),
        Finding("restricted/events", "data file", "number", 1, 1),
        Finding("restricted/events", "transaction log", "number", 2, 2),
        Finding("restricted/quarantine", "data file", "sim", 1, 1),
        Finding("pseudonymous-copy.parquet", "data file", "pseudonym", 1, 1),
        Finding("numbers.bak", "other file", "sim", 1, 1),
        Finding("products/run [1].log", "other file", "number", 1, 1),
        Finding("products/.hidden", "other file", "pseudonym", 1, 1),
        Finding("products/raw.bin", "other file", "pseudonym", 1, 1),
        Finding("products/….txt", "file name", "sim", 1, 1),
        Finding(f"{root.name}.docs/index.html".replace(root.name, ""), "report", "pseudonym", 1, 1),
    }
    with pytest.raises(ThreestepError, match=r"found 12 traces.*restricted/events: 1 of kind sim") as caught:
        found.require_clean()
    assert SIM not in str(caught.value) and NUMBER not in str(caught.value)


def test_what_cannot_be_looked_into_proves_nothing(spark, tmp_path):
    lake = Lake(spark, str(tmp_path / "lake"))
    folder = tmp_path / "lake/products"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "copy.zip", "w") as archive:
        archive.writestr("events.csv", SIM)
    (folder / "cut.parquet").write_bytes(b"PAR1 and then nothing")
    pq.write_table(pa.table({"imsi": [SIM]}), folder / "_passed_over.parquet")
    report = scan(spark, list_files(lake, ()), _needles(spark), PARAMS)
    assert report.unreadable == ("products/_passed_over.parquet", "products/copy.zip", "products/cut.parquet")
    with pytest.raises(ThreestepError, match="3 files cannot be looked into"):
        report.require_clean()
