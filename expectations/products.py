"""products.*, and their staging twins: what buyers read, and nothing else does buyers' work."""

from __future__ import annotations

from dataclasses import replace

from expectations.contract import Column, Contract, Schema, WriteMode, columns
from expectations.product_words import (
    AGE_BANDS,
    DAYPARTS,
    DISTANCE_BANDS,
    DWELL_BANDS,
    GENDERS,
    SECTORS,
    SPEED_BANDS,
    STATUSES,
)
from expectations.rules import Between, InSet, NotNull, RowRule

_FIGURES = columns(
    ("level", "STRING!", "Level of the zone"),
    (
        "status",
        "STRING!",
        "published, suppressed, merged or unresolved; a figure stands only where published or merged",
    ),
    ("persons", "BIGINT", "Persons of the panel, with noise; null unless published"),
    ("estimate", "BIGINT", "Persons extrapolated to residents and visitors; null unless published"),
    ("lower", "BIGINT", "Lower end of the 95 % interval of the estimate"),
    ("upper", "BIGINT", "Upper end of the 95 % interval of the estimate"),
)

_COVERS = columns(
    (
        "covers",
        "STRING",
        "Of a merged figure: the hours, dayparts, genders or home zones that it sums up; null elsewhere",
    )
)

_SHOWN = "(status IN ('published', 'merged'))"

_CHECKS = {
    "figures_only_where_published": f"{_SHOWN} = (persons IS NOT NULL)",
    "estimate_only_where_published": f"estimate IS NULL OR {_SHOWN}",
    "interval_holds_estimate": "estimate IS NULL OR (lower <= estimate AND estimate <= upper)",
    "no_negative_figures": "coalesce(persons, 0) >= 0 AND coalesce(lower, 0) >= 0",
}

_COVERS_CHECK = {"covers_only_where_merged": "(status = 'merged') = (covers IS NOT NULL)"}

_WORDS = {
    "dwell_band": DWELL_BANDS,
    "daypart": DAYPARTS,
    "sector": SECTORS,
    "age_band": AGE_BANDS,
    "gender": GENDERS,
    "distance_band": DISTANCE_BANDS,
}

_DATE = columns(("date", "DATE!", "Local day"))
_PERIOD = columns(("period", "STRING!", "ISO week (2026-W10) or month (2026-03)"))


def _product(
    name: str, comment: str, keys: tuple[Column, ...], time: tuple[Column, ...] = _DATE, extra: tuple[Column, ...] = ()
) -> Contract:
    lead = columns(("release_id", "STRING!", "The release that made the row"))
    rules: list[RowRule] = [NotNull("release_id"), NotNull("status"), InSet("status", STATUSES)]
    rules += [NotNull(key.name) for key in keys if key.required]
    rules += [InSet(key.name, _WORDS[key.name]) for key in keys if key.name in _WORDS]
    rules += [Between("hour", 0, 23)] if any(key.name == "hour" for key in keys) else []
    rules += [Between("persons", 0), Between("lower", 0)]
    return Contract(
        schema=Schema.PRODUCTS,
        name=name,
        comment=comment,
        columns=(*lead, *time, *keys, *_FIGURES, *extra),
        keys=("release_id", *(key.name for key in keys)),
        mode=WriteMode.REPLACE_WHERE,
        period="release_id",
        retention="for good: anonymous",
        rules=tuple(rules),
        checks=_CHECKS | (_COVERS_CHECK if set(_COVERS) <= set(extra) else {}),
        releasable=True,
    )


_ZONE = columns(("zone_id", "STRING!", "Zone"))
_HOUR = columns(("hour", "INT!", "Hour of the local clock, 0-23; a doubled hour is one cell"))
_DAYPART = columns(("daypart", "STRING!", "Part of the local day: night, morning, midday, afternoon or evening"))

