"""What each product says, in the words of who reads it: a retailer, a planner, a market researcher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from expectations.product_words import (
    AGE_BANDS,
    DAYPART_STARTS,
    DAYPARTS,
    DISTANCE_BANDS,
    DWELL_BANDS,
)


@dataclass(frozen=True)
class ProductWords:
    """A product in plain words.

    Attributes:
        title: What it is called.
        counted: What one figure counts.
        unit: What a figure is a number of.
        beware: What it must not be read as.
        axis: Column by which its coverage is shown.
        axis_title: What that column is called.
        order: Order of that column's words; empty: as sorted.
    """

    title: str
    counted: str
    unit: str
    beware: tuple[str, ...]
    axis: str
    axis_title: str
    order: tuple[str, ...] = field(default=())


_VISIT = (
    "A visit is the time that a person stays in a zone without leaving it for half an hour or more. In districts and "
    "other areas the residents of the zone are left out; at places such as a shopping centre everybody counts."
)
_STAY = "People who stay for less than 15 minutes are mostly missed, since phones are not heard of all the time."

WORDS: Mapping[str, ProductWords] = {
    "panel": ProductWords(
        "Panel: the phones that the figures are made from",
        "How many persons of the panel (customers whose phones were seen on the day, and who have not objected) are "
        "registered as living in each zone. Estimates of all other products are made from it.",
        "persons of the panel",
        ("These are customers of one operator, not residents.",),
        "level",
        "Level",
    ),
    "footfall": ProductWords(
        "Footfall: how many people were where, hour by hour",
        "How many people were in each zone in each hour of the day. In districts and other areas a person counts in "
        "the one zone where most of the hour was spent; at places such as a shopping centre a person counts in every "
        "hour in which they were there.",
        "people",
        (
            "Hours do not add up to visitors: who stays three hours counts in three of them.",
            "Places lie inside districts: do not add the two.",
            _STAY,
        ),
        "hour",
        "Hour of the day",
    ),
    "dwell": ProductWords(
        "Dwell: how long people stayed",
        f"How many visits of the day lasted how long. {_VISIT} A person counts once in each band of duration.",
        "visits",
        (
            f"{_STAY} The band under 15 minutes is given only where small cells cover the place.",
            "Durations are told from contacts of the phone: a visit near the edge of a band may count in the next one.",
            "Short visits leave few contacts and are seen far less often than long ones. Estimates of people make up "
            "for that as the simulation of a city asks; `persons` do not: their shares are no shares of all visits.",
        ),
        "dwell_band",
        "Minutes",
        DWELL_BANDS,
    ),
    "approach": ProductWords(
        "Approach: from which direction visitors came",
        f"How many visits of the day began in which part of the day, by the direction from which people came: the "
        f"bearing of where they were last seen before. {_VISIT}",
        "visits",
        (
            "`unknown` means that the phone was not seen elsewhere shortly before, or so near that the network cannot "
            "tell the direction. It is no direction of its own: leave it out of shares.",
            "A direction is a straight line on the map, not the road that was taken.",
        ),
        "daypart",
        "Part of the day",
        DAYPARTS,
    ),
    "audience": ProductWords(
        "Audience: who the visitors were",
        f"How many visitors of the day were of which age and gender, as the operator has it on record. {_VISIT} "
        "A person counts once in a zone.",
        "visitors",
        (
            "`unknown` are business, reseller and foreign lines, of which no age or gender is on record.",
            "Age and gender are those of the contract's holder: a child's phone may run on a parent's name.",
            "Estimates of women and men of one age band lie nearer together than `persons` where the difference is no "
            "greater than noise makes it: that other places of the day show. Their sum is not changed.",
        ),
        "age_band",
        "Age",
        AGE_BANDS,
    ),
    "od": ProductWords(
        "Origin and destination: who travels from where to where",
        "How many people made a trip from one zone to another in a part of the day, in the week. A person counts once "
        "for a pair of zones and part of the day, however often the trip was made. `all` stands for every other "
        "zone: what leaves or reaches a zone together, as a sum of the figures of its pairs.",
        "people who made the trip",
        (
            "These are people, not trips: a commuter of five days counts once.",
            "Trips inside a zone (origin and destination the same) are not part of the sums.",
            "A trip ends where somebody stays for 15 minutes or more: a change of trains is none.",
        ),
        "daypart",
        "Part of the day",
        DAYPARTS,
    ),
    "catchment": ProductWords(
        "Catchment: where visitors live",
        "How many people who visited a zone in the month live in which zone. Home is where the phone spends most "
        "nights of the month; with few nights, the registered address. Who lives or works in the visited zone is no "
        "visitor.",
        "visitors",
        (
            "A person counts once a month for a visited zone, however often they came.",
            "The distance is that between the centres of the two zones, not of the way taken.",
        ),
        "distance_band",
        "Kilometres",
        DISTANCE_BANDS,
    ),
    "corridor_flow": ProductWords(
        "Corridor flow: how many people move along a road or line",
        "How many people moved along a corridor in a direction in each hour, and how fast most of them were. "
        "Carbon dioxide and nitrogen oxides are estimates of an estimate: published emission factors times people.",
        "people in motion",
        (
            "People, not vehicles: several may sit in one car, and a train is not told from a road beside it.",
            "Emissions are for comparison between corridors and hours, not for an inventory.",
        ),
        "hour",
        "Hour of the day",
    ),
}

STATUS_WORDS: Mapping[str, str] = {
    "published": "A figure stands: enough people were counted, also after allowing for the noise.",
    "merged": "Several cells together have a figure where none of them has one alone; `covers` lists them. Over hours "
    "and parts of the day such a figure counts who was there in two of them twice.",
    "suppressed": "Too few people to show, or it could be worked out from other figures. It does not mean nobody, "
    "and must not be read or filled in as 0.",
    "unresolved": "The network cannot tell this place from its surroundings: there is no figure on any day, "
    "however many people come.",
}

DAY_TYPES: Mapping[str, tuple[str, str]] = {
    "workday": ("working day", "working days"),
    "saturday": ("Saturday", "Saturdays"),
    "sunday_or_holiday": ("Sunday or public holiday", "Sundays or public holidays"),
}
"""Kinds of days, one and several."""

READING = (
    "`persons` are customers of one operator, with noise added for privacy. Use them to compare, not as counts.",
    "`estimate` is what they stand for: residents and visitors, all operators together.",
    "`lower` and `upper` hold the true value in 95 of 100 cases. Figures whose intervals overlap may be equal.",
)


def day_type_words(types: Mapping[str, int]) -> str:
    """What kinds of days there are, e.g. ``5 working days, 1 Saturday, 1 Sunday or public holiday``."""
    if sum(types.values()) == 1:
        return DAY_TYPES[next(name for name, days in types.items() if days)][0]
    return ", ".join(f"{types[name]} {words[types[name] > 1]}" for name, words in DAY_TYPES.items() if types.get(name))


def daypart_words() -> dict[str, str]:
    """Hours of each part of the day, e.g. ``morning`` to ``06:00 to 10:00``."""
    starts = [*DAYPART_STARTS.values(), 24]
    return {
        name: f"{start:02d}:00 to {end:02d}:00"
        for name, start, end in zip(DAYPART_STARTS, starts, starts[1:], strict=False)
    }
