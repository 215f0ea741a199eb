"""restricted.events: what the network saw."""

from __future__ import annotations

from expectations.contract import Contract, Schema, WriteMode, columns
from expectations.rules import Between, InSet, Matches, NotNull

EVENT_TYPES = ("call", "sms", "data", "signalling")

EVENTS = Contract(
    schema=Schema.RESTRICTED,
    name="events",
    comment="One row a network contact, as delivered; exact repeats are dropped and counted in the segment job",
    columns=columns(
        ("event_date", "DATE!", "Day of event_time in UTC"),
        ("imsi", "STRING!", "SIM identity"),
        ("event_time", "TIMESTAMP!", "Instant of the contact"),
        ("cell_id", "STRING!", "Serving cell"),
        ("event_type", "STRING!", "call, sms, data or signalling"),
        ("timing_advance", "INT", "Timing advance in steps of the technology"),
        ("home_mcc", "SMALLINT", "Mobile country code of the SIM; null where it cannot be told"),
        ("cell_known", "BOOLEAN!", "Whether the cell plan has the cell on that day"),
    ),
    keys=("imsi", "event_time", "cell_id", "event_type"),
    mode=WriteMode.REPLACE_WHERE,
    period="event_date",
    partitioned=True,
    retention="until period end + late_days + 1 day",
    rules=(
        NotNull("imsi"),
        Matches("imsi", r"^([2-7][0-9]{13,14}|[0-9A-F]{64})$"),
        NotNull("event_time"),
        NotNull("cell_id"),
        NotNull("event_type"),
        InSet("event_type", EVENT_TYPES),
        Between("timing_advance", 0, 20000),
    ),
)
