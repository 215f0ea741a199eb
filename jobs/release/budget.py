"""The privacy ledger: budget is charged before noise is drawn, once a release, and never past a cap."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pyspark.sql import SparkSession

from expectations.audit import PRIVACY_LEDGER
from jobs.errors import BudgetError, ThreestepError
from jobs.lake import Door
from jobs.settings import Policy

_ATTEMPTS = 5
_NEW = "filter(s.charges, c -> NOT exists(t.charges, x -> x.release_id = c.release_id))"


@dataclass(frozen=True)
class Charge:
    """What one release costs in one period.

    Attributes:
        release_id: Release; charged once, however often it is asked for.
        product: Product.
        period_kind: day, week or month.
        period: The period, as ISO 8601.
        rho: zCDP.
        correction: 0 for a first release; corrections spend the reserve.
        delta: Of a threshold mechanism; 0 where the domain is laid out.
    """

    release_id: str
    product: str
    period_kind: str
    period: str
    rho: float
    correction: int = 0
    delta: float = 0.0


def epsilon(rho: float, delta: float) -> float:
    """Epsilon of (epsilon, delta)-differential privacy that rho-zCDP implies (Bun and Steinke 2016, prop. 1.3)."""
    return rho + 2 * math.sqrt(rho * math.log(1 / delta)) if rho > 0 else 0.0


def charge(spark: SparkSession, door: Door, charges: Sequence[Charge], policy: Policy, at: dt.datetime) -> None:
    """Charge releases to their periods in one commit; charges made before are left as they are.

    Two runs that charge at once cannot both see room for one: the commit of the second fails on the row that
    the first changed, and it tries again on what is left.

    Raises:
        BudgetError: A period would pass its cap.
    """
    for attempt in range(_ATTEMPTS):
        _refuse_overdraft(door, charges, policy)
        try:
            door.merge(
                PRIVACY_LEDGER,
                spark.createDataFrame(_rows(charges, policy, at), PRIVACY_LEDGER.struct),
                _changes(policy),
            )
            return
        except ThreestepError as error:
            if "CONCURRENT" not in str(error).upper() or attempt == _ATTEMPTS - 1:
                raise


def _rows(charges: Sequence[Charge], policy: Policy, at: dt.datetime) -> list[tuple[object, ...]]:
    caps = {"day": policy.cap_day, "week": policy.cap_week, "month": policy.cap_month}
    rows: list[tuple[object, ...]] = []
    for kind, period in sorted({(c.period_kind, c.period) for c in charges}):
        mine = [c for c in charges if (c.period_kind, c.period) == (kind, period)]
        first = sum((_decimal(c.rho) for c in mine if not c.correction), start=_decimal(0))
        later = sum((_decimal(c.rho) for c in mine if c.correction), start=_decimal(0))
        entries = [(c.release_id, c.product, _decimal(c.rho), c.delta, c.correction, at) for c in mine]
        reserve = _decimal(policy.reserve_day if kind == "day" else 0)
        total = epsilon(float(first + later), policy.delta)
        rows.append(
            (
                kind,
                period,
                _decimal(caps[kind]),
                reserve,
                first,
                later,
                entries,
                total,
                float(sum(c.delta for c in mine)),
            )
        )
    return rows


def _changes(policy: Policy) -> dict[str, str]:
    first = f"aggregate(filter({_NEW}, c -> c.correction = 0), t.spent, (a, c) -> CAST(a + c.rho AS DECIMAL(12,9)))"
    later = first.replace("correction = 0", "correction > 0").replace("t.spent", "t.spent_reserve")
    total = f"CAST({first} + {later} AS DOUBLE)"
    return {
        "spent": first,
        "spent_reserve": later,
        "charges": f"concat(t.charges, {_NEW})",
        "delta": f"aggregate({_NEW}, t.delta, (a, c) -> a + c.delta)",
        "epsilon": f"{total} + 2 * sqrt({total} * {math.log(1 / policy.delta)!r})",
    }


def _refuse_overdraft(door: Door, charges: Sequence[Charge], policy: Policy) -> None:
    """Name the period and product before the constraint would, which cannot say what to do."""
    caps = {"day": policy.cap_day, "week": policy.cap_week, "month": policy.cap_month}
    state = {}
    if door.exists(PRIVACY_LEDGER):
        periods = [c.period for c in charges]
        state = {
            (r["period_kind"], r["period"]): r for r in door.read(PRIVACY_LEDGER).collect() if r["period"] in periods
        }
    for kind, period in sorted({(c.period_kind, c.period) for c in charges}):
        row = state.get((kind, period))
        known = {entry["release_id"] for entry in row["charges"]} if row else set()
        new = [c for c in charges if (c.period_kind, c.period) == (kind, period) and c.release_id not in known]
        for later, spent_name, cap_name, fallback in (
            (False, "spent", "cap", caps[kind]),
            (True, "spent_reserve", "reserve", policy.reserve_day if kind == "day" else 0.0),
        ):
            cost = sum(c.rho for c in new if bool(c.correction) == later)
            spent, cap = (float(row[spent_name]), float(row[cap_name])) if row else (0.0, fallback)
            if cost and spent + cost > cap + 1e-9:
                products = ", ".join(sorted({c.product for c in new}))
                raise BudgetError(
                    f"privacy budget of {kind} {period} is spent: {products} would add rho {cost:g} to {spent:g}, "
                    f"past the {cap_name} of {cap:g} (audit.privacy_ledger). Nothing was drawn. "
                    "Drop a product from the policy, or wait for the next period"
                )


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal("0.000000001"))
