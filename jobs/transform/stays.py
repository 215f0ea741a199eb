"""Stage 2, precision goes: runs of cells become stays, moves and silences, with a drawn position and rounded times."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.window import WindowSpec

from expectations.segments import SEGMENTS
from jobs.transform.draw import drawn
from jobs.transform.ways import corridors_nearby, no_ways, with_ways
from udfs.ground import distance_m, same_ground
from udfs.radio import ring_of

_UNIT = ("pseudonym", "date")
_TRACK = (*_UNIT, "line_no")
"""A line of a unit on a day. The pseudonym comes first: a sort's first column is the one that it compares cheaply."""

_CONTACTS_BITS, _PLACE_BITS = 16, 29
"""Of a group's dominant run in one whole number, beside 18 bits for the seconds of a day and what lies around it."""


@dataclass(frozen=True)
class StayParams:
    """When runs make a stay.

    Attributes:
        stay_seconds: Least time between first and last contact on one ground for a stay.
        max_gap_seconds: Longest silence between two places that is shared out between them; of a longer one
            each place gets half of this, and the rest is unknown.
        max_gap_same_ground_seconds: Longest silence that a stay on one ground bridges.
        ping_pong_seconds: Longest absence from a cell, on overlapping ground, that is no movement.
        away_factor: See ``draw.drawn``.
    """

    stay_seconds: int
    max_gap_seconds: int
    max_gap_same_ground_seconds: int
    ping_pong_seconds: int
    away_factor: float = 1.0


def day_segments(
    movement: DataFrame,
    positions: DataFrame,
    profile: DataFrame,
    days: DataFrame,
    params: StayParams,
    corridor_cells: DataFrame | None = None,
) -> DataFrame:
    """All of stage 2: from rows of ``pseudonymous.movement`` to rows of ``pseudonymous.segments``.

    Args:
        movement: Rows of ``pseudonymous.movement``, event-sized at worst.
        positions: Rows of ``reference.cell_positions``.
        profile: Rows of ``pseudonymous.profile``: where units are registered.
        days: ``date, day_start, day_end``, small.
        params: See ``StayParams``.
        corridor_cells: Rows of ``reference.corridor_cells``; ``None`` where there are no corridors.
    """
    places = numbered_places(positions)
    nearby = None if corridor_cells is None else corridors_nearby(places, corridor_cells)
    runs = settled_runs(located(movement, places), params)
    return segments(runs, places, profile, days, params, nearby)


def numbered_places(positions: DataFrame) -> DataFrame:
    """Number the footprints, so that runs carry a whole number.

    Args:
        positions: Rows of ``reference.cell_positions``: the whole cell (``ring`` null) and, where the plan has
            them, its rings of timing advance, ``ring_steps`` steps wide.

    Returns:
        The positions with ``place_no``, in the order of names and rings.
    """
    order = Window.partitionBy().orderBy("cell_id", F.col("ring").asc_nulls_first())
    return positions.withColumn("place_no", F.row_number().over(order))


def located(movement: DataFrame, places: DataFrame) -> DataFrame:
    """Give each run its ground, and its footprint: the ring of its timing advance where the plan has it.

    The ground, by which movement is told from rest, is that of the whole cell: rings are narrow, and a phone at
    rest hops over many of them.

    Args:
        movement: Rows of ``pseudonymous.movement``.
        places: See ``numbered_places``; one row a cell, with its rings, is broadcast.

    Returns:
        One row a run on a cell of the plan: the track, ``purposes, contacts``, ``starts, ends`` (seconds since 1970),
        ``cell_no, x, y, radius_m`` of the whole cell, ``place_no`` of the footprint.
    """
    whole = F.struct(
        F.col("place_no").alias("cell_no"), F.col("centre_x").alias("x"), F.col("centre_y").alias("y"), "radius_m"
    )
    rings = F.collect_list(F.when(F.col("ring").isNotNull(), F.struct("ring", "place_no")))
    cells = places.groupBy("cell_id").agg(
        F.max("ring_steps").alias("steps"),
        F.max(F.when(F.col("ring").isNull(), whole)).alias("whole"),
        F.map_from_entries(rings).alias("rings"),
    )
    ring = ring_of(F.col("timing_advance"), F.when(F.col("steps") > 0, F.col("steps")))
    narrowed = F.when(ring.isNotNull(), F.try_element_at("rings", ring))
    return movement.join(F.broadcast(cells.filter("whole IS NOT NULL")), on="cell_id", how="inner").select(
        *_TRACK,
        *("purposes", "contacts"),
        F.col("start_time").cast("long").alias("starts"),
        F.col("end_time").cast("long").alias("ends"),
        "whole.*",
        F.coalesce(narrowed, F.col("whole.cell_no")).alias("place_no"),
    )


