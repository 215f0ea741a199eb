"""audit.*: the privacy officer's records. They hold counts and digests, never identifiers."""

from __future__ import annotations

from expectations.consent_ledger import PURPOSES
from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, InSet, NotNull

RUNS = Contract(
    schema=Schema.AUDIT,
    name="runs",
    comment="One row a job of a run; what a restart skips, it finds here",
    columns=columns(
        ("run_id", "STRING!", "Digest of days, policy and inputs"),
        ("job", "STRING!", "Job"),
        ("date", "DATE!", "First local day of the run"),
        ("until", "DATE!", "Last local day of the run"),
        ("status", "STRING!", "done, blocked or failed"),
        ("fingerprint", "STRING!", "Digest of what the job read: equal means nothing to do"),
        ("rows_in", "BIGINT", "Rows read"),
        ("rows_out", "BIGINT", "Rows written"),
        ("seconds", "DOUBLE", "Duration"),
        ("message", "STRING", "Why it was blocked or failed; holds no row values"),
        ("receipts", "BIGINT", "Receipts of consent when the job had written its own"),
        ("receipts_head", "STRING", "Hash of the last of them: a chain that lost its end shows by it"),
        ("at", "TIMESTAMP!", "Instant of the record"),
    ),
    keys=("run_id", "job", "at"),
    mode=WriteMode.APPEND,
    retention="3 years",
    rules=(NotNull("run_id"), NotNull("job"), InSet("status", ("done", "blocked", "failed"))),
)

CONSENT_RECEIPTS = Contract(
    schema=Schema.AUDIT,
    name="consent_receipts",
    comment="One row a run, day and purpose: proof of what was excluded, chained by hash",
    columns=columns(
        ("receipt_id", "STRING!", "Digest of run, day, purpose and number"),
        ("number", "BIGINT!", "Place in the chain, from 1 without a gap"),
        ("run_id", "STRING!", "Run"),
        ("date", "DATE!", "Local day"),
        ("purpose", "STRING!", "Purpose"),
        ("ledger_version", "STRING!", "Digest of the ledger's rows; none under a waiver"),
        ("delivered_at", "TIMESTAMP", "Delivery of the consent feed, from its note"),
        ("processed_at", "TIMESTAMP!", "Processing time against which objections were held"),
        ("lines_objecting", "BIGINT!", "Lines under objection to the purpose at processing time"),
        ("events_in", "BIGINT!", "Events of the day's window before the filter"),
        ("events_excluded", "BIGINT!", "Events that an objection kept out for this purpose"),
        ("events_unexplained", "BIGINT!", "Events without a line, of things, or of lines not counted"),
        ("events_kept", "BIGINT!", "Events that serve the purpose"),
        ("probe_leaks", "BIGINT!", "Kept events of lines that object to the purpose: must be zero"),
        ("waiver", "STRING", "Reason given for running without a ledger; outputs are not for release"),
        ("previous_hash", "STRING!", "Hash of the receipt before"),
        ("hash", "STRING!", "SHA-256 over previous_hash and this receipt, its times in UTC"),
    ),
    keys=("receipt_id",),
    mode=WriteMode.MERGE,
    retention="10 years",
    rules=(
        NotNull("run_id"),
        InSet("purpose", PURPOSES),
        NotNull("ledger_version"),
        Between("probe_leaks", 0, 0),
        NotNull("hash"),
    ),
    checks={"probe_is_clean": "probe_leaks = 0"},
)

KEY_EVENTS = Contract(
    schema=Schema.AUDIT,
    name="key_events",
    comment="One row a step in the life of a key; never the key",
    columns=columns(
        ("period", "STRING!", "Day, week or month of the key"),
        ("event", "STRING!", "created, ordered (its destruction was) or destroyed"),
        ("reason", "STRING!", "Why"),
        ("at", "TIMESTAMP!", "Instant"),
    ),
    keys=("period", "event", "at"),
    mode=WriteMode.APPEND,
    retention="10 years",
    rules=(NotNull("period"), InSet("event", ("created", "ordered", "destroyed"))),
)

