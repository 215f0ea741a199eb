"""products.*, and their staging twins: what buyers read, and nothing else does buyers' work."""

from __future__ import annotations

from dataclasses import replace

from expectations.contract import Column, Contract, Schema, WriteMode, columns
from expectations.rules import Between, InSet, NotNull

STATUSES = ("published", "suppressed", "merged", "unresolved")

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

_SHOWN = "(status IN ('published', 'merged'))"

_CHECKS = {
    "figures_only_where_published": f"{_SHOWN} = (persons IS NOT NULL)",
    "estimate_only_where_published": f"estimate IS NULL OR {_SHOWN}",
    "interval_holds_estimate": "estimate IS NULL OR (lower <= estimate AND estimate <= upper)",
    "no_negative_figures": "coalesce(persons, 0) >= 0 AND coalesce(lower, 0) >= 0",
}

_RULES = (
    NotNull("release_id"),
    NotNull("zone_id"),
    NotNull("status"),
    InSet("status", STATUSES),
    Between("persons", 0),
    Between("lower", 0),
)


def _product(name: str, comment: str, keys: tuple[Column, ...]) -> Contract:
    lead = columns(("release_id", "STRING!", "The release that made the row"), ("date", "DATE!", "Local day"))
    return Contract(
        schema=Schema.PRODUCTS,
        name=name,
        comment=comment,
        columns=(*lead, *keys, *_FIGURES),
        keys=("release_id", *(key.name for key in keys)),
        mode=WriteMode.REPLACE_WHERE,
        period="release_id",
        retention="for good: anonymous",
        rules=_RULES + ((Between("hour", 0, 23),) if any(key.name == "hour" for key in keys) else ()),
        checks=_CHECKS,
        releasable=True,
    )


_ZONE = columns(("zone_id", "STRING!", "Zone"))
_HOUR = columns(("hour", "INT!", "Hour of the local clock, 0-23; a doubled hour is one cell"))

PANEL = _product("panel", "One row a zone of residence and day: persons of the panel registered there", _ZONE)
FOOTFALL = _product(
    "footfall",
    "One row a zone and hour of a day: persons by main zone of the hour; at points of interest, persons who were there",
    (*_ZONE, *_HOUR),
)

PRODUCTS: dict[str, Contract] = {contract.name: contract for contract in (PANEL, FOOTFALL)}

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
        ("zone_id", "STRING!", "Zone"),
        ("hour", "INT", "Hour of the local clock; null where the product has none"),
        ("noised", "BIGINT!", "Persons plus discrete Gaussian noise; may be negative"),
    ),
    keys=("release_id", "level", "zone_id", "hour"),
    mode=WriteMode.REPLACE_WHERE,
    period="release_id",
    retention="until the release is made or blocked",
    rules=(NotNull("release_id"), NotNull("zone_id"), NotNull("noised"), Between("hour", 0, 23)),
)
