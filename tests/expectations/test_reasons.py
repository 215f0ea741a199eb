"""The native split of good rows from bad."""

from __future__ import annotations

from dataclasses import replace

from expectations.gate import REASONS, bad_rows, good_rows, reason_counts, row_results, with_reasons
from expectations.rules import Between


def test_each_row_has_the_reasons_written_beside_it(lines, contract, cases) -> None:
    marked = with_reasons(lines([row for row, _ in cases]), contract).collect()
    assert [(row.msisdn, row[REASONS]) for row in marked] == [(row[0], reasons) for row, reasons in cases]


def test_good_and_bad_rows_are_a_partition(lines, contract, cases) -> None:
    marked = with_reasons(lines([row for row, _ in cases]), contract)
    assert good_rows(marked).columns == contract.column_names
    assert good_rows(marked).count() == sum(not reasons for _, reasons in cases)
    assert bad_rows(marked).count() == sum(bool(reasons) for _, reasons in cases)


def test_extra_conditions_join_in_and_null_counts_as_broken(lines, contract, cases) -> None:
    frame = lines([("49151000001", "alpha", age, None, None) for age in (30, 10, None)])
    marked = with_reasons(frame, contract, {"age_minor": "age >= 18"})
    assert [row[REASONS] for row in marked.collect()] == [[], ["age_minor"], ["age_minor"]]


def test_rules_that_share_a_reason_give_it_once(lines, contract, cases) -> None:
    twice = replace(contract, rules=(Between("age", low=0), Between("age", high=120)))
    frame = lines([(None, None, age, None, None) for age in (-1, 50, 121)])
    assert [row[REASONS] for row in with_reasons(frame, twice).collect()] == [
        ["age_out_of_range"],
        [],
        ["age_out_of_range"],
    ]


def test_without_rules_every_row_is_good(lines, contract, cases) -> None:
    marked = with_reasons(lines([(None, None, None, None, None)]), replace(contract, rules=()))
    assert good_rows(marked).count() == 1


def test_reason_counts_in_one_aggregate(lines, contract, cases) -> None:
    marked = with_reasons(lines([row for row, _ in cases]), contract)
    counts = marked.agg(*reason_counts(contract)).first()
    assert counts is not None
    found = counts.asDict()
    assert found.pop("rows") == len(cases)
    assert found.pop("rows_bad") == sum(bool(reasons) for _, reasons in cases)
    assert found == {
        reason: sum(reason in reasons for _, reasons in cases)
        for reason in (
            "age_out_of_range",
            "brand_unknown",
            "msisdn_malformed",
            "msisdn_missing",
            "until_before_since",
        )
    }
    results = row_results(found, len(cases))
    assert all(result.kind == "row" and not result.blocks for result in results)
    assert {result.rule: result.observed for result in results} == found


def test_reason_counts_of_nothing_are_zero(lines, contract, cases) -> None:
    counts = with_reasons(lines([]), contract).agg(*reason_counts(contract)).first()
    assert counts is not None
    assert set(counts.asDict().values()) == {0}
