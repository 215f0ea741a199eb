"""What makes intervals hold: the corrections and errors that were put in are found, and cities are pooled."""

from __future__ import annotations

import datetime as dt
import math
import random

import pytest
from frames import frame

from jobs.audit.calibration import _growth, added, corrections, model_errors
from jobs.release.model_error import write_model_error

CELLS = (
    "product STRING, date DATE, level STRING, kind STRING, zone_id STRING, hour INT, part STRING, estimate BIGINT, "
    "lower BIGINT, upper BIGINT, true DOUBLE"
)
DAY = "2026-03-03"


def _cell(zone, true, *, product="footfall", kind="finest", part="night", estimate=100, half=2):
    return (product, DAY, "d", kind, zone, 1, part, estimate, estimate - half, estimate + half, float(true))


class TestCorrections:
    def test_is_the_ratio_of_all_zones_by_band_and_of_visits_alone(self, spark):
        cells = [
            _cell("a", 300, product="dwell", part="30-60"), _cell("b", 100, product="dwell", part="30-60"),
            _cell("a", 50, product="dwell", part=">240"), _cell("b", 50, product="dwell", part=">240"),
            # What a single one of several zones shows is nothing to go by.
            _cell("a", 50, product="dwell", part="15-30"),
            _cell("a", 5000, product="dwell", kind="place", part="15-30"),
            _cell("a", 0, product="dwell", kind="place", part=">240"), _cell("a", 200),
        ]  # fmt: skip
        assert corrections(frame(spark, CELLS, *cells), {}) == {
            "dwell": {
                "finest": 1.1, "finest 30-60": 2.0, "finest >240": 0.5,
                # Neither nothing nor a multitude is made of what was seen.
                "place": 10.0, "place 15-30": 10.0, "place >240": 0.1,
            }
        }  # fmt: skip

    def test_visits_have_their_own_by_habit_and_what_is_of_a_week_has_not(self, spark):
        friday = dt.date(2026, 3, 6)

        def on(day, true, product, part):
            return (product, day, *_cell("a", true, part=part)[2:])

        cells = [
            on(DAY, 100, "dwell", "30-60"), on(friday, 300, "dwell", "30-60"),
            on(DAY, 100, "audience", None), on(friday, 200, "audience", None), on(friday, 300, "od", "night"),
        ]  # fmt: skip
        days = {dt.date.fromisoformat(DAY): "workday", friday: "friday"}
        table = frame(spark, CELLS, *cells)
        found = corrections(table, days)
        assert found == {
            "dwell": {
                "finest": 2.0, "finest workday": 1.0, "finest friday": 3.0,
                "finest 30-60": 2.0, "finest 30-60 workday": 1.0, "finest 30-60 friday": 3.0,
            },
            "audience": {"finest": 1.5, "finest workday": 1.0, "finest friday": 2.0},
            "od": {"finest": 3.0, "finest night": 3.0},
        }  # fmt: skip
        # Each cell is held against the correction that it would be given; errors are of all days together.
        errors = model_errors(table, found, days)
        assert errors["dwell"] == {"finest": (0.01, 0.01), "finest 30-60": (0.01, 0.01)}
        assert model_errors(table, found, {})["dwell"]["finest 30-60"][0] > 0.3


class TestModelErrors:
    def test_finds_the_error_that_was_put_in(self, spark):
        """Twice as far below as above, on a thousand zones; one place with nothing unexplained."""
        draw = random.Random(1)
        sizes = [(i, z * (0.4 if z < 0 else 0.2)) for i in range(1000) for z in [draw.gauss(0, 1)]]
        cells = [_cell(f"z{i}", 100 * math.exp(size)) for i, size in sizes]
        cells.append(_cell("p", 101, kind="place"))
        [(product, found)] = model_errors(frame(spark, CELLS, *cells), {}, {}).items()
        assert product == "footfall"
        assert found["finest"] == found["finest night"] == pytest.approx((0.4, 0.2), rel=0.1)
        assert found["place"] == found["place night"] == (0.01, 0.01)

    def test_is_that_of_corrected_estimates(self, spark):
        cells = [_cell(f"z{i}", 200, product="dwell", part="30-60") for i in range(5)]
        by = {"dwell": {"finest": 1.0, "finest 30-60": 2.0}}
        assert model_errors(frame(spark, CELLS, *cells), by, {})["dwell"]["finest 30-60"] == (0.01, 0.01)
        assert model_errors(frame(spark, CELLS, *cells), {}, {})["dwell"]["finest 30-60"][1] > 0.3

    def test_a_part_of_few_zones_has_none_of_its_own_unless_the_kind_has_no_more(self, spark):
        cells = [_cell(z, 150, part="night" if z != "a" else "morning") for z in "abcd"]
        cells.append(_cell("all", 150, kind="coarser"))
        [found] = model_errors(frame(spark, CELLS, *cells), {}, {}).values()
        assert set(found) == {"finest", "finest night", "coarser", "coarser night"}

    def test_few_zones_ask_for_more(self):
        assert _growth(1) == 1.0
        assert _growth(5) == pytest.approx(2.776 / 1.96 * math.sqrt(1.2), rel=0.01)
        assert _growth(1000) == pytest.approx(1.0, abs=0.01)


