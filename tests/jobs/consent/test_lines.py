"""Which SIM may serve what: objections in force, who made them and where they go on, one line a person."""

from __future__ import annotations

from frames import at, frame
from pyspark.sql import functions as F

from expectations.consent_ledger import CONSENT_LEDGER
from expectations.subscribers import SUBSCRIBERS
from jobs.consent.lines import KEYED_DAYS_SCHEMA, LineParams, allowed_at, sims
from jobs.consent.numbers import closed_links
from udfs.keys import pads
from udfs.purposes import EVERY, bit

DDL = ", ".join(f"{c.name} {c.type}" for c in SUBSCRIBERS.columns)
LEDGER_DDL = ", ".join(f"{c.name} {c.type}" for c in CONSENT_LEDGER.columns)
AS_OF = at("2026-03-05T00:00:00")
RESEARCH = EVERY - bit("market_research")
LONG_AGO, JANUARY, FEBRUARY, MORNING, NOON, EVENING = (
    "2025-01-01T00:00:00",
    "2026-01-01T00:00:00",
    "2026-02-01T00:00:00",
    "2026-03-03T07:00:00",
    "2026-03-03T12:00:00",
    "2026-03-03T18:00:00",
)
PRIVATE, BUSINESS, THING = "private", "business", "m2m"


def _line(number, sim, who, start=LONG_AGO, end=None, contract=PRIVATE):
    return number, sim, who, start, end, contract


def _object(number, purpose="all", start=JANUARY, end=None):
    return number, purpose, start, end


