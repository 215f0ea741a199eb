"""The gate: holds a batch that is about to be written against its contract, and keeps a run's results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from expectations.contract import Contract
from expectations.table_rules import (
    RuleResult,
    TableRule,
    check_table,
    duplicates_rule,
    not_empty_rule,
    share_rule,
    volume_rule,
)

__all__ = [
    "REASONS",
    "Gate",
    "GateError",
    "GateReport",
    "RuleResult",
    "TableRule",
    "bad_rows",
    "check_table",
    "duplicates_rule",
    "good_rows",
    "not_empty_rule",
    "share_rule",
    "volume_rule",
    "with_reasons",
]

REASONS = "_reasons"


class GateError(Exception):
    """A gate could not be evaluated; the message holds no row values."""


def with_reasons(frame: DataFrame, contract: Contract, extra: Mapping[str, str] | None = None) -> DataFrame:
    """Add the reasons of every broken row rule, sorted and distinct; none for a good row.

    Args:
        frame: Rows with the columns that the contract's rules read.
        contract: Where the row rules come from.
        extra: Further reasons to the SQL condition that holds for good rows; null counts as broken.
    """
    conditions: dict[str, list[str]] = {}
    for reason, sql in [*((rule.reason, rule.sql) for rule in contract.rules), *(extra or {}).items()]:
        conditions.setdefault(reason, []).append(f"({sql})")
    marks = [
        F.when(F.expr(" AND ".join(parts)), F.lit(None)).otherwise(F.lit(reason)).cast("string")
        for reason, parts in sorted(conditions.items())
    ]
    reasons = F.array_compact(F.array(*marks)) if marks else F.array().cast("array<string>")
    return frame.withColumn(REASONS, reasons)


def good_rows(frame: DataFrame) -> DataFrame:
    """Rows without a reason, and without the reasons column."""
    return frame.where(F.size(REASONS) == 0).drop(REASONS)


def bad_rows(frame: DataFrame) -> DataFrame:
    """Rows with at least one reason, reasons included."""
    return frame.where(F.size(REASONS) > 0)


@dataclass(frozen=True)
class GateReport:
    """What a gate found in one batch of one table."""

    table: str
    batch: str
    results: tuple[RuleResult, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing that blocks failed."""
        return not any(result.blocks for result in self.results)

    @property
    def failures(self) -> tuple[RuleResult, ...]:
        """Results that did not hold, blocking or not."""
        return tuple(result for result in self.results if not result.success)

    def message(self) -> str:
        """What failed and what to do, in names and counts."""
        if not self.failures:
            return f"{self.table} ({self.batch}): all {len(self.results)} rules held"
        lines = "; ".join(result.describe() for result in self.failures)
        return (
            f"{self.table} ({self.batch}): {len(self.failures)} of {len(self.results)} rules failed: {lines}"
        )


@dataclass
class Gate:
    """The gate of a run; see ``validate``."""

    docs_dir: Path | None = None
    results: list[tuple[str, str, RuleResult]] = field(default_factory=list)

    def validate(
        self,
        frame: DataFrame,
        contract: Contract,
        batch: str,
        *,
        rows: int | None = None,
        min_rows: int = 0,
        extra_rules: Sequence[TableRule] = (),
        check_keys: bool = False,
    ) -> GateReport:
        """Hold a batch against its contract (table rules only, for now)."""
        report = GateReport(contract.full_name, batch, tuple(check_table(extra_rules)))
        self.results += [(report.table, batch, result) for result in report.results]
        return report

    def rows(self, run_id: str, at: datetime) -> list[tuple[Any, ...]]:
        """The results of the run as rows of ``audit.quality_results``."""
        return [
            (run_id, t, b, r.rule, r.kind, r.success, r.blocking, r.observed, r.bound, r.rows, at)
            for t, b, r in self.results
        ]

    def build_docs(self) -> Path | None:
        """Build the Data Docs (not yet)."""
        return None
