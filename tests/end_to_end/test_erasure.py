"""A late objection between a run that broke off and its resumption, seen from outside, file by file."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import hmac
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from end_to_end_tools import FIRST, messages, put_key, relabel, run_day, threestep

OWN = ("restricted/subscribers/", "restricted/consent_ledger/", "restricted/consent_requests/")


def _files_that_tell(root: Path, words: list[bytes]) -> set[str]:
    """Every file outside of the line's own records that holds one of some words, by nothing but Python."""
    found = set()
    for path in (p for p in root.rglob("*") if p.is_file()):
        name = path.relative_to(root).as_posix()
        if path.suffix == ".parquet" and name.startswith(OWN) and "_delta_log" not in name:
            continue
        if path.suffix == ".parquet":
            values = [v for column in pq.read_table(path).columns for v in column.to_pylist()]
            told = b"\0".join(v if isinstance(v, bytes) else str(v).encode() for v in values)
        else:
            told = path.read_bytes()
        if any(word in told for word in words):
            found.add("/".join(name.split("/")[:2]))
    return found


def _line(landing: Path) -> dict[str, str]:
    """A private line without any decision, with many events, on one SIM."""
    with (landing / "subscribers.csv").open() as handle:
        lines = list(csv.DictReader(handle))
    with (landing / "consent.csv").open() as handle:
        decided = {row["msisdn"] for row in csv.DictReader(handle)}
    numbers = [row["msisdn"] for row in lines]
    persons = [row["subscriber_id"] for row in lines]
    sims = [str(v) for v in pq.read_table(landing / "events").column("imsi").to_pylist()]
    return next(
        row
        for row in lines
        if row["contract"] == "private"
        and row["msisdn"] not in decided
        and numbers.count(row["msisdn"]) == persons.count(row["subscriber_id"]) == 1
        and sims.count(row["imsi"]) > 20
    )


def _object(landing: Path, number: str) -> None:
    with (landing / "consent.csv").open() as handle:
        head = handle.readline().strip().split(",")
    now = (dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)).isoformat(timespec="seconds")
    said = {"request_id": "late-1", "msisdn": number, "purpose": "all", "decision": "object"}
    with (landing / "consent.csv").open("a") as handle:
        csv.writer(handle).writerow([{**said, "channel": "web", "received_at": now}.get(name, "") for name in head])
    relabel(landing)


@pytest.mark.slow
def test_late_objection_reaches_what_a_broken_run_left(simulated, tmp_path, monkeypatch, capsys):
    import jobs.release.run as release

    def dies(*args, **kwargs):
        raise RuntimeError

    landing, lake = tmp_path / "landing", tmp_path / "lake"
    shutil.copytree(simulated, landing, ignore=shutil.ignore_patterns("truth"))
    put_key(tmp_path / "lake.keys", FIRST)
    with monkeypatch.context() as patch:
        patch.setattr(release, "publish", dies)
        assert run_day(landing, lake) == 1
    line = _line(landing)
    name = hmac.new(bytes(range(32)), f"s:{line['subscriber_id']}".encode(), hashlib.sha256).digest()
    words = [line["imsi"].encode(), line["msisdn"].lstrip("+").encode(), name, name.hex().encode()]
    assert {"restricted/events", "pseudonymous/movement", "pseudonymous/profile"} <= _files_that_tell(lake, words)

    _object(landing, line["msisdn"])
    erase = ("erase", "--landing", landing, "--lake", lake)
    capsys.readouterr()
    assert threestep(*erase) == 0, capsys.readouterr().out
    told = messages(capsys.readouterr().out)
    assert {m["table"] for m in told if m.get("event") == "erased"} >= {"restricted.events", "pseudonymous.movement"}
    assert _files_that_tell(lake, words) == set()
    assert not pq.ParquetDataset(lake / "audit/erasures").read().to_pylist()[0]["hits"]

    # Again: it finds nothing, and says so.
    assert threestep(*erase) == 0
    last = messages(capsys.readouterr().out)[-1]["event"]
    assert last.startswith("0 rows erased") and " 0 traces " in last

    # The day is computed anew without the line, and released.
    assert run_day(landing, lake) == 0
    done = {m["job"] for m in messages(capsys.readouterr().out) if m.get("event") == "job done"}
    assert {"segment", "transform", "aggregate", "release"} <= done
    assert _files_that_tell(lake, words) == set()

    # A stray copy fails it.
    (lake / "products/copy.csv").write_text(f"who\n{line['imsi']}\n")
    assert threestep(*erase) == 1
    assert "products/copy.csv: 1 of kind sim" in messages(capsys.readouterr().out)[-1]["message"]
