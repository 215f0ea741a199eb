"""The dictionary holds every contract, by the standard's own schema, and the page in docs/ is up to date."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

from expectations.catalog import ALL
from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.dictionary import odcs, page, write_odcs
from expectations.products import FOOTFALL
from expectations.rules import Between, InSet, Matches, NotNull, Ordered

DOCS = Path(__file__).parents[2] / "docs"
STANDARD = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))

VISITS = Contract(
    schema=Schema.PRODUCTS,
    name="visits",
    comment="One row a visit: counted",
    columns=columns(
        ("visit", "STRING!", "Which"),
        ("kind", "STRING", "What"),
        ("hour", "INT", "When"),
        ("tiles", "ARRAY<BIGINT>", "Where"),
        ("since", "DATE", "From"),
        ("until", "DATE", "To"),
    ),
    keys=("visit", "hour"),
    mode=WriteMode.REPLACE_ALL,
    retention="a day",
    rules=(
        NotNull("visit"),
        InSet("kind", ("long", "short")),
        Between("hour", 0, 23),
        Matches("visit", "^v"),
        Ordered("since", "until"),
    ),
    checks={"no_sunday": "hour <> 7"},
)


class TestOdcs:
    @pytest.mark.parametrize("contract", ALL, ids=lambda c: c.full_name)
    def test_every_table_is_valid_by_the_standard(self, contract):
        jsonschema.Draft201909Validator(STANDARD).validate(odcs(contract))

    def test_the_standard_refuses_what_it_does_not_know(self):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft201909Validator(STANDARD).validate(odcs(VISITS) | {"colour": "red"})

    def test_columns_keys_and_bounds(self):
        visit, _, hour, tiles, *_ = odcs(VISITS)["schema"][0]["properties"]
        assert (visit["required"], visit["primaryKeyPosition"], visit["logicalType"]) == (True, 1, "string")
        assert (hour["required"], hour["primaryKeyPosition"]) == (False, 2)
        assert hour["logicalTypeOptions"] == {"minimum": 0, "maximum": 23}
        assert (tiles["logicalType"], tiles["items"]["logicalType"]) == ("array", "integer")

    def test_every_rule_and_constraint_is_stated(self):
        (table,) = odcs(VISITS)["schema"]
        stated = [check for p in table["properties"] for check in p.get("quality", [])] + table["quality"]
        assert {check["name"] for check in stated} == {
            *(rule.reason for rule in VISITS.rules),
            *VISITS.checks,
            "unique_key",
        }
        by_name = {check["name"]: check for check in stated}
        assert by_name["visit_missing"]["metric"] == "nullValues"
        assert by_name["kind_unknown"]["arguments"] == {"validValues": ["long", "short"]}
        assert by_name["no_sunday"]["query"] == "SELECT count(*) FROM products.visits WHERE NOT (hour <> 7)"

    def test_a_type_without_counterpart_is_refused(self):
        odd = Contract(Schema.AUDIT, "odd", "One", columns(("a", "INTERVAL", "A")), ("a",), WriteMode.APPEND, "a day")
        with pytest.raises(ValueError, match="INTERVAL"):
            odcs(odd)


class TestWriteOdcs:
    def test_one_file_a_table_that_reads_back_the_same(self, tmp_path):
        (path,) = write_odcs([FOOTFALL], tmp_path / "new")
        assert path.name == "products.footfall.odcs.yaml"
        assert yaml.safe_load(path.read_text(encoding="utf-8")) == odcs(FOOTFALL)


class TestPage:
    def test_the_page_in_docs_is_up_to_date(self):
        told = "run `threestep dictionary --out DIR --page docs/dictionary.md`"
        assert (DOCS / "dictionary.md").read_text(encoding="utf-8") == page(ALL), told

    def test_every_table_but_staged_twins_has_a_section(self):
        text = page(ALL)
        for contract in ALL:
            twin = contract.schema is Schema.STAGING and contract.name != "noised"
            assert (f"### {contract.full_name}\n" in text) is not twin
