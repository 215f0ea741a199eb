"""Table rules: what must hold of a batch as a whole, and the nouns in which every gate result is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["row", "expectation", "table"]


@dataclass(frozen=True)
class RuleResult:
    """One rule held against one batch. It holds counts, never values of rows.

    Attributes:
        rule: Rule, with its column.
        kind: ``row`` quarantines, ``expectation`` is Great Expectations' answer, ``table`` blocks or warns.
        success: Whether it held.
        blocking: Whether failing stops the run.
        observed: Count or share observed; null for expectations on identified tables.
        bound: The bound that it was held against.
        rows: Rows looked at, where known.
        remedy: What to do where it failed.
    """

    rule: str
    kind: Kind
    success: bool
    blocking: bool
    observed: float | None = None
    bound: float | None = None
    rows: int | None = None
    remedy: str = ""

    @property
    def blocks(self) -> bool:
        """Whether this result stops the run."""
        return self.blocking and not self.success

    def describe(self) -> str:
        """One line: the rule, what was observed, the bound, and what to do."""
        seen = f" observed {_figure(self.observed)}" if self.observed is not None else ""
        bound = f" against {_figure(self.bound)}" if self.bound is not None else ""
        rows = f" in {self.rows:,} rows" if self.rows is not None else ""
        verdict = "held" if self.success else ("failed" if self.blocking else "warns")
        remedy = f": {self.remedy}" if self.remedy and not self.success else ""
        return f"{self.rule} {verdict}{seen}{bound}{rows}{remedy}"


@dataclass(frozen=True)
class TableRule:
    """A figure of a batch and the closed range that it must lie in.

    Attributes:
        name: Rule, with its column where it has one.
        observed: Count or share; null means that it could not be measured, which fails.
        low: Least value that holds.
        high: Greatest value that holds.
        blocking: Whether failing stops the run, or only warns.
        remedy: What to do where it fails.
        rows: Rows looked at, where known.
    """

    name: str
    observed: float | None
    low: float | None = None
    high: float | None = None
    blocking: bool = True
    remedy: str = ""
    rows: int | None = None

    def check(self) -> RuleResult:
        """Hold the figure against its range; a figure that is missing or not a number fails."""
        too_low = self.low is not None and not (self.observed is not None and self.observed >= self.low)
        too_high = self.high is not None and not (self.observed is not None and self.observed <= self.high)
        bound = self.low if too_low or self.high is None else self.high
        return RuleResult(
            rule=self.name,
            kind="table",
            success=not (too_low or too_high),
            blocking=self.blocking,
            observed=self.observed,
            bound=bound,
            rows=self.rows,
            remedy=self.remedy,
        )


def check_table(rules: Sequence[TableRule]) -> list[RuleResult]:
    """Hold every rule against its figure."""
    return [rule.check() for rule in rules]


def not_empty_rule(
    rows: int, least: int = 1, remedy: str = "check that the delivery holds this day"
) -> TableRule:
    """At least ``least`` rows."""
    return TableRule("rows_present", rows, low=least, remedy=remedy, rows=rows)


def share_rule(
    name: str, part: int, whole: int, high: float, *, remedy: str = "", blocking: bool = True
) -> TableRule:
    """``part / whole`` is at most ``high``; of nothing, the share is 0."""
    return TableRule(
        name, part / whole if whole else 0.0, high=high, blocking=blocking, remedy=remedy, rows=whole
    )


def volume_rule(
    rows: int,
    usual: float | None,
    low: float = 0.5,
    high: float = 2.0,
    *,
    name: str = "volume",
    remedy: str = "check that the delivery is whole and was not delivered twice",
    blocking: bool = True,
) -> TableRule:
    """``rows`` is between ``low`` and ``high`` times the usual; with nothing to compare to, it holds."""
    if not usual:
        return TableRule(name, None, blocking=blocking, rows=rows)
    return TableRule(name, rows / usual, low=low, high=high, blocking=blocking, remedy=remedy, rows=rows)


def duplicates_rule(
    duplicates: int, rows: int | None = None, remedy: str = "keep one row for each key before writing"
) -> TableRule:
    """No row repeats another row's key."""
    return TableRule("duplicate_keys", duplicates, high=0, remedy=remedy, rows=rows)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
