"""95 % intervals by Monte Carlo: what noise, panel, drawn positions and the model leave open of an estimate.

Draws are hashes of a cell's name and a counter: the same wherever and whenever they are made, without a stored seed.
They say nothing of the noise in the figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

DRAWS = 399
"""So that the 10th and the 390th of them in order are the percentiles 2.5 and 97.5."""
_LEAST_PANEL = 0.2  # of the panel figure: a draw below would be no panel that anybody published
_HALF = 2**32
_STREAM = 20_260_303


def interval(
    persons: Column, estimate: Column, sigma: Column, relative: Column, inside_share: Column,
    model_error: Sequence[Column], key: Column,
) -> Column:  # fmt: skip
    """Lower and upper end of an estimate, whole people, holding it.

    One draw of the truth: ``(persons + s z1) / (1 + relative z2) · estimate / persons · exp(m z3)``, z
    standard normal, with ``s² = sigma² + persons (1 - 1 / factor) + 2 persons (1 - inside_share)``: the noise of the
    mechanism, binomial sampling of the panel, and the draw of positions. For the last: of persons who are in a zone
    with probabilities p, the true number and the drawn one each vary by the sum of p (1 - p), which is persons less
    the sum of p²; and the share drawn inside, of those who are inside, is the sum of p² over the sum of p.

    Args:
        persons: Noised figure, persons of the panel, greater than zero.
        estimate: People.
        sigma: Noise of the figure, persons.
        relative: See ``factors.factor_table``.
        inside_share: Of the zone, see ``reference.zone_resolution``; null: positions do not matter.
        model_error: Standard deviations of the logarithm of truth over estimate that nothing else explains, below the
            estimate and above it.
        key: Hash of the cell's name (BIGINT).

    Returns:
        A struct ``lower BIGINT, upper BIGINT``; null where there is no figure.
    """
    figure = persons.cast("double")
    factor = estimate / figure
    sampling = figure * F.greatest(F.lit(0.0), 1 - 1 / factor)
    placing = 2 * figure * (1 - F.least(F.coalesce(inside_share, F.lit(1.0)), F.lit(1.0)))
    cell = F.struct(
        figure.alias("figure"),
        factor.alias("factor"),
        F.sqrt(sigma * sigma + sampling + placing).alias("spread"),
        relative.alias("relative"),
        *(error.alias(name) for name, error in zip(("below", "above"), model_error, strict=True)),
        key.alias("key"),
    )
    ordered = _once(cell, lambda known: F.sort_array(F.transform(_bits(known), lambda pair: _draw(known, pair))))
    tail = (DRAWS + 1) // 40
    whole = estimate.cast("double")
    ends = _once(
        ordered,
        lambda draws: F.struct(
            F.floor(F.least(F.element_at(draws, tail), whole)).cast("bigint").alias("lower"),
            F.ceil(F.greatest(F.element_at(draws, DRAWS + 1 - tail), whole)).cast("bigint").alias("upper"),
        ),
    )
    return F.when(persons.isNotNull() & estimate.isNotNull() & (persons > 0), ends)


def _once(value: Column, use: Callable[[Column], Column]) -> Column:
    """Reckon a value once for all its uses: the engine writes an expression out at each of them."""
    return F.element_at(F.transform(F.array(value), use), 1)


def _bits(cell: Column) -> Column:
    """Two times 64 random bits a draw."""
    counters = F.sequence(F.lit(1), F.lit(DRAWS))
    return F.transform(
        counters,
        lambda i: F.struct(
            F.xxhash64(F.lit(_STREAM), cell["key"], i).alias("a"), F.xxhash64(cell["key"], i).alias("b")
        ),
    )


def _draw(cell: Column, pair: Column) -> Column:
    here, panel, model = _normal(pair["a"], F.cos), _normal(pair["a"], F.sin), _normal(pair["b"], F.cos)
    count = F.greatest(F.lit(0.0), cell["figure"] + cell["spread"] * here)
    scale = cell["factor"] / F.greatest(F.lit(_LEAST_PANEL), 1 + cell["relative"] * panel)
    return count * scale * F.exp(F.when(model < 0, cell["below"]).otherwise(cell["above"]) * model)


def _normal(bits: Column, wave: Callable[[Column], Column]) -> Column:
    """A standard normal number from 64 random bits, by Box and Muller (1958); cosine and sine give independent ones."""
    u = (F.shiftrightunsigned(bits, 32) + 0.5) / _HALF
    angle = (bits.bitwiseAND(F.lit(_HALF - 1)) + 0.5) * (2 * math.pi / _HALF)
    return F.sqrt(-2 * F.log(u)) * wave(angle)
