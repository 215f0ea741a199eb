"""The command bench: both engines count the same."""

from __future__ import annotations

import re

import pytest
from end_to_end_tools import messages, threestep

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]


def test_both_engines_count_the_same(spark, tmp_path, capsys):
    assert threestep("bench", "--events", 60_000, "--lines", 1_200, "--work", tmp_path / "bench") == 0
    told = messages(capsys.readouterr().out)[-1]["event"]
    found = re.fullmatch(r"ratio [\d.]+, ([\d,]+) events; person-hours differ by ([\d.]+)%", told)
    assert found and int(found[1].replace(",", "")) > 50_000 and float(found[2]) < 1.0
