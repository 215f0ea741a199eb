"""What a person or a log collector sees of a run: progress on a terminal, JSON lines elsewhere; never row values."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
from rich.console import Console
from rich.table import Table

from expectations.product_words import STATUSES
from jobs.redaction import describe_error

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.run_summary import RunSummary
    from jobs.settings import RunSettings
    from jobs.simulate.run import SimulateReport


class Teller:
    """Tells of progress: a live line and a list of what is done on a terminal, one JSON object a line elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=False, highlight=False)
        self.live = self.console.is_terminal and not os.environ.get("THREESTEP_LOG_JSON")
        self._status: Any = None
        self._started = time.monotonic()
        self._log = structlog.wrap_logger(
            structlog.PrintLogger(sys.stdout),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show that something is under way."""
        if not self.live:
            self._log.info(what)
            yield
            return
        with self.console.status(what) as status:
            self._status = status
            yield
        self._status = None

    def tell(self, event: str, facts: Mapping[str, object]) -> None:
        """Tell of one step; ``facts`` hold names and figures only."""
        if not self.live:
            self._log.info(event, **facts)
            return
        job, elapsed = facts.get("job"), f"{time.monotonic() - self._started:5.0f} s"
        if event == "job started" and self._status:
            self._status.update(f"{elapsed}  {job} …")
        elif event == "step" and self._status:
            self._status.update(f"{elapsed}  {facts.get('doing')} …")
        elif event in ("job done", "job skipped"):
            rows = ", ".join(f"{facts[k]:,} {k.replace('_', ' ')}" for k in ("rows_in", "rows_out") if k in facts)
            mark = "[green]✓[/]" if event == "job done" else "[dim]–[/]"
            self.console.print(
                f"{mark} {job!s:<12} {facts.get('seconds'):>7} s  {rows or ('nothing to do' if mark[1] == 'd' else '')}"
            )

    def line(self, text: str) -> None:
        """Print one line of a result."""
        if self.live:
            self.console.print(text, markup=False)
        else:
            self._log.info(text)

    def rows(
        self, event: str, rows: Sequence[Mapping[str, object]], title: str | None = None, short: Sequence[str] = ()
    ) -> None:
        """Print rows of an answer: a table on a terminal, one JSON object a row elsewhere.

        Args:
            event: Name of the rows.
            rows: The rows; those that lack a column of another one have a gap.
            title: Title of the table; by default the name.
            short: The columns that a terminal shows; by default all.
        """
        if not self.live:
            for row in rows:
                self._log.info(event, **row)
            return
        heads = [head for head in dict.fromkeys(name for row in rows for name in row) if not short or head in short]
        table = Table(title=title or event)
        for head in heads:
            number = all(isinstance(row.get(head), int | float | None) for row in rows)
            table.add_column(head.replace("_", " "), justify="right" if number else "left", overflow="fold")
        for row in rows:
            table.add_row(*(_cell(row.get(head)) for head in heads))
        self.console.print(table if rows else f"{event}: none", markup=False)

    def simulated(self, report: SimulateReport) -> None:
        """Close a simulation: rows by table, and where they lie."""
        if not self.live:
            self._log.info(
                "simulated", out=str(report.out), city=report.city, rows=report.rows, truth=report.truth_rows
            )
            return
        for name, count in {**report.rows, **{f"truth/{k}": v for k, v in report.truth_rows.items()}}.items():
            self.console.print(f"  {name:<24} {count:>12,} rows")
        self.console.print(f"Landing directory: {report.out} (city: {report.city})")

    def closing(self, spark: SparkSession, settings: RunSettings, summary: RunSummary) -> None:
        """Close a run: what was published and suppressed, and where it lies."""
        from jobs.deliver.overview import overview
        from jobs.lake import Lake

        states = overview(Lake(spark, settings.lake), settings.days, settings.policy)
        if not self.live:
            days = {"released": [str(d) for d in summary.days], "already_released": [str(d) for d in summary.already]}
            if summary.waiting:
                days["waiting"] = [str(d) for d in summary.waiting]
            found = {state.product: dict(state.statuses) for state in states if state.released}
            to_come = {state.product: list(state.waiting) for state in states if state.waiting}
            more = {"periods": summary.periods} if summary.periods else {}
            self._log.info("run done", lake=settings.lake, products=found, not_released=to_come, **days, **more)
            return
        if summary.already:
            self.console.print(f"{len(summary.already)} day(s) were released before; nothing about them was changed.")
        for day, until in summary.waiting.items():
            self.console.print(f"The release of {day} waits for late events until {until.isoformat()}: run again then.")
        for period, told in summary.periods.items():
            self.console.print(f"{period}: {told}.")
        table = Table(title=f"Released, {settings.date} to {settings.until}")
        for head in ("product", *STATUSES, "state"):
            table.add_column(head, justify="right" if head in STATUSES else "left", overflow="fold")
        for state in states:
            # No zeros where nothing is released: there is nothing to count yet.
            cells = [f"{state.statuses.get(status, 0):,}" if state.released else "" for status in STATUSES]
            table.add_row(state.product, *cells, state.told)
        if states:
            self.console.print(table)
            self.console.print(f"Products: {settings.lake}/products")
        if settings.waiver:
            self.console.print("[yellow]Not for release:[/] made without a consent feed, under a waiver.")
        self.console.print(f"Receipts, budget and quality: {settings.lake}/audit")
        if summary.docs:
            self.console.print(f"Data Docs: {summary.docs}")

    def failed(self, error: Exception) -> None:
        """Tell of an expected error."""
        if self.live:
            self.console.print(f"[red]✗[/] {type(error).__name__}: ", end="")
            self.console.print(str(error), markup=False)
        else:
            self._log.error("failed", error=type(error).__name__, message=str(error))

    def broke(self, error: BaseException) -> None:
        """Tell of an unexpected error by where it happened, not by its text, which may quote rows."""
        frames = traceback.extract_tb(error.__traceback__)
        ours = [
            f"{f.filename.rpartition('/')[2]}:{f.lineno} in {f.name}"
            for f in frames
            if "site-packages" not in f.filename
        ]
        where = " < ".join(reversed(ours[-4:]))
        if self.live:
            self.console.print(f"[red]✗[/] unexpected {describe_error(error)} at {where}", markup=True)
        else:
            self._log.error("unexpected", error=describe_error(error), at=where)


def _cell(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)
