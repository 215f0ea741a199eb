"""A week and a month from landing to release, a week with one day alone, and what is left of their keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from end_to_end_tools import messages, threestep

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]

MONDAY, SUNDAY = "2026-03-02", "2026-03-08"


@pytest.fixture(scope="module")
def landing(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("week") / "landing"
    made = ("--subscribers", 2500, "--days", 7, "--date", MONDAY, "--seed", 3)
    assert threestep("simulate", "--out", out, *made) == 0
    return out


def _read(spark, lake, table):
    return spark.read.format("delta").load(str(lake / table))


def test_a_week_is_released_once_with_its_sums_and_its_key_goes(spark, landing, tmp_path, capsys):
    lake, policy = tmp_path / "lake", tmp_path / "policy.json"
    policy.write_text(json.dumps({"periods": {"min_days_month": 7}}))
    run = ("run", "--landing", landing, "--lake", lake, "--date", MONDAY, "--until", SUNDAY, "--policy", policy)
    assert threestep(*run) == 0, capsys.readouterr().out
    told = messages(capsys.readouterr().out)
    assert told[-1]["periods"] == {"week-2026-W10": "7 of 7 days: released", "month-2026-03": "7 of 31 days: released"}

    releases = {r["release_id"]: r for r in _read(spark, lake, "products/releases").collect()}
    week, month = releases["od-2026-W10-r0"], releases["catchment-2026-03-r0"]
    assert week["note"] is None and week["rho"] == 0.08
    assert "made from 7 of the month's 31 days" in month["note"]
    flows = _read(spark, lake, "products/od")
    assert flows.count() == week["cells"]
    assert flows.filter("destination_zone_id = 'all' AND status = 'published' AND estimate > persons").count() > 0
    shown = _read(spark, lake, "products/catchment").filter("status = 'published'")
    assert shown.count() == month["published"] > 0
    assert shown.filter("median_km IS NULL OR radius_80_km < median_km").count() == 0

    ledger = {r["period"]: r for r in _read(spark, lake, "audit/privacy_ledger").collect()}
    assert (float(ledger["2026-W10"]["spent"]), float(ledger["2026-03"]["spent"])) == (0.08, 0.1)
    assert not list((tmp_path / "lake.keys").glob("*.key"))
    assert [p for p in (lake / "pseudonymous").rglob("*.parquet") if p.is_file()] == []
    assert [_read(spark, lake, f"staging/{name}").count() for name in ("noised", "od", "catchment")] == [0, 0, 0]

    before = {p: p.stat().st_mtime_ns for p in lake.rglob("*") if p.is_file()}
    assert threestep(*run) == 0
    assert {p: p.stat().st_mtime_ns for p in lake.rglob("*") if p.is_file()} == before


def test_a_day_alone_makes_no_week_and_leaves_no_key(spark, landing, tmp_path, capsys):
    lake = tmp_path / "lake"
    assert threestep("run", "--landing", landing, "--lake", lake, "--date", MONDAY) == 0
    told = messages(capsys.readouterr().out)
    waits = {m["period"]: m["why"] for m in told if m["event"] == "period not released"}
    assert "1 of 7 days, and no more to come" in waits["week-2026-W10"] and "month-2026-03" in waits
    released = {r["period"] for r in _read(spark, lake, "products/releases").collect()}
    assert released == {MONDAY}
    assert not list((tmp_path / "lake.keys").glob("*.key"))
    assert [p for p in (lake / "pseudonymous").rglob("*.parquet") if p.is_file()] == []
    assert {r["period_kind"] for r in _read(spark, lake, "audit/privacy_ledger").collect()} == {"day"}
