"""Table rules, without a session."""

from __future__ import annotations

import math

import pytest

from expectations.gate import (
    GateReport,
    TableRule,
    check_table,
    duplicates_rule,
    not_empty_rule,
    share_rule,
    volume_rule,
)


@pytest.mark.parametrize(
    ("rule", "success", "bound"),
    [
        (TableRule("r", 5, low=5, high=5), True, 5),
        (TableRule("r", 4, low=5, high=9), False, 5),
        (TableRule("r", 10, low=5, high=9), False, 9),
        (TableRule("r", None, high=9), False, 9),
        (TableRule("r", None, low=1), False, 1),
        (TableRule("r", math.nan, low=0, high=1), False, 0),
        (TableRule("r", math.nan, high=1), False, 1),
        (TableRule("r", None), True, None),
        (not_empty_rule(0), False, 1),
        (not_empty_rule(1), True, 1),
        (share_rule("s", 5, 100, 0.05), True, 0.05),
        (share_rule("s", 6, 100, 0.05), False, 0.05),
        (share_rule("s", 0, 0, 0.05), True, 0.05),
        (share_rule("s", 1, 0, 0.05), False, 0.05),
        (volume_rule(49, 100), False, 0.5),
        (volume_rule(201, 100), False, 2.0),
        (volume_rule(100, 100), True, 2.0),
        (volume_rule(100, None), True, None),
        (duplicates_rule(0), True, 0),
        (duplicates_rule(1), False, 0),
        (duplicates_rule(None), False, 0),
    ],
)
def test_a_figure_is_held_against_its_closed_range(rule, success, bound) -> None:
    (result,) = check_table([rule])
    assert (result.success, result.bound) == (success, bound)
    assert result.kind == "table"


def test_the_message_says_what_where_how_many_and_what_to_do() -> None:
    rules = [
        share_rule("quarantined", 600, 10_000, 0.05, remedy="read the reasons in restricted.quarantine"),
        volume_rule(10_000, 100_000, blocking=False),
        not_empty_rule(10_000),
    ]
    report = GateReport("restricted.events", "2026-03-03", tuple(check_table(rules)))
    assert not report.passed
    assert report.message() == (
        "restricted.events (2026-03-03): 2 of 3 rules did not hold: quarantined failed: observed 0.06, "
        "bound 0.05, 10,000 rows; read the reasons in restricted.quarantine. volume warns: observed 0.1, "
        "bound 0.5, 10,000 rows; check that the delivery is whole and was not delivered twice."
    )
