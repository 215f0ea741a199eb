"""Instants out of text, strictly: the engine's own cast takes ``12:30`` for today and ``2026`` for 1 January."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

_CLOCK = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
ISO_WITH_OFFSET = _CLOCK + r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_USUAL_SHAPES = tuple(
    f"0000-00-00T00:00:00{fraction}{offset}"
    for fraction in ("", ".000", ".000000")
    for offset in ("Z", "+00:00", "-00:00")
)
ISO_LOCAL = _CLOCK + "$"


def instant(column: Column) -> Column:
    """Instant from ISO-8601 text with seconds and an offset; null for anything else, impossible dates included."""
    # Almost every delivery writes one of these shapes; comparing shapes is several times faster than matching.
    usual = F.translate(column, "123456789", "000000000").isin(*_USUAL_SHAPES)
    return F.when(F.when(usual, F.lit(True)).otherwise(column.rlike(ISO_WITH_OFFSET)), column).try_cast("timestamp")


def local_instant(column: Column, time_zone: str) -> Column:
    """Instant from ISO-8601 text without offset, read on the clock of ``time_zone``.

    A doubled hour counts as its first run. Needs the session's time zone to be UTC, as ours is.
    """
    return F.to_utc_timestamp(F.when(column.rlike(ISO_LOCAL), column).try_cast("timestamp"), time_zone)
