"""The one draw: from all quantiles, or from those of the zone where the unit is registered."""

from __future__ import annotations

import pytest
from frames import frame, rows

from expectations.movement import PROFILE
from jobs.transform.draw import drawn, redrawn

GROUPS = "date DATE, pseudonym BINARY, place_no INT"
PLACES = """place_no INT, cell_id STRING, centre_x DOUBLE, centre_y DOUBLE, radius_m DOUBLE,
    site_group STRING, ring INT, is_small BOOLEAN, quantiles ARRAY<BIGINT>,
    homes ARRAY<STRUCT<zone_id: STRING, first: INT, slots: INT, at_home: DOUBLE>>"""
UNITS = 400
# Two of ten slots are home; with a lift of 16 the unit is there with 0.75 of its time, and with 0.25 anywhere.
HOME = [("home", 3, 2, 0.75)]


def _unit(n):
    return n.to_bytes(2, "big") * 16


def _tiles(spark, zone, *places):
    """Tiles by place, one a unit, of units that are all registered in the zone."""
    made = frame(spark, PLACES, *((n, f"c{n}", 0.0, 0.0, 100.0, *place) for n, place in enumerate(places)))
    groups = frame(spark, GROUPS, *(("2026-03-03", _unit(u), n) for u in range(UNITS) for n in range(len(places))))
    ddl = ", ".join(f"{c.name} {c.type}" for c in PROFILE.columns)
    who = ("domestic", "unknown", "unknown", zone)
    known = dict(zip((c.name for c in PROFILE.columns[2:]), who, strict=True))
    profile = frame(
        spark, ddl, *(("2026-03-03", _unit(u), *(known[c.name] for c in PROFILE.columns[2:])) for u in range(UNITS))
    )
    found = rows(drawn(groups, made, profile), "place_no", "pseudonym", "tile")
    assert len(found) == UNITS * len(places)
    return [[tile for n, _, tile in found if n == wanted] for wanted in range(len(places))]


class TestDrawn:
    def test_units_are_home_as_often_as_told(self, spark):
        ((*tiles,),) = _tiles(spark, "home", ("s", None, False, list(range(10)), HOME))
        # 0.75 + 0.25 of a fifth; five standard deviations of 400 draws.
        assert sum(t in (3, 4) for t in tiles) / UNITS == pytest.approx(0.8, abs=0.1)
        assert set(tiles) == set(range(10))

    @pytest.mark.parametrize(("zone", "homes"), [(None, HOME), ("elsewhere", HOME), ("home", None)])
    def test_without_a_home_on_the_ground_all_slots_are_alike(self, spark, zone, homes):
        ((*tiles,),) = _tiles(spark, zone, ("s", None, False, list(range(10)), homes))
        assert sum(t in (3, 4) for t in tiles) / UNITS == pytest.approx(0.2, abs=0.1)

    def test_cells_of_one_site_group_draw_alike(self, spark):
        place = ("s", None, False, list(range(10)), HOME)
        one, other = _tiles(spark, "home", place, place)
        assert one == other

    def test_a_unit_is_as_much_at_home_at_every_site(self, spark):
        """Who is drawn at home on the less certain cell is so on the more certain one."""
        surely, maybe = [("home", 0, 10, 0.9)], [("home", 0, 10, 0.4)]
        tiles = list(range(10)), [*range(10), *range(100, 190)]
        less, more = _tiles(spark, "home", ("a", None, False, tiles[1], maybe), ("b", None, False, tiles[1], surely))
        stray = [m for m, n in zip(more, less, strict=True) if n < 10 and m >= 100]
        # Those at home on the first by chance alone: a tenth of the three fifths that drew from all slots.
        assert len(stray) / UNITS < 0.1 * 0.6 * 0.5

    def test_on_other_ground_the_odds_of_home_are_lower(self, spark):
        place = ("s", None, False, list(range(10)), HOME)
        made = frame(spark, PLACES, (0, "c", 0.0, 0.0, 100.0, *place), (1, "d", 0.0, 0.0, 100.0, *place[:-1], None))
        groups = frame(spark, GROUPS, *(("2026-03-03", _unit(u), n) for u in range(UNITS) for n in range(2)))
        ddl = "date DATE, pseudonym BINARY, home_zone_id STRING"
        profile = frame(spark, ddl, *(("2026-03-03", _unit(u), "home") for u in range(UNITS)))
        found = rows(drawn(groups, made, profile, 0.1), "place_no", "may_be_home", "tile", "tile_away")
        assert {row[:2] for row in found} == {(0, True), (1, False)}
        near, away = ([row[n] in (3, 4) for row in found if row[0] == 0] for n in (2, 3))
        # The odds of being home at once are 3 there and 0.3 elsewhere; a fifth of the others are there by chance.
        assert sum(near) / UNITS == pytest.approx(0.75 + 0.25 / 5, abs=0.1)
        assert sum(away) / UNITS == pytest.approx(0.3 / 1.3 + 1 / 1.3 / 5, abs=0.12)
        # Who is home away from it is so there as well.
        assert not any(a and not n for n, a in zip(near, away, strict=True))
        assert all(row[2] == row[3] for row in found if row[0] == 1)


