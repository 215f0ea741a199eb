"""What of a week's trips and a month's visitors is shown, and what a release says of what it lacks."""

from __future__ import annotations

import datetime as dt

import pytest
from frames import frame, rows

from jobs.aggregate.identity import Period, release_id
from jobs.release.catchment import judged_catchment, reach
from jobs.release.flows import judged_flows, judged_found
from jobs.release.periods import FALLBACK_NOTE, notes, period_factors
from jobs.release.sums import SumParams
from jobs.segment.periods import days_of

PARAMS = SumParams(20, 3.0, 10.0)
"""A cell is shown from 50 on, a sum of two from 63, of three from 72."""
NOISED = "release_id STRING, level STRING, zone_id STRING, hour INT, part STRING, other STRING, noised BIGINT"


def _noised(spark, *cells):
    return frame(spark, NOISED, *(("r", "d", a, None, part, b, n) for a, b, part, n in cells))


class TestFlows:
    def _judged(self, spark, cells):
        found = judged_flows(_noised(spark, *cells), PARAMS)
        return {
            (a, b): (status, persons) for a, b, status, persons in rows(found, "zone_id", "other", "status", "persons")
        }

    def test_sums_are_of_the_noised_without_the_diagonal(self, spark):
        zones = ("a", "b", "c")
        cells = [(x, y, "night", 1_000 if x == y else 100) for x in zones for y in zones]
        found = self._judged(spark, cells)
        assert len(found) == 9 + 3 + 3
        assert {found[x, "all"] for x in zones} == {found["all", y] for y in zones} == {("published", 200)}
        assert found["a", "a"] == ("published", 1_000)

    def test_a_sum_with_one_suppressed_part_hides_another_or_is_hidden(self, spark):
        """From a: 100, 100 and -4. Shown, the sum would tell the one that is suppressed."""
        pairs = {("a", "b"): 100, ("a", "c"): 100, ("a", "d"): -4}
        cells = [(x, y, "night", pairs.get((x, y), 100)) for x in "abcd" for y in "abcd" if x != y]
        found = self._judged(spark, cells)
        hidden = {pair for pair, (status, _) in found.items() if status == "suppressed"}
        assert ("a", "d") in hidden
        for end, other in (("a", "all"), ("all", "d")):
            parts = [p for p in hidden if "all" not in p and (p[0] == end or p[1] == other)]
            assert (end, other) in hidden or len(parts) >= 2

    def test_dayparts_are_apart_and_sigma_grows_with_the_parts(self, spark):
        cells = [("a", y, part, 100) for y in "bc" for part in ("night", "morning")]
        found = rows(judged_flows(_noised(spark, *cells), PARAMS).filter("other = 'all'"), "part", "persons", "sigma")
        assert found == [
            ("morning", 200, pytest.approx(14.142, abs=0.001)),
            ("night", 200, pytest.approx(14.142, abs=0.001)),
        ]

    def test_of_what_was_found_no_sums(self, spark):
        found = judged_found(_noised(spark, ("a", "b", "night", 80), ("a", "c", "night", 49)), PARAMS)
        assert rows(found, "other", "status", "persons") == [("b", "published", 80), ("c", "suppressed", None)]


