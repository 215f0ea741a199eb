"""The gate: holds a batch that is about to be written against its contract, and keeps a run's results.

Row rules split good rows from bad natively and in one pass; what is left is held against the contract
by Great Expectations. Nothing here returns, prints or stores a value of a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.contract import Contract
from expectations.docs import Page, write_site
from expectations.suites import Evaluator, Expected, Outcome, condition_of, suite_of
from expectations.table_rules import (
    GateError,
    Measured,
    RuleResult,
    TableRule,
    check_rule,
    check_table,
    count_duplicates,
    duplicates_rule,
    not_empty_rule,
    row_results,
    share_rule,
    sum_of,
    types_rule,
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
    "reason_counts",
    "row_results",
    "share_rule",
    "volume_rule",
    "with_reasons",
]

REASONS = "_reasons"


def with_reasons(frame: DataFrame, contract: Contract, extra: Mapping[str, str] | None = None) -> DataFrame:
    """Add the reasons of every broken row rule, sorted and distinct; none for a good row.

    Args:
        frame: Rows with the columns that the contract's rules read.
        contract: Where the row rules come from.
        extra: Further reasons to the SQL condition that holds for good rows; null counts as broken.
    """
    marks = [
        F.when(F.expr(good), F.lit(None)).otherwise(F.lit(reason)).cast("string")
        for reason, good in sorted(_conditions(contract, extra).items())
    ]
    reasons = F.array_compact(F.array(*marks)) if marks else F.array().cast("array<string>")
    return frame.withColumn(REASONS, reasons)


def good_rows(frame: DataFrame) -> DataFrame:
    """Rows without a reason, and without the column of reasons."""
    return frame.where(F.size(REASONS) == 0).drop(REASONS)


def bad_rows(frame: DataFrame) -> DataFrame:
    """Rows with at least one reason, reasons included."""
    return frame.where(F.size(REASONS) > 0)


def reason_counts(contract: Contract, extra: Mapping[str, str] | None = None) -> list[Column]:
    """Aggregates over a frame with reasons: ``rows``, ``rows_bad`` and a count named as each reason.

    For ``frame.agg(*reason_counts(contract))``, or for ``frame.observe`` beside a write; see ``row_results``.
    """
    counts = [F.count(F.lit(1)).alias("rows"), sum_of(F.size(REASONS) > 0).alias("rows_bad")]
    return counts + [
        sum_of(F.array_contains(REASONS, reason)).alias(reason) for reason in sorted(_conditions(contract, extra))
    ]


def _conditions(contract: Contract, extra: Mapping[str, str] | None) -> dict[str, str]:
    """Reason to the condition of good rows; conditions that share a reason must all hold."""
    parts: dict[str, list[str]] = {}
    for reason, sql in [*((rule.reason, rule.sql) for rule in contract.rules), *(extra or {}).items()]:
        parts.setdefault(reason, []).append(f"({sql})")
    return {reason: " AND ".join(every) for reason, every in parts.items()}


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
        """Results that did not hold, those that block first."""
        failed = [result for result in self.results if not result.success]
        return tuple(sorted(failed, key=lambda result: not result.blocking))

    def message(self) -> str:
        """What did not hold, with counts and bounds, and what to do; never values of rows."""
        if not self.failures:
            return f"{self.table} ({self.batch}): all {len(self.results)} rules held"
        lines = " ".join(result.describe() for result in self.failures)
        of = f"{len(self.failures)} of {len(self.results)} rules"
        return f"{self.table} ({self.batch}): {of} did not hold: {lines}"


class Gate:
    """The gate of a run.

    Attributes:
        docs_dir: Where ``build_docs`` writes; ``None`` for no site.
    """

    def __init__(self, docs_dir: Path | None = None) -> None:
        self.docs_dir = docs_dir
        self._evaluator = Evaluator()
        self._pages: dict[tuple[str, str], Page] = {}

    def warm_up(self) -> None:
        """Begin importing Great Expectations in the background, while Spark works on something else."""
        self._evaluator.warm_up()

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
        """Hold a batch against its contract: columns, row rules, required values, constraints, table rules.

        The frame is read about twice (three times with ``check_keys``), so hand in what was
        materialised, not a plan that is dear to compute or that would draw anew.

        Args:
            frame: What is about to be written, with exactly the contract's columns.
            contract: The table.
            batch: Days or release that the rows belong to.
            rows: Exact number of rows where it was counted before; another number then fails.
            min_rows: Least number of rows.
            extra_rules: Table rules measured by the caller.
            check_keys: Whether to look for rows that share a key: one more pass, with a shuffle.

        Returns:
            The report, which is also kept for ``rows`` and ``build_docs``. The caller decides what follows.

        Raises:
            GateError: Something was not evaluated.
        """
        lacking = set(contract.column_names) - set(frame.columns)
        surplus = set(frame.columns) - set(contract.column_names)
        suite = suite_of(contract, rows=rows, min_rows=min_rows)
        identified = contract.schema.holds_identifiers
        try:
            seen = Measured(frame, {} if lacking else contract.checks)
            runnable = [item for item in suite if not lacking.intersection(item.columns)]
            found = self._evaluator.evaluate(seen.frame, runnable, booleans=identified)
            counts = seen.counts()
            if not identified:
                found = [outcome.told(counts["rows"]) for outcome in found]
            duplicates = count_duplicates(frame, contract) if check_keys and not lacking else None
        except GateError as error:
            raise GateError(f"{contract.full_name} ({batch}): {error}") from None
        except (PySparkException, Py4JError) as error:
            raise GateError(
                f"{contract.full_name} ({batch}): computing the rows failed: {condition_of(error)}"
            ) from None

        total = counts["rows"]
        outcomes = {outcome.expected.name: outcome for outcome in found}
        whole = [outcomes.get(item.name) or Outcome(item, success=False) for item in suite]
        results = [_result(o, total, min_rows, rows, identified, lacking, surplus) for o in whole]
        rules = [types_rule(frame, contract, total)]
        rules += [check_rule(name, counts.get(f"check_{name}"), total) for name in contract.checks]
        if check_keys:
            rules.append(duplicates_rule(duplicates, total))
        results += check_table([*rules, *extra_rules])
        return self._keep(GateReport(contract.full_name, batch, tuple(results)), tuple(whole))

    def record(self, contract: Contract, batch: str, results: Sequence[RuleResult]) -> GateReport:
        """Keep results that came about elsewhere, such as quarantine counts, with those of the batch."""
        kept = GateReport(contract.full_name, batch, tuple(results))
        self._keep(kept, ())
        return kept

    @property
    def results(self) -> list[tuple[str, str, RuleResult]]:
        """Every result of the run as table, batch and result."""
        return [(p.table, p.batch, result) for p in self._pages.values() for result in p.results.values()]

    def rows(self, run_id: str, at: datetime) -> list[tuple[Any, ...]]:
        """The results of the run as rows of ``audit.quality_results``, in the order of its columns."""
        return [
            (
                run_id,
                table,
                batch,
                r.rule,
                r.kind,
                r.success,
                r.blocking,
                _real(r.observed),
                _real(r.bound),
                r.rows,
                at,
            )
            for table, batch, r in self.results
        ]

    def build_docs(self) -> Path | None:
        """Write the Data Docs of the run; returns the first page, or ``None`` without a place or results."""
        if self.docs_dir is None or not self._pages:
            return None
        return write_site(self.docs_dir, list(self._pages.values()))

    def _keep(self, report: GateReport, outcomes: tuple[Outcome, ...]) -> GateReport:
        page = self._pages.setdefault((report.table, report.batch), Page(report.table, report.batch))
        page.results.update({result.rule: result for result in report.results})
        page.outcomes = outcomes or page.outcomes
        return report


def _result(
    outcome: Outcome,
    total: int,
    min_rows: int,
    rows: int | None,
    identified: bool,
    lacking: set[str],
    surplus: set[str],
) -> RuleResult:
    item = outcome.expected
    bound = {"ExpectTableRowCountToBeBetween": min_rows, "ExpectTableRowCountToEqual": rows}.get(
        item.kind, 0 if item.columns else None
    )
    return RuleResult(
        rule=item.name,
        kind="expectation",
        success=outcome.success,
        blocking=True,
        observed=None if identified else outcome.observed,
        bound=bound,
        rows=total,
        remedy=_remedy(item, lacking, surplus),
    )


def _remedy(item: Expected, lacking: set[str], surplus: set[str]) -> str:
    absent = sorted(lacking.intersection(item.columns))
    if absent:
        return f"not evaluated, because the frame lacks {', '.join(absent)}"
    if item.kind == "ExpectTableColumnsToMatchSet":
        return f"missing columns {sorted(lacking)}, unexpected columns {sorted(surplus)}: {item.remedy}"
    return item.remedy


def _real(value: float | None) -> float | None:
    return None if value is None else float(value)
