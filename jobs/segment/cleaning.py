"""What cannot be: jumps, ping-pong and SIMs that are no persons, told on runs of cells and counted by day.

A contact that is far from both its neighbours, and could not have been reached from either, is incorrect and
dropped; from one of them, suspicious and kept. The distance is that between the centres of the cells' footprints.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.method_settings import CleaningPolicy

OF_ALL = ("cells_unknown", "inbound", "things")
"""Flags counted on all contacts of a day's window."""

OF_ADMITTED = ("repeats", "incorrect", "suspicious", "ping_pong", "not_persons")
"""Flags counted on the placed contacts that serve a purpose."""


@dataclass(frozen=True)
class CleaningParams:
    """What makes a contact or a SIM implausible.

    Attributes:
        jump_m: Contacts farther apart than this, metres …
        jump_m_per_s: … and than this many metres for each second between them are a jump.
        ping_pong_seconds: Longest absence from a cell, on overlapping ground, that is no movement.
        max_contacts_an_hour: A SIM with more contacts than this in any hour is no person.
        least_instant_moves: A SIM that changes its ground within a second this often, and in at least half of
            its contacts, is no person.
    """

    jump_m: float = 10_000.0
    jump_m_per_s: float = 55.0
    ping_pong_seconds: int = 60
    max_contacts_an_hour: int = 2_000
    least_instant_moves: int = 20

    @classmethod
    def from_policy(cls, policy: CleaningPolicy) -> CleaningParams:
        """Take the policy's bounds."""
        return cls(**policy.model_dump())


def is_jump(metres: Column, seconds: Column, params: CleaningParams) -> Column:
    """Whether nobody gets this far in this time."""
    return (metres > F.lit(params.jump_m)) & (metres > F.lit(params.jump_m_per_s) * seconds)


def person_like(instant_moves: Column, contacts: Column, thick: Column, params: CleaningParams) -> Column:
    """Whether a SIM's day may be a person's: not thousands of contacts an hour, not in two places at once."""
    everywhere = (instant_moves >= params.least_instant_moves) & (instant_moves * 2 >= contacts)
    return ~(thick | everywhere)


def contact_counters(days: Sequence[dt.date]) -> list[Column]:
    """Summands for an observation on ``jobs.segment.movement.admitted``: by day, flags of all contacts."""
    counts = []
    for day in days:
        today = F.col("date") == F.lit(day)
        flags = {
            "cells_unknown": F.col("x").isNull(),
            "inbound": F.col("is_foreign"),
            "things": F.col("is_thing"),
            "admitted": F.col("x").isNotNull() & (F.col("purposes") != 0),
        }
        counts += [F.count(F.when(today & flag, 1)).alias(f"{day}|{name}") for name, flag in flags.items()]
    return counts


def run_counters(days: Sequence[dt.date]) -> list[Column]:
    """Summands for an observation on ``jobs.segment.movement.closed_runs``: by day, contacts by flag.

    ``distinct`` counts admitted contacts without repeats. Of a SIM that is no person every contact counts once,
    under that flag alone.
    """
    person, first = F.col("is_person"), F.col("is_first")
    figures = {
        "distinct": F.when(person, F.col("contacts")).when(first, F.col("of_sim")),
        "incorrect": F.when(person & F.col("is_incorrect"), F.col("contacts")),
        "suspicious": F.when(person, F.col("suspicious")),
        "ping_pong": F.when(person & F.col("is_ping_pong"), F.col("contacts")),
        "not_persons": F.when(~person & first, F.col("of_sim")),
        "not_person_sims": F.when(~person & first, F.lit(1)),
    }
    counts = []
    for day in days:
        today = F.col("date") == F.lit(day)
        for name, figure in figures.items():
            counts.append(F.coalesce(F.sum(F.when(today, figure)), F.lit(0)).alias(f"{day}|{name}"))
    return counts
