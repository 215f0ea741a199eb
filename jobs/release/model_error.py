"""What simulated cities tell of the model: by how much it misses visits and trips, and the error that intervals carry.

Both are calibrated by ``threestep trial --calibrate`` and kept as a file of the package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

from jobs.errors import UsageError

FILE = "model_error.json"
FINEST, COARSER, PLACE = "finest", "coarser", "place"
KINDS = (FINEST, COARSER, PLACE)
"""Kinds of level: names of levels differ from one country to the next."""
CORRECTED = ("dwell", "approach", "audience", "od", "catchment")
"""Products of visits and trips. Short visits fall between two contacts, and long ones are cut where contacts lack, and
with a visit the trips to it and from it are missed: how many are seen hangs on the rate of contacts, and no factor of
residents makes up for it. In a month people are in more zones than the bound lets them count in, which is made up for
alike."""
BY_HABIT = ("dwell", "approach", "audience")
"""Those of ``CORRECTED`` whose corrections differ by what people do on a day: shops are shut on Sundays, evenings out
are longer on Fridays. Weeks and months hold days of all kinds."""
WITHIN = "within"
"""Part of the trips that stay in a zone: nothing is known of how many are missed, so they are not corrected."""
_STANDARD = "footfall"

Errors = Mapping[str, tuple[float, float]]
"""By kind of level (``place``), or by kind and part of the day or band of duration (``place night``): how far below and
above the estimate the truth lies, as standard deviations of the logarithm of truth over estimate."""

Corrections = Mapping[str, float]
"""By the same names, and by habit of the day (``place night friday``, ``place friday``): true visits or trips over
estimated ones. A kind's own stands in for parts never seen, and a part's own for habits never seen."""


@dataclass(frozen=True)
class ModelError:
    """Calibrated errors and corrections.

    Attributes:
        errors: Errors by product, of corrected estimates.
        cities: What they were calibrated on: city, seed, lines, date.
        corrections: Corrections by product, of ``CORRECTED`` alone.
    """

    errors: Mapping[str, Errors]
    cities: tuple[Mapping[str, object], ...]
    corrections: Mapping[str, Corrections] = field(default_factory=dict)

    def of(self, product: str) -> Errors:
        """Errors of a product; footfall's where it has none of its own, of a kind of level or at all."""
        standard, own = self.errors[_STANDARD], self.errors.get(product)
        return standard if own is None else {**{kind: standard[kind] for kind in KINDS}, **own}


def read_model_error(text: str, name: str = FILE) -> ModelError:
    """Read the file's text.

    Raises:
        UsageError: Something is missing from it.
    """
    try:
        found = json.loads(text)
        errors = {p: {k: (float(low), float(high)) for k, (low, high) in e.items()} for p, e in found["errors"].items()}
        whole = all(kind in errors[_STANDARD] for kind in KINDS)
        corrections = {p: {k: float(c) for k, c in named.items()} for p, named in found["corrections"].items()}
        whole = whole and all(c > 0 for named in corrections.values() for c in named.values())
        known = ModelError(errors, tuple(found["cities"]), corrections)
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise UsageError(f"{name} is no calibration: `threestep trial --calibrate` writes one")
    return known


@cache
def model_error() -> ModelError:
    """The calibration of the package."""
    return read_model_error(resources.files("jobs.release").joinpath(FILE).read_text(encoding="utf-8"))


def write_model_error(path: Path, made: ModelError) -> None:
    """Write a calibration; one that is there is written over."""
    found = {
        "cities": [dict(city) for city in made.cities],
        "corrections": {p: dict(c) for p, c in made.corrections.items()},
        "errors": {p: dict(e) for p, e in made.errors.items()},
    }
    path.write_text(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
