"""What charts of a place hold: figures as released, and the part of the day that has something to show."""

from __future__ import annotations

import pytest
from released_city import PLACE, delivery, product_rows

from jobs.deliver.figures import figures, gaps, of_zone, spread
from jobs.deliver.place_charts import approach_rose, audience_bars, catchment_map, leading_place
from jobs.errors import UsageError


class TestApproachRose:
    def test_it_opens_on_the_part_of_the_day_with_most_told_visits(self):
        figure = {"status": "published", "estimate": 50, "persons": 12, "lower": 1, "upper": 90}
        nothing = {"status": "suppressed", "estimate": None, "persons": None, "lower": None, "upper": None}
        rows = []
        for row in product_rows("approach"):
            told = row["daypart"] == "evening" and row["sector"] == "S"
            untold = row["daypart"] == "night" and row["sector"] == "unknown"
            rows.append(row | (figure if told else figure | {"estimate": 5000} if untold else nothing))
        chart = approach_rose(delivery("approach", rows), PLACE).to_dict()
        assert [p["value"] for p in chart["params"] if p["name"] == "daypart"] == ["evening"]


class TestFiguresOfSeveralCells:
    def _rows(self, product, column, words):
        told = {"status": "merged", "persons": 20, "estimate": 80, "lower": 40, "upper": 120, "covers": ",".join(words)}
        nothing = {"status": "suppressed", "persons": None, "estimate": None, "lower": None, "upper": None}
        found = []
        for row in product_rows(product):
            if row["zone_id"] == PLACE and row[column] in words:
                row = row | (told if row[column] == words[0] else nothing)
            found.append(row)
        return found

    def test_each_cell_has_the_mean_and_no_gap_is_told_of(self):
        rows = [r for r in self._rows("audience", "gender", ["female", "male"]) if r["age_band"] == "30-39"]
        got = spread(of_zone(delivery("audience", rows), PLACE), "gender").set_index("gender")
        assert list(got.loc[["female", "male"], "value"]) == [40.0, 40.0]
        assert list(got.loc[["female", "male"], "status"]) == ["merged", "merged"] and len(got) == 4
        plain = figures(delivery("audience"))
        assert spread(plain, "gender") is plain

    def test_homes_of_a_joint_figure_are_drawn_alike(self):
        rows = self._rows("catchment", "home_zone_id", ["z00", "z01"])
        chart = catchment_map(delivery("catchment", rows), PLACE).to_dict()
        drawn = {
            f["home_zone_name"]: (f["status"], f["value"])
            for values in chart["datasets"].values()
            for f in values
            if "home_zone_name" in f
        }
        assert drawn["District 00"] == drawn["District 01"] == ("merged", 40.0)
        assert "have a figure together" in str(chart["title"])

    def test_genders_of_a_joint_figure_are_one_bar(self):
        rows = self._rows("audience", "gender", ["female", "male"])
        told = str(audience_bars(delivery("audience", rows), PLACE).to_dict())
        assert "'female and male'" in told and "'value': 80.0" in told


class TestGaps:
    def test_reasons_are_counted_only_where_there_are_several(self):
        rows = of_zone(delivery("dwell"), PLACE)
        assert gaps(rows) == "3 of 6 cells have no figure: too few people to show."
        rows = of_zone(delivery("dwell"), "z00")
        hidden = (rows["status"] == "suppressed").sum()
        assert gaps(rows).endswith(f"{hidden} too few people to show, 1 not told apart by the network.")
        assert gaps(rows[rows["status"] == "published"]) == "Every cell has a figure."


class TestLeadingPlace:
    def test_a_place_comes_before_larger_zones(self):
        assert leading_place(delivery("dwell")) == PLACE

    def test_a_zone_that_is_not_there_is_refused(self):
        with pytest.raises(UsageError, match="zone nowhere is not part of release dwell"):
            of_zone(delivery("dwell"), "nowhere")
