"""Seeds as typed, and the table over several of them."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import Row

from jobs.audit.trial import seeds_of, spread
from jobs.errors import UsageError

DAYS = (dt.date(2026, 3, 3), dt.date(2026, 3, 4))


class TestSeedsOf:
    def test_ranges_and_lists(self):
        assert seeds_of("11-13") == (11, 12, 13)
        assert seeds_of("7, 3,4-5,4") == (3, 4, 5, 7)

    @pytest.mark.parametrize("text", ["", "a", "3-", "9-7,", "1.5", "-3"])
    def test_what_is_no_seed_is_refused(self, text):
        with pytest.raises(UsageError, match="--seeds"):
            seeds_of(text)

    def test_a_range_upside_down_is_refused(self):
        with pytest.raises(UsageError, match="smaller end"):
            seeds_of("9-7")


def _row(measure, value, day=DAYS[0]):
    return Row(date=day, measure=measure, level="district", method="released", value=value, compared=1)


class TestSpread:
    def test_days_of_a_seed_at_their_mean_and_seeds_beside_each_other(self):
        measured = {
            11: [_row("footfall_mdape", 0.1), _row("footfall_mdape", 0.3, DAYS[1])],
            12: [_row("footfall_mdape", 0.4)],
            13: [_row("footfall_mdape", None)],
        }
        [line] = spread(measured)
        assert line == {"measure": "footfall_mdape", "zones": "district", "mean": 0.3, "least": 0.2, "greatest": 0.4}

    def test_intervals_carry_the_share_over_all_seeds(self):
        measured = {
            11: [_row("interval_coverage", 0.9)],
            12: [_row("interval_coverage", 0.98)],
            None: [_row("interval_coverage", 0.95)],
        }
        [line] = spread(measured)
        assert (line["mean"], line["least"], line["greatest"]) == (0.95, 0.9, 0.98)
