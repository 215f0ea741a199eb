"""Job rewards: credits the members of the programme for a month, from the ledger of consent and nothing else."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.consent_ledger import CONSENT_LEDGER
from expectations.consent_ledger import REWARDS as PROGRAMME
from expectations.gate import Gate
from expectations.rewards import REWARDS
from jobs.consent.ledger import current
from jobs.context import JobReport
from jobs.errors import ConsentError, InputRejectedError, UsageError
from jobs.lake import Lake
from jobs.settings import Policy
from udfs.time import day_bounds


@dataclass(frozen=True)
class RewardParams:
    """What members are credited, and for what.

    Attributes:
        month: Month, YYYY-MM.
        first: Its first local day.
        last: Its last local day.
        time_zone: Time zone of local days.
        credit: Credit for the month.
        min_days: Local days of membership that it needs.
    """

    month: str
    first: dt.date
    last: dt.date
    time_zone: str
    credit: Decimal
    min_days: int


def reward_params(policy: Policy, month: str, now: dt.datetime) -> RewardParams:
    """Parameters of a month from the policy.

    Raises:
        UsageError: The programme is off, or the month is none or not over.
    """
    if not policy.rewards.enabled:
        raise UsageError("there is no rewards programme: the policy has rewards.enabled = false")
    try:
        first = dt.datetime.strptime(month, "%Y-%m").date()
    except ValueError:
        raise UsageError(f"--month {month!r} is no month: write YYYY-MM") from None
    last = (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
    if day_bounds(last, policy.time_zone)[1] > now:
        raise UsageError(f"--month {month}: the month is not over, so nobody knows yet who was a member for how long")
    rules = policy.rewards
    return RewardParams(f"{first:%Y-%m}", first, last, policy.time_zone, rules.credit, rules.min_days)


def rewards(ledger: DataFrame, params: RewardParams) -> DataFrame:
    """Credit every line whose membership held on enough local days of the month, by what is known now.

    A day counts if the membership held at any time of it, and once even if it was left and joined again.
    Costs one shuffle of the members by line.

    Args:
        ledger: Rows of ``restricted.consent_ledger``.
        params: Month, credit and days.

    Returns:
        Rows of ``restricted.rewards``, one a line.
    """
    end = F.timestamp_micros(F.unix_micros("valid_to") - 1)
    start = F.greatest(_local_date(F.col("valid_from"), params), F.lit(params.first))
    until = F.least(F.coalesce(_local_date(end, params), F.lit(params.last)), F.lit(params.last))
    members = current(ledger).filter((F.col("decision") == "consent") & (F.col("purpose") == PROGRAMME))
    days = F.size(F.array_distinct(F.flatten(F.collect_list(F.sequence("start", "until")))))
    return (
        members.select("msisdn", "brand", "valid_from", "request_id", start.alias("start"), until.alias("until"))
        .filter("start <= until")
        .groupBy("msisdn")
        .agg(days.alias("member_days"), F.max_by("brand", F.struct("valid_from", "request_id")).alias("brand"))
        .filter(F.col("member_days") >= params.min_days)
        .withColumn("month", F.lit(params.month))
        .withColumn("credit", F.lit(params.credit).cast("decimal(9,2)"))
        .select(REWARDS.column_names)
    )


def run_rewards(lake: Lake, params: RewardParams) -> JobReport:
    """Replace the month of ``restricted.rewards``; crediting again gives the same rows for the same ledger.

    Raises:
        ConsentError: There is no ledger.
        InputRejectedError: What was written broke its contract, and was removed.
    """
    door = lake.door(reads=[CONSENT_LEDGER], writes=[REWARDS])
    if not door.exists(CONSENT_LEDGER):
        raise ConsentError(
            f"{CONSENT_LEDGER.full_name} does not exist: nobody is known to be a member; nothing was done"
        )
    door.replace(REWARDS, rewards(door.read(CONSENT_LEDGER), params), [params.month])
    written = door.read(REWARDS).filter(F.col("month") == params.month)
    report = Gate().validate(written, REWARDS, params.month, check_keys=True)
    if not report.passed:
        door.remove(REWARDS, [params.month], purge=True)
        raise InputRejectedError(report.message())
    rows = next((r.rows for r in report.results if r.rows is not None), 0)
    return JobReport("rewards", rows_out=rows)


def _local_date(instant: Column, params: RewardParams) -> Column:
    return F.to_date(F.from_utc_timestamp(instant, params.time_zone))
