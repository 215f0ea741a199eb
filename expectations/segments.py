"""pseudonymous.segments: stage 2, stays and moves with a drawn position."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, InSet, NotNull, Ordered

KINDS = ("stay", "move", "unknown")

SEGMENTS = Contract(
    schema=Schema.PSEUDONYMOUS,
    name="segments",
    comment="One row a stay, a piece of a move or a silence of one line of a unit, inside one local day",
    columns=columns(
        ("date", "DATE!", "Local day"),
        ("pseudonym", "BINARY!", "HMAC-SHA256(key of the day, unit)"),
        ("line_no", "SMALLINT!", "Which of the unit's lines"),
        ("purposes", "TINYINT!", "Bit mask of the purposes that the row may serve"),
        (
            "kind",
            "STRING!",
            "stay: 15 minutes or more on one ground; move: shorter; unknown: far from any contact",
        ),
        ("start_time", "TIMESTAMP!", "Start, rounded to the minute"),
        ("end_time", "TIMESTAMP!", "End, rounded to the minute"),
        ("tile", "BIGINT", "Position drawn from the dominant cell's footprint; null where unknown"),
        ("by_small_cell", "BOOLEAN!", "Whether the dominant cell resolves small places"),
        (
            "is_new_ground",
            "BOOLEAN!",
            "Of a stay: whether the line's stay before it lay on other ground; false where there is none",
        ),
        (
            "ways",
            "ARRAY<STRUCT<corridor_id: STRING, metres: INT, chance: INT, seconds: INT>>",
            "Corridors between the line's segment before and this one: metres along (negative: against the direction "
            "in which it was drawn), per cent that both lie on it, seconds between the contacts; null: on none",
        ),
        ("cell_id", "STRING", "Of a stay: its dominant cell, so that weeks and months draw under keys of their own"),
        ("ring", "INT", "Of a stay: the ring of timing advance of that cell; null: the whole cell"),
        ("on_home_ground", "BOOLEAN!", "Whether the dominant cell covers the ground of the unit's home"),
    ),
    keys=("date", "pseudonym", "line_no", "start_time", "tile"),
    mode=WriteMode.REPLACE_WHERE,
    period="date",
    partitioned=True,
    retention="as long as the key of the day",
    rules=(
        NotNull("pseudonym"),
        InSet("kind", KINDS),
        NotNull("start_time"),
        NotNull("end_time"),
        Ordered("start_time", "end_time"),
        Between("purposes", 1, 15),
    ),
    checks={"placed_unless_unknown": "(kind = 'unknown') = (tile IS NULL)"},
)
