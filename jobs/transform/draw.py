"""A position for each group of runs: drawn once a unit, site group, ring and key period, however often it is asked for.

Two draws of a unit by hash of its keyed pseudonym. One tells how much it is at home: where it is registered is
known, and on a cell that covers its zone it is likely there. The other tells the quantile of the footprint. A unit's
position hangs on public figures and on what the unit itself did and is, on no other unit: what one unit adds to a
count stays bounded as it is.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.segment.periods import PeriodKind

_PARTS = 1_000_000
"""Parts of one in which the draw for home is made."""


def drawn(groups: DataFrame, places: DataFrame, profile: DataFrame, away_factor: float = 1.0) -> DataFrame:
    """Draw the position of groups of runs in the footprint of their dominant cell.

    Where the unit is registered in a zone that the footprint covers, the draw is from the zone's run of
    quantiles with probability ``at_home``; else, and otherwise, from all of them: see
    ``positions.cell_positions``. The draw for home is the same at all sites, so that a unit on two cells of one place
    is not at home on the one and elsewhere on the other by chance alone.

    A unit has one home: on other ground than that of its home it is less likely in the zone around it. Which ground
    that is the caller tells later, so there are two positions.

    Args:
        groups: Rows with ``date, pseudonym`` (spread by them) and ``place_no``.
        places: See ``stays.numbered_places``, broadcast.
        profile: Rows of ``pseudonymous.profile``.
        away_factor: The odds of the registered zone on other ground than that of the home, against there.

    Returns:
        The groups with ``tile`` (on the ground of the home) and ``tile_away`` (on other ground), ``may_be_home``
        (whether the footprint covers the registered zone), ``by_small_cell`` and ``ground`` (``x, y, radius_m`` of the
        whole cell).
    """
    placed = (
        groups.join(_registered(profile), on=["pseudonym", "date"], how="left")
        .join(F.broadcast(_slots(places)), on="place_no", how="inner")
        .withColumn("home", _home())
    )
    at_home, away = _tiles("pseudonym", away_factor)
    return placed.select(
        *groups.columns,
        at_home.alias("tile"),
        away.alias("tile_away"),
        F.col("home").isNotNull().alias("may_be_home"),
        *("by_small_cell", "ground"),
    )


def redrawn(
    segments: DataFrame, positions: DataFrame, profile: DataFrame, pairs: DataFrame, kind: PeriodKind,
    away_factor: float = 1.0,
) -> DataFrame:  # fmt: skip
    """Draw the positions of stays anew, under the key of a longer period: one draw a unit, site and period.

    With those of its days, whoever works on one spot would within a month have been in every zone that its cells
    reach.

    Args:
        segments: Rows of ``pseudonymous.segments``.
        positions: Rows of ``reference.cell_positions`` that they were made with, broadcast.
        profile: Rows of ``pseudonymous.profile`` of the same days.
        pairs: See ``jobs.segment.longer.paired_pseudonyms``.
        kind: week or month.
        away_factor: See ``drawn``.

    Returns:
        The rows of units that have a pseudonym of the period, with another ``tile`` where they are stays. One shuffle
        of segments, by (date, pseudonym), by which they then lie.
    """
    places = positions.select("cell_id", _whole_or_ring(), "site_group", "quantiles", "homes")
    long_name = f"{kind}_pseudonym"
    placed = (
        segments.join(pairs.select("date", "pseudonym", long_name), on=["date", "pseudonym"], how="inner")
        .join(_registered(profile), on=["date", "pseudonym"], how="left")
        .withColumn("_ring", _whole_or_ring())
        .join(F.broadcast(places), on=["cell_id", "_ring"], how="left")
        .withColumn("home", _home())
    )
    at_home, away = _tiles(long_name, away_factor)
    anew = F.when(F.col("on_home_ground"), at_home).otherwise(away)
    has_place = (F.col("kind") == "stay") & F.col("quantiles").isNotNull()
    tile = F.when(has_place, anew).otherwise(F.col("tile")).alias("tile")
    return placed.select(*(tile if name == "tile" else name for name in segments.columns))


def _whole_or_ring() -> Column:
    return F.coalesce("ring", F.lit(-1)).alias("_ring")


def _registered(profile: DataFrame) -> DataFrame:
    return profile.filter("home_zone_id IS NOT NULL").select("pseudonym", "date", "home_zone_id")


def _home() -> Column:
    """Of a footprint's ``homes`` the one of ``home_zone_id``; null where it covers none."""
    theirs = F.filter("homes", lambda home: home["zone_id"] == F.col("home_zone_id"))
    return F.when(F.col("home_zone_id").isNotNull(), F.get(theirs, F.lit(0)))


def _tiles(by: str, away_factor: float) -> tuple[Column, Column]:
    """The tiles drawn by hash of a pseudonym: on the ground of the home, and on other ground."""
    share = F.col("home.at_home")
    less = F.lit(away_factor) * share
    lot = F.pmod(F.xxhash64(F.lit("home"), by), F.lit(_PARTS))

    def hashed(among: Column) -> Column:
        """One of so many slots, by unit, site group and ring."""
        return F.pmod(F.xxhash64(by, "site_group", "ring"), among.cast("long")).cast("int")

    def tile(at_home: Column) -> Column:
        is_home = lot < at_home * F.lit(_PARTS)
        slot = F.when(is_home, F.col("home.first") + hashed(F.col("home.slots"))).otherwise(hashed(F.size("quantiles")))
        return F.element_at("quantiles", slot + 1)

    return tile(share), tile(less / (F.lit(1.0) - share + less))


def _slots(places: DataFrame) -> DataFrame:
    """What a footprint gives to a segment: where to draw from, and the ground of its whole cell."""
    ground = F.struct(F.col("centre_x").alias("x"), F.col("centre_y").alias("y"), "radius_m")
    whole = F.max(F.when(F.col("ring").isNull(), ground)).over(Window.partitionBy("cell_id"))
    return places.select(
        *("place_no", "site_group", "ring", "quantiles", "homes"),
        F.col("is_small").alias("by_small_cell"),
        whole.alias("ground"),
    )
