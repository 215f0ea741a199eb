"""Which of the policy's daily products have cells at all: flows need corridors."""

from __future__ import annotations

from expectations.contract import Schema
from expectations.corridors import CORRIDORS
from expectations.products import CORRIDOR_FLOW
from jobs.aggregate.specs import daily
from jobs.context import RunContext

NO_CORRIDORS = (
    f"{CORRIDOR_FLOW.name}: no corridors were delivered, so the product has no cells: it is not released and costs no "
    "budget. Deliver the table corridors, or take the product out of the policy"
)


def offered(context: RunContext, *, corridors_come: bool = False) -> list[str]:
    """Daily products that can be released, in order of release.

    Args:
        context: Context of the run.
        corridors_come: Whether the run at hand brings corridors that the lake may not have yet.
    """
    products = daily(context.policy.products)
    if CORRIDOR_FLOW.name in products and not (corridors_come or has_corridors(context)):
        products.remove(CORRIDOR_FLOW.name)
    return products


def has_corridors(context: RunContext) -> bool:
    """Whether the lake holds corridors."""
    door = context.lake.door(reads=[Schema.REFERENCE])
    return door.exists(CORRIDORS) and not door.read(CORRIDORS).isEmpty()