class TestAdded:
    def test_pools_cities_and_knows_them_again(self, tmp_path):
        path = tmp_path / "e.json"
        one, two = {"city": "x", "seed": 1}, {"city": "x", "seed": 2}
        low, high = (dict.fromkeys(("finest", "coarser", "place"), pair) for pair in ((0.3, 0.1), (0.4, 0.1)))
        write_model_error(path, added(path, one, {"footfall": high}, {}))
        write_model_error(path, added(path, one, {"footfall": low}, {}))
        more = {"footfall": {**high, "place night": (2.0, 1.0)}, "dwell": {"place": (1.0, 2.0)}}
        pooled = added(path, two, more, {"dwell": {"place": 3.0}})
        # Of a product's own errors none is mixed with footfall's by the part of the day.
        assert pooled.of("dwell") == {**{k: pooled.of("od")[k] for k in ("finest", "coarser")}, "place": (1.0, 2.0)}
        assert pooled.of("footfall")["finest"] == pytest.approx((math.sqrt((0.09 + 0.16) / 2), 0.1), abs=1e-4)
        assert pooled.of("footfall")["place night"] == (2.0, 1.0)
        assert pooled.corrections == {"dwell": {"place": 3.0}} and len(pooled.cities) == 2

    def test_another_product_of_the_same_city_stands_beside_those_that_are_known(self, tmp_path):
        path, city = tmp_path / "e.json", {"city": "x", "seed": 1}
        errors = {"footfall": dict.fromkeys(("finest", "coarser", "place"), (0.1, 0.1)), "od": {"finest": (0.2, 0.2)}}
        write_model_error(path, added(path, city, errors, {"od": {"finest": 1.5}}))
        write_model_error(path, added(path, city, {"dwell": {"place": (0.3, 0.3)}}, {"dwell": {"place": 2.0}}))
        found = added(path, city, {"od": {"finest": (0.4, 0.4)}}, {"od": {"finest": 1.2}})
        assert found.corrections == {"dwell": {"place": 2.0}, "od": {"finest": 1.2}} and len(found.cities) == 1
        assert found.errors == {**errors, "dwell": {"place": (0.3, 0.3)}, "od": {"finest": (0.4, 0.4)}}

    def test_errors_hold_how_far_the_corrections_of_cities_lie_apart(self, tmp_path):
        path, errors = tmp_path / "e.json", {"footfall": dict.fromkeys(("finest", "coarser", "place"), (0.1, 0.1))}
        errors["dwell"] = {"place": (0.0, 0.3)}
        write_model_error(path, added(path, {"city": "x"}, errors, {"dwell": {"place": 1.0}}))
        pooled = added(path, {"city": "y"}, errors, {"dwell": {"place": 4.0}})
        apart = math.log(2) / 1.959964
        assert pooled.corrections == {"dwell": {"place": 2.0}}
        assert pooled.of("dwell")["place"] == pytest.approx((apart, math.hypot(0.3, apart)), abs=1e-4)
        assert pooled.of("footfall")["place"] == (0.1, 0.1)

    def test_keeps_the_corrections_of_products_and_parts_that_the_new_city_does_not_tell(self, tmp_path):
        path, errors = tmp_path / "e.json", {"footfall": dict.fromkeys(("finest", "coarser", "place"), (0.1, 0.1))}
        # A part of few zones has a correction and no error of its own.
        visits = {**errors, "dwell": {"place": (0.2, 0.3)}}
        write_model_error(path, added(path, {"city": "x"}, visits, {"dwell": {"place": 2.0, "place 15-30": 9.0}}))
        pooled = added(path, {"city": "y"}, {"od": {"finest": (0.5, 0.4)}}, {"od": {"finest": 1.5}})
        assert pooled.corrections == {"dwell": {"place": 2.0, "place 15-30": 9.0}, "od": {"finest": 1.5}}
        assert pooled.errors == {**visits, "od": {"finest": (0.5, 0.4)}}