PANEL = _product("panel", "One row a zone of residence and day: persons of the panel who live there", _ZONE)
FOOTFALL = _product(
    "footfall",
    "One row a zone and hour of a day: persons by main zone of the hour; at points of interest, persons who were there",
    (*_ZONE, *_HOUR),
    extra=_COVERS,
)
DWELL = _product(
    "dwell",
    "One row a zone and band of duration: visits of the day, one a person and band",
    (*_ZONE, *columns(("dwell_band", "STRING!", "Minutes of the visit"))),
)
APPROACH = _product(
    "approach",
    "One row a zone, daypart and sector: visits of the day by the direction that they came from",
    (*_ZONE, *_DAYPART, *columns(("sector", "STRING!", "Direction, or unknown where footprints cannot tell"))),
    extra=_COVERS,
)
AUDIENCE = _product(
    "audience",
    "One row a zone, age band and gender: visitors of the day",
    (
        *_ZONE,
        *columns(
            ("age_band", "STRING!", "Ten years of age, or unknown: business, reseller and foreign lines"),
            ("gender", "STRING!", "female, male, diverse or unknown"),
        ),
    ),
    extra=_COVERS,
)
OD = _product(
    "od",
    "One row a pair of zones and daypart of a week: persons who made the trip; with 'all' the sum of a zone's flows",
    (
        *columns(
            ("origin_zone_id", "STRING!", "Zone where the trip began, or all"),
            ("destination_zone_id", "STRING!", "Zone where it ended, or all"),
        ),
        *_DAYPART,
    ),
    _PERIOD,
)
CATCHMENT = _product(
    "catchment",
    "One row a zone and home zone of a month: visitors by where they live",
    (
        *_ZONE,
        *columns(
            ("home_zone_id", "STRING!", "Zone where they live"),
            ("distance_band", "STRING!", "Between the two zones' centres"),
        ),
    ),
    _PERIOD,
    extra=(
        *columns(
            ("median_km", "DOUBLE", "Of the zone: half of the shown visitors live within; null where none are shown"),
            ("radius_80_km", "DOUBLE", "Of the zone: four in five of the shown visitors live within"),
        ),
        *_COVERS,
    ),
)
CORRIDOR_FLOW = _product(
    "corridor_flow",
    "One row a corridor, direction and hour of a day: persons in motion along it",
    (
        *columns(
            ("corridor_id", "STRING!", "Corridor"),
            ("direction", "STRING!", "forward: as the line was drawn; backward: against it"),
        ),
        *_HOUR,
    ),
    extra=columns(
        ("speed_band", "STRING", f"Where most figures lie: {', '.join(SPEED_BANDS)}, km/h; null unless published"),
        ("co2_kg", "DOUBLE", "Carbon dioxide, kilograms: an estimate of an estimate, from emission factors"),
        ("nox_g", "DOUBLE", "Nitrogen oxides, grams: an estimate of an estimate, from emission factors"),
    ),
)

PRODUCTS: dict[str, Contract] = {
    contract.name: contract for contract in (PANEL, FOOTFALL, DWELL, APPROACH, AUDIENCE, OD, CATCHMENT, CORRIDOR_FLOW)
}

RELEASES = Contract(
    schema=Schema.PRODUCTS,
    name="releases",
    comment="One row a release; this row alone makes the release's rows valid",
    columns=columns(
        ("release_id", "STRING!", "Identity of the release"),
        ("product", "STRING!", "Product"),
        ("period", "STRING!", "Day, week or month, as ISO 8601"),
        ("correction", "INT!", "0 for the first release of a period, then counting up"),
        ("purpose", "STRING!", "Purpose that the product serves"),
        ("policy", "STRING!", "Digest of the policy"),
        ("rho", "DOUBLE!", "zCDP spent"),
        ("sigma", "STRING!", "Scale of the noise by level, as JSON"),
        ("min_persons", "INT!", "Threshold before the margin"),
        ("cells", "BIGINT!", "Rows of the release: the size of its public domain"),
        ("published", "BIGINT!", "Cells with a figure"),
        ("suppressed", "BIGINT!", "Cells without"),
        ("extrapolation", "STRING!", "How estimates were made"),
        ("note", "STRING", "Restrictions, e.g. not for release"),
        ("for_release", "BOOLEAN!", "False where a waiver or a test made it"),
        ("digest", "STRING!", "SHA-256 of the rows in order of their keys"),
        ("released_at", "TIMESTAMP!", "Instant of the commit"),
    ),
    keys=("release_id",),
    mode=WriteMode.MERGE,
    retention="for good",
    rules=(NotNull("release_id"), NotNull("product"), NotNull("period"), Between("rho", 0, 10), NotNull("digest")),
)


def staged(product: Contract) -> Contract:
    """The staging twin of a product: same columns, seen by the pipeline only."""
    return replace(product, schema=Schema.STAGING, retention="until the release is made or blocked", releasable=False)


NOISED = Contract(
    schema=Schema.STAGING,
    name="noised",
    comment="One row a cell of a product's drawn level: the count with its noise, drawn once and never again",
    columns=columns(
        ("release_id", "STRING!", "Release"),
        ("product", "STRING!", "Product"),
        ("level", "STRING!", "Level on which noise was drawn"),
        ("zone_id", "STRING!", "Zone, or corridor"),
        ("hour", "INT", "Hour of the local clock; null where the product has none"),
        ("part", "STRING", "First further key of the product, see jobs/aggregate/specs.py; null where it has none"),
        ("other", "STRING", "Second further key of the product"),
        ("noised", "BIGINT!", "Persons plus discrete Gaussian noise; may be negative"),
    ),
    keys=("release_id", "level", "zone_id", "hour", "part", "other"),
    mode=WriteMode.REPLACE_WHERE,
    period="release_id",
    retention="until the release is made or blocked",
    rules=(NotNull("release_id"), NotNull("zone_id"), NotNull("noised"), Between("hour", 0, 23)),
)
