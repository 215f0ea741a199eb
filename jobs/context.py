"""What a job is handed when it runs: the lake, the settings, the gate, and a place to tell of progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pyspark.sql import SparkSession

from expectations.gate import Gate
from jobs.lake import Lake
from jobs.settings import Policy, RunSettings


@dataclass(frozen=True)
class JobReport:
    """What a job did, in counts that may be logged.

    Attributes:
        job: Name of the job.
        rows_in: Rows read, where counted.
        rows_out: Rows written, where counted.
        counts: Further named counts or shares.
        skipped: Whether there was nothing to do.
        fingerprint: What its record shows that it went by, where only the job itself can tell.
        receipts: Number of receipts of consent and hash of the last one, where the job wrote some.
    """

    job: str
    rows_in: int | None = None
    rows_out: int | None = None
    counts: dict[str, float] = field(default_factory=dict)
    skipped: bool = False
    fingerprint: str | None = None
    receipts: tuple[int, str] | None = None


@dataclass(frozen=True)
class RunContext:
    """Everything a job's ``run`` may touch besides its own parameters.

    Attributes:
        spark: Session.
        lake: Lake; a job opens its own door with the schemas it needs.
        settings: Settings and policy of the run.
        gate: Gate of the run; collects results and documents.
        run_id: Digest of days, policy and place.
        say: Tells one line of progress; never row values.
    """

    spark: SparkSession
    lake: Lake
    settings: RunSettings
    gate: Gate
    run_id: str
    say: Callable[[str], None] = lambda line: None

    def on(self, spark: SparkSession) -> RunContext:
        """The same run on another session of the same engine."""
        return replace(self, spark=spark, lake=replace(self.lake, spark=spark))

    @property
    def policy(self) -> Policy:
        """The policy of the run."""
        return self.settings.policy
