"""The command score on the built-in city, from simulation to chart."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from end_to_end_tools import FIRST, threestep

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]


@pytest.fixture(scope="module")
def landing(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("score") / "landing"
    assert threestep("simulate", "--out", out, "--subscribers", 3000, "--date", FIRST) == 0
    return out


def test_errors_are_stored_and_the_scratch_lake_is_gone(spark, landing, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    lake, chart = tmp_path / "lake", tmp_path / "score.png"
    command = ("score", "--landing", landing, "--truth", landing / "truth", "--lake", lake, "--date", FIRST)
    assert threestep(*command, "--chart", chart) == 0
    assert not [path for path in scratch.iterdir() if path.name.startswith("threestep-score-")]
    assert chart.stat().st_size > 10_000
    assert [path.name for path in lake.glob("*/*")] == ["accuracy"]
    rows = spark.read.format("delta").load(str(lake / "audit" / "accuracy")).collect()
    value = {(row["measure"], row["level"], row["method"]): row["value"] for row in rows}
    assert len(value) == len(rows)
    assert {row["method"] for row in rows} == {"threestep", "nearest_cell"}
    # Not how good it is, but that it is about the same persons: most are seen, and most in order.
    assert value["footfall_coverage", "district", "threestep"] > 0.8
    assert value["footfall_spearman", "district", "threestep"] > 0.7
    assert 0 < value["footfall_mdape", "district", "threestep"] < 0.5
    assert 0.3 < value["trips_recall", "district", "threestep"] <= 1
    assert threestep(*command) == 0
    again = spark.read.format("delta").load(str(lake / "audit" / "accuracy"))
    assert again.count() == len(rows)


def test_without_a_truth_nothing_is_scored(landing, tmp_path, capsys):
    lake = tmp_path / "lake"
    command = ("score", "--landing", landing, "--truth", tmp_path, "--lake", lake, "--date", FIRST)
    assert threestep(*command) == 2
    assert "holds no itineraries" in capsys.readouterr().out
    assert not lake.exists()