# Name: rows of master data (number, SIM, holder, from, to, contract), objections, and the purposes by SIM. Numbers,
# SIMs and holders are small ones of the case's own; where several lines of a person are free, cases come further down.
CASES = {
    "free": ([_line(1, 1, 1)], [], {1: EVERY}),
    "objection now": ([_line(1, 1, 1)], [_object(1, "market_research", "2026-03-04T00:00:00")], {1: RESEARCH}),
    "to all": ([_line(1, 1, 1)], [_object(1)], {1: 0}),
    "ended": ([_line(1, 1, 1)], [_object(1, end=NOON)], {1: EVERY}),
    "follows over a swap": ([_line(1, 1, 1, end=NOON), _line(1, 2, 1, NOON)], [_object(1)], {1: 0, 2: 0}),
    "the SIM of the evening before": (
        [_line(1, 1, 1, end="2026-03-02T22:00:00"), _line(1, 2, 1, "2026-03-02T22:00:00")],
        [],
        {1: EVERY, 2: EVERY},
    ),
    "unknown number binds later": ([_line(1, 1, 1, "2026-02-01T00:00:00")], [_object(1)], {1: 0}),
    "binds to its first later holder": (
        [_line(1, 1, 1, MORNING, NOON), _line(1, 2, 2, NOON)],
        [_object(1)],
        {1: 0, 2: EVERY},
    ),
    "reissued": ([_line(1, 1, 1, end=MORNING), _line(1, 2, 2, NOON)], [_object(1)], {1: 0, 2: EVERY}),
    "reissued, nobody known": (
        [_line(1, 1, None, end=MORNING), _line(1, 2, None, NOON)],
        [_object(1)],
        {1: 0, 2: 0},
    ),
    "holder known from the same SIM": (
        [
            _line(1, 1, None, end="2026-02-01T00:00:00"),
            _line(1, 1, 1, "2026-02-01T00:00:00", NOON),
            _line(1, 2, 2, NOON),
        ],
        [_object(1)],
        {1: 0, 2: EVERY},
    ),
    "new number of the person": ([_line(1, 1, 1, end=NOON), _line(2, 2, 1, NOON)], [_object(1)], {1: 0, 2: 0}),
    "next number, months later, and who got the old": (
        [_line(1, 1, 1, end=JANUARY), _line(2, 2, 1, MORNING), _line(1, 3, 2, MORNING)],
        [_object(1, start=LONG_AGO)],
        {2: 0, 3: EVERY},
    ),
    "objection under the old number": (
        [_line(1, 1, 1, end=JANUARY), _line(2, 2, 1, JANUARY)],
        [_object(1, start=NOON)],
        {2: 0},
    ),
    "a line held beside is another": (
        [_line(1, 1, 1, end=MORNING), _line(2, 2, 1, JANUARY), _line(2, 3, 1, NOON)],
        [_object(1)],
        {1: 0, 2: EVERY, 3: EVERY},
    ),
    "new number on the SIM, nobody known": (
        [_line(1, 1, None, end=NOON), _line(2, 1, None, NOON)],
        [_object(1)],
        {1: 0},
    ),
    "two new numbers on two SIMs, nobody known": (
        [
            _line(1, 1, None, end=JANUARY),
            _line(2, 1, None, JANUARY, MORNING),
            _line(2, 2, None, MORNING, NOON),
            _line(3, 2, None, NOON, EVENING),
            _line(3, 3, None, EVENING),
            _line(4, 4, None),
        ],
        [_object(1)],
        {1: 0, 2: 0, 3: 0, 4: EVERY},
    ),
    "who had the new number before, nobody known": (
        [
            _line(2, 1, None, end=JANUARY),
            _line(3, 1, None, JANUARY),
            _line(1, 2, None, end=MORNING),
            _line(2, 2, None, MORNING),
        ],
        [_object(1)],
        {1: EVERY, 2: 0},
    ),
    "business line, new number on the SIM": (
        [_line(1, 1, 1, end=NOON, contract=BUSINESS), _line(2, 1, 1, NOON, contract=BUSINESS)],
        [_object(1)],
        {1: 0},
    ),
    "business line over, another begins later": (
        [_line(1, 1, 1, end=MORNING, contract=BUSINESS), _line(2, 2, 1, NOON, contract=BUSINESS)],
        [_object(1)],
        {1: 0, 2: EVERY},
    ),
    "business line over, another begins at once": (
        [_line(1, 1, 1, end=NOON, contract=BUSINESS), _line(2, 2, 1, NOON, contract=BUSINESS)],
        [_object(1)],
        {1: 0, 2: 0},
    ),
    "two lines claim a SIM: the later one": (
        [_line(1, 1, 1), _line(2, 1, 2, JANUARY)],
        [_object(2)],
        {1: 0},
    ),
    "two lines claim a SIM at once: the objecting one": ([_line(2, 1, 2), _line(1, 1, 1)], [_object(1)], {1: 0}),
    "thing": ([_line(1, 1, 1, contract=THING)], [], {1: 0}),
}


def _number(case, number):
    return f"+4915550{case:04d}{number:02d}"


def _master(spark, case_lines):
    rows = [
        (
            w and f"p{case}-{w}",
            _number(case, n),
            f"2629{case:08d}{s:03d}",
            "a",
            kind,
            1980,
            "female",
            "z1",
            start,
            end,
        )
        for case, lines in case_lines
        for n, s, w, start, end, kind in lines
    ]
    return frame(spark, DDL, *rows)


def _sims(spark, cases, covers_holder=False):
    """SIMs of all cases in one job, by number of the case and of the SIM."""
    inner, outer = pads(bytes(32))
    day = ("2026-03-03", "2026-03-02T11:00:00", "2026-03-04T03:00:00", "2026-03-02T23:00:00", "2026-03-03T23:00:00")
    days = frame(spark, KEYED_DAYS_SCHEMA, (*day, inner, outer))
    said = [(i, *objection) for i, (_, objections) in enumerate(cases) for objection in objections]
    ledger = frame(
        spark,
        LEDGER_DDL,
        *((_number(i, n), p, "object", a, b, f"q{i}", "web", None, a, None) for i, n, p, a, b in said),
        # What was believed once, and a membership, object to nothing.
        (_number(0, 1), "all", "object", JANUARY, None, "old", "web", None, JANUARY, NOON),
        (_number(0, 1), "rewards", "consent", JANUARY, None, "m", "web", None, JANUARY, None),
    )
    master = _master(spark, [(i, lines) for i, (lines, _) in enumerate(cases)]).coalesce(1)
    with closed_links(master, covers_holder=covers_holder) as links:
        found = sims(master, ledger, days, LineParams(AS_OF), links).collect()
    by_sim = {}
    for row in found:
        by_sim.setdefault((int(row["imsi"][4:12]), int(row["imsi"][12:])), []).append(row)
    return by_sim


