"""Parts of the policy for weeks and months: which are released, between which zones, and the calendar."""

from __future__ import annotations

import datetime as dt

import holidays
from pydantic import Field, model_validator

from jobs.method_settings import Frozen


class PeriodsPolicy(Frozen):
    """What a week or month needs in order to be released when some of its days are missing for good."""

    min_days_week: int = Field(default=5, ge=1, le=7)
    min_days_month: int = Field(default=20, ge=1, le=28)


class OdPolicy(Frozen):
    """Which pairs of zones trips are counted between; public, and the same for every week."""

    max_distance_km: float | None = Field(default=None, gt=0, description="Between centres; none: all pairs")
    with_residents: bool = Field(default=False, description="Only zones where somebody lives")
    max_cells: int = Field(
        default=2_000_000, ge=1, description="A domain with more cells is not laid out: only what is found is drawn for"
    )
    threshold_delta: float = Field(
        default=1e-10, gt=0, le=1e-6, description="Delta that the threshold on what is found costs a week"
    )


class CalendarPolicy(Frozen):
    """Where the days' types come from: ISO 3166 codes of country and subdivision, as the library holidays has them."""

    country: str = "DE"
    subdivision: str | None = Field(default=None, description="E.g. SN; none: holidays of the whole country")
    school_holidays: tuple[tuple[dt.date, dt.date], ...] = Field(
        default=(), description="First and last days, where the library has none"
    )

    @model_validator(mode="after")
    def _is_known(self) -> CalendarPolicy:
        try:
            holidays.country_holidays(self.country, subdiv=self.subdivision)
        except NotImplementedError:
            where = f"{self.country}-{self.subdivision}" if self.subdivision else self.country
            raise ValueError(
                f"the library holidays knows no {where}: use ISO 3166 codes such as DE and SN, or AT and 9"
            ) from None
        return self
