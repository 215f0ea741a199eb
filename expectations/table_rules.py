"""Table rules: what must hold of a batch as a whole, and the nouns in which every gate result is told."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from expectations.contract import Contract

Kind = Literal["row", "expectation", "table"]

# A metric that Spark's listener never delivered is computed instead of waited for.
_PATIENCE_SECONDS = 20.0

_INTEGRAL = {"tinyint", "smallint", "int", "bigint"}


class GateError(Exception):
    """A gate could not be evaluated. The message names the table and the rules, never a value of a row."""


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
        """One sentence or two: the rule, what was observed, its bound, the rows, and what to do."""
        verdict = "held" if self.success else ("failed" if self.blocking else "warns")
        figures = [
            f"observed {figure(self.observed)}" if self.observed is not None else "",
            f"bound {figure(self.bound)}" if self.bound is not None else "",
            f"{self.rows:,} rows" if self.rows is not None else "",
        ]
        told = ", ".join(part for part in figures if part)
        remedy = f"; {self.remedy}" if self.remedy and not self.success else ""
        return f"{self.rule} {verdict}{': ' if told else ''}{told}{remedy}."


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


def not_empty_rule(rows: int, least: int = 1, remedy: str = "check that the delivery holds this day") -> TableRule:
    """At least ``least`` rows."""
    return TableRule("rows_present", rows, low=least, remedy=remedy, rows=rows)


def share_rule(name: str, part: int, whole: int, high: float, *, remedy: str = "", blocking: bool = True) -> TableRule:
    """``part / whole`` is at most ``high``; nothing of nothing is a share of 0."""
    share = part / whole if whole else (0.0 if part == 0 else None)
    return TableRule(name, share, high=high, blocking=blocking, remedy=remedy, rows=whole)


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
    duplicates: int | None, rows: int | None = None, remedy: str = "keep one row for each key before writing"
) -> TableRule:
    """No row repeats another row's key."""
    return TableRule("duplicate_keys", duplicates, high=0, remedy=remedy, rows=rows)


def types_rule(frame: DataFrame, contract: Contract, total: int) -> TableRule:
    """Warn of columns whose type the write would have to convert with possible loss."""
    want = {field.name: field.dataType.simpleString() for field in contract.struct.fields}
    have = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
    odd = [
        f"{name} is {have[name]}, not {kind}"
        for name, kind in want.items()
        if name in have and have[name] != kind and not ({have[name], kind} <= _INTEGRAL or have[name] == "void")
    ]
    remedy = "; ".join(odd)
    return TableRule("column_types", len(odd), high=0, blocking=False, remedy=remedy, rows=total)


def check_rule(name: str, broken: int | None, total: int) -> TableRule:
    """No row breaks a CHECK constraint; ``None`` where it could not be evaluated, which fails."""
    remedy = "the constraint would refuse the write: correct the job that makes these rows"
    return TableRule(f"check {name}", broken, high=0, remedy=remedy, rows=total)


def row_results(counts: Mapping[str, int], rows: int) -> list[RuleResult]:
    """Quarantine counts as results: reason to the number of rows that have it.

    They never block by themselves; hold their share of all rows against a bound with ``share_rule``.
    """
    return [
        RuleResult(reason, "row", success=count == 0, blocking=False, observed=count, bound=0, rows=rows)
        for reason, count in sorted(counts.items())
    ]


def figure(value: float | None) -> str:
    """A count or share as people read it; nothing where there is none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.6g}"


def sum_of(condition: Column) -> Column:
    """Aggregate: rows for which the condition is true; 0 of none."""
    return F.coalesce(F.sum(F.when(condition, 1).otherwise(0)), F.lit(0))


class Measured:
    """A frame that counts its rows, and those that break a constraint, while something else reads it."""

    def __init__(self, frame: DataFrame, checks: Mapping[str, str]) -> None:
        self._source = frame
        self._metrics = [F.count(F.lit(1)).alias("rows")]
        # As Delta does, a condition that is null counts as broken.
        self._metrics += [
            sum_of(~F.coalesce(F.expr(sql), F.lit(False))).alias(f"check_{name}") for name, sql in checks.items()
        ]
        self._observation = Observation()
        self.frame = frame.observe(self._observation, *self._metrics)

    def counts(self) -> dict[str, int]:
        """The counts of the first complete read; if they do not arrive, they are computed."""
        arrived: list[dict[str, Any]] = []
        waiter = threading.Thread(target=lambda: arrived.append(self._observation.get), daemon=True)
        waiter.start()
        waiter.join(_PATIENCE_SECONDS)
        if not arrived:
            row = self._source.agg(*self._metrics).first()
            arrived.append(row.asDict() if row is not None else {"rows": 0})
        return {name: int(value) for name, value in arrived[0].items()}


def count_duplicates(frame: DataFrame, contract: Contract) -> int:
    """Rows beyond the first of each key; null equals null."""
    sizes = frame.groupBy(*contract.keys).agg((F.count(F.lit(1)) - 1).alias("_beyond"))
    row = sizes.agg(F.coalesce(F.sum("_beyond"), F.lit(0)).alias("_beyond")).first()
    return int(row["_beyond"]) if row is not None else 0
