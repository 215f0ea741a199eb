"""Admits a delivered table: counts rows by reason, quarantines the bad, holds the good to the gate, writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.contract import Contract
from expectations.gate import (
    REASONS,
    GateReport,
    RuleResult,
    TableRule,
    bad_rows,
    check_table,
    good_rows,
    row_results,
    share_rule,
    with_reasons,
)
from expectations.quarantine import QUARANTINE
from jobs.context import RunContext
from jobs.errors import InputRejectedError
from jobs.ingest.landing import FOLDER, LINE, rejecting
from jobs.lake import Door

RAW = "_raw_"
ROW_MALFORMED = "row_malformed"


def keep_raw(delivered: DataFrame) -> DataFrame:
    """Put the delivered columns aside under ``_raw_…``, so that typed ones can take their names."""
    return delivered.select(*(F.col(name).alias(RAW + name) for name in delivered.columns))


def raw(name: str) -> Column:
    """A column as delivered."""
    return F.col(RAW + name)


def parsed(*names: str) -> dict[str, str]:
    """Reasons ``…_malformed``: a value was delivered, but could not be read."""
    return {f"{n}_malformed": f"`{RAW}{n}` IS NULL OR `{n}` IS NOT NULL" for n in names}


def line_whole() -> dict[str, str]:
    """Reason ``row_malformed``: the line had too few or too many fields, or broken quotes."""
    return {ROW_MALFORMED: f"`{RAW}{LINE}` IS NULL"}


def judged(typed: DataFrame, contract: Contract, extra: Mapping[str, str]) -> DataFrame:
    """Add ``_reasons`` as ``with_reasons`` does, at half the cost: only rows that are not good are asked why."""
    conditions = [*(rule.sql for rule in contract.rules), *extra.values()]
    good = F.coalesce(F.expr(" AND ".join(f"({sql})" for sql in conditions)), F.lit(False))
    why = with_reasons(typed, contract, extra)
    return why.withColumn(REASONS, F.when(good, F.array().cast("array<string>")).otherwise(F.col(REASONS)))


def also(marked: DataFrame, condition: Column, reason: str) -> DataFrame:
    """Add a reason to the rows that fulfil a condition."""
    more = F.array_sort(F.array_append(F.col(REASONS), F.lit(reason)))
    return marked.withColumn(REASONS, F.when(condition, more).otherwise(F.col(REASONS)))


def repeats(marked: DataFrame, keys: Sequence[str], reason: str) -> DataFrame:
    """Give all but one of the good rows of a key a reason; the row kept is the first by its delivered text."""
    order = Window.partitionBy(*keys, F.size(REASONS) == 0).orderBy(row_json(marked))
    ranked = marked.withColumn("_rank", F.row_number().over(order))
    return also(ranked, (F.col("_rank") > 1) & (F.size(REASONS) == 0), reason).drop("_rank")


def row_json(marked: DataFrame) -> Column:
    """The row as it was delivered: its known columns, or the whole line where it did not parse."""
    hidden = {RAW + LINE, RAW + FOLDER}
    names = [name for name in marked.columns if name.startswith(RAW) and name not in hidden]
    whole = F.to_json(F.struct(*(F.col(name).alias(name.removeprefix(RAW)) for name in names)))
    if RAW + LINE not in marked.columns:
        return whole
    return F.when(raw(LINE).isNotNull(), F.to_json(F.struct(raw(LINE).alias("line")))).otherwise(whole)


def tidy(reasons: Column) -> Column:
    """Leave ``x_missing`` out where ``x_malformed`` is there: what could not be read was not missing."""

    def kept(reason: Column) -> Column:
        twin = F.regexp_replace(reason, "_missing$", "_malformed")
        return ~(reason.endswith("_missing") & F.array_contains(reasons, twin))

    return F.filter(reasons, kept)


def rejected(marked: DataFrame, table: str, batch: str) -> DataFrame:
    """Bad rows of a batch in the shape of ``restricted.quarantine``."""
    day = F.col("event_date") if "event_date" in marked.columns else F.lit(None).cast("date")
    if RAW + FOLDER in marked.columns:
        day = F.coalesce(raw(FOLDER), day)
    return bad_rows(marked).select(
        F.lit(batch).alias("batch"),
        F.lit(table).alias("table_name"),
        day.alias("event_date"),
        tidy(F.col(REASONS)).alias("reasons"),
        row_json(marked).alias("row"),
    )


class Counts(Protocol):
    """Counts of a batch, however they were taken."""

    @property
    def total(self) -> int:
        """All rows."""
        ...

    @property
    def bad(self) -> int:
        """Rows with a reason."""
        ...

    @property
    def reasons(self) -> dict[str, int]:
        """Rows by reason, most frequent first."""
        ...


@dataclass(frozen=True)
class Tally:
    """Counts of a batch; it holds no row.

    Attributes:
        groups: Sets of reasons to their count of rows.
    """

    groups: tuple[tuple[tuple[str, ...], int], ...]

    @property
    def total(self) -> int:
        """All rows."""
        return sum(count for _, count in self.groups)

    @property
    def bad(self) -> int:
        """Rows with a reason."""
        return sum(count for reasons, count in self.groups if reasons)

    @property
    def good(self) -> int:
        """Rows without one."""
        return self.total - self.bad

    @property
    def reasons(self) -> dict[str, int]:
        """Rows by reason, most frequent first; a row with two reasons counts in both."""
        found: Counter[str] = Counter()
        for reasons, count in self.groups:
            for reason in reasons:
                if reason.replace("_missing", "_malformed") not in set(reasons) - {reason}:
                    found[reason] += count
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def tally(marked: DataFrame, table: str, place: str) -> Tally:
    """Count a batch in one pass, by its sets of reasons.

    Raises:
        InputRejectedError: A file turned out to be unreadable on the way.
    """
    with rejecting(table, place):
        rows = marked.groupBy(REASONS).count().collect()
    return Tally(tuple((tuple(row[REASONS]), int(row["count"])) for row in rows))


def quarantine(door: Door, marked: DataFrame, table: str, batch: str, counts: Counts) -> None:
    """Replace the batch's rows in quarantine; where nothing is bad, only remove what was there."""
    if counts.bad:
        door.replace(QUARANTINE, rejected(marked, table, batch), [batch])
    elif (
        door.exists(QUARANTINE)
        and door.version(QUARANTINE)
        and not door.read(QUARANTINE).where(F.col("batch") == batch).isEmpty()
    ):
        door.remove(QUARANTINE, [batch])


