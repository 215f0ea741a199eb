"""The data dictionary: each contract as an Open Data Contract Standard document, and all of them as one page.

Source of the format: Open Data Contract Standard 3.1.0 (Bitol, Linux Foundation), one document a table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from expectations.contract import Column, Contract, Schema
from expectations.rules import Between, InSet, Matches, NotNull, RowRule

API_VERSION = "v3.1.0"
VERSION = "1.0.0"
"""Of the tables as readers know them: a change that breaks a reader raises the first number."""

READERS = {
    Schema.RESTRICTED: "operations",
    Schema.REFERENCE: "everyone",
    Schema.PSEUDONYMOUS: "pipeline",
    Schema.STAGING: "pipeline",
    Schema.PRODUCTS: "buyers",
    Schema.AUDIT: "privacy_officer",
}
"""Who may read a schema."""

_LIMITS = {
    Schema.RESTRICTED: "Holds identifiers of persons: never leaves the operator.",
    Schema.PSEUDONYMOUS: "Holds pseudonyms that live as long as their key: never leaves the pipeline.",
    Schema.STAGING: "Holds figures before they are judged: never leaves the pipeline.",
    Schema.PRODUCTS: (
        "Figures carry noise and stand only where enough persons were counted; a missing figure means too few to "
        "show, not nobody. Rows count only where products.releases has their release_id."
    ),
}

_LOGICAL = {
    "STRING": "string",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TINYINT": "integer",
    "SMALLINT": "integer",
    "INT": "integer",
    "BIGINT": "integer",
    "FLOAT": "number",
    "DOUBLE": "number",
    "BINARY": "string",
}


def odcs(contract: Contract) -> dict[str, Any]:
    """One table as an Open Data Contract Standard document.

    Raises:
        ValueError: A column's type has no counterpart in the standard.
    """
    description = {"purpose": f"{contract.comment}.", "limitations": _LIMITS.get(contract.schema)}
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": f"threestep.{contract.full_name}",
        "name": contract.full_name,
        "version": VERSION,
        "status": "active",
        "domain": "mobility statistics",
        "description": {k: v for k, v in description.items() if v},
        "schema": [_object(contract)],
        "roles": [{"role": READERS[contract.schema], "access": "read"}],
        "slaProperties": [{"property": "retention", "value": contract.retention}],
        "customProperties": [
            {"property": "writeMode", "value": contract.mode.value},
            {"property": "releasable", "value": contract.releasable},
        ],
    }


def write_odcs(contracts: Sequence[Contract], directory: Path) -> list[Path]:
    """Write one YAML file a table, ``<schema>.<table>.odcs.yaml``, in place of those that were there."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for contract in contracts:
        path = directory / f"{contract.full_name}.odcs.yaml"
        text = yaml.safe_dump(odcs(contract), sort_keys=False, allow_unicode=True, width=110)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def page(contracts: Sequence[Contract]) -> str:
    """All tables on one Markdown page: by schema, with grain, columns and rules."""
    parts = [
        "# Data dictionary\n",
        "Made from the contracts under `expectations/` by `threestep dictionary`; do not edit it by hand. The same\n"
        f"command writes each table as an Open Data Contract Standard document ({API_VERSION}). Keys are marked with\n"
        "a star; a column that is not required may be null.\n",
    ]
    for schema in Schema:
        own = [contract for contract in contracts if contract.schema is schema]
        # Staged products have the columns of the products themselves.
        twins = [c for c in own if schema is Schema.STAGING and _twin(c, contracts)]
        parts.append(
            f"## {schema.value}\n\nRead by: {READERS[schema].replace('_', ' ')}. {_LIMITS.get(schema, '')}".rstrip()
        )
        if twins:
            names = ", ".join(f"`{c.name}`" for c in twins)
            parts[-1] += f"\n\nStaged rows of products, with their columns: {names}."
        parts[-1] += "\n"
        parts += [_section(contract) for contract in own if contract not in twins]
    return "\n".join(parts)


def _twin(contract: Contract, contracts: Sequence[Contract]) -> bool:
    return any(
        c.schema is Schema.PRODUCTS and c.name == contract.name and c.columns == contract.columns for c in contracts
    )


