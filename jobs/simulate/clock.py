"""The simulated days: which hours there are, and when people's own days begin.

A person's day runs from 4 in the morning to 4 in the morning, when everybody is at home: so nights out
may pass midnight, and a day of the clock is covered by two of them. Days of 23 and 25 hours come out right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame, SparkSession

DAY_BEGINS = 4  # local hour
# Share of a day's traffic by local hour: night silence, a step at noon, the peak in the evening.
_WEEKDAY = (
    *(0.25, 0.12, 0.07, 0.05, 0.07, 0.18, 0.50, 0.90, 1.05, 1.05, 1.05, 1.10),
    *(1.25, 1.15, 1.05, 1.10, 1.20, 1.40, 1.45, 1.40, 1.30, 1.15, 0.85, 0.50),
)
_WEEKEND = (
    *(0.45, 0.28, 0.18, 0.10, 0.07, 0.08, 0.15, 0.35, 0.65, 0.95, 1.15, 1.20),
    *(1.20, 1.15, 1.15, 1.15, 1.20, 1.25, 1.35, 1.35, 1.30, 1.20, 0.95, 0.65),
)


@dataclass(frozen=True)
class Clock:
    """The window of local days that is simulated."""

    start: date
    days: int
    time_zone: str

    def epoch(self, day: date, hour: int = 0) -> int:
        """Seconds since 1970 of a local time."""
        return int(datetime.combine(day, time(hour), ZoneInfo(self.time_zone)).timestamp())

    @property
    def begin(self) -> int:
        """Epoch second at which the first local day begins."""
        return self.epoch(self.start)

    @property
    def end(self) -> int:
        """Epoch second at which the last local day is over."""
        return self.epoch(self.start + timedelta(days=self.days))

    @property
    def hour_count(self) -> int:
        """Number of hours in the window."""
        return (self.end - self.begin) // 3600

    def dates(self) -> list[date]:
        """The local days."""
        return [self.start + timedelta(days=n) for n in range(self.days)]

    def person_days(self, spark: SparkSession) -> DataFrame:
        """One row a person's day: day_ix, begin (epoch s), length (s), weekday (1 Monday … 7 Sunday)."""
        rows = []
        for n in range(-1, self.days):
            day = self.start + timedelta(days=n)
            begin = self.epoch(day, DAY_BEGINS)
            length = self.epoch(day + timedelta(days=1), DAY_BEGINS) - begin
            rows.append((n, begin, length, day.isoweekday()))
        return spark.createDataFrame(rows, "day_ix long, begin long, length long, weekday int").coalesce(1)

    def hours(self, spark: SparkSession) -> DataFrame:
        """One row an hour of the window: hour_ix, date, hour (local), traffic (share of a mean day)."""
        rows = []
        for n in range(self.hour_count):
            local = datetime.fromtimestamp(self.begin + 3600 * n, ZoneInfo(self.time_zone))
            shape = _WEEKEND if local.isoweekday() > 5 else _WEEKDAY
            rows.append((n, local.date(), local.hour, shape[local.hour] / sum(_WEEKDAY)))
        return spark.createDataFrame(rows, "hour_ix long, date date, hour int, traffic double").coalesce(1)
