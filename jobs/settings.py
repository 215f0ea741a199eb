"""The policy (every privacy and method parameter, authored by the privacy officer) and a run's settings."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from expectations.consent_ledger import PURPOSES
from jobs.errors import UsageError
from jobs.method_settings import CleaningPolicy, ExtrapolationPolicy, Frozen, RadioPolicy
from jobs.period_settings import CalendarPolicy, OdPolicy, PeriodsPolicy


class MechanismPolicy(Frozen):
    """One noised level of a product: who is bounded to what, at which cost.

    Attributes:
        rho: zCDP of the mechanism for one period.
        max_cells: Bound on the cells that one unit can touch in a period (L0); ``None``: the day's hours.
    """

    rho: float = Field(gt=0, le=1)
    max_cells: int | None = Field(default=None, ge=1)


class ProductPolicy(Frozen):
    """A product that is switched on: its purpose, period and mechanisms by role of the level."""

    purpose: str
    period: Literal["day", "week", "month"] = "day"
    with_attributes: bool = False
    mechanisms: dict[Literal["partition", "place", "corridor", "speed"], MechanismPolicy]

    @field_validator("purpose")
    @classmethod
    def _known_purpose(cls, value: str) -> str:
        if value not in PURPOSES:
            raise ValueError(f"unknown purpose {value!r}: one of {', '.join(PURPOSES)}")
        return value

    @property
    def rho(self) -> float:
        """ZCDP of one release of the product."""
        return sum(mechanism.rho for mechanism in self.mechanisms.values())


def _default_products() -> dict[str, ProductPolicy]:
    footfall = {"partition": MechanismPolicy(rho=0.03), "place": MechanismPolicy(rho=0.02)}
    panel = {"partition": MechanismPolicy(rho=0.002, max_cells=1)}
    # The speed only tells a band: it gets a fifth.
    flows = {"corridor": MechanismPolicy(rho=0.012, max_cells=8), "speed": MechanismPolicy(rho=0.003, max_cells=8)}
    trips = {"partition": MechanismPolicy(rho=0.08, max_cells=16)}
    homes = {role: MechanismPolicy(rho=0.05, max_cells=8) for role in ("partition", "place")}

    def visits(partition: float, place: float) -> dict[str, MechanismPolicy]:
        # Places get more of the budget than the partition: their cells are the smaller ones.
        by_role = {"partition": partition, "place": place}
        return {role: MechanismPolicy(rho=rho, max_cells=4) for role, rho in by_role.items()}

    return {
        "panel": ProductPolicy(purpose="mobility_statistics", mechanisms=panel),  # type: ignore[arg-type]
        "footfall": ProductPolicy(purpose="mobility_statistics", mechanisms=footfall),  # type: ignore[arg-type]
        "dwell": ProductPolicy(purpose="market_research", mechanisms=visits(0.004, 0.008)),  # type: ignore[arg-type]
        "approach": ProductPolicy(purpose="market_research", mechanisms=visits(0.0025, 0.0055)),  # type: ignore[arg-type]
        "audience": ProductPolicy(
            purpose="market_research",
            with_attributes=True,
            mechanisms=visits(0.0035, 0.0065),  # type: ignore[arg-type]
        ),
        "corridor_flow": ProductPolicy(purpose="traffic_planning", mechanisms=flows),  # type: ignore[arg-type]
        "od": ProductPolicy(purpose="traffic_planning", period="week", mechanisms=trips),  # type: ignore[arg-type]
        "catchment": ProductPolicy(purpose="market_research", period="month", mechanisms=homes),  # type: ignore[arg-type]
    }


class ConsentPolicy(Frozen):
    """How old the consent feed may be, whether it may be empty, and how far an objection reaches."""

    max_age_hours: float = Field(default=48, gt=0, description="Age of the feed by its delivery note, hours")
    allow_empty_ledger: bool = False
    covers_holder: bool = Field(default=False, description="An objection reaches the holder's other private lines")


class QualityPolicy(Frozen):
    """Bounds of the table rules; shares are of the rows delivered for the days at hand."""

    max_quarantined_share: float = Field(default=0.05, ge=0, le=1)
    max_unknown_cell_share: float = Field(default=0.5, ge=0, le=1, description="Of well-formed events; blocks")
    warn_unknown_cell_share: float = Field(default=0.05, ge=0, le=1)
    max_duplicate_share: float = Field(default=0.25, ge=0, le=1)
    max_overlap_share: float = Field(
        default=0.01, ge=0, le=1, description="Overlap of two zones of a level, of the smaller"
    )
    min_volume_ratio: float = Field(default=0.3, ge=0, description="Events against the mean of the last 7 days")
    max_volume_ratio: float = Field(default=3.0, gt=0)
    control: Literal["off", "warn", "block"] = Field(
        default="warn", description="What becomes of a day whose cleaning flags leave the last days' control limits"
    )


class SegmentPolicy(Frozen):
    """When contacts make a stay."""

    stay_minutes: int = Field(default=15, ge=1)
    max_gap_minutes: int = Field(default=120, ge=1, description="A longer silence between places is unknown")
    max_gap_same_ground_minutes: int = Field(default=720, ge=1)
    hours_before: int = Field(default=12, ge=0, le=24, description="Of the evening before, hours")
    hours_after: int = Field(default=4, ge=0, le=24, description="Of the small hours after, hours")
    home_away_factor: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Odds of the zone where a unit is registered while it is on other ground than that of its home,"
        " against on that ground; 1: wherever it is",
    )


class HomesPolicy(Frozen):
    """Home and work zones under the month's key, for monthly products; hours of the local clock."""

    enabled: bool = Field(default=False, description="Also without a product of period month")
    night_from: int = Field(default=22, ge=12, le=23)
    night_to: int = Field(default=6, ge=1, le=12)
    work_from: int = Field(default=9, ge=0, le=22)
    work_to: int = Field(default=17, ge=1, le=23)
    min_nights: int = Field(default=3, ge=1, le=31, description="With fewer, the registered zone")
    min_work_days: int = Field(default=3, ge=1, le=31)


