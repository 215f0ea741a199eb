"""A small contract with a rule of each kind, rows for it, and one gate for all tests (it is slow to make)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pyspark.sql import DataFrame, SparkSession

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.gate import Gate
from expectations.rules import Between, InSet, Matches, NotNull, Ordered

PHONE = "4915112345678"

LINES = Contract(
    schema=Schema.RESTRICTED,
    name="lines",
    comment="One row a line",
    columns=columns(
        ("msisdn", "STRING!", "Number"),
        ("brand", "STRING", "Brand"),
        ("age", "INT", "Years"),
        ("since", "DATE", "First day"),
        ("until", "DATE", "Day after the last"),
    ),
    keys=("msisdn", "since"),
    mode=WriteMode.REPLACE_ALL,
    retention="a day",
    rules=(
        NotNull("msisdn"),
        Matches("msisdn", r"^[0-9]{8,15}$"),
        InSet("brand", ("alpha", "beta")),
        Between("age", 0, 120),
        Ordered("since", "until"),
    ),
    checks={"alpha_has_age": "brand <> 'alpha' OR age IS NOT NULL"},
)

# Each row beside the reasons for which it is bad; none for a good one.
ROWS = (
    (("49151000001", "alpha", 30, "2026-01-01", "2026-02-01"), []),
    (("49151000002", "beta", 0, "2026-01-01", None), []),
    (("49151000003", "beta", 120, None, "2026-01-01"), []),
    (("49151000004", "beta", None, None, None), []),
    ((None, "alpha", 30, None, None), ["msisdn_missing"]),
    (("0151/1234", "alpha", 30, None, None), ["msisdn_malformed"]),
    (("", "alpha", 30, None, None), ["msisdn_malformed"]),
    (("49151000005", "Alpha", 30, None, None), ["brand_unknown"]),
    (("49151000006", "", 30, None, None), ["brand_unknown"]),
    (("49151000007", "beta", -1, None, None), ["age_out_of_range"]),
    (("49151000008", "beta", 121, None, None), ["age_out_of_range"]),
    (("49151000009", "beta", 30, "2026-01-02", "2026-01-01"), ["until_before_since"]),
    (("49151000010", "beta", 30, "2026-01-01", "2026-01-01"), ["until_before_since"]),
    (("x", "gamma", 999, None, None), ["age_out_of_range", "brand_unknown", "msisdn_malformed"]),
)

Rows = list[tuple[object, ...]]
Cases = tuple[tuple[tuple[object, ...], list[str]], ...]


@pytest.fixture(scope="session")
def gate() -> Gate:
    return Gate()


@pytest.fixture(scope="session")
def contract() -> Contract:
    return LINES


@pytest.fixture(scope="session")
def cases() -> Cases:
    return ROWS


@pytest.fixture(scope="session")
def phone() -> str:
    return PHONE


@pytest.fixture(scope="session")
def lines(spark: SparkSession) -> Callable[[Rows], DataFrame]:
    """Makes a frame of ``LINES`` from rows; dates as ISO text."""

    def make(rows: Rows) -> DataFrame:
        # Literals, so that no Python worker has to start for them.
        values = ", ".join(["(?, ?, ?, ?, ?)"] * max(len(rows), 1))
        frame = spark.sql(
            f"SELECT string(a) AS msisdn, string(b) AS brand, int(c) AS age, date(d) AS since, date(e) AS until "
            f"FROM VALUES {values} AS t(a, b, c, d, e)",
            args=[value for row in rows or [(None,) * 5] for value in row],
        )
        return frame if rows else frame.where("false")

    return make


@pytest.fixture(scope="session")
def good(lines: Callable[[Rows], DataFrame]) -> DataFrame:
    return lines([row for row, reasons in ROWS if not reasons])
