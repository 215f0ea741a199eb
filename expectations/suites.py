"""From a contract to its Great Expectations suite, and from a suite to outcomes that may be shown to anyone.

The library is imported on first use (it takes seconds), runs on the frame in place (nothing is cached
and no row is collected), and is never asked for more than booleans where identifiers live.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from expectations.contract import Contract
from expectations.rules import NotNull
from expectations.table_rules import GateError

# No row values either way: the first returns nothing but success, the second counts besides.
BOOLEANS: dict[str, Any] = {"result_format": "BOOLEAN_ONLY"}
COUNTS: dict[str, Any] = {
    "result_format": "BASIC",
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
}


@dataclass(frozen=True)
class Expected:
    """One expectation as plain data.

    Attributes:
        name: Type and columns, unique in its suite.
        type: The library's name of the type, in snake case.
        kind: Class in ``great_expectations.expectations``.
        arguments: Its keyword arguments.
        columns: Columns that it reads; none for those about the table.
        remedy: What to do where it fails.
    """

    name: str
    type: str
    kind: str
    arguments: Mapping[str, Any]
    columns: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of an expectation.

    Attributes:
        expected: The expectation.
        success: Whether it held.
        observed: Rows that broke it, or the row count; null where only booleans may be kept.
        rows: Rows that it looked at; null likewise.
    """

    expected: Expected
    success: bool
    observed: int | None = None
    rows: int | None = None

    def told(self, total: int) -> Outcome:
        """With what holding means in counts, for a frame of ``total`` rows: none broke it."""
        if not self.success or self.observed is not None:
            return self
        if self.expected.kind.startswith("ExpectTableRowCount"):
            return replace(self, observed=total, rows=total)
        return replace(self, observed=0, rows=total) if self.expected.columns else self


def suite_of(contract: Contract, *, rows: int | None = None, min_rows: int = 0) -> list[Expected]:
    """Render a contract as expectations: row rules, required columns, the set of columns, the row count.

    Args:
        contract: The table.
        rows: Exact number of rows, where it was counted before.
        min_rows: Least number of rows.

    Returns:
        The expectations; those on rows come first, in the order of the rules.
    """
    split = "split such rows off with their reasons before writing"
    suite = [_expected(*rule.expectation(), rule.columns, f"{rule.reason}: {split}") for rule in contract.rules]
    ruled = {rule.column for rule in contract.rules if isinstance(rule, NotNull)}
    for column in contract.columns:
        if column.required and column.name not in ruled:
            rule = NotNull(column.name)
            remedy = "the contract requires a value: the job that makes the column left it empty"
            suite.append(_expected(*rule.expectation(), rule.columns, remedy))
    suite.append(
        _expected(
            "ExpectTableColumnsToMatchSet",
            {"column_set": contract.column_names, "exact_match": True},
            remedy="select exactly the columns of the contract",
        )
    )
    empty = "nothing to write: check that the input holds this period"
    suite.append(_expected("ExpectTableRowCountToBeBetween", {"min_value": min_rows}, remedy=empty))
    if rows is not None:
        changed = "the frame is not the one that was counted: materialise it before the gate"
        suite.append(_expected("ExpectTableRowCountToEqual", {"value": rows}, remedy=changed))
    return _with_unique_names(suite)


