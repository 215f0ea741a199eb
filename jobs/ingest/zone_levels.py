"""Which levels divide the territory, and which are points of interest: told from public geometry and parents alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from udfs.geo import settled, st, to_laea

PLACE_SHARE = 0.5
"""A level without levels below it that covers less than this share of its parents' ground holds places."""

FULL_SHARE = 0.95
"""A partition that covers less than this share of the level above leaves ground without a zone, and is reported."""


@dataclass(frozen=True)
class LevelLink:
    """The zones of one level whose parents are of one level.

    Attributes:
        level: Level of the zones.
        parent_level: Level of their parents; ``None`` for zones without a parent.
        zones: How many zones.
        parents: How many different parents.
        area_m2: Their area, square metres.
    """

    level: str
    parent_level: str | None
    zones: int
    parents: int
    area_m2: int


@dataclass(frozen=True)
class LevelRole:
    """The role of a level: see ``expectations.zones``."""

    level: str
    role: str
    depth: int
    is_finest: bool


@dataclass(frozen=True)
class Hierarchy:
    """The roles of all levels, and what was found wrong.

    Attributes:
        roles: One a level, partitions first, coarsest first.
        findings: Reasons to reject the zones, in words that name levels and counts.
        notes: What is worth telling but no reason to stop.
    """

    roles: tuple[LevelRole, ...]
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def finest_depth(self) -> int:
        """Depth of the finest partition."""
        return max(role.depth for role in self.roles)


def level_links(zones: DataFrame) -> DataFrame:
    """Count zones and area by level and parents' level: a few rows, the fields of ``LevelLink``.

    Args:
        zones: Well-formed zones: ``zone_id, level, parent_id, wkt``.
    """
    measured = settled(
        zones, area_m2=F.round(st("ST_Area", to_laea(st("ST_GeomFromWKT", F.col("wkt"))))).cast("bigint")
    )
    parents = zones.select(F.col("zone_id").alias("parent_id"), F.col("level").alias("parent_level"))
    return (
        measured.select("level", "parent_id", "area_m2")
        .join(parents, on="parent_id", how="left")
        .groupBy("level", "parent_level")
        .agg(
            F.count(F.lit(1)).alias("zones"),
            F.countDistinct("parent_id").alias("parents"),
            F.sum("area_m2").alias("area_m2"),
        )
    )


def decide_roles(links: Iterable[LevelLink]) -> Hierarchy:
    """Give each level its role.

    The partition is one chain of levels, coarsest first, in which every zone has a parent in the level above
    and every zone above has a child: then coarser counts are sums of finer ones. A level without levels below
    it that covers less than half of its parents' level (without parents: of the largest level) holds places.

    Args:
        links: All rows of ``level_links``.
    """
    found = sorted(links, key=lambda link: (link.level, link.parent_level or ""))
    levels = sorted({link.level for link in found})
    area = {level: sum(link.area_m2 for link in found if link.level == level) for level in levels}
    count = {level: sum(link.zones for link in found if link.level == level) for level in levels}
    above = {level: _parent_level(level, found) for level in levels}
    if not levels:
        return Hierarchy((), ("no zone is left",))
    tops = [level for level in levels if above[level] is None]
    if not tops:
        return Hierarchy((), (f"levels {_listed(levels)} are each other's parents: one level must be the coarsest",))
    root = min(tops, key=lambda level: (-area[level], count[level], level))
    has_below = {above[level] for level in levels}
    places = {
        level
        for level in levels
        if level != root and level not in has_below and area[level] < PLACE_SHARE * area[above[level] or root]
    }
    chain, findings = _chain(root, [level for level in levels if level not in places], above)
    notes = []
    for coarse, fine in pairwise(chain):
        link = next(link for link in found if link.level == fine and link.parent_level == coarse)
        if link.zones < count[fine]:
            findings.append(
                f"{count[fine] - link.zones} of {count[fine]} zones of level {fine} have no parent in level {coarse}"
            )
        if link.parents < count[coarse]:
            missing = count[coarse] - link.parents
            findings.append(f"{missing} of {count[coarse]} zones of level {coarse} have no zone of level {fine}")
        if area[fine] < FULL_SHARE * area[coarse]:
            notes.append(f"level {fine} covers {100 * area[fine] / area[coarse]:.0f} % of level {coarse}")
    roles = [LevelRole(level, "partition", depth, depth == len(chain) - 1) for depth, level in enumerate(chain)]
    roles += [LevelRole(level, "place", -1, False) for level in sorted(places)]
    return Hierarchy(tuple(roles), tuple(findings), tuple(notes))


def with_roles(zones: DataFrame, hierarchy: Hierarchy) -> DataFrame:
    """Add ``role, depth, is_finest`` to zones by their level."""
    role, depth, finest = (_choose(hierarchy, name) for name in ("role", "depth", "is_finest"))
    return zones.withColumn("role", role).withColumn("depth", depth).withColumn("is_finest", finest)


def _parent_level(level: str, links: list[LevelLink]) -> str | None:
    """Level that most of a level's zones have their parents in; ``None`` where no zone has a parent."""
    named = [link for link in links if link.level == level and link.parent_level is not None]
    return max(named, key=lambda link: (link.zones, link.parent_level or "")).parent_level if named else None


def _chain(root: str, partitions: list[str], above: dict[str, str | None]) -> tuple[list[str], list[str]]:
    chain, findings = [root], []
    while True:
        below = [level for level in partitions if above[level] == chain[-1] and level not in chain]
        if len(below) > 1:
            findings.append(f"levels {_listed(below)} both divide level {chain[-1]}: deliver one of them")
        if not below:
            break
        chain.append(below[0])
    stray = [level for level in partitions if level not in chain and above[level] not in chain]
    if stray:
        findings.append(f"levels {_listed(stray)} do not lie below level {root}: give their zones parents in it")
    return chain, findings


def _choose(hierarchy: Hierarchy, field: str) -> Column:
    known = [item for role in hierarchy.roles for item in (F.lit(role.level), F.lit(getattr(role, field)))]
    return F.try_element_at(F.create_map(*known), F.col("level"))


def _listed(levels: list[str]) -> str:
    return " and ".join(levels)
