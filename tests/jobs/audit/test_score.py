"""What the command score refuses, and how it sums days up."""

from __future__ import annotations

import pytest
from pyspark.sql import Row

from jobs.audit.score_record import TRUTH, check_simulated, table_lines
from jobs.errors import UsageError


def test_only_a_simulation_with_its_truth_is_scored(tmp_path):
    landing, truth = tmp_path / "landing", tmp_path / "truth"
    landing.mkdir()
    for name in TRUTH[1:]:
        (truth / name).mkdir(parents=True)
    with pytest.raises(UsageError, match="only simulated input"):
        check_simulated(landing, truth)
    (landing / "simulation.json").touch()
    with pytest.raises(UsageError, match=f"holds no {TRUTH[0]}:"):
        check_simulated(landing, truth)
    (truth / TRUTH[0]).mkdir()
    check_simulated(landing, truth)


def test_the_table_shows_the_mean_of_the_days_that_have_a_value():
    def row(date, method, value):
        return Row(date=date, measure="footfall_mdape", level="district", method=method, value=value, compared=1)

    days = [row(1, "threestep", 0.1), row(2, "threestep", 0.2), row(1, "nearest_cell", None)]
    assert table_lines(days) == [{"measure": "footfall_mdape", "zones": "district", "threestep": 0.15}]