def _object(contract: Contract) -> dict[str, Any]:
    quality = [_sql(contract, rule.reason, rule.sql) for rule in contract.rules if len(rule.columns) > 1]
    quality += [_sql(contract, name, condition) for name, condition in contract.checks.items()]
    unique = {
        "name": "unique_key",
        "type": "library",
        "metric": "duplicateValues",
        "arguments": {"properties": list(contract.keys)},
        "mustBe": 0,
        "unit": "rows",
    }
    return {
        "name": contract.name,
        "physicalName": contract.full_name,
        "logicalType": "object",
        "physicalType": "table",
        "description": contract.comment,
        "dataGranularityDescription": contract.comment.partition(":")[0],
        "properties": [_property(contract, column) for column in contract.columns],
        "quality": [unique, *quality],
    }


def _property(contract: Contract, column: Column) -> dict[str, Any]:
    logical = _logical(column.type)
    found: dict[str, Any] = {
        "name": column.name,
        "logicalType": logical,
        "physicalType": column.type,
        "description": column.comment,
        "required": column.required,
    }
    if logical == "array":
        found["items"] = {
            "name": "item",
            "logicalType": _logical(_inner(column.type)),
            "physicalType": _inner(column.type),
        }
    if column.name in contract.keys:
        found |= {"primaryKey": True, "primaryKeyPosition": contract.keys.index(column.name) + 1}
    if contract.partitioned and column.name == contract.period:
        found |= {"partitioned": True, "partitionKeyPosition": 1}
    rules = [rule for rule in contract.rules if rule.columns == (column.name,)]
    options = [rule for rule in rules if isinstance(rule, Between) and logical in ("integer", "number")]
    if options:
        limits = {"minimum": options[0].low, "maximum": options[0].high}
        found["logicalTypeOptions"] = {k: v for k, v in limits.items() if v is not None}
    if contract.schema.holds_identifiers:
        found["classification"] = contract.schema.value
    quality = [_check(contract, rule) for rule in rules]
    return found | ({"quality": quality} if quality else {})


def _check(contract: Contract, rule: RowRule) -> dict[str, Any]:
    """A rule by the standard's own metrics where it has one, else in SQL."""
    base = {"name": rule.reason, "type": "library"}
    none = {"mustBe": 0, "unit": "rows"}
    match rule:
        case NotNull():
            return {**base, "metric": "nullValues", **none}
        case InSet(values=values):
            return {**base, "metric": "invalidValues", "arguments": {"validValues": list(values)}, **none}
        case Matches(pattern=pattern):
            return {**base, "metric": "invalidValues", "arguments": {"pattern": pattern}, **none}
    return _sql(contract, rule.reason, rule.sql)


def _sql(contract: Contract, name: str, condition: str) -> dict[str, Any]:
    query = f"SELECT count(*) FROM {contract.full_name} WHERE NOT ({condition})"
    return {"name": name, "type": "sql", "query": query, "mustBe": 0, "unit": "rows"}


def _logical(kind: str) -> str:
    name = kind.upper()
    if name.startswith("DECIMAL"):
        return "number"
    if name.startswith("ARRAY<"):
        return "array"
    if name.startswith(("STRUCT<", "MAP<")):
        return "object"
    if name not in _LOGICAL:
        raise ValueError(f"type {kind} has no counterpart in the dictionary: add it")
    return _LOGICAL[name]


def _inner(kind: str) -> str:
    found = re.fullmatch(r"ARRAY<(.*)>", kind, re.IGNORECASE)
    return found[1] if found else kind


def _section(contract: Contract) -> str:
    lines = [
        f"### {contract.full_name}\n",
        f"{contract.comment}. Written by {contract.mode.value.replace('_', ' ')}; kept {contract.retention}.\n",
        "| column | type | meaning |",
        "|---|---|---|",
    ]
    for column in contract.columns:
        star = " \\*" if column.name in contract.keys else ""
        need = "" if column.required else ", may be null"
        lines.append(f"| `{column.name}`{star} | {_cell(column.type)}{need} | {_cell(column.comment)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