def settled_runs(runs: DataFrame, params: StayParams) -> DataFrame:
    """Tell runs at rest from runs on the way, and number the groups that share one ground.

    A run is at rest when all contacts of the quarter of an hour before it, or after it, lie on one ground:
    looking one way at a time keeps arrivals and departures sharp, and looking at a span of time rather
    than at the neighbour alone keeps a chain of overlapping cells from passing for one place. Handovers
    between cells that cover the same ground are no movement; nor, on the way, is a cell left and taken up again
    within ``ping_pong_seconds``.

    Args:
        runs: See ``located``, event-sized at worst.
        params: See ``StayParams``.

    Returns:
        The runs with ``group_no``. One shuffle, by unit, and one sort, by the track.
    """
    order = _order()
    by_start = Window.partitionBy(*_TRACK).orderBy("starts")
    back, ahead = by_start.rangeBetween(-params.stay_seconds, 0), by_start.rangeBetween(0, params.stay_seconds)
    sorted_once = runs.repartition(*_UNIT).sortWithinPartitions(*_TRACK, "starts", "ends", "place_no")
    looked = sorted_once.select("*", (_one_ground(back) | _one_ground(ahead)).alias("at_rest"))
    before = {
        c: F.lag(c).over(order) for c in ("starts", "ends", "purposes", "cell_no", "x", "y", "radius_m", "at_rest")
    }
    away = distance_m(F.col("x"), F.col("y"), before["x"], before["y"])
    other = F.col("cell_no") != before["cell_no"]
    breaks = (
        before["starts"].isNull()
        | (F.col("purposes") != before["purposes"])
        | (F.col("starts") - before["ends"] > params.max_gap_same_ground_seconds)
        | ~same_ground(away, F.col("radius_m"), before["radius_m"])
        | (~F.col("at_rest") & other & ~_returns(order, params))
        | (F.col("at_rest") & ~before["at_rest"])
    )
    so_far = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return looked.withColumn("breaks", breaks).withColumn("group_no", F.count(F.when(F.col("breaks"), 1)).over(so_far))


def segments(
    runs: DataFrame,
    places: DataFrame,
    profile: DataFrame,
    days: DataFrame,
    params: StayParams,
    nearby: DataFrame | None = None,
) -> DataFrame:
    """Close groups into segments: dominant cell, drawn position, time shared with the neighbours, cut at midnight.

    Positions: see ``jobs.transform.draw``; of the ground that covers the zone where the unit is registered, the home's
    is that of the longest group. What lies farther from any contact than half of the longest shared
    silence is unknown.

    Args:
        runs: See ``settled_runs``.
        places: See ``numbered_places``, broadcast.
        profile: Rows of ``pseudonymous.profile``, joined by unit.
        days: ``date, day_start, day_end``, small.
        params: See ``StayParams``.
        nearby: See ``jobs.transform.ways.corridors_nearby``, broadcast; ``None`` where there are no corridors.

    Returns:
        Rows of ``pseudonymous.segments``; of a track with a contact on the day they cover the day without overlap.
        No further shuffle of runs.
    """
    groups = runs.groupBy(*_TRACK, "purposes", "group_no").agg(
        F.min("starts").alias("starts"), F.max("ends").alias("ends"), F.max(_weight()).alias("weight")
    )
    place_no = F.col("weight").bitwiseAND(F.lit((1 << _PLACE_BITS) - 1)).cast("int")
    # The position is picked before the windows: they need not carry the quantiles.
    placed = drawn(groups.withColumn("place_no", place_no), places, profile, params.away_factor).select(
        *_TRACK,
        *("purposes", "group_no", "starts", "ends", "place_no", "by_small_cell", "ground"),
        *("tile", "tile_away", "may_be_home"),
        (F.col("ends") - F.col("starts") >= params.stay_seconds).alias("is_stay"),
    )
    order = Window.partitionBy(*_TRACK).orderBy("starts", "group_no")
    earlier = order.rowsBetween(Window.unboundedPreceding, -1)
    whole = order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    following = F.lead("starts").over(order)
    longest = F.struct((F.col("ends") - F.col("starts")).alias("seconds"), "place_no", "ground")
    shared = placed.select(
        "*",
        F.max(F.when(F.col("may_be_home"), longest)).over(whole)["ground"].alias("home"),
        F.lag("starts").over(order).isNull().alias("is_first"),
        (F.col("starts") - _share(F.col("starts") - F.lag("ends").over(order), 1, params)).alias("begin"),
        (F.col("ends") + _share(following - F.col("ends"), 0, params)).alias("finish"),
        (following - _share(following - F.col("ends"), 1, params)).alias("resumes"),
        F.coalesce(F.lead("purposes").over(order), "purposes").alias("next_purposes"),
        F.last(F.when(F.col("is_stay"), F.col("ground")), ignorenulls=True).over(earlier).alias("stayed"),
        *(F.lag(name).over(order).alias(f"{name}_before") for name in ("place_no", "ends", "purposes")),
    )
    from_home = distance_m(*(F.col(name) for name in ("ground.x", "ground.y", "home.x", "home.y")))
    is_home = same_ground(from_home, F.col("ground.radius_m"), F.col("home.radius_m"))
    settled = shared.withColumn("on_home_ground", F.coalesce(is_home, F.lit(False))).withColumn(
        "tile", F.when(F.col("on_home_ground"), F.col("tile")).otherwise(F.col("tile_away"))
    )
    on_corridors = with_ways(settled, nearby, params.max_gap_seconds)
    bounds = days.select("date", *(F.col(f"day_{end}").cast("long").alias(f"day_{end}") for end in ("start", "end")))
    names = F.broadcast(places.select("place_no", "cell_id", "ring"))
    return (
        on_corridors.join(F.broadcast(bounds), on="date", how="inner")
        .select(*_TRACK, F.inline(_pieces()))
        .filter("start_time < end_time AND purposes <> 0")
        .join(names, on="place_no", how="left")
        .select(SEGMENTS.column_names)
    )


