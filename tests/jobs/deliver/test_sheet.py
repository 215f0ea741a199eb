"""Data sheets: figures by hand, the schema of the JSON, and a page that stands by itself."""

from __future__ import annotations

import json
import math
import re

import jsonschema
import pytest
from released_city import PLACE, delivery, product_rows, release

from expectations.products import PRODUCTS
from jobs.deliver.facts import coverage, example, facts, intervals, period, privacy, reach
from jobs.deliver.limits import direction, limits
from jobs.deliver.sheet import check, render
from jobs.deliver.words import WORDS, day_type_words, daypart_words
from jobs.period_settings import CalendarPolicy
from jobs.settings import MechanismPolicy, Policy, ProductPolicy

CALENDAR = CalendarPolicy()


def dwell(*cells):
    """Rows of dwell: zone, band, status, estimate and half width."""
    rows = []
    for zone, band, status, estimate, half in cells:
        row = dict.fromkeys(PRODUCTS["dwell"].column_names)
        row |= {"release_id": release("dwell"), "zone_id": zone, "dwell_band": band, "status": status}
        row |= {"level": "poi" if zone == PLACE else "district"}
        if estimate is not None:
            row |= {"persons": estimate // 4, "estimate": estimate, "lower": estimate - half, "upper": estimate + half}
        rows.append(row)
    return delivery("dwell", rows)


class TestFacts:
    @pytest.mark.parametrize("product", PRODUCTS)
    def test_every_product_has_a_sheet_that_fits_the_schema(self, product):
        sheet = facts(delivery(product), CALENDAR)
        check(sheet)
        assert json.loads(json.dumps(sheet)) == sheet
        page = render(sheet, delivery(product))
        assert WORDS[product].title in page
        assert not re.search(r"(?:src|href)=|@import|url\((?!#)|<script", page), "the page fetches something"

    def test_the_schema_refuses_what_it_does_not_know(self):
        with pytest.raises(jsonschema.ValidationError):
            check(facts(delivery("panel"), CALENDAR) | {"persons": 5})

    def test_coverage_counts_cells_by_status_level_and_axis(self):
        given = dwell(
            ("z00", "15-30", "published", 400, 40),
            ("z00", ">240", "suppressed", None, 0),
            (PLACE, "15-30", "published", 100, 50),
            (PLACE, "<15", "unresolved", None, 0),
        )
        found = coverage(given)
        assert found["by_status"] == {"published": 2, "suppressed": 1, "merged": 0, "unresolved": 1}
        assert found["by_level"][1] == {"level": "poi", "published": 1, "suppressed": 0, "merged": 0, "unresolved": 1}
        assert [entry["value"] for entry in found["by_axis"]] == ["<15", "15-30", ">240"]
        assert found["by_axis"][1] == {"value": "15-30", "published": 2, "suppressed": 0, "unresolved": 0}

    def test_widths_are_half_the_interval_over_the_estimate(self):
        given = dwell(("z00", "15-30", "published", 400, 40), (PLACE, "15-30", "published", 100, 50))
        found = intervals(given)
        assert (found["figures"], found["median"]) == (2, 0.3)
        assert {e["level"]: e["median"] for e in found["by_level"]} == {"district": 0.1, "poi": 0.5}

    def test_a_release_without_a_figure_has_no_widths_and_no_example(self):
        sheet = facts(dwell(("z00", "15-30", "suppressed", None, 0)), CALENDAR)
        check(sheet)
        assert (sheet["intervals"]["median"], sheet["counted"]["example"]) == (None, None)
        assert "0 %" in render(sheet, dwell(("z00", "15-30", "suppressed", None, 0)))

    def test_the_example_reads_the_largest_figure_of_a_place(self):
        given = dwell(("z00", "15-30", "published", 4000, 40), (PLACE, "30-60", "published", 1200, 50))
        assert example(given) == "Riverside Centre, dwell band 30-60: about 1,200 visits, between 1,150 and 1,250."

    def test_what_is_unknown_makes_no_example(self):
        rows = [
            row for row in product_rows("approach") if row["zone_id"] == PLACE and row["sector"] in ("unknown", "S")
        ]
        largest = [
            row | ({"status": "published", "persons": 9, "estimate": 36} if row["sector"] == "S" else {})
            for row in rows
        ]
        found = example(delivery("approach", [row | {"lower": 1, "upper": 99} for row in largest]))
        assert found == "Riverside Centre, daypart afternoon, sector S: about 36 visits, between 1 and 99."


class TestPrivacy:
    def test_thresholds_carry_the_margin_and_epsilon_that_of_rho(self):
        found = privacy(delivery("footfall"), None)
        assert found["threshold"] == {"partition": math.ceil(20 + 3.09 * 20), "place": math.ceil(20 + 3.09 * 24.494897)}
        assert found["epsilon"] == pytest.approx(0.05 + 2 * math.sqrt(0.05 * math.log(1e9)), abs=1e-3)
        assert (found["max_cells"], found["period_rho"]) == (None, 0.1)

    def test_speeds_have_noise_but_no_threshold(self):
        given = delivery("corridor_flow", sigma='{"corridor": 18.3, "speed": 36.5}')
        assert [*privacy(given, None)["threshold"]] == ["corridor"]
        assert "Noise, speed" in render(facts(given, CALENDAR), given)

    def test_the_policy_of_the_release_adds_what_one_person_can_change(self):
        dwelling = ProductPolicy(
            purpose="market_research", mechanisms={"partition": MechanismPolicy(rho=0.01, max_cells=4)}
        )
        policy = Policy(margin_sigmas=4, products={"dwell": dwelling})
        found = privacy(delivery("dwell"), policy)
        assert found["max_cells"] == {"partition": 4}
        assert found["threshold"] == {"partition": math.ceil(20 + 4 * 14.1)}


class TestPeriod:
    @pytest.mark.parametrize(
        ("text", "kind", "first", "last"),
        [
            ("2026-03-03", "day", "2026-03-03", "2026-03-03"),
            ("2026-W10", "week", "2026-03-02", "2026-03-08"),
            ("2026-W53", "week", "2026-12-28", "2027-01-03"),
            ("2024-02", "month", "2024-02-01", "2024-02-29"),
            ("2026-12", "month", "2026-12-01", "2026-12-31"),
        ],
    )
    def test_first_and_last_day(self, text, kind, first, last):
        found = period(text, CALENDAR)
        assert (found["kind"], found["first_day"], found["last_day"]) == (kind, first, last)

    def test_kinds_of_days(self):
        easter = period("2026-W14", CALENDAR)
        assert easter["day_types"] == {"workday": 4, "sunday_or_holiday": 2, "saturday": 1}
        assert easter["holidays"] == ["Good Friday (2026-04-03)"]
        assert day_type_words(easter["day_types"]) == "4 working days, 1 Saturday, 2 Sundays or public holidays"
        assert day_type_words(period("2026-04-06", CALENDAR)["day_types"]) == "Sunday or public holiday"
        assert day_type_words(period("2026-03-03", CALENDAR)["day_types"]) == "working day"

    def test_parts_of_the_day_fill_it(self):
        assert daypart_words()["night"] == "00:00 to 06:00"
        assert daypart_words()["evening"] == "19:00 to 24:00"


class TestReach:
    def test_each_zone_once_and_places_first(self):
        found = reach(delivery("catchment"))
        assert found[0] == {"name": "Riverside Centre", "median_km": 2.1, "radius_80_km": 4.5}
        assert len(found) == len({entry["name"] for entry in found}) == 17


class TestLimits:
    def test_zones_smaller_than_the_radius_are_named(self):
        found = limits(delivery("footfall"))["resolution"]
        # 12 tiles are a circle of 195 m; a phone there is known to 770 m.
        assert (found["zones"], found["coarse_zones"]) == (17, 1)
        assert found["coarsest"] == [
            {"name": "Riverside Centre", "radius_m": 770, "own_radius_m": 195, "inside_share": 0.64}
        ]

    def test_places_that_have_no_figure_at_all_are_named(self):
        rows = [row | {"status": "unresolved"} if row["zone_id"] == PLACE else row for row in product_rows("audience")]
        assert limits(delivery("audience", rows))["unresolved_places"] == ["Riverside Centre"]
        assert limits(delivery("audience"))["unresolved_places"] == []

    def test_directions_are_uncertain_by_both_ends(self):
        found = {entry["distance_km"]: entry["degrees"] for entry in direction(1000)}
        assert found[1] == pytest.approx(54.7)
        assert found[10] == pytest.approx(8.0)
        assert "direction" not in limits(delivery("footfall"))
        assert limits(delivery("approach"))["direction"][0]["distance_km"] == 1


class TestRender:
    def test_a_restriction_and_notes_stand_above_all_else(self):
        note = "not for release: test noise"
        given = delivery("panel", for_release=False, note=note)
        page = render(facts(given, CALENDAR), given)
        assert page.index("Not for release.") < page.index("What was counted")
        given = delivery("od", note="5 of 7 days: 2026-03-07 and 2026-03-08 are missing; second")
        page = render(facts(given, CALENDAR), given)
        assert page.index("are missing</li><li>second</li>") < page.index("What was counted")

    def test_names_are_text_not_markup(self):
        given = delivery("panel")
        given.zones["name"] = "<b>&"
        page = render(facts(given, CALENDAR), given)
        assert "&lt;b&gt;&amp;" in page and "<b>&" not in page.replace("<b>&lt;", "")
