"""The ledger that a run goes by is there when stage 1 begins, and the same when it ends; otherwise nothing stays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from expectations.consent_ledger import CONSENT_LEDGER
from expectations.consent_requests import CONSENT_REQUESTS
from expectations.contract import Schema
from expectations.movement import MOVEMENT, PROFILE
from jobs.consent.ledger import state_of, version_of
from jobs.consent.receipts import LedgerState
from jobs.context import RunContext
from jobs.errors import ConsentError, ThreestepError


def open_ledger(context: RunContext, state: LedgerState) -> DataFrame:
    """The ledger as the job consent left it; under a waiver, an empty one.

    Raises:
        ConsentError: There is none.
    """
    if state.table_version is None:
        return context.spark.createDataFrame([], CONSENT_LEDGER.struct)
    try:
        return context.lake.door(reads=[Schema.RESTRICTED]).read(CONSENT_LEDGER, state.table_version)
    except (PySparkException, ThreestepError):
        raise ConsentError(
            f"{CONSENT_LEDGER.full_name} cannot be read at version {state.table_version}: it was removed during "
            "the run. Nothing was processed; run again, and it is made anew from the requests"
        ) from None


def check_unchanged(context: RunContext, days: Sequence[dt.date], state: LedgerState) -> None:
    """Hold the ledger at the end of stage 1 against the one that it began with.

    A commit that changes nothing of what is known (files rewritten, say) does no harm.

    Raises:
        ConsentError: It is another one; what stage 1 wrote was removed.
    """
    if state.table_version is None:
        return
    found = _version_now(context, state)
    if found == state.version:
        return
    dates = [str(day) for day in days]
    context.lake.door(writes=[Schema.PSEUDONYMOUS]).remove_all({MOVEMENT: dates, PROFILE: dates})
    raise ConsentError(
        f"{CONSENT_LEDGER.full_name} changed while stage 1 was under way (from {state.version} to {found}): somebody "
        "else writes to it. What was written for these days was removed; run again"
    )


def _version_now(context: RunContext, state: LedgerState) -> str:
    door = context.lake.door(reads=[Schema.RESTRICTED])
    try:
        if door.version(CONSENT_LEDGER) == state.table_version:
            return state.version
        row = state_of(door.read(CONSENT_LEDGER), door.read(CONSENT_REQUESTS), context.settings.as_of).first()
        return version_of(row["content"]) if row else "none"
    except (PySparkException, ThreestepError):
        return "none"