PRIVACY_LEDGER = Contract(
    schema=Schema.AUDIT,
    name="privacy_ledger",
    comment="One row a unit of privacy and period: the budget spent so far, charged before noise is drawn",
    columns=columns(
        ("period_kind", "STRING!", "day, week or month"),
        ("period", "STRING!", "The day, ISO week or month"),
        ("cap", "DECIMAL(12,9)!", "zCDP that first releases may spend"),
        ("reserve", "DECIMAL(12,9)!", "zCDP that corrections may spend besides"),
        ("spent", "DECIMAL(12,9)!", "zCDP spent by first releases"),
        ("spent_reserve", "DECIMAL(12,9)!", "zCDP spent by corrections"),
        (
            "charges",
            "ARRAY<STRUCT<release_id: STRING, product: STRING, rho: DECIMAL(12,9), delta: DOUBLE, "
            "correction: INT, at: TIMESTAMP>>!",
            "Every charge; a release is charged once",
        ),
        ("epsilon", "DOUBLE!", "Epsilon of all spent, at the policy's delta"),
        ("delta", "DOUBLE!", "Delta of threshold mechanisms, which comes on top of the policy's"),
    ),
    keys=("period_kind", "period"),
    mode=WriteMode.MERGE,
    retention="for good",
    rules=(NotNull("period"), InSet("period_kind", ("day", "week", "month")), Between("spent", 0)),
    checks={"within_cap": "spent <= cap", "within_reserve": "spent_reserve <= reserve"},
)

QUALITY_RESULTS = Contract(
    schema=Schema.AUDIT,
    name="quality_results",
    comment="One row a rule that a gate evaluated",
    columns=columns(
        ("run_id", "STRING!", "Run"),
        ("table_name", "STRING!", "Table, as schema.table"),
        ("batch", "STRING!", "Days or release that the rows belong to"),
        ("rule", "STRING!", "Rule, with its column"),
        ("kind", "STRING!", "row: quarantines; expectation: Great Expectations; table: blocks or warns"),
        ("success", "BOOLEAN!", "Whether it held"),
        ("blocking", "BOOLEAN!", "Whether failing stops the run"),
        ("observed", "DOUBLE", "Count or share observed; null for expectations on identified tables"),
        ("bound", "DOUBLE", "Bound that it was held against"),
        ("rows", "BIGINT", "Rows looked at"),
        ("at", "TIMESTAMP!", "Instant"),
    ),
    keys=("run_id", "table_name", "batch", "rule", "at"),
    mode=WriteMode.APPEND,
    retention="3 years",
    rules=(NotNull("run_id"), NotNull("table_name"), NotNull("rule"), NotNull("success")),
)

ERASURES = Contract(
    schema=Schema.AUDIT,
    name="erasures",
    comment="One row an erasure that removed something, or whose scan found something: its proof, chained by hash",
    columns=columns(
        ("receipt_id", "STRING!", "Digest of run, ledger and number"),
        ("number", "BIGINT!", "Place in the chain, from 1 without a gap"),
        ("started_by", "STRING!", "run: on the way to a release; erase: by the command"),
        ("run_id", "STRING!", "Run"),
        ("ledger_version", "STRING!", "Digest of the ledger's rows"),
        ("processed_at", "TIMESTAMP!", "Processing time against which objections were held"),
        ("lines_silent", "BIGINT!", "Lines that object to every purpose, removed whole"),
        ("units_touched", "BIGINT!", "Units with a new objection of some line to some purpose: to be computed anew"),
        ("rows_removed", "MAP<STRING, BIGINT>!", "Rows removed by table"),
        ("files_scanned", "BIGINT!", "Files that the scan looked into, every version and file of the lake"),
        ("files_apart", "BIGINT!", "Files of master data and ledger, which keep the line"),
        ("hits", "BIGINT!", "Traces of removed lines found: the erasure is proven where there are none"),
        ("statement", "STRING!", "What the erasure does not reach, and why"),
        ("previous_hash", "STRING!", "Hash of the receipt before"),
        ("hash", "STRING!", "SHA-256 over previous_hash and this receipt, its times in UTC"),
    ),
    keys=("receipt_id",),
    mode=WriteMode.MERGE,
    retention="10 years",
    rules=(NotNull("receipt_id"), InSet("started_by", ("run", "erase")), Between("hits", 0), NotNull("hash")),
)