class RewardsPolicy(Frozen):
    """The programme that customers can join by a decision ``consent`` on ``rewards``; it looks at no location."""

    enabled: bool = False
    credit: Decimal = Field(default=Decimal("5.00"), gt=0, max_digits=9, decimal_places=2, description="A month")
    min_days: int = Field(default=15, ge=1, le=28, description="Local days of membership that a month needs")


class Policy(Frozen):
    """Every privacy parameter. The digest of a policy is written into each release."""

    name: str = "default"
    time_zone: str = "Europe/Berlin"
    home_mcc: int = Field(default=262, ge=200, le=799, description="Mobile country code of domestic SIMs")
    min_persons: int = Field(default=20, ge=2)
    min_persons_attributes: int = Field(default=30, ge=2)
    margin_sigmas: float = Field(default=3.09, ge=3.09, description="Tail 0.001 of the normal distribution")
    delta: float = Field(default=1e-9, gt=0, le=1e-6)
    cap_day: float = Field(default=0.10, gt=0)
    cap_week: float = Field(default=0.10, gt=0)
    cap_month: float = Field(default=0.11, gt=0)
    reserve_day: float = Field(default=0.05, ge=0)
    late_days: int = Field(default=0, ge=0, le=30)
    adaptive: bool = Field(default=True, description="Offer cells together that fail by themselves")
    products: dict[str, ProductPolicy] = Field(default_factory=_default_products)
    consent: ConsentPolicy = ConsentPolicy()
    quality: QualityPolicy = QualityPolicy()
    radio: RadioPolicy = RadioPolicy()
    cleaning: CleaningPolicy = CleaningPolicy()
    segments: SegmentPolicy = SegmentPolicy()
    homes: HomesPolicy = HomesPolicy()
    periods: PeriodsPolicy = PeriodsPolicy()
    od: OdPolicy = OdPolicy()
    calendar: CalendarPolicy = CalendarPolicy()
    rewards: RewardsPolicy = RewardsPolicy()
    extrapolation: ExtrapolationPolicy = ExtrapolationPolicy()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"unknown time zone {value!r}: use an IANA name such as Europe/Berlin") from None
        return value

    @model_validator(mode="after")
    def _caps_hold_products(self) -> Policy:
        caps = {"day": self.cap_day, "week": self.cap_week, "month": self.cap_month}
        for period, cap in caps.items():
            planned = sum(p.rho for p in self.products.values() if p.period == period)
            if planned > cap + 1e-12:
                raise ValueError(f"products of one {period} cost rho {planned:g} but cap_{period} is {cap:g}")
        unbounded = sorted(
            name
            for name, product in self.products.items()
            if product.period != "day" and any(m.max_cells is None for m in product.mechanisms.values())
        )
        if unbounded:
            raise ValueError(f"{', '.join(unbounded)}: products of a week or month need max_cells in every mechanism")
        if "footfall" in self.products and "panel" not in self.products:
            raise ValueError("footfall needs the product panel for its estimates: switch panel on")
        return self

    @property
    def wants_homes(self) -> bool:
        """Whether home and work zones are made: for products of a month, or by order."""
        return self.homes.enabled or bool(self.of_period("month"))

    def of_period(self, kind: Literal["day", "week", "month"]) -> list[str]:
        """Products that are switched on with a period of a kind."""
        return [name for name, product in self.products.items() if product.period == kind]

    @property
    def digest(self) -> str:
        """SHA-256 of the policy, 16 hexadecimal digits."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def hours(self, date: dt.date) -> list[int]:
        """Hours that the local clock shows on a date: 23 where one is skipped, 24 else (a doubled one counts once)."""
        zone = ZoneInfo(self.time_zone)
        start, end = (
            dt.datetime.combine(d, dt.time(), zone).astimezone(dt.UTC) for d in (date, date + dt.timedelta(1))
        )
        steps = int((end - start).total_seconds() // 900)
        return sorted({(start + dt.timedelta(minutes=15 * i)).astimezone(zone).hour for i in range(steps)})


def load_policy(path: Path | None) -> Policy:
    """Read a policy from TOML, YAML or JSON; what it does not name keeps its default.

    Raises:
        UsageError: The file is missing, cannot be read, or names an unknown or impossible value.
    """
    if path is None:
        return Policy()
    if not path.is_file():
        raise UsageError(f"policy file {path} does not exist")
    try:
        text = path.read_text(encoding="utf-8")
        raw: Any = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"policy file {path} cannot be read: {type(error).__name__}; use TOML, YAML or JSON") from None
    if raw is None:
        return Policy()
    if not isinstance(raw, dict):
        raise UsageError(f"policy file {path} must hold names and values, not a {type(raw).__name__}")
    try:
        return Policy.model_validate(raw)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(str(p) for p in e['loc']) or 'policy'}: {e['msg']}" for e in error.errors())
        raise UsageError(f"policy file {path}: {problems}. `threestep policy` prints every name and default") from None


class RunSettings(Frozen):
    """One run: where from, where to, which days, under which policy.

    Attributes:
        landing: Landing directory.
        lake: Root of the lake, or ``catalog:NAME``.
        date: First local day.
        until: Last local day.
        policy: Policy of the run.
        keys: Folder of the key store; beside the lake by default.
        landing_format: ``threestep`` (the landing contract) or ``eurostat``.
        as_of: Processing time against which objections are held; never earlier than now.
        waiver: Reason for running without a consent feed, where there is no subscriber master at all.
    """

    landing: Path
    lake: str
    date: dt.date
    until: dt.date
    policy: Policy = Policy()
    keys: Path
    landing_format: Literal["threestep", "eurostat"] = "threestep"
    as_of: dt.datetime
    waiver: str | None = None

    @model_validator(mode="after")
    def _days_in_order(self) -> RunSettings:
        if self.until < self.date:
            raise ValueError(f"--until {self.until} lies before --date {self.date}")
        if (self.until - self.date).days > 366:
            raise ValueError("more than a year at once: run month by month")
        return self

    @property
    def days(self) -> list[dt.date]:
        """The local days of the run, in order."""
        return [self.date + dt.timedelta(i) for i in range((self.until - self.date).days + 1)]
