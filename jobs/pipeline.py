"""The order of the day's jobs: one run from landing to release, resumable at the job that broke off."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from pyspark.sql import SparkSession

from expectations.catalog import ALL
from expectations.contract import Schema
from expectations.gate import Gate
from jobs.aggregate.identity import release_id
from jobs.aggregate.run import run_aggregate
from jobs.aggregate.specs import daily
from jobs.audit.erasure import erase_new
from jobs.audit.journal import Journal, digest, files_fingerprint
from jobs.consent.receipts import LedgerState
from jobs.consent.run import check_feed, run_consent
from jobs.context import JobReport, RunContext
from jobs.errors import InputRejectedError, UsageError
from jobs.ingest.landing import Landing
from jobs.ingest.run import run_events, run_reference, run_subscribers
from jobs.lake import Lake
from jobs.release.run import charge_releases, released_ids, run_release, staging_of
from jobs.segment.keys import destroy, expire, key_store, keys_live, living_days, overdue
from jobs.segment.keystore import day_period
from jobs.segment.periods import release_from
from jobs.segment.retention import purge_events
from jobs.segment.run import run_segment
from jobs.settings import RunSettings
from jobs.transform.footprints import run_footprints
from jobs.transform.homes import run_homes
from jobs.transform.run import run_transform

JOBS = (
    "reference",
    "subscribers",
    "consent",
    "events",
    "footprints",
    "segment",
    "transform",
    "homes",
    "aggregate",
    "release",
)

_REFERENCE_FILES = ("cells", "zones", "population", "corridors", "mno_network", "spatial")


@dataclass
class RunSummary:
    """What a run came to.

    Attributes:
        days: Days that were released by this run.
        already: Days that were released before; nothing about them was touched.
        waiting: Days whose release waits for late events, and until when.
        reports: Reports of the jobs.
        seconds: Duration of each job; some run side by side, so they add up to more than ``wall_seconds``.
        wall_seconds: Duration of the run.
        docs: First page of the Data Docs.
    """

    days: list[dt.date] = field(default_factory=list)
    already: list[dt.date] = field(default_factory=list)
    waiting: dict[dt.date, dt.datetime] = field(default_factory=dict)
    reports: dict[str, JobReport] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    wall_seconds: float = 0.0
    docs: Path | None = None


def run_pipeline(
    spark: SparkSession,
    settings: RunSettings,
    *,
    say: Callable[[str, Mapping[str, object]], None] = lambda event, facts: None,
    only: Sequence[str] = JOBS,
) -> RunSummary:
    """Run the day's jobs for every day that is not released yet.

    A job that was done on the same inputs is skipped, so a run that broke off goes on where it did, and a
    run on released days changes nothing.

    Args:
        spark: Session.
        settings: Settings of the run.
        say: Told of each step, with figures that may be logged.
        only: Jobs to run; the others must have been run before.

    Raises:
        ThreestepError: See ``jobs.errors``; the lake is left as the last complete job left it.
    """
    unknown = sorted(set(only) - set(JOBS))
    if unknown:
        raise UsageError(f"unknown job {', '.join(unknown)}: one of {', '.join(JOBS)}")
    lake = Lake(spark, settings.lake)
    with lake.lock():
        return _Run(spark, settings, lake, say).run(only)


class _Run:
    """One run: the steps share the context, the ledger's state and the summary."""

    def __init__(
        self, spark: SparkSession, settings: RunSettings, lake: Lake, say: Callable[[str, Mapping[str, object]], None]
    ) -> None:
        self.settings, self.lake, self.say = settings, lake, say
        run_id = digest(settings.lake, settings.date, settings.until, settings.policy.digest, settings.waiver)
        self.gate = Gate(_docs_folder(settings))
        self.context = RunContext(
            spark, lake, settings, self.gate, run_id, say=lambda line: say("step", {"doing": line})
        )
        self.journal = Journal(self.context)
        self.summary = RunSummary()

    def run(self, only: Sequence[str]) -> RunSummary:
        done = released_ids(self.context)
        products = daily(self.settings.policy.products)
        released = {d for d in self.settings.days if all(release_id(p, d) in done for p in products)}
        self.summary.already = sorted(released)
        days = [day for day in self.settings.days if day not in released]
        if not days:
            self._clear_up()
            return self.summary
        self.gate.warm_up()
        started = time.monotonic()
        try:
            self._jobs(only, days)
        finally:
            self.journal.keep_quality()
            self.summary.docs = self.gate.build_docs()
            self.summary.wall_seconds = round(time.monotonic() - started, 2)
        return self.summary

    def _jobs(self, only: Sequence[str], days: Sequence[dt.date]) -> None:
        settings = self.settings
        landing = Landing(self.context.spark, str(settings.landing), settings.landing_format)
        # The consent feed is held against its note before anything is read or written: fail closed.
        feed = check_feed(self.context, landing)
        if settings.waiver is None and not landing.has("subscribers"):
            raise InputRejectedError(
                f"subscribers: there is no such table in {settings.landing}; deliver it as CSV, Parquet or Delta"
            )
        self.lake.door(writes=list(Schema)).create(ALL)
        reference = self._print_of(_REFERENCE_FILES)
        people = self._print_of(("subscribers",))
        state: list[LedgerState] = []
        # What an earlier attempt left lives as long as the days' keys.
        anew = not keys_live(self.context, days)

        def consent() -> JobReport:
            report, found = run_consent(self.context, feed)
            state.append(found)
            # Before any other job: an objection received late reaches back to everything not yet released.
            erased = erase_new(self.context, self.journal, found, ground.result).counts if feed else {}
            return replace(report, counts={**report.counts, **erased}, fingerprint=found.version)

        # Small jobs wait for commits more than they compute: geography runs beside people, footprints beside events.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="geography") as beside:
            ground = beside.submit(
                self._job, "reference", only, reference, lambda: run_reference(self.context, landing)
            )
            if settings.waiver is None:
                self._job("subscribers", only, people, lambda: run_subscribers(self.context, landing))
            # Consent is never skipped: what holds at processing time has to be looked at each time.
            self._job("consent", JOBS, None, consent)
            ground.result()
            shapes = beside.submit(self._job, "footprints", only, None, lambda: run_footprints(self.context))
            events = self._print_of(("events", "mno_events"), reference)
            self._job("events", only, events, lambda: run_events(self.context, landing), of_day=True, anew=anew)
            shapes.result()
        stage1 = digest(events, people, state[0].version, days) if events and (people or settings.waiver) else None
        stage2 = digest(stage1, reference) if stage1 and reference else None
        self._job(
            "segment", only, stage1, lambda: run_segment(self.context, days, state[0]), True, after="events", anew=anew
        )
        self._job("transform", only, stage2, lambda: run_transform(self.context, days), True, after="segment")
        if settings.policy.wants_homes:
            self._job("homes", only, stage2, lambda: run_homes(self.context, days), True, after="segment")
        due = self._due(days)
        if due and "aggregate" in only:
            charge_releases(self.context, due)
        if due:
            self._job("aggregate", only, None, lambda: run_aggregate(self.context, due), of_day=True)
            self._job("release", only, None, lambda: self._release(due), of_day=True)
        elif "release" in only:
            self._clear_up()

    def _due(self, days: Sequence[dt.date]) -> list[dt.date]:
        """Days that may be released now; the others wait for late events, which is told."""
        for day in days:
            start = release_from(day, self.settings.policy)
            if start > self.settings.as_of:
                self.summary.waiting[day] = start
                self.say("release waits", {"day": str(day), "until": start.isoformat()})
        return [day for day in days if day not in self.summary.waiting]

    def _release(self, days: Sequence[dt.date]) -> JobReport:
        report = run_release(self.context, days)
        self.summary.days = list(days)
        self._clear_up()
        return report

    def _clear_up(self) -> None:
        """Destroy what has had its time: keys of released and of expired periods with their rows, and old events.

        Comes last, so that a run that breaks off finds all that it goes on from. Does nothing where nothing is over.
        """
        context, waiting = self.context, self.summary.waiting.keys()
        released, living = {*self.summary.already, *self.summary.days}, living_days(context)
        done = [day_period(day) for day in sorted(released & living)]
        late = [period for period in overdue(context, waiting) if period not in done]
        needed = {day for day in living - released if day_period(day) not in late} | waiting
        if done:
            context.say("destroying the days' keys, and all that lives under them")
        staging = self.lake.door(writes=[Schema.STAGING])
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="clearing") as beside:
            events = beside.submit(purge_events, context, needed)
            drafts = beside.submit(staging.remove_all, staging_of(self.settings.policy, sorted(released & living)))
            destroy(self.lake, key_store(context), done, "last release of the day is made")
            expire(context, late)
            events.result()
            drafts.result()

    def _job(
        self,
        job: str,
        only: Sequence[str],
        fingerprint: str | None,
        work: Callable[[], JobReport],
        of_day: bool = False,
        *,
        after: str | None = None,
        anew: bool = False,
    ) -> None:
        if job not in only:
            return
        self.say("job started", {"job": job})
        started = time.monotonic()
        report = self.journal.run(job, fingerprint, work, of_day=of_day, after=after, anew=anew)
        seconds = round(time.monotonic() - started, 2)
        self.summary.reports[job], self.summary.seconds[job] = report, seconds
        facts: dict[str, object] = {
            "job": job,
            "seconds": seconds,
            "rows_in": report.rows_in,
            "rows_out": report.rows_out,
        }
        if report.receipts:
            # A log that is collected elsewhere is where the chain's end is safe from whoever can write to the lake.
            facts |= {"receipts": report.receipts[0], "receipts_head": report.receipts[1]}
        self.say("job skipped" if report.skipped else "job done", {k: v for k, v in facts.items() if v is not None})

    def _print_of(self, names: Sequence[str], *more: str | None) -> str | None:
        found = files_fingerprint(self.settings.landing, names)
        if found is None or None in more:
            return None
        return digest(found, *more, self.settings.policy.digest)


def _docs_folder(settings: RunSettings) -> Path | None:
    """Beside the lake on a file system of this machine; elsewhere the results table has to do."""
    if settings.lake.startswith("catalog:") or "://" in settings.lake:
        return None
    return Path(f"{settings.lake.rstrip('/')}.docs")
