"""The words that stand in products' columns: fixed, public, the same in every release."""

from __future__ import annotations

STATUSES = ("published", "suppressed", "merged", "unresolved")
DWELL_BANDS = ("<15", "15-30", "30-60", "60-120", "120-240", ">240")
DAYPARTS = ("night", "morning", "midday", "afternoon", "evening")
DAYPART_STARTS = {"night": 0, "morning": 6, "midday": 10, "afternoon": 14, "evening": 19}
"""First hour of each part of the local day; the night begins with the day and ends with the morning."""
SECTORS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW", "unknown")
AGE_BANDS = ("0-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80+", "unknown")
GENDERS = ("female", "male", "diverse", "unknown")
DISTANCE_BANDS = ("0-2", "2-5", "5-10", "10-20", "20-50", ">50")
"""Kilometres between the centres of two zones."""
DIRECTIONS = ("forward", "backward")
SPEED_BANDS = ("<15", "15-30", "30-50", "50-80", ">80")
"""Kilometres an hour."""
ALL_ZONES = "all"
"""Stands for every other zone: the sum of what leaves or reaches a zone."""