class TestRedrawn:
    """Stays of several days under the key of a week or month."""

    STAYS = (
        """date DATE, pseudonym BINARY, kind STRING, tile BIGINT, cell_id STRING, ring INT, on_home_ground BOOLEAN"""
    )
    PAIRS = "date DATE, pseudonym BINARY, month STRING, month_pseudonym BINARY"
    DAYS = tuple(f"2026-03-{day:02d}" for day in range(2, 12))

    def _redrawn(self, spark, *stays, profile=()):
        """Rows of stays are (day, unit, kind, tile, cell, ring, on home ground); a unit is another one each day."""
        homes = [("home", 3, 2, 0.75)]
        places = frame(
            spark, PLACES,
            (0, "a", 0.0, 0.0, 100.0, "s", None, False, list(range(10)), homes),
            (1, "a", 0.0, 0.0, 100.0, "s", 7, False, list(range(70, 80)), None),
            (2, "b", 0.0, 0.0, 100.0, "t", None, False, list(range(100, 110)), None),
        )  # fmt: skip
        pairs = [(day, self._name(day, unit), "2026-03", _unit(unit)) for day in self.DAYS for unit in range(UNITS)]
        made = frame(spark, self.STAYS, *((d, self._name(d, u), *more) for d, u, *more in stays))
        who = frame(
            spark,
            "date DATE, pseudonym BINARY, home_zone_id STRING",
            *((day, self._name(day, unit), zone) for day in self.DAYS for unit, zone in profile),
        )
        found = redrawn(made, places, who, frame(spark, self.PAIRS, *pairs), "month")
        assert found.columns == made.columns
        return found

    @staticmethod
    def _name(day, unit):
        return bytes([int(day[-2:])]) * 2 + _unit(unit)[2:]

    def test_one_position_a_unit_and_site_all_month_whatever_its_days_drew(self, spark):
        stays = [(day, u, "stay", 999, "a", None, False) for day in self.DAYS for u in range(40)]
        found = self._redrawn(spark, *stays).collect()
        by_unit = {}
        for row in found:
            by_unit.setdefault(bytes(row["pseudonym"])[2:], set()).add(row["tile"])
        assert len(found) == 400 and len(by_unit) == 40 and all(len(tiles) == 1 for tiles in by_unit.values())
        assert len(set.union(*by_unit.values())) > 5

    def test_rings_and_cells_have_their_own_and_what_is_no_stay_keeps_its_tile(self, spark):
        day = self.DAYS[0]
        found = self._redrawn(
            spark,
            (day, 1, "stay", 999, "a", 7, False), (day, 2, "stay", 999, "b", None, False),
            (day, 3, "move", 998, None, None, False), (day, 4, "stay", 997, "gone", None, False),
        )  # fmt: skip
        tiles = {bytes(row["pseudonym"])[2:]: row["tile"] for row in found.collect()}
        assert tiles[_unit(1)[2:]] in range(70, 80) and tiles[_unit(2)[2:]] in range(100, 110)
        assert tiles[_unit(3)[2:]] == 998 and tiles[_unit(4)[2:]] == 997

    def test_home_is_drawn_as_often_as_told(self, spark):
        day = self.DAYS[0]
        stays = [(day, u, "stay", 999, "a", None, True) for u in range(UNITS)]
        found = rows(self._redrawn(spark, *stays, profile=[(u, "home") for u in range(UNITS)]), "tile")
        assert sum(t in (3, 4) for (t,) in found) / UNITS == pytest.approx(0.8, abs=0.1)
