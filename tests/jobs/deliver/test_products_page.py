"""docs/products.md tells all products, and the budget and thresholds of the default policy."""

from __future__ import annotations

import math
from pathlib import Path

from expectations.products import PRODUCTS
from jobs.settings import Policy

PAGE = (Path(__file__).parents[3] / "docs" / "products.md").read_text(encoding="utf-8")


def budget_table(policy: Policy) -> str:
    lines = []
    for name, product in policy.products.items():
        least = policy.min_persons_attributes if product.with_attributes else policy.min_persons
        for role, mechanism in product.mechanisms.items():
            sigma = math.sqrt((mechanism.max_cells or 24) / (2 * mechanism.rho))
            # Speeds only tell the band of a cell that is shown for other reasons.
            threshold = "" if role == "speed" else math.ceil(least + policy.margin_sigmas * sigma)
            bound = mechanism.max_cells or "hours"
            cells = (
                name,
                product.period,
                role,
                product.purpose,
                bound,
                f"{mechanism.rho:g}",
                f"{sigma:.1f}",
                threshold,
            )
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def test_the_table_is_that_of_the_default_policy():
    _, _, rest = PAGE.partition("|---|---|---|---|---|---|---|---|\n")
    assert rest.split("\n\n")[0] == budget_table(Policy()), f"put this in:\n{budget_table(Policy())}"


def test_every_product_has_a_section_with_its_keys():
    for name, contract in PRODUCTS.items():
        section = PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert section, name
        assert all(f"`{key}`" in section for key in contract.keys if key != "release_id"), name
