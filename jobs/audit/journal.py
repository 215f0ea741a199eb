"""The journal of jobs: what was done on which inputs, so that a restart goes on where the run broke off."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pyspark.sql import functions as F

from expectations.audit import QUALITY_RESULTS, RUNS
from expectations.contract import Schema
from jobs.context import JobReport, RunContext
from jobs.errors import ConsentError, InputRejectedError, ReleaseError, ThreestepError

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Journal:
    """Reads and writes ``audit.runs`` for one run."""

    context: RunContext

    def run(
        self,
        job: str,
        fingerprint: str | None,
        work: Callable[[], JobReport],
        *,
        of_day: bool,
        after: str | None = None,
        anew: bool = False,
    ) -> JobReport:
        """Run a job unless it was done on the same inputs; record how it ended.

        Args:
            job: Name of the job.
            fingerprint: Digest of everything that it reads; ``None`` means that it always runs.
            work: The job.
            of_day: Whether its result belongs to the days of this run (else to the lake as a whole).
            after: The job whose result it reads: what was done before that one was last done counts for nothing.
            anew: Whether earlier records count for nothing, since what the job wrote is gone.
        """
        if fingerprint is not None and not anew and self._done(job, of_day, after) == fingerprint:
            return JobReport(job, skipped=True)
        started = time.monotonic()
        try:
            report = work()
        except Exception as error:
            blocked = isinstance(error, InputRejectedError | ConsentError | ReleaseError)
            message = str(error) if isinstance(error, ThreestepError) else type(error).__name__
            self._record(job, "blocked" if blocked else "failed", fingerprint, started, None, message)
            raise
        self._record(job, "done", report.fingerprint or fingerprint, started, report, None)
        return report

    def blocked(self, job: str) -> bool:
        """Whether the latest record of a job says that it was blocked."""
        return any(status == "blocked" for (name, _), (status, _, _) in self._latest.items() if name == job)

    def block(self, job: str, message: str) -> None:
        """Record that something is blocked for good."""
        self._record(job, "blocked", None, time.monotonic(), None, message)

    def keep_quality(self) -> None:
        """Write the gate's results so far to ``audit.quality_results``."""
        rows = self.context.gate.rows(self.context.run_id, _now())
        if rows:
            self.context.lake.door(writes=[Schema.AUDIT]).append(QUALITY_RESULTS, rows)

    def last_done(self, *jobs: str) -> tuple[dt.datetime, str] | None:
        """When the latest of some jobs ended well, and by what; None where none did."""
        ends = [(at, by) for (name, _), (status, by, at) in self._latest.items() if name in jobs and status == "done"]
        if not ends:
            return None
        at, by = max(ends)
        return _EPOCH + dt.timedelta(microseconds=at), by

    def knows(self, *jobs: str) -> bool:
        """Whether any of some jobs ever ran in this lake, however it ended."""
        return any(name in jobs for name, _ in self._latest)

    def outdate(self, days: Sequence[dt.date], why: str) -> None:
        """Let no run skip the jobs of some days any more: what they wrote is not whole."""
        door = self.context.lake.door(reads=[Schema.AUDIT], writes=[Schema.AUDIT])
        if not days or not door.exists(RUNS):
            return
        now = _now()
        done = door.read(RUNS).filter(F.col("job").isin("segment", "transform") & (F.col("status") == "done"))
        records = [
            (r["run_id"], r["job"], r["date"], r["until"], "failed", "", None, None, None, why, None, None, now)
            for r in done.select("run_id", "job", "date", "until").distinct().collect()
            if any(r["date"] <= day <= r["until"] for day in days)
        ]
        if records:
            door.append(RUNS, records)
        self._latest.update({(r[1], r[0]): ("failed", "", _micros(now)) for r in records})

    def _done(self, job: str, of_day: bool, after: str | None) -> str | None:
        status, fingerprint, at = self._last(job, of_day)
        if status != "done" or (after is not None and self._last(after, of_day)[2] > at):
            return None
        return fingerprint

    def _last(self, job: str, of_day: bool) -> tuple[str, str, int]:
        mine = [
            found for (name, run), found in self._latest.items() if name == job and (not of_day or run == self._run)
        ]
        return max(mine, key=lambda found: found[2], default=("", "", 0))

    @property
    def _run(self) -> str:
        return self.context.run_id

    @cached_property
    def _latest(self) -> dict[tuple[str, str], tuple[str, str, int]]:
        """Status, fingerprint and instant (µs since 1970) of the latest record of each job and run; kept up to date."""
        door = self.context.lake.door(reads=[Schema.AUDIT])
        if not door.exists(RUNS):
            return {}
        last = F.max_by(F.struct("status", "fingerprint", F.unix_micros("at").alias("at")), "at").alias("last")
        rows = door.read(RUNS).groupBy("job", "run_id").agg(last).select("job", "run_id", "last.*").collect()
        return {(r["job"], r["run_id"]): (r["status"], r["fingerprint"], r["at"]) for r in rows}

    def _record(
        self,
        job: str,
        status: str,
        fingerprint: str | None,
        started: float,
        report: JobReport | None,
        message: str | None,
    ) -> None:
        settings, now = self.context.settings, _now()
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
            now,
        )
        self.context.lake.door(writes=[Schema.AUDIT]).append(RUNS, [row])
        self._latest[job, self._run] = (status, fingerprint or "", _micros(now))


def files_fingerprint(root: Path, names: Sequence[str]) -> str | None:
    """Digest of names, sizes and times of the landing's files of some tables; None where they cannot be listed."""
    found = [(str(p.relative_to(root)), p.stat().st_size, p.stat().st_mtime_ns) for p in _files(root, names)]
    return digest(found) if found else None


def files_size(root: Path, names: Sequence[str]) -> int | None:
    """Bytes of the landing's files of some tables; None where they cannot be listed."""
    return sum(p.stat().st_size for p in _files(root, names)) if root.is_dir() else None


def _files(root: Path, names: Sequence[str]) -> list[Path]:
    starts = [start for name in names for start in sorted(root.glob(f"{name}*"))] if root.is_dir() else []
    return [p for s in starts for p in ([s] if s.is_file() else sorted(s.rglob("*"))) if p.is_file()]


def digest(*parts: object) -> str:
    """SHA-256 of some values, 16 hexadecimal digits."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _micros(instant: dt.datetime) -> int:
    return (instant - _EPOCH) // dt.timedelta(microseconds=1)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
