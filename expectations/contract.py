"""What a contract is: one table's columns, keys, rules, retention and place, from which all else is rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from pyspark.sql import types as T

from expectations.rules import RowRule


class Schema(StrEnum):
    """The schemas, by who may read them; they double as sensitivity classes."""

    RESTRICTED = "restricted"
    REFERENCE = "reference"
    PSEUDONYMOUS = "pseudonymous"
    STAGING = "staging"
    PRODUCTS = "products"
    AUDIT = "audit"

    @property
    def holds_identifiers(self) -> bool:
        """Whether values of this schema must never reach a log, a report or column statistics."""
        return self in (Schema.RESTRICTED, Schema.PSEUDONYMOUS)


class WriteMode(StrEnum):
    """How rows come into a table. All but APPEND may be repeated; APPEND is for journals, read by latest instant."""

    REPLACE_ALL = "replace_all"
    REPLACE_WHERE = "replace_where"
    MERGE = "merge"
    APPEND = "append"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Name in snake case.
        type: Spark SQL type, as in DDL.
        comment: Meaning with unit, for the dictionary.
        required: Whether null is forbidden (becomes NOT NULL).
    """

    name: str
    type: str
    comment: str
    required: bool = False


@dataclass(frozen=True)
class Contract:
    """One table: the only statement of its columns and of what must hold in it.

    Attributes:
        schema: Where it lives, and with that who may read it.
        name: Table name inside the schema.
        comment: What one row is (the grain).
        columns: In order.
        keys: Columns that identify a row.
        mode: How it is written.
        period: Column by which ``REPLACE_WHERE`` replaces; also the partition if ``partitioned``.
        partitioned: Whether files are laid out by ``period``.
        rules: Row rules: quarantine before the write, expectations in the gate.
        checks: CHECK constraints in SQL, name to condition; they never see unclean rows.
        retention: How long a row lives, in words for the dictionary.
        releasable: Whether ``jobs/release`` may publish it.
    """

    schema: Schema
    name: str
    comment: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    mode: WriteMode
    retention: str
    period: str | None = None
    partitioned: bool = False
    rules: tuple[RowRule, ...] = ()
    checks: dict[str, str] = field(default_factory=dict)
    releasable: bool = False

    def __post_init__(self) -> None:
        names = set(self.column_names)
        unknown = [c for c in (*self.keys, *((self.period,) if self.period else ())) if c not in names]
        unknown += [c for rule in self.rules for c in rule.columns if c not in names]
        if unknown:
            raise ValueError(f"contract {self.full_name} names columns it does not have: {sorted(set(unknown))}")
        if self.mode is WriteMode.REPLACE_WHERE and self.period is None:
            raise ValueError(f"contract {self.full_name} replaces by period but names none")

    def __hash__(self) -> int:
        return hash(self.full_name)

    @property
    def full_name(self) -> str:
        """``schema.table``, as used in messages."""
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> list[str]:
        """Names in order; ``df.select(contract.column_names)`` closes a transform."""
        return [column.name for column in self.columns]

    @property
    def struct(self) -> T.StructType:
        """The Spark schema."""
        ddl = ", ".join(f"`{c.name}` {c.type}" for c in self.columns)
        return cast(T.StructType, T.StructType.fromDDL(ddl))

    @property
    def type_of(self) -> dict[str, str]:
        """Column name to SQL type."""
        return {column.name: column.type for column in self.columns}

    def properties(self) -> dict[str, str]:
        """Delta table properties, constraints included (at CREATE they cost nothing extra)."""
        found = {f"delta.constraints.{name}": sql for name, sql in self.checks.items()}
        found["delta.enableDeletionVectors"] = "false"
        found["delta.enableChangeDataFeed"] = "false"
        found["threestep.keys"] = ",".join(self.keys)
        found["threestep.retention"] = self.retention
        if self.schema.holds_identifiers:
            # The transaction log would keep minima and maxima of identifiers long after VACUUM.
            found["delta.dataSkippingNumIndexedCols"] = "0"
        return found

    def ddl(self, target: str) -> str:
        """Render CREATE TABLE IF NOT EXISTS for ``target`` (a quoted path or a catalog name)."""
        columns = ",\n  ".join(
            f"`{c.name}` {c.type}{' NOT NULL' if c.required else ''} COMMENT '{_quoted(c.comment)}'"
            for c in self.columns
        )
        parts = f"\nPARTITIONED BY (`{self.period}`)" if self.partitioned else ""
        properties = ", ".join(f"'{k}' = '{_quoted(v)}'" for k, v in sorted(self.properties().items()))
        return (
            f"CREATE TABLE IF NOT EXISTS {target} (\n  {columns}\n) USING delta{parts}\n"
            f"COMMENT '{_quoted(self.comment)}'\nTBLPROPERTIES ({properties})"
        )


def columns(*specs: tuple[str, str, str] | tuple[str, str, str, bool]) -> tuple[Column, ...]:
    """Build columns from tuples ``(name, type, comment[, required])``; a type ending in ``!`` is required."""
    built: list[Column] = []
    for name, kind, comment, *rest in specs:
        required = kind.endswith("!") or bool(rest and rest[0])
        built.append(Column(name, kind.rstrip("!"), comment, required))
    return tuple(built)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def by_name(contracts: Sequence[Contract]) -> dict[str, Contract]:
    """Index contracts by ``schema.table``."""
    return {contract.full_name: contract for contract in contracts}
