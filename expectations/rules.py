"""Row rules: each is a native condition for the good/bad split and a Great Expectations expectation at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RowRule(ABC):
    """A condition on one row.

    ``sql`` is true for a good row and never null, so that a rule decides every row.
    ``expectation`` names the Great Expectations class and its arguments; it is kept as plain data
    so that contracts do not import that library.
    """

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule reads."""

    @property
    @abstractmethod
    def reason(self) -> str:
        """A short machine-readable reason for quarantine: ``column_problem``."""

    @property
    @abstractmethod
    def sql(self) -> str:
        """Condition that holds for good rows."""

    @abstractmethod
    def expectation(self) -> tuple[str, dict[str, Any]]:
        """Class name in ``great_expectations.expectations`` and its keyword arguments."""


@dataclass(frozen=True)
class NotNull(RowRule):
    """The column has a value."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def reason(self) -> str:
        return f"{self.column}_missing"

    @property
    def sql(self) -> str:
        return f"`{self.column}` IS NOT NULL"

    def expectation(self) -> tuple[str, dict[str, Any]]:
        return "ExpectColumnValuesToNotBeNull", {"column": self.column}


@dataclass(frozen=True)
class InSet(RowRule):
    """The column, where it has a value, is one of a list."""

    column: str
    values: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def reason(self) -> str:
        return f"{self.column}_unknown"

    @property
    def sql(self) -> str:
        options = ", ".join(f"'{value}'" for value in self.values)
        return f"(`{self.column}` IS NULL OR `{self.column}` IN ({options}))"

    def expectation(self) -> tuple[str, dict[str, Any]]:
        return "ExpectColumnValuesToBeInSet", {"column": self.column, "value_set": list(self.values)}


@dataclass(frozen=True)
class Between(RowRule):
    """The column, where it has a value, lies in a closed range (in the column's unit)."""

    column: str
    low: float | int | None = None
    high: float | int | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def reason(self) -> str:
        return f"{self.column}_out_of_range"

    @property
    def sql(self) -> str:
        bounds = [f"`{self.column}` >= {self.low}" if self.low is not None else ""]
        bounds.append(f"`{self.column}` <= {self.high}" if self.high is not None else "")
        return f"(`{self.column}` IS NULL OR ({' AND '.join(b for b in bounds if b)}))"

    def expectation(self) -> tuple[str, dict[str, Any]]:
        limits = {"min_value": self.low, "max_value": self.high}
        return "ExpectColumnValuesToBeBetween", {"column": self.column, **limits}


@dataclass(frozen=True)
class Matches(RowRule):
    """The column, where it has a value, matches a regular expression (anchored by the author)."""

    column: str
    pattern: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def reason(self) -> str:
        return f"{self.column}_malformed"

    @property
    def sql(self) -> str:
        pattern = self.pattern.replace("\\", "\\\\")
        return f"(`{self.column}` IS NULL OR `{self.column}` RLIKE '{pattern}')"

    def expectation(self) -> tuple[str, dict[str, Any]]:
        return "ExpectColumnValuesToMatchRegex", {"column": self.column, "regex": self.pattern}


@dataclass(frozen=True)
class Ordered(RowRule):
    """Where both have a value, ``low`` is less than ``high``."""

    low: str
    high: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.low, self.high)

    @property
    def reason(self) -> str:
        return f"{self.high}_before_{self.low}"

    @property
    def sql(self) -> str:
        return f"(`{self.low}` IS NULL OR `{self.high}` IS NULL OR `{self.low}` < `{self.high}`)"

    def expectation(self) -> tuple[str, dict[str, Any]]:
        return "ExpectColumnPairValuesAToBeGreaterThanB", {
            "column_A": self.high,
            "column_B": self.low,
            "ignore_row_if": "either_value_is_missing",
        }