class Evaluator:
    """Runs suites in one ephemeral Great Expectations context, made when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: Future[_Context] | None = None

    def warm_up(self) -> None:
        """Begin importing the library in the background; the first evaluation waits for it."""
        with self._lock:
            if self._context is None:
                pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gate")
                self._context = pool.submit(_Context)
                pool.shutdown(wait=False)

    def evaluate(self, frame: DataFrame, suite: Sequence[Expected], *, booleans: bool) -> list[Outcome]:
        """Hold the frame against a suite.

        Args:
            frame: What is about to be written; it is read about twice.
            suite: Expectations whose columns the frame has.
            booleans: Whether to keep nothing but success, else counts too where one fails.

        Raises:
            GateError: An expectation was not evaluated. Its error is dropped: it may quote rows.
        """
        self.warm_up()
        assert self._context is not None
        context = self._context.result()
        with self._lock:
            results = context.results(frame, suite, BOOLEANS)
            # Counting costs several queries more, and is worth them only where there is something to count.
            if not booleans and not all(result.success for result in results):
                results = context.results(frame, suite, COUNTS)
        by_name = {_name_of(result): result for result in results}
        raised = {name for name, result in by_name.items() if _raised(result)}
        lost = [item.name for item in suite if item.name in raised or item.name not in by_name]
        if lost or len(results) != len(suite):
            raise GateError(
                f"{len(lost)} of {len(suite)} expectations not evaluated ({', '.join(lost) or 'unknown'}): "
                "computing the rows failed, or a column has a type that its rule cannot read"
            )
        return [_outcome(item, by_name[item.name]) for item in suite]


class _Context:
    """The library, imported; its context holds one Spark source that never caches."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations as gx
        from great_expectations import expectations as classes
        from great_expectations.data_context.types import base

        # Its log quotes the engine's errors, and with them rows.
        logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)
        self._gx, self._classes = gx, classes
        context = gx.get_context(
            mode="ephemeral",
            project_config=base.DataContextConfig(
                store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
                progress_bars=base.ProgressBarsConfig(globally=False),
                analytics_enabled=False,
            ),
        )
        self._source = context.data_sources.add_spark("lake", persist=False)
        self._batches = self._source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("batch")
        self._engine: Any = None

    def results(self, frame: DataFrame, suite: Sequence[Expected], result_format: dict[str, Any]) -> list[Any]:
        expectations = [getattr(self._classes, item.kind)(**item.arguments, meta={"rule": item.name}) for item in suite]
        # Not before the first frame: without a session, the library would start one of its own.
        engine = self._source.get_execution_engine()
        if engine is not self._engine:
            self._engine = _failing_fast(engine)
        try:
            batch = self._batches.get_batch({"dataframe": frame})
            named = self._gx.ExpectationSuite(name="contract", expectations=expectations)
            return list(batch.validate(named, result_format=dict(result_format)).results)
        except _NotComputedError as error:
            raise GateError(f"computing the rows failed: {error}") from None
        except Exception as error:
            raise GateError(f"Great Expectations failed: {type(error).__name__}") from None


class _NotComputedError(BaseException):
    """Passes through the library, which would catch an Exception, keep its text and try each metric again."""


def _failing_fast(engine: Any) -> Any:
    """Make an engine stop at the first error of Spark, with nothing of it kept but its name."""
    bundle = engine.resolve_metric_bundle

    def resolve_metric_bundle(*args: Any, **kwargs: Any) -> Any:
        try:
            return bundle(*args, **kwargs)
        except Exception as error:
            raise _NotComputedError(condition_of(error)) from None

    engine.resolve_metric_bundle = resolve_metric_bundle
    return engine


def condition_of(error: BaseException) -> str:
    """Name an engine error without its text, which may quote rows."""
    condition = error.getCondition() if isinstance(error, PySparkException) else None
    return condition or type(error).__name__


def _expected(kind: str, arguments: Mapping[str, Any], columns: tuple[str, ...] = (), remedy: str = "") -> Expected:
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind).lstrip("_")
    name = f"{snake}({', '.join(columns)})" if columns else snake
    return Expected(name, snake, kind, arguments, columns, remedy)


def _with_unique_names(suite: Sequence[Expected]) -> list[Expected]:
    """Number the second and later expectations of one name."""
    seen: Counter[str] = Counter()
    named: list[Expected] = []
    for item in suite:
        seen[item.name] += 1
        name = item.name if seen[item.name] == 1 else f"{item.name} #{seen[item.name]}"
        named.append(replace(item, name=name))
    return named


def _name_of(result: Any) -> str:
    config = result.expectation_config
    return str((config.meta or {}).get("rule", "")) if config is not None else ""


def _raised(result: Any) -> bool:
    """Whether an exception stood behind a result; its text is not looked at."""
    info = result.exception_info
    if not info:
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(bool(one.get("raised_exception")) for one in info.values() if isinstance(one, Mapping))


def _outcome(item: Expected, result: Any) -> Outcome:
    found = result.result or {}
    observed = found.get("unexpected_count", found.get("observed_value"))
    rows = found.get("element_count")
    if item.kind.startswith("ExpectTableRowCount"):
        rows = observed
    return Outcome(
        expected=item,
        success=bool(result.success),
        observed=int(observed) if isinstance(observed, int | float) else None,
        rows=int(rows) if isinstance(rows, int | float) else None,
    )
