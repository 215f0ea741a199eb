"""The erase command's work: the consent feed, held to the same checks as in a run, then erasure and its proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pyspark.sql import SparkSession

from expectations.catalog import ALL
from expectations.contract import Schema
from expectations.gate import Gate
from expectations.subscribers import SUBSCRIBERS
from jobs.audit.erasure import JOB, Erasure, erase_all
from jobs.audit.journal import Journal, digest
from jobs.consent.run import check_feed, run_consent
from jobs.context import JobReport, RunContext
from jobs.errors import UsageError
from jobs.ingest.landing import Landing
from jobs.lake import Lake
from jobs.lake_lock import is_local, local_folder
from jobs.settings import RunSettings


def erase_lake(
    spark: SparkSession, settings: RunSettings, *, say: Callable[[str, Mapping[str, object]], None]
) -> Erasure:
    """Take in the consent feed and erase; the lake is held meanwhile.

    Raises:
        ConsentError: The feed is missing, old, or not what its note says; nothing was changed.
        UsageError: There is no lake.
        ThreestepError: The scan found traces, or could not look everywhere.
    """
    lake = Lake(spark, settings.lake)
    if is_local(settings.lake) and not local_folder(settings.lake).is_dir():
        raise UsageError(f"there is no lake at {settings.lake}")
    with lake.lock():
        gate = Gate(None)
        run_id = digest(settings.lake, JOB, settings.date, settings.policy.digest)
        context = RunContext(spark, lake, settings, gate, run_id, say=lambda line: say("step", {"doing": line}))
        feed = check_feed(context, Landing(spark, str(settings.landing), settings.landing_format))
        if not lake.door(reads=[Schema.RESTRICTED]).exists(SUBSCRIBERS):
            raise UsageError(
                f"{settings.lake} holds no subscribers: no run has filled it, and there is nothing to erase"
            )
        lake.door(writes=list(Schema)).create(ALL)
        journal = Journal(context)
        found: list[Erasure] = []

        def work() -> JobReport:
            _, state = run_consent(context, feed)
            found.append(erase_all(context, journal, state))
            removed = found[0].removed or {}
            return JobReport(JOB, rows_out=sum(removed.values()), counts=found[0].counts, fingerprint=state.version)

        try:
            journal.run(JOB, None, work, of_day=False)
        finally:
            journal.keep_quality()
        return found[0]
