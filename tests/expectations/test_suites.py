"""The suite of every contract, and its agreement with the native split."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from expectations.catalog import ALL
from expectations.contract import Column, Contract, Schema, WriteMode
from expectations.gate import bad_rows, good_rows, with_reasons
from expectations.rules import Ordered, RowRule
from expectations.suites import suite_of

# Values that break one rule or another, by type; each also meets null.
_PROBES = {
    "STRING": ["", "x", "4915112345678", "2026-03-03", "published"],
    "DATE": ["DATE'2026-03-03'", "DATE'1900-01-01'"],
    "TIMESTAMP": ["TIMESTAMP'2026-03-03 12:00:00Z'", "TIMESTAMP'1970-01-01 00:00:00Z'"],
    "BOOLEAN": ["true", "false"],
}
_NUMBERS = ["-1", "0", "1", "23", "100"]


@pytest.mark.parametrize("contract", ALL, ids=lambda contract: contract.full_name)
def test_a_suite_has_every_rule_of_its_contract(contract: Contract, gate) -> None:
    from great_expectations import expectations as classes

    suite = suite_of(contract, min_rows=1)
    about_rows = [item for item in suite if item.columns]
    required = {column.name for column in contract.columns if column.required}
    not_null = {item.columns[0] for item in about_rows if item.kind == "ExpectColumnValuesToNotBeNull"}
    assert [item.columns for item in about_rows][: len(contract.rules)] == [rule.columns for rule in contract.rules]
    assert required <= not_null
    assert len(about_rows) == len(contract.rules) + len(required - _ruled_not_null(contract))
    assert len({item.name for item in suite}) == len(suite) == len(about_rows) + 2
    for item in suite:
        getattr(classes, item.kind)(**item.arguments)


def test_expectations_agree_with_the_native_rules_of_every_contract(spark, gate) -> None:
    """All rules of the catalogue in one wide table, one of each kind and type: each fails just where its SQL does."""
    wide = _side_by_side(ALL)
    frame = spark.range(8).select(*(_probe(column.name, column.type) for column in wide.columns))
    broken = frame.agg(*(F.sum(F.expr(f"int(NOT {r.sql})")).alias(f"r{i}") for i, r in enumerate(wide.rules)))
    counts = broken.first()
    assert counts is not None
    report = gate.validate(frame, wide, "catalogue")
    found = [result for result in report.results if result.kind == "expectation"][: len(wide.rules)]
    assert {result.rows for result in found} == {8}
    for rule, result, count in zip(wide.rules, found, counts, strict=True):
        assert (rule, result.observed) == (rule, count)
        assert result.success is (count == 0)
    assert any(result.success for result in found) and not all(result.success for result in found)


_day = st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 4)).map(date.isoformat)
_row = st.tuples(
    st.none() | st.sampled_from(["", "49151000001", "1234567", "12345678901234567", "4915x", "49151000001\n"]),
    st.none() | st.sampled_from(["alpha", "beta", "", "ALPHA", "al'pha"]),
    st.none() | st.integers(-3, 3) | st.integers(118, 123),
    _day,
    _day,
)


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(_row, min_size=20, max_size=60))
def test_what_the_split_calls_good_the_gate_lets_through(rows, gate, contract, lines) -> None:
    plain = replace(contract, schema=Schema.REFERENCE, checks={})
    marked = with_reasons(lines(rows), plain)
    names = [item.name for item in suite_of(plain)]
    assert gate.validate(good_rows(marked), plain, "good").passed
    bad = bad_rows(marked)
    reasons = [reason for row in bad.select("_reasons").collect() for reason in row[0]]
    report = gate.validate(bad.drop("_reasons"), plain, "bad")
    observed = {result.rule: result.observed for result in report.results}
    assert [observed[name] for name in names[: len(plain.rules)]] == [
        reasons.count(rule.reason) for rule in plain.rules
    ]
    assert report.passed is not bool(reasons)


def _ruled_not_null(contract: Contract) -> set[str]:
    return {rule.columns[0] for rule in contract.rules if type(rule).__name__ == "NotNull"}


def _side_by_side(contracts: tuple[Contract, ...]) -> Contract:
    columns: dict[str, Column] = {}
    rules: dict[tuple[object, ...], RowRule] = {}
    for contract in contracts:
        own = f"{contract.schema}_{contract.name}__"
        for rule in contract.rules:
            kinds = tuple(contract.type_of[name] for name in rule.columns)
            alike = (_renamed(rule, "", dict.fromkeys(rule.columns, "x")), kinds)
            if alike not in rules:
                rules[alike] = _renamed(rule, own)
                columns |= {own + n: Column(own + n, contract.type_of[n], "ruled") for n in rule.columns}
    return Contract(
        schema=Schema.REFERENCE,
        name="wide",
        comment="Ruled columns of every table",
        columns=tuple(columns.values()),
        keys=(next(iter(columns)),),
        mode=WriteMode.REPLACE_ALL,
        retention="a day",
        rules=tuple(rules.values()),
    )


def _renamed(rule: RowRule, own: str, names: dict[str, str] | None = None) -> RowRule:
    first, *others = (own + (names or {}).get(name, name) for name in rule.columns)
    if isinstance(rule, Ordered):
        return Ordered(first, others[0])
    changed: RowRule = replace(rule, column=first)  # type: ignore[call-arg]
    return changed


def _probe(name: str, kind: str) -> F.Column:
    """A column that runs through the probes of its type, and null."""
    plain = kind.partition("(")[0].upper()
    if plain == "STRING":
        values = [f"'{text}'" for text in _PROBES["STRING"]]
    elif plain.startswith(("ARRAY", "STRUCT", "MAP", "BINARY")):
        values = []
    else:
        values = _PROBES.get(plain, _NUMBERS)
    options = ", ".join([*values, f"CAST(NULL AS {kind})"])
    return F.expr(f"CAST(element_at(array({options}), int(id % {len(values) + 1}) + 1) AS {kind})").alias(name)
