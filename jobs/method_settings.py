"""Parts of the policy that matter to accuracy, not to privacy: cleaning, radio, extrapolation."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """A part of the policy: it cannot be changed, and holds no names that are not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CleaningPolicy(Frozen):
    """What makes a contact or a SIM implausible; distances are those between the centres of cells' footprints."""

    jump_m: float = Field(default=10_000, gt=0, description="A jump is longer than this, metres, …")
    jump_m_per_s: float = Field(default=55, gt=0, description="… and faster than this, metres a second")
    ping_pong_seconds: int = Field(default=60, ge=0, description="Longest absence from a cell that is no movement")
    max_contacts_an_hour: int = Field(default=2_000, ge=10, description="A SIM with more is no person")
    least_instant_moves: int = Field(
        default=20, ge=2, description="So many changes of ground within a second, and half of the contacts: no person"
    )


class RadioPolicy(Frozen):
    """Parameters of the footprints and areas; they matter to accuracy, not to privacy."""

    quantiles: int = Field(default=256, ge=16, le=1024)
    ring_quantiles: int = Field(default=64, ge=8, le=1024, description="Of a ring of timing advance")
    timing_advance_ring_steps: dict[Literal["GSM", "LTE"], int] = Field(
        default={"GSM": 1, "LTE": 8}, description="Steps of timing advance a ring, by technology; none: no rings"
    )
    power_w: float = Field(default=10, gt=0, description="Where the plan tells none, watts")
    small_power_w: float = Field(default=5, gt=0, description="Of micro, pico and indoor cells")
    path_loss_exponent: float = Field(default=3.75, ge=2, le=8)
    small_path_loss_exponent: float = Field(default=6, ge=2, le=8)
    height_m: float = Field(default=30, gt=0, description="Where the plan tells none, metres")
    small_height_m: float = Field(default=8, gt=0)
    max_range_m: dict[str, float] = Field(
        default=dict.fromkeys(("GSM", "UMTS", "LTE", "NR"), 10_000.0)
        | dict.fromkeys(("N77", "N78", "N79", "B42", "B43"), 4_000.0),
        description="By band, else by technology, metres; where the plan tells none",
    )
    small_range_m: float = Field(default=1_000, gt=0, description="Range of micro, pico and indoor cells")
    default_beam_deg: float = Field(default=65, gt=0, le=360)
    elevation_beam_deg: float = Field(default=9, gt=0, le=180)
    tilt_deg: float = Field(default=5, ge=-10, le=45, description="Below the horizon, where the plan tells none")
    dominance_middle_dbm: float = Field(default=-92.5, description="Strength at which a cell begins to serve")
    dominance_steepness: float = Field(default=0.2, gt=0, description="Of the logistic curve, per decibel")
    prior_residents_share: float = Field(
        default=0.5, ge=0, le=1, description="Weight of residents against area in where people are before any contact"
    )
    prior_unknown: float = Field(
        default=0.1, gt=0, description="Of ground whose residents no table tells, against the mean of the others"
    )
    prior_level_weights: dict[str, float] = Field(
        default={"poi": 4.0}, description="Factors for the tiles of zones of a level (land use, points of interest)"
    )
    home_residents: float = Field(
        default=600_000,
        ge=0,
        description="Units out of their registered home zone are taken to be spread over so many residents' ground;"
        " 0: positions are drawn without regard to it",
    )
    area_residents: int = Field(default=5_000, ge=1, description="Least residents of an inhabited area, without zones")
    area_tiles: int = Field(default=16, ge=1, description="Side of an area in tiles, without zones and population")


class ExtrapolationPolicy(Frozen):
    """From units of the panel to people: what is known beside residents; see docs/estimates.md.

    A unit stands for ``(1 - visitor_share) (1 - second_sim_share) / (1 + second_operator_share) f + visitor_share
    visitor_factor`` people, where f is residents over panel.
    """

    second_sim_share: float = Field(
        default=0, ge=0, lt=1, description="Of units: registered second SIMs of somebody counted already"
    )
    second_operator_share: float = Field(
        default=0, ge=0, le=1, description="Of persons: counted by a second operator too, whose events are delivered"
    )
    visitor_share: float = Field(default=0, ge=0, le=1, description="Of units: foreign SIMs")
    visitor_factor: float = Field(default=1, gt=0, description="Inbound visitors that a foreign SIM stands for")
    model_error: bool = Field(default=True, description="Intervals carry the calibrated error of the model")
