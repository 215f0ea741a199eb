"""The journal of jobs: what was done on which inputs, so that a restart goes on where the run broke off."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import functions as F

from expectations.audit import QUALITY_RESULTS, RUNS
from expectations.contract import Schema
from jobs.context import JobReport, RunContext
from jobs.errors import ConsentError, InputRejectedError, ReleaseError, ThreestepError


@dataclass(frozen=True)
class Journal:
    """Reads and writes ``audit.runs`` for one run."""

    context: RunContext

    def run(self, job: str, fingerprint: str | None, work: Callable[[], JobReport], *, of_day: bool) -> JobReport:
        """Run a job unless it was done on the same inputs; record how it ended.

        Args:
            job: Name of the job.
            fingerprint: Digest of everything that it reads; ``None`` means that it always runs.
            work: The job.
            of_day: Whether its result belongs to the days of this run (else to the lake as a whole).
        """
        if fingerprint is not None and self._done(job, of_day) == fingerprint:
            return JobReport(job, skipped=True)
        started = time.monotonic()
        try:
            report = work()
        except Exception as error:
            blocked = isinstance(error, InputRejectedError | ConsentError | ReleaseError)
            message = str(error) if isinstance(error, ThreestepError) else type(error).__name__
            self._record(job, "blocked" if blocked else "failed", fingerprint, started, None, message)
            raise
        self._record(job, "done", fingerprint, started, report, None)
        return report

    def blocked(self, job: str) -> bool:
        """Whether the latest record of a job says that it was blocked."""
        door = self.context.lake.door(reads=[Schema.AUDIT])
        if not door.exists(RUNS):
            return False
        rows = door.read(RUNS).filter(F.col("job") == job)
        latest = rows.agg(F.max_by("status", "at").alias("status")).first()
        return latest is not None and latest["status"] == "blocked"

    def block(self, job: str, message: str) -> None:
        """Record that something is blocked for good."""
        self._record(job, "blocked", None, time.monotonic(), None, message)

    def keep_quality(self) -> None:
        """Write the gate's results so far to ``audit.quality_results``."""
        rows = self.context.gate.rows(self.context.run_id, _now())
        if rows:
            frame = self.context.spark.createDataFrame(rows, QUALITY_RESULTS.struct).coalesce(1)
            self.context.lake.door(writes=[Schema.AUDIT]).append(QUALITY_RESULTS, frame)

    def outdate(self, days: Sequence[dt.date], why: str) -> None:
        """Let no run skip the jobs of some days any more: what they wrote is not whole."""
        door = self.context.lake.door(reads=[Schema.AUDIT], writes=[Schema.AUDIT])
        if not days or not door.exists(RUNS):
            return
        done = door.read(RUNS).filter(F.col("job").isin("segment", "transform") & (F.col("status") == "done"))
        records = [
            (r["run_id"], r["job"], r["date"], r["until"], "failed", "", None, None, None, why, None, None, _now())
            for r in done.select("run_id", "job", "date", "until").distinct().collect()
            if any(r["date"] <= day <= r["until"] for day in days)
        ]
        if records:
            door.append(RUNS, self.context.spark.createDataFrame(records, RUNS.struct).coalesce(1))

    def _done(self, job: str, of_day: bool) -> str | None:
        door = self.context.lake.door(reads=[Schema.AUDIT])
        if not door.exists(RUNS):
            return None
        rows = door.read(RUNS).filter(F.col("job") == job)
        if of_day:
            rows = rows.filter(F.col("run_id") == self.context.run_id)
        latest = rows.agg(F.max_by(F.struct("status", "fingerprint"), "at").alias("last")).first()
        if latest is None or latest["last"] is None or latest["last"]["status"] != "done":
            return None
        return str(latest["last"]["fingerprint"])

    def _record(
        self,
        job: str,
        status: str,
        fingerprint: str | None,
        started: float,
        report: JobReport | None,
        message: str | None,
    ) -> None:
        settings = self.context.settings
        row = (
            self.context.run_id,
            job,
            settings.date,
            settings.until,
            status,
            fingerprint or "",
            report.rows_in if report else None,
            report.rows_out if report else None,
            round(time.monotonic() - started, 3),
            message,
            *(report.receipts if report and report.receipts else (None, None)),
            _now(),
        )
        frame = self.context.spark.createDataFrame([row], RUNS.struct).coalesce(1)
        self.context.lake.door(writes=[Schema.AUDIT]).append(RUNS, frame)


def files_fingerprint(root: Path, names: Sequence[str]) -> str | None:
    """Digest of names, sizes and times of the landing's files of some tables; None where they cannot be listed."""
    if not root.is_dir():
        return None
    found = []
    for name in names:
        for start in sorted(root.glob(f"{name}*")):
            files = [start] if start.is_file() else sorted(p for p in start.rglob("*") if p.is_file())
            found += [(str(p.relative_to(root)), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return digest(found) if found else None


def digest(*parts: object) -> str:
    """SHA-256 of some values, 16 hexadecimal digits."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