class TestCatchment:
    def test_thresholds_by_role_and_places_that_cannot_be_told(self, spark):
        domain = frame(
            spark,
            "release_id STRING, level STRING, role STRING, zone_id STRING, hour INT, part STRING, other STRING",
            *(("r", "d", "partition", "a", None, "2-5", home) for home in ("b", "c")),
            *(("r", "poi", "place", place, None, "0-2", "b") for place in ("mall", "shop")),
        )
        noised = frame(
            spark,
            NOISED,
            ("r", "d", "a", None, "2-5", "b", 50),
            ("r", "d", "a", None, "2-5", "c", 49),
            ("r", "poi", "mall", None, "0-2", "b", 49),
        )
        params = {"partition": PARAMS, "place": SumParams(20, 3.0, 5.0)}
        found = judged_catchment(noised, domain, params, adaptive=True)
        assert rows(found, "zone_id", "other", "status", "persons", "sigma") == [
            ("a", "b", "published", 50, 10.0),
            ("a", "c", "suppressed", None, 10.0),
            ("mall", "b", "published", 49, 5.0),
            ("shop", "b", "unresolved", None, None),
        ]

    def test_homes_of_one_band_that_fail_are_offered_together(self, spark):
        homes = {"b": ("2-5", 45), "c": ("2-5", 50), "d": ("2-5", 20), "e": ("5-10", 49), "f": ("10-20", 9)}
        homes |= {"g": ("10-20", 11), "h": ("2-5", 30)}
        ddl = "release_id STRING, level STRING, role STRING, zone_id STRING, hour INT, part STRING, other STRING"
        cells = [("r", "d", "a", None, band, home, n) for home, (band, n) in homes.items()]
        domain = frame(spark, ddl, *((r, level, "partition", *cell) for r, level, *cell, _ in cells))
        noised = frame(spark, NOISED, *cells)
        found = judged_catchment(noised, domain, {"partition": PARAMS}, adaptive=True)
        told = {row["other"]: row for row in found.collect()}
        # 45 + 20 + 30 is at the bar of three parts, 20 + 3 · 10 · √3 = 72; one part alone is no merge.
        assert told["b"]["status"] == "merged" and told["b"]["persons"] == 95 and told["b"]["covers"] == "b,d,h"
        assert told["b"]["sigma"] == pytest.approx(17.32, abs=0.01)
        assert [tuple(block) for block in told["b"]["blocks"]] == [("b", 32), ("d", 32), ("h", 31)]
        assert told["c"]["status"] == "published" and [tuple(b) for b in told["c"]["blocks"]] == [("c", 50)]
        assert {told[h]["status"] for h in "defgh"} == {"suppressed"}
        assert all(told[h]["persons"] is None and told[h]["blocks"] is None for h in "defgh")
        plain = judged_catchment(noised, domain, {"partition": PARAMS}, adaptive=False)
        assert rows(plain.filter("persons IS NOT NULL"), "other", "persons") == [("c", 50)]

    def test_reach_is_of_shown_visitors_by_distance(self, spark):
        shown = frame(
            spark,
            "zone_id STRING, blocks ARRAY<STRUCT<zone_id: STRING, persons: BIGINT>>",
            ("mall", [("near", 50)]),
            ("mall", [("mid", 30), ("far", 20)]),
            ("mall", None),
            ("empty", None),
        )
        away = frame(
            spark,
            "zone_id STRING, other STRING, km DOUBLE",
            *(("mall", home, km) for home, km in (("near", 1.04), ("mid", 3.0), ("far", 9.0), ("unknown", 90.0))),
            ("empty", "near", 1.0),
        )
        assert rows(reach(shown, away)) == [("mall", 1.0, 3.0)]


class TestLimits:
    def test_missing_days_are_named(self):
        days = days_of("week-2026-W10")
        week = Period("week", "2026-W10", days[0], days[-1], tuple(days[:5]))
        assert notes("od", week, None) == ("made from 5 of the week's 7 days; missing: 2026-03-07, 2026-03-08",)
        month = Period("month", "2026-03", dt.date(2026, 3, 1), dt.date(2026, 3, 31), tuple(days_of("month-2026-03")))
        assert notes("catchment", month, None) == (FALLBACK_NOTE,)
        assert release_id("od", week.name) == "od-2026-W10-r0"

    def test_a_period_has_the_mean_factor_of_its_days_or_none(self, spark):
        days = days_of("week-2026-W10")
        week = Period("week", "2026-W10", days[0], days[-1], tuple(days))
        ddl = "date DATE, zone_id STRING, factor DOUBLE, relative DOUBLE, source STRING"
        by_day = frame(
            spark,
            ddl,
            ("2026-03-01", "a", 9.0, 0.1, "own"),
            ("2026-03-02", "a", 3.0, 0.1, "above"),
            ("2026-03-08", "a", 4.0, 0.3, "own"),
        )
        assert rows(period_factors(by_day, week)) == [("2026-03-08", "a", 3.5, 0.2, "own")]
        assert rows(period_factors(by_day.filter("date < '2026-03-02'"), week)) == []