def _bits(found, case):
    """Purposes by SIM; of several rows of a SIM they have to be the same."""
    got = {sim: {row["purposes"] for row in rows} for (of, sim), rows in found.items() if of == case}
    return {sim: bits.pop() if len(bits) == 1 else sorted(bits) for sim, bits in got.items()}


def test_objections_by_holder_number_and_sim(spark):
    found = _sims(spark, [(lines, objections) for lines, objections, _ in CASES.values()])
    got = {name: _bits(found, i) for i, name in enumerate(CASES)}
    assert got == {name: want for name, (_, _, want) in CASES.items()}
    (thing,) = found[list(CASES).index("thing"), 1]
    assert thing["is_thing"] and thing["pseudonym"] is None
    (ended,) = found[list(CASES).index("ended"), 1]
    assert [(o["bits"], o["from"], o["to"]) for o in ended["past"]] == [
        (EVERY, at(JANUARY).replace(tzinfo=None), at(NOON).replace(tzinfo=None))
    ]


def test_one_line_of_a_person_counts(spark):
    two = [_line(1, 1, 1), _line(2, 2, 1)]
    business = [(*line[:5], BUSINESS) for line in two]
    three = [*two, _line(3, 3, 1)]
    found = _sims(
        spark,
        [(three, []), (business, []), (two, [_object(1)]), (two, [_object(2)]), (two, [_object(1, "market_research")])],
    )
    every = {of: [row for (case, _), rows in found.items() if case == of for row in rows] for of in range(5)}
    assert sorted(row["purposes"] for row in every[0]) == [0, 0, EVERY]
    assert len({bytes(row["pseudonym"]) for row in every[0]}) == 1
    assert sorted(row["line_no"] for row in every[0]) == [1, 2, 3]
    assert _bits(found, 1) == {1: EVERY, 2: EVERY}
    assert len({bytes(row["pseudonym"]) for row in every[1]}) == 2
    # An objecting line counts as a deleted one: the other one stands for the person, whichever comes first by hash.
    assert _bits(found, 2) == {1: 0, 2: EVERY} and _bits(found, 3) == {1: EVERY, 2: 0}
    research = _bits(found, 4)
    assert research[1] + research[2] == EVERY and research[2] in (EVERY, bit("market_research"))


def test_an_objection_may_cover_the_holders_other_lines(spark):
    two = [_line(1, 1, 1), _line(2, 2, 1), _line(3, 3, 2)]
    business = [(*line[:5], BUSINESS) for line in two]
    found = _sims(spark, [(two, [_object(1)]), (business, [_object(1)])], covers_holder=True)
    assert _bits(found, 0) == {1: 0, 2: 0, 3: EVERY}
    assert _bits(found, 1) == {1: 0, 2: EVERY, 3: EVERY}


def test_an_ended_objection_blocks_its_time_alone(spark):
    past = frame(
        spark,
        "t TIMESTAMP, purposes TINYINT, past ARRAY<STRUCT<bits: INT, `from`: TIMESTAMP, `to`: TIMESTAMP>>",
        *(
            (t, EVERY, [(EVERY, at("2026-03-03T08:00:00"), at("2026-03-03T12:00:00"))])
            for t in ("2026-03-03T07:59:59", "2026-03-03T08:00:00", "2026-03-03T11:59:59", "2026-03-03T12:00:00")
        ),
    )
    masks = past.select(allowed_at(F.col("purposes"), F.col("past"), F.col("t"))).collect()
    assert [m[0] for m in masks] == [EVERY, 0, 0, EVERY]
