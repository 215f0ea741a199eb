"""The order of the day's jobs: one run from landing to release, resumable at the job that broke off."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession

from expectations.catalog import ALL
from expectations.consent_ledger import CONSENT_LEDGER
from expectations.consent_requests import CONSENT_REQUESTS
from expectations.contract import Schema
from expectations.gate import Gate
from jobs.aggregate.identity import release_id
from jobs.aggregate.offered import offered
from jobs.aggregate.run import run_aggregate
from jobs.audit.erasure import erase_new
from jobs.audit.journal import Journal, digest, files_fingerprint
from jobs.clearing import clear_up
from jobs.consent.receipts import LedgerState
from jobs.consent.run import check_feed, run_consent
from jobs.context import JobReport, RunContext
from jobs.errors import InputRejectedError, ThreestepError, UsageError
from jobs.ingest.landing import Landing
from jobs.ingest.run import run_events, run_reference, run_subscribers
from jobs.lake import Lake
from jobs.periods import PeriodState, open_days, period_states, run_periods, short_states
from jobs.placing import Placing
from jobs.release.run import charge_releases, released_ids, run_release
from jobs.run_summary import RunSummary
from jobs.segment.keys import keys_live
from jobs.segment.periods import PeriodKind, period_of, release_from
from jobs.segment.run import run_segment
from jobs.settings import RunSettings
from jobs.transform.corridors import run_corridors
from jobs.transform.footprints import run_footprints
from jobs.transform.homes import run_homes
from jobs.transform.run import run_transform
from jobs.transform.trips import run_od

JOBS = (
    "reference",
    "subscribers",
    "consent",
    "events",
    "footprints",
    "segment",
    "transform",
    "homes",
    "od",
    "aggregate",
    "release",
    "periods",
)

_REFERENCE_FILES = ("cells", "zones", "population", "corridors", "mno_network", "spatial")


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
        self.landing = Landing(spark, str(settings.landing), settings.landing_format)
        self.placing = Placing(self.context, self.landing)
        self.journal = Journal(self.context)
        self.summary = RunSummary()

    def run(self, only: Sequence[str]) -> RunSummary:
        self.only = only
        self.released = done = released_ids(self.context)
        products = offered(self.context, corridors_come=self.landing.has("corridors"))
        released = {d for d in self.settings.days if all(release_id(p, d) in done for p in products)}
        self.summary.already = sorted(released)
        days = [day for day in self.settings.days if day not in released]
        if not days and not any(state.status == "due" for state in self._period_states()):
            self._clear_up(ran_periods="periods" in only)
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
        settings, landing = self.settings, self.landing
        # The consent feed is held against its note before anything is read or written: fail closed.
        placing = self.placing
        asked, delivery = placing.of(("consent",), [CONSENT_REQUESTS, CONSENT_LEDGER])
        feed = check_feed(asked, delivery)
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
            report, found = run_consent(asked, feed)
            state.append(found)
            # Before any other job: an objection received late reaches back to everything not yet released.
            erased = erase_new(self.context, self.journal, found, ground.result).counts if feed else {}
            return replace(report, counts={**report.counts, **erased}, fingerprint=found.version)

        # Small jobs wait for commits more than they compute: geography runs beside people, footprints beside events.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="geography") as beside:
            ground = beside.submit(
                self._job, "reference", only, reference, lambda: run_reference(*placing.of(_REFERENCE_FILES))
            )
            if settings.waiver is None:
                self._job("subscribers", only, people, lambda: run_subscribers(*placing.of(("subscribers",))))
            # Consent is never skipped: what holds at processing time has to be looked at each time.
            self._job("consent", JOBS, None, consent)
            ground.result()
            shapes = beside.submit(self._job, "footprints", only, None, lambda: run_footprints(self.context))
            events = self._print_of(("events", "mno_events"), reference)
            if days:
                self._job("events", only, events, lambda: run_events(self.context, landing), of_day=True, anew=anew)
            shapes.result()
            # Stage 1 needs no corridors: they are solved beside it.
            ways = beside.submit(run_corridors, self.context) if "footprints" in only else None
            landed = digest(events, people) if events and (people or settings.waiver) else None
            stage1 = digest(landed, state[0].version, days) if landed else None
            if days:
                segment = partial(run_segment, self.context, days, state[0])
                self._job("segment", only, stage1, segment, True, after="events", anew=anew)
            if ways is not None:
                ways.result()
        if days:
            self._stages(only, days, stage1, reference)
        if "periods" in only:
            try:
                self._job("periods", only, None, self._periods, of_day=True)
            except ThreestepError:
                # What is over goes all the same; weeks and months that are open keep their keys for another try.
                self._clear_up(ran_periods=False)
                raise
        if "release" in only or "periods" in only:
            self._clear_up(ran_periods="periods" in only)

    def _stages(self, only: Sequence[str], days: Sequence[dt.date], stage1: str | None, reference: str | None) -> None:
        """The stages after the first of some days, and their release."""
        stage2 = digest(stage1, reference) if stage1 and reference else None
        self._job("transform", only, stage2, lambda: run_transform(self.context, days), True, after="segment")
        # What weeks and months are given waits for commits while the day is counted.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="longer") as beside:
            longer = beside.submit(self._longer, only, days, stage2)
            due = self._due(days)
            if due and "aggregate" in only:
                charge_releases(self.context, due)
            if due:
                self._job("aggregate", only, None, lambda: run_aggregate(self.context, due), of_day=True)
            longer.result()
        if due:
            self._job("release", only, None, lambda: self._release(due), of_day=True)

    def _longer(self, only: Sequence[str], days: Sequence[dt.date], stage2: str | None) -> None:
        """What the days give to their weeks and months; nothing to those that can never be released."""
        policy = self.settings.policy
        monthly = days if policy.homes.enabled else self._giving(days, "month")
        if monthly and "homes" in only:
            self._job("homes", only, stage2, lambda: run_homes(self.context, monthly), True, after="transform")
        weekly = self._giving(days, "week")
        if weekly and "od" in only:
            self._job("od", only, stage2, lambda: run_od(self.context, weekly), True, after="transform")

    def _giving(self, days: Sequence[dt.date], kind: PeriodKind) -> list[dt.date]:
        giving = open_days(self.settings.policy, self.journal, days, kind, self.released)
        short = {state.key_period: state.told for state in short_states(self.context, giving, kind)}
        for key_period, why in short.items():
            self.say("period not released", {"period": key_period, "why": why})
        self.summary.periods |= short
        return [day for day in giving if period_of(day, kind) not in short]

    def _due(self, days: Sequence[dt.date]) -> list[dt.date]:
        """Days that may be released now; the others wait for late events, which is told."""
        for day in days:
            start = release_from(day, self.settings.policy)
            if start > self.settings.as_of:
                self.summary.waiting[day] = start
                self.say("release waits", {"day": str(day), "until": start.isoformat()})
        return [day for day in days if day not in self.summary.waiting]

    def _release(self, days: Sequence[dt.date]) -> JobReport:
        report = run_release(self.placing.of_figures(), days)
        self.summary.days = list(days)
        return report

    def _period_states(self) -> list[PeriodState]:
        return period_states(self.context, self.journal, self.released) if "periods" in self.only else []

    def _periods(self) -> JobReport:
        """Release the weeks and months that are complete or have waited long enough; tell of the others."""
        states = self._period_states()
        known = dict(self.summary.periods)
        self.summary.periods |= {state.key_period: state.told for state in states}
        for state in states:
            if state.status != "due" and state.key_period not in known:
                self.say("period not released", {"period": state.key_period, "why": state.told})
        report = run_periods(self.context, states)
        self.released = released_ids(self.context)
        return report

    def _clear_up(self, *, ran_periods: bool) -> None:
        released = {*self.summary.already, *self.summary.days}
        waiting = self.summary.waiting.keys()
        clear_up(self.context, self.journal, released, waiting, self.released, ran_periods=ran_periods)

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