def by_reason(counts: Counts) -> list[RuleResult]:
    """Rows by reason for the record: they outlive the rows in quarantine, which go with the table's own."""
    return row_results(counts.reasons, counts.total)


def quarantined_rule(table: str, batch: str, counts: Counts, bound: float) -> TableRule:
    """At most the policy's share of a batch is quarantined."""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts.reasons.items())
    remedy = (
        f"{counts.bad:,} of {counts.total:,} rows of {table} were rejected ({reasons}); they are in "
        f"{QUARANTINE.full_name}, batch '{batch}'. Deliver {table} anew without these faults, or, if they are "
        "to be expected, raise quality.max_quarantined_share in the policy"
    )
    return share_rule("quarantined_share", counts.bad, counts.total, bound, remedy=remedy)


def hold(
    context: RunContext,
    marked: DataFrame,
    contract: Contract,
    table: str,
    batch: str,
    counts: Tally,
    rules: Sequence[TableRule] = (),
) -> DataFrame:
    """Hold the good rows of a batch to the gate and return them in the contract's shape.

    Rules over the counts come first: where one of them blocks, the rows are not read again.

    Raises:
        InputRejectedError: A rule that blocks failed.
    """
    good = good_rows(marked).select(contract.column_names)
    held = [quarantined_rule(table, batch, counts, context.policy.quality.max_quarantined_share), *rules]
    context.gate.record(contract, batch, by_reason(counts))
    report = context.gate.record(contract, batch, check_table(held))
    if report.passed:
        report = context.gate.validate(
            good, contract, batch, rows=counts.good, min_rows=1, extra_rules=held, check_keys=True
        )
    refuse(context, report)
    return good


def refuse(context: RunContext, report: GateReport) -> None:
    """Tell of what only warns, and stop at what blocks.

    Raises:
        InputRejectedError: A rule that blocks failed.
    """
    for result in report.failures:
        if not result.blocks:
            context.say(f"{report.table}: {result.describe()}")
    if not report.passed:
        raise InputRejectedError(report.message())


def admit(
    context: RunContext,
    door: Door,
    marked: DataFrame,
    contract: Contract,
    table: str,
    rules: Sequence[TableRule] = (),
) -> Tally:
    """Admit a table that is delivered whole: quarantine, gate, replace.

    Raises:
        InputRejectedError: It is empty, or a rule that blocks failed; the table stays as it was.
    """
    with rejecting(table, table):
        # Cut off from the file: every check would plan, and compile, all that led here anew.
        marked = marked.localCheckpoint()
    counts = tally(marked, table, table)
    if not counts.total:
        raise InputRejectedError(f"{table}: delivered without a single row; deliver it again, or leave it out")
    quarantine(door, marked, table, table, counts)
    good = hold(context, marked, contract, table, table, counts, rules)
    door.replace(contract, good)
    context.say(f"{contract.full_name}: {counts.good:,} rows, {counts.bad:,} quarantined")
    return counts
