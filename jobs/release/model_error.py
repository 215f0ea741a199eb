"""The error of the model that intervals carry: calibrated on simulated cities, kept as a file of the package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from jobs.errors import UsageError

FILE = "model_error.json"
FINEST, COARSER, PLACE = "finest", "coarser", "place"
KINDS = (FINEST, COARSER, PLACE)
"""Kinds of level: names of levels differ from one country to the next."""
_STANDARD = "footfall"


@dataclass(frozen=True)
class ModelError:
    """Calibrated errors.

    Attributes:
        errors: By product and kind of level, the standard deviation of the logarithm of truth over estimate.
        cities: What they were calibrated on: city, seed, lines, date, days.
    """

    errors: Mapping[str, Mapping[str, float]]
    cities: tuple[Mapping[str, object], ...]

    def of(self, product: str) -> dict[str, float]:
        """Errors of a product by kind of level; of footfall, where the product has none of its own."""
        standard = self.errors[_STANDARD]
        return {kind: float(self.errors.get(product, {}).get(kind, standard[kind])) for kind in KINDS}


def read_model_error(text: str, name: str = FILE) -> ModelError:
    """Read the file's text.

    Raises:
        UsageError: Something is missing from it.
    """
    try:
        found = json.loads(text)
        known = ModelError(dict(found["errors"]), tuple(found["cities"]))
        known.of(_STANDARD)
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{name} is no calibration: `threestep score --calibrate` writes one") from None
    return known


@cache
def model_error() -> ModelError:
    """The calibration of the package."""
    return read_model_error(resources.files("jobs.release").joinpath(FILE).read_text(encoding="utf-8"))


def write_model_error(path: Path, made: ModelError) -> None:
    """Write a calibration; one that is there is written over."""
    found = {"cities": [dict(city) for city in made.cities], "errors": {p: dict(e) for p, e in made.errors.items()}}
    path.write_text(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
