"""The gate against small frames whose verdict is known."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pyspark.sql import functions as F

from expectations import suites, table_rules
from expectations.audit import QUALITY_RESULTS
from expectations.contract import Schema
from expectations.gate import Gate, GateError, GateReport, TableRule, row_results
from expectations.rules import InSet

AT = datetime(2026, 3, 3, tzinfo=UTC)


def test_good_rows_pass(gate, contract, good) -> None:
    report = gate.validate(good, contract, "good", rows=4, min_rows=1)
    assert report.passed, report.message()
    assert not report.failures
    assert {result.rows for result in report.results} == {4}
    assert "all" in report.message()


def test_bad_rows_are_counted_by_rule_and_only_told_of_where_identifiers_live(gate, contract, lines, cases) -> None:
    frame = lines([row for row, _ in cases])
    plain = gate.validate(frame, replace(contract, schema=Schema.REFERENCE), "all")
    secret = gate.validate(frame, contract, "all")
    names = [item.name for item in suites.suite_of(contract)]
    for rule, name in zip(contract.rules, names, strict=False):
        count = sum(rule.reason in reasons for _, reasons in cases)
        (counted,) = (result for result in plain.results if result.rule == name)
        (told,) = (result for result in secret.results if result.rule == name)
        assert (counted.success, counted.observed, counted.rows) == (False, count, len(cases))
        assert (told.success, told.observed, told.rows) == (False, None, len(cases))
        assert name in secret.message() and rule.reason in secret.message()
    # What no case breaks, holds: a missing value breaks no rule but its own.
    assert {result.rule for result in plain.failures} == {result.rule for result in secret.failures}
    assert {result.rule for result in plain.failures} == set(names[: len(contract.rules)])
    assert not plain.passed and not secret.passed and contract.full_name in secret.message()


def test_two_frames_in_turn_do_not_share_results(gate, contract, good, lines) -> None:
    bad = lines([(None, None, None, None, None)])
    verdicts = [gate.validate(frame, contract, "turn").passed for frame in (bad, good)]
    assert verdicts == [False, True]


def test_missing_and_surplus_columns_are_named(gate, contract, good) -> None:
    report = gate.validate(good.drop("age").withColumn("extra", F.lit(1)), contract, "columns")
    assert not report.passed
    failed = {result.rule: result.remedy for result in report.failures}
    assert "age" in failed["expect_table_columns_to_match_set"]
    assert "extra" in failed["expect_table_columns_to_match_set"]
    assert "not evaluated" in failed["expect_column_values_to_be_between(age)"]
    assert "check alpha_has_age" in failed
    assert "expect_column_values_to_not_be_null(msisdn)" not in failed


def test_an_empty_frame_passes_only_where_it_may_be_empty(gate, contract, lines) -> None:
    empty = lines([])
    assert gate.validate(empty, contract, "empty").passed
    report = gate.validate(empty, contract, "empty", min_rows=1)
    assert [result.rule for result in report.failures] == ["expect_table_row_count_to_be_between"]
    assert report.failures[0].rows == 0


def test_a_column_of_nulls_fails_where_a_value_is_required(gate, contract, lines) -> None:
    report = gate.validate(lines([(None, "beta", 1, None, None)] * 3), contract, "nulls", min_rows=1)
    assert [result.rule for result in report.failures] == ["expect_column_values_to_not_be_null(msisdn)"]


def test_another_row_count_than_counted_fails(gate, contract, good) -> None:
    report = gate.validate(good, contract, "count", rows=5)
    assert [result.rule for result in report.failures] == ["expect_table_row_count_to_equal"]


def test_constraints_are_held_before_the_table_would(gate, contract, lines) -> None:
    """As in Delta, a condition that comes out null is broken too."""
    rows = [("49151000001", "alpha", None, None, None), ("49151000002", None, None, None, None)]
    report = gate.validate(lines([*rows, ("49151000003", "beta", None, None, None)]), contract, "check")
    assert [(result.rule, result.observed) for result in report.failures] == [("check alpha_has_age", 2)]


def test_rows_that_share_a_key_are_counted_when_asked(gate, contract, lines) -> None:
    row = ("49151000001", "beta", 1, None, None)
    frame = lines([row, row, row, ("49151000001", "beta", 1, "2026-01-01", None)])
    report = gate.validate(frame, contract, "keys", check_keys=True)
    assert [(result.rule, result.observed) for result in report.failures] == [("duplicate_keys", 2)]


def test_types_that_the_write_would_convert_are_warned_of(contract, good) -> None:
    def result(kind: str) -> table_rules.RuleResult:
        return table_rules.types_rule(good.withColumn("age", F.col("age").cast(kind)), contract, 4).check()

    assert not result("double").success and not result("double").blocks
    assert result("double").remedy == "age is double, not int"
    assert result("bigint").success and result("int").success


def test_required_columns_without_a_rule_are_checked(gate, contract, lines) -> None:
    bare = replace(contract, rules=(), checks={})
    report = gate.validate(lines([(None, None, None, None, None)]), bare, "required")
    assert [result.rule for result in report.failures] == ["expect_column_values_to_not_be_null(msisdn)"]


def test_table_rules_block_or_warn(gate, contract, good) -> None:
    rules = [
        TableRule("volume", 0.2, low=0.5, remedy="look at the delivery"),
        TableRule("freshness", 9, high=2, blocking=False),
    ]
    report = gate.validate(good, contract, "table rules", extra_rules=rules)
    assert [(result.rule, result.blocks) for result in report.failures] == [
        ("volume", True),
        ("freshness", False),
    ]
    assert "look at the delivery" in report.message()
    assert GateReport("t", "b", tuple(table_rules.check_table(rules[1:]))).passed


def test_nothing_is_cached_and_no_row_collected(gate, contract, good, monkeypatch) -> None:
    monkeypatch.setattr(type(good), "persist", lambda *a, **k: pytest.fail("cached"))
    monkeypatch.setattr(type(good), "toPandas", lambda *a, **k: pytest.fail("collected"))
    gate.validate(good, contract, "cache")
    assert not good.is_cached


def test_an_expectation_that_raises_is_not_a_verdict(gate, contract, good, phone, monkeypatch, capsys, caplog) -> None:
    from great_expectations.expectations.core import ExpectColumnValuesToBeInSet

    def boom(*args: object, **kwargs: object) -> None:
        raise ValueError(f"cannot cast {phone}")

    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, logger="py4j")
    monkeypatch.setattr(ExpectColumnValuesToBeInSet, "_validate", boom)
    with pytest.raises(GateError) as caught:
        gate.validate(good, contract, "boom")
    assert "expect_column_values_to_be_in_set(brand)" in str(caught.value)
    assert "expect_column_values_to_be_between" not in str(caught.value)
    assert contract.full_name in str(caught.value)
    _nowhere(phone, str(caught.value), repr(caught.value), capsys, caplog)


def test_rows_that_cannot_be_computed_are_not_a_verdict(gate, contract, lines, phone, capfd, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, logger="py4j")
    broken = lines([(f"{phone}x", "beta", 1, None, None)]).withColumn("age", F.col("msisdn").cast("int"))
    with pytest.raises(GateError) as caught:
        gate.validate(broken, contract, "cast")
    assert "CAST_INVALID_INPUT" in str(caught.value) and contract.full_name in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    _nowhere(phone, str(caught.value), "", capfd, caplog)


def test_results_that_are_lost_are_noticed(gate, contract, good, monkeypatch) -> None:
    kept = suites._Context.results
    monkeypatch.setattr(suites._Context, "results", lambda *args: kept(*args)[1:])
    with pytest.raises(GateError, match=r"expect_column_values_to_not_be_null\(msisdn\)"):
        gate.validate(good, contract, "lost")


def test_a_count_that_does_not_arrive_is_computed(contract, good, monkeypatch) -> None:
    monkeypatch.setattr(table_rules, "_PATIENCE_SECONDS", 0.2)
    assert table_rules.Measured(good, contract.checks).counts() == {"rows": 4, "check_alpha_has_age": 0}


def test_no_value_of_a_row_leaves_the_gate(contract, lines, phone, tmp_path, capfd, caplog, spark) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, logger="py4j")
    seeded = Gate(tmp_path / "docs")
    rows = [(f"+{phone}", phone, 30, None, None), (phone, phone, 30, None, None)]
    secret = seeded.validate(lines(rows), contract, "2026-03-03", check_keys=True)
    plain = seeded.validate(lines(rows), replace(contract, schema=Schema.REFERENCE), "2026-03-03")
    assert not secret.passed and not plain.passed
    told = [str(secret), secret.message(), str(plain), plain.message(), str(seeded.rows("run", AT))]
    index = seeded.build_docs()
    assert index is not None
    pages = list(index.parent.rglob("*"))
    assert len([page for page in pages if page.suffix == ".html"]) == 3
    told += [page.read_text() for page in pages if page.is_file()]
    _nowhere(phone, "".join(told), "", capfd, caplog)


def test_rows_fit_the_audit_table(spark, contract, lines) -> None:
    gate = Gate()
    frame = lines([(None, "beta", 1, None, None)])
    gate.validate(frame, contract, "a", extra_rules=[TableRule("share", 0.25, high=0.5)])
    gate.validate(frame, contract, "a", extra_rules=[TableRule("share", 0.75, high=0.5)])
    gate.record(contract, "a", row_results({"msisdn_missing": 3}, 10))
    rows = gate.rows("run", AT)
    stored = spark.createDataFrame(rows, QUALITY_RESULTS.struct)
    assert stored.columns == QUALITY_RESULTS.column_names
    assert stored.select(*QUALITY_RESULTS.keys).distinct().count() == len(rows)
    share = stored.where("rule = 'share'").collect()
    assert [(row.observed, row.bound, row.success) for row in share] == [(0.75, 0.5, False)]
    quarantined = stored.where("kind = 'row'").collect()
    assert [(row.rule, row.observed, row.rows) for row in quarantined] == [("msisdn_missing", 3.0, 10)]


def test_two_rules_of_one_name_are_both_evaluated(gate, contract, lines) -> None:
    twice = replace(contract, rules=(InSet("brand", ("alpha", "beta")), InSet("brand", ("beta",))), checks={})
    report = gate.validate(lines([("49151000001", "alpha", 1, None, None)]), twice, "twice")
    assert [result.rule for result in report.failures] == ["expect_column_values_to_be_in_set(brand) #2"]


def _nowhere(value: str, told: str, more: str, captured, caplog) -> None:
    out, err = captured.readouterr()
    for text in (told, more, out, err, caplog.text):
        assert value not in text