def _pieces() -> Column:
    """What a group leaves on the day: the silence before the first one, itself, the silence after it."""
    begin, finish = F.col("begin"), F.col("finish")
    kind = F.when(F.col("is_stay"), "stay").otherwise("move")
    away = distance_m(*(F.col(name) for name in ("ground.x", "ground.y", "stayed.x", "stayed.y")))
    is_new = F.col("is_stay") & ~same_ground(away, F.col("ground.radius_m"), F.col("stayed.radius_m"))
    moved = F.coalesce(is_new & F.col("stayed").isNotNull(), F.lit(False))
    resumes = F.coalesce(F.col("resumes"), F.col("day_end"))
    both = F.col("purposes").cast("int").bitwiseAND(F.col("next_purposes").cast("int"))
    no, nothing = F.lit(False), F.lit(None)
    silence = {"tile": nothing.cast("bigint"), "by_small_cell": no, "is_new_ground": no, "ways": no_ways()}
    silence |= {"on_home_ground": no, "place_no": nothing.cast("int")}
    placed = {name: F.col(name) for name in ("tile", "by_small_cell", "on_home_ground")} | {"is_new_ground": moved}
    # The way to a place where somebody was at midnight already belongs to the day before.
    placed |= {"ways": F.when(begin >= F.col("day_start"), F.col("ways"))}
    placed |= {"place_no": F.when(F.col("is_stay"), F.col("place_no"))}

    def piece(what: Column, mask: Column, start: Column, end: Column, told: dict[str, Column]) -> Column:
        inside = F.greatest(start, F.col("day_start")), F.least(end, F.col("day_end"))
        times = (F.timestamp_seconds(F.floor(second / 60) * 60) for second in inside)
        named = zip(("start_time", "end_time"), times, strict=True)
        return F.struct(
            mask.cast("tinyint").alias("purposes"),
            what.alias("kind"),
            *(time.alias(name) for name, time in named),
            *(told[name].alias(name) for name in sorted(told)),
        )

    first_begin = F.when(F.col("is_first"), begin).otherwise(F.col("day_start"))
    return F.array(
        piece(F.lit("unknown"), F.col("purposes"), F.col("day_start"), first_begin, silence),
        piece(kind, F.col("purposes"), begin, finish, placed),
        piece(F.lit("unknown"), both, finish, resumes, silence),
    )


def _weight() -> Column:
    """Whole number by which the dominant run of a group is chosen: its seconds, its contacts, its footprint."""
    seconds = F.shiftleft(F.col("ends") - F.col("starts"), _CONTACTS_BITS + _PLACE_BITS)
    contacts = F.least(F.col("contacts").cast("bigint"), F.lit((1 << _CONTACTS_BITS) - 1))
    return seconds + F.shiftleft(contacts, _PLACE_BITS) + F.col("place_no")


def _returns(order: WindowSpec, params: StayParams) -> Column:
    """Whether a run is an absence of seconds from another cell, or the return from one."""
    cell, ends = F.col("cell_no"), F.col("ends")
    left, absence = F.lag(cell).over(order), F.lead("starts").over(order) - F.lag(ends).over(order)
    away = (F.lead(cell).over(order) == left) & (absence <= params.ping_pong_seconds)
    gone = F.col("starts") - F.lag(ends, 2).over(order)
    back = (cell == F.lag(cell, 2).over(order)) & (gone <= params.ping_pong_seconds)
    return F.coalesce(away, F.lit(False)) | F.coalesce(back, F.lit(False))


def _share(gap: Column, odd: int, params: StayParams) -> Column:
    """Seconds of a silence for the segment beside it: half, the odd one with it or not, of the longest at most."""
    most = F.lit(params.max_gap_seconds // 2)
    half = F.floor((gap + odd) / 2).cast("int")
    return F.coalesce(F.greatest(F.lit(0), F.least(half, most)), most)


def _one_ground(frame: WindowSpec) -> Column:
    width, height = (F.max(c).over(frame) - F.min(c).over(frame) for c in ("x", "y"))
    return same_ground(F.sqrt(width * width + height * height), F.max("radius_m").over(frame), F.lit(0.0))


def _order() -> WindowSpec:
    return Window.partitionBy(*_TRACK).orderBy("starts", "ends", "place_no")
