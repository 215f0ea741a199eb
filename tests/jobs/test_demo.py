"""The demo: its folder and the order of its parts; the parts themselves are stood in for."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from jobs import demo
from jobs.audit.picture import Picture
from jobs.console import Teller
from jobs.errors import UsageError
from jobs.run_summary import RunSummary
from jobs.simulate.run import SimulateReport


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Stand-ins for Spark, simulation, run and picture, which note what they were asked."""
    calls: list[tuple[str, Any]] = []

    def simulate(spark: object, params: Any, progress: Any) -> SimulateReport:
        calls.append(("simulate", params))
        params.out.mkdir()
        progress("events")
        return SimulateReport(params.out, "Musterburg", {"events": 5}, {}, params.delivered_at)

    def pipeline(spark: object, settings: Any, say: Any) -> RunSummary:
        calls.append(("run", settings))
        return RunSummary(days=settings.days)

    def picture(spark: object, lake: str, date: dt.date, out_png: Path, source: str) -> Picture:
        calls.append(("picture", (lake, date, source)))
        out_png.write_bytes(b"png")
        return Picture(out_png, 13, 100)

    monkeypatch.setattr("jobs.session.get_session", lambda *args, **more: None)
    monkeypatch.setattr("jobs.simulate.run.run_simulate", simulate)
    monkeypatch.setattr("jobs.pipeline.run_pipeline", pipeline)
    monkeypatch.setattr("jobs.audit.picture.busiest_hour", picture)
    monkeypatch.setattr(Teller, "closing", lambda self, spark, settings, summary: calls.append(("closing", summary)))
    return calls


def test_the_parts_run_in_order_on_one_folder(
    told: list[tuple[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    demo.run_demo(Teller(Console(file=io.StringIO())), out, 1000, None, None, None)
    assert [name for name, _ in told] == ["simulate", "run", "picture", "closing"]
    params, settings, drawn = told[0][1], told[1][1], told[2][1]
    assert (params.out, params.subscribers, params.start_date) == (out / "landing", 1000, demo.DATE)
    assert (settings.landing, settings.lake) == (params.out, str(out / "lake"))
    assert settings.keys == out / "lake.keys"
    assert settings.as_of >= params.delivered_at
    assert drawn == (settings.lake, demo.DATE, "simulated people in Musterburg")
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["event"] == "demo done"
    assert last["picture"] == str(out / "busiest_hour.png")
    assert last["seconds"] >= 0


def test_a_terminal_sees_where_the_picture_lies(told: list[tuple[str, Any]], tmp_path: Path) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, highlight=False)
    demo.run_demo(Teller(console), tmp_path, 1000, None, None, None)
    assert f"Picture of the busiest hour (13:00): {tmp_path}/busiest_hour.png" in screen.getvalue()
    assert "Done in" in screen.getvalue()


def test_an_earlier_demo_is_replaced_and_a_strangers_file_stays(tmp_path: Path) -> None:
    demo.prepare(tmp_path)
    for made in ("landing", "lake", "lake.keys", "lake.docs"):
        (tmp_path / made).mkdir()
        (tmp_path / made / "old").touch()
    (tmp_path / "busiest_hour.png").touch()
    (tmp_path / "notes.txt").touch()
    demo.prepare(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [demo.MARKER, "notes.txt"]


def test_a_folder_that_no_demo_made_is_refused_untouched(told: list[tuple[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    with pytest.raises(UsageError, match="not empty"):
        demo.run_demo(Teller(Console(file=io.StringIO())), tmp_path, 1000, None, None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["lake"]
    assert told == []
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UsageError, match="no folder"):
        demo.prepare(file)
