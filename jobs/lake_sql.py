"""Conditions that the door writes into statements: values that identify nobody, and no others."""

from __future__ import annotations

import re
from collections.abc import Sequence

from expectations.contract import Contract
from jobs.errors import RoomError

_SAFE_VALUE = re.compile(r"^[A-Za-z0-9_.:+/ -]*$")


def period_predicate(
    contract: Contract, periods: Sequence[str], column: str | None = None, alias: str | None = None
) -> str:
    """SQL condition for periods of a contract, e.g. ``date IN ('2026-03-03')``."""
    column = column or contract.period
    if not periods or column is None:
        raise RoomError(f"{contract.full_name}: no period named to replace or remove")
    for value in periods:
        if not _SAFE_VALUE.match(value):
            raise RoomError(f"{contract.full_name}: a period may not hold such characters")
    kind = contract.type_of[column]
    values = ", ".join(f"{kind if kind == 'DATE' else ''}'{value}'" for value in sorted(set(periods)))
    return f"{f'{alias}.' if alias else ''}`{column}` IN ({values})"
