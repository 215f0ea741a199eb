"""What charts of a place hold: figures as released, and the part of the day that has something to show."""

from __future__ import annotations

import pytest
from released_city import PLACE, delivery, product_rows

from jobs.deliver.figures import gaps, of_zone
from jobs.deliver.place_charts import approach_rose, leading_place
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
