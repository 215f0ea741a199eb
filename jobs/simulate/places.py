"""Where people live and where they go, as slots: equally likely rows that a person's hash chooses.

Homes follow the population table. Destinations follow a gravity model: attractive places draw, distance
deters (exp(-d / d0), d0 by kind of place), so districts near a centre are visited by more people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.simulate.city import City
from jobs.simulate.ground import TILE, Floats, Ground, Ints, built_up, centre, strata

HOME_SLOTS = 65_536
PLACE_SLOTS = 512
POOLS = ("resident", "visitor", "thing")  # whose homes: flats, hotels, fixed places of machines
KINDS = ("work", "school", "shop", "leisure")
_DETERRENCE = {"work": 5_000.0, "school": 1_300.0, "shop": 2_000.0, "leisure": 2_800.0}  # d0 in metres
# Residents who carry a phone of their own, by age up to which the share holds.
_PHONE_AGES = ((6, 0.0), (10, 0.25), (14, 0.85), (75, 1.0), (200, 0.75))


@dataclass(frozen=True)
class Places:
    """The two slot tables.

    Attributes:
        homes: One row a home slot: slot, zone_ix, zone_id, x, y (m, a tile's lower left corner), gender,
            age_low, age_high; key pool * HOME_SLOTS + n.
        destinations: One row a destination slot: slot, x, y (m); key
            (zone_ix * len(KINDS) + kind) * PLACE_SLOTS + n.
    """

    homes: pd.DataFrame
    destinations: pd.DataFrame


def make_places(city: City, ground: Ground, seed: int) -> Places:
    """Draw both slot tables for a city."""
    rng = np.random.default_rng([seed, 1])
    density = built_up(ground, rng)
    homes = pd.concat([_flats(city, ground, density, rng), *_others(ground, density, rng)], ignore_index=True)
    zone_ids = np.array([zone.zone_id for zone in ground.zones], dtype=object)
    homes["zone_id"] = zone_ids[homes["zone_ix"].to_numpy()]
    return Places(homes, _destinations(ground, density, homes[:HOME_SLOTS], rng))


def _flats(city: City, ground: Ground, density: Floats, rng: np.random.Generator) -> pd.DataFrame:
    people = strata(city, ground)
    ages = np.arange(0, 120)
    carry = np.select([ages < limit for limit, _ in _PHONE_AGES], [share for _, share in _PHONE_AGES])
    share = np.array([carry[low:high].mean() for low, high in zip(people.age_low, people.age_high, strict=True)])
    weights = people.residents * share
    # Systematic sampling: every stratum gets its share of the slots to within one.
    bounds = np.cumsum(weights) / weights.sum()
    chosen = np.searchsorted(bounds, (np.arange(HOME_SLOTS) + rng.uniform()) / HOME_SLOTS)
    chosen = np.minimum(chosen, len(weights) - 1)
    tile = np.zeros(HOME_SLOTS, dtype=np.int64)
    for zone in np.unique(people.zone[chosen]):
        here = np.flatnonzero(ground.zone == zone)
        mask = people.zone[chosen] == zone
        if not len(here):  # a zone smaller than a tile: the tile nearest to it that has a zone
            here = np.flatnonzero(ground.zone >= 0)[:1]
        chance = density[here] + 1e-12
        tile[mask] = rng.choice(here, mask.sum(), p=chance / chance.sum())
    return _slots(0, ground, tile, people.gender[chosen], people.age_low[chosen], people.age_high[chosen])


def _others(ground: Ground, density: Floats, rng: np.random.Generator) -> list[pd.DataFrame]:
    x, y = ground.centres()
    a, b = centre(ground)
    hotels = (density + 1e-6) * np.exp(-np.hypot(x - a, y - b) / 900) * (ground.zone >= 0)
    hotels = np.where(hotels >= np.sort(hotels)[-60], hotels, 0)  # sixty tiles with a hotel
    machines = np.sqrt(density) * (ground.zone >= 0)
    frames = []
    for pool, weights in ((1, hotels), (2, machines)):
        tile = rng.choice(len(weights), HOME_SLOTS // 8, p=weights / weights.sum())
        gender = np.where(rng.uniform(size=len(tile)) < 0.5, "female", "male")
        low = np.full(len(tile), 18)
        frames.append(_slots(pool, ground, tile, gender, low, low + 57))
    return frames


def _slots(
    pool: int, ground: Ground, tile: Ints, gender: NDArray[np.str_], age_low: Ints, age_high: Ints
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "slot": pool * HOME_SLOTS + np.arange(len(tile)),
            "zone_ix": ground.zone[tile],
            "x": ground.left + TILE * (tile % ground.columns),
            "y": ground.bottom + TILE * (tile // ground.columns),
            "gender": gender.astype(object),
            "age_low": age_low.astype(np.int64),
            "age_high": age_high.astype(np.int64),
        }
    )


def _destinations(ground: Ground, density: Floats, homes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    x, y, pull = _attractions(ground, density, homes, rng)
    middle = homes.groupby("zone_ix")[["x", "y"]].mean()
    everywhere = homes[["x", "y"]].mean()
    frames = []
    for zone_ix in range(len(ground.zones)):
        spot = middle.loc[zone_ix] if zone_ix in middle.index else everywhere
        distance = np.hypot(x - spot["x"], y - spot["y"])
        for number, kind in enumerate(KINDS):
            chance = pull[kind] * np.exp(-distance / _DETERRENCE[kind]) + 1e-15
            index = rng.choice(len(x), PLACE_SLOTS, p=chance / chance.sum())
            base = (zone_ix * len(KINDS) + number) * PLACE_SLOTS
            frames.append(pd.DataFrame({"slot": base + np.arange(PLACE_SLOTS), "x": x[index], "y": y[index]}))
    return pd.concat(frames, ignore_index=True).astype("int64")


def _attractions(
    ground: Ground, density: Floats, homes: pd.DataFrame, rng: np.random.Generator
) -> tuple[Floats, Floats, dict[str, Floats]]:
    """Places by position with their pull for each kind: points of interest, local centres, sites of work."""
    people = homes.groupby("zone_ix").size().reindex(range(len(ground.zones)), fill_value=0).to_numpy()
    a, b = centre(ground)
    tiles: list[Ints] = []
    pulls: list[Floats] = []  # one row of KINDS a place
    for keys in ground.pois.values():
        # A point of interest draws more the larger it is, but less than in proportion.
        strength = HOME_SLOTS * 0.012 * (1 + len(keys)) ** 0.4 * rng.uniform(0.6, 1.6)
        tiles.append(keys)
        shares = np.array([0.5, 0.0, 1.2 * rng.uniform(0.2, 1.8), 1.5 * rng.uniform(0.4, 1.6)])
        pulls.append(np.repeat(strength * shares[None, :] / len(keys), len(keys), axis=0))
    for zone_ix in range(len(ground.zones)):
        here = np.flatnonzero(ground.zone == zone_ix)
        if not len(here):
            continue
        chance = density[here] + 1e-12
        for kind, count in ((0, 8), (1, 2), (2, 3), (3, 6)):
            spots = rng.choice(here, min(count, len(here)), p=chance / chance.sum(), replace=False)
            px, py = ground.centres(spots)
            central = np.exp(-np.hypot(px - a, py - b) / 3_000)
            pull = np.zeros((len(spots), len(KINDS)))
            size = people[zone_ix] / len(spots) if kind in (1, 2) else HOME_SLOTS / 200
            pull[:, kind] = size * rng.lognormal(0, 0.6, len(spots)) * (0.25 + 1.5 * central)
            tiles.append(spots)
            pulls.append(pull)
    tile, table = np.concatenate(tiles), np.concatenate(pulls)
    x, y = ground.centres(tile)
    return x, y, {kind: table[:, n] for n, kind in enumerate(KINDS)}
