"""The list of all contracts, for the dictionary, doctor and tests; jobs import the tables they may touch instead."""

from __future__ import annotations

from expectations import audit, products
from expectations.accuracy import ACCURACY
from expectations.cells import CELLS
from expectations.consent_ledger import CONSENT_LEDGER
from expectations.consent_requests import CONSENT_REQUESTS
from expectations.contract import Contract
from expectations.corridors import CORRIDOR_CELLS, CORRIDORS
from expectations.events import EVENTS
from expectations.footprints import CELL_POSITIONS, FOOTPRINTS, SECTORS, ZONE_RESOLUTION
from expectations.homes import HOMES
from expectations.movement import MOVEMENT, PROFILE
from expectations.od_contributions import OD_CONTRIBUTIONS
from expectations.quarantine import QUARANTINE
from expectations.residents import RESIDENTS
from expectations.rewards import REWARDS
from expectations.segments import SEGMENTS
from expectations.subscribers import SUBSCRIBERS
from expectations.tiles import TILES
from expectations.visits import VISITS
from expectations.zones import ZONE_TILES, ZONES

ALL: tuple[Contract, ...] = (
    SUBSCRIBERS,
    CONSENT_REQUESTS,
    CONSENT_LEDGER,
    EVENTS,
    QUARANTINE,
    REWARDS,
    CELLS,
    TILES,
    ZONES,
    ZONE_TILES,
    SECTORS,
    FOOTPRINTS,
    CELL_POSITIONS,
    ZONE_RESOLUTION,
    CORRIDORS,
    CORRIDOR_CELLS,
    RESIDENTS,
    MOVEMENT,
    PROFILE,
    SEGMENTS,
    HOMES,
    VISITS,
    OD_CONTRIBUTIONS,
    products.NOISED,
    *(products.staged(contract) for contract in products.PRODUCTS.values()),
    *products.PRODUCTS.values(),
    products.RELEASES,
    audit.RUNS,
    audit.CONSENT_RECEIPTS,
    audit.ERASURES,
    audit.KEY_EVENTS,
    audit.PRIVACY_LEDGER,
    audit.QUALITY_RESULTS,
    ACCURACY,
)
