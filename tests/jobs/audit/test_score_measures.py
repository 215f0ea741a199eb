"""Measures of accuracy on cells that can be reckoned by hand."""

from __future__ import annotations

import pytest
from frames import frame, rows

from jobs.audit.score_measures import (
    cell_measures,
    footfall_cells,
    home_measures,
    levels_above,
    person_measures,
    trip_measures,
)

DAY = "2026-03-03"
HOURS = "date DATE, pseudonym STRING, role STRING, hour INT, zone_id STRING"


def measured(frame_):
    return {
        (level, method, measure): (value if value is None else pytest.approx(value), compared)
        for measure, level, method, value, compared in rows(frame_, "measure", "level", "method", "value", "compared")
    }


def test_levels_hold_the_finest_zones_their_ancestors_and_places_by_size(spark):
    zones = frame(
        spark,
        "zone_id STRING, level STRING, parent_id STRING, role STRING, tiles INT",
        ("a", "district", "c", "partition", 50),
        ("b", "district", "c", "partition", 50),
        ("c", "city", None, "partition", 100),
        ("station", "poi", "a", "place", 10),
        ("kiosk", "poi", "a", "place", 9),
    )
    assert rows(levels_above(zones, ["city", "district"]), "zone_id", "counted_id", "level") == [
        ("a", "a", "district"),
        ("a", "c", "city"),
        ("b", "b", "district"),
        ("b", "c", "city"),
        ("kiosk", "kiosk", "poi, smaller"),
        ("station", "station", "poi, 10 tiles or more"),
    ]


def test_cells_cover_the_domain_with_zeros_and_sum_up_to_higher_levels(spark):
    truth = frame(spark, HOURS, (DAY, "p", "partition", 8, "a"), (DAY, "q", "partition", 8, "b"))
    estimates = frame(
        spark,
        HOURS + ", method STRING",
        (DAY, "p", "partition", 8, "a", "threestep"),
        (DAY, "q", "partition", 8, "a", "threestep"),
        (DAY, "p", "partition", 9, "elsewhere", "threestep"),
    )
    above = frame(
        spark, "zone_id STRING, counted_id STRING, level STRING",
        ("a", "a", "district"), ("b", "b", "district"), ("a", "c", "city"), ("b", "c", "city"),
    )  # fmt: skip
    clock = frame(spark, "date DATE, hour INT", (DAY, 8), (DAY, 9))
    found = footfall_cells(truth, estimates, above, clock)
    assert rows(found, "level", "zone_id", "hour", "true", "estimated") == [
        ("city", "c", 8, 2, 2),
        ("city", "c", 9, 0, 0),
        ("district", "a", 8, 1, 2),
        ("district", "a", 9, 0, 0),
        ("district", "b", 8, 1, 0),
        ("district", "b", 9, 0, 0),
    ]


def test_errors_bias_and_rank_correlation_of_cells(spark):
    cells = frame(
        spark,
        "date DATE, level STRING, method STRING, true BIGINT, estimated BIGINT",
        # Relative errors of the cells from 20 on: 0.5, 0.1, 0.2; the cell of 19 has no say in the median.
        (DAY, "d", "threestep", 19, 0),
        (DAY, "d", "threestep", 20, 30),
        (DAY, "d", "threestep", 100, 90),
        (DAY, "d", "threestep", 50, 60),
        # The other way round, and nothing that is large enough.
        (DAY, "d", "nearest_cell", 1, 3),
        (DAY, "d", "nearest_cell", 2, 2),
        (DAY, "d", "nearest_cell", 3, 1),
        # Ties: true ranks 1.5, 1.5, 3, estimated 1, 2, 3; Pearson of these is sqrt(0.75).
        (DAY, "e", "threestep", 5, 1),
        (DAY, "e", "threestep", 5, 2),
        (DAY, "e", "threestep", 7, 9),
        # All alike, and nobody there.
        (DAY, "f", "threestep", 0, 0),
        (DAY, "f", "threestep", 0, 0),
    )
    found = measured(cell_measures(cells, "footfall"))
    assert found["d", "threestep", "footfall_mdape"] == (0.2, 3)
    assert found["d", "threestep", "footfall_mae"] == ((19 + 10 + 10 + 10) / 4, 4)
    assert found["d", "threestep", "footfall_bias"] == ((180 - 189) / 189, 4)
    assert found["d", "threestep", "footfall_spearman"] == (1.0, 4)
    assert found["d", "nearest_cell", "footfall_mdape"] == (None, 0)
    assert found["d", "nearest_cell", "footfall_spearman"] == (-1.0, 3)
    assert found["e", "threestep", "footfall_spearman"] == (0.75**0.5, 3)
    assert found["f", "threestep", "footfall_spearman"] == (None, 2)
    assert found["f", "threestep", "footfall_bias"] == (None, 2)
    assert len(found) == 16


def test_person_hours_are_covered_by_any_zone_and_right_in_their_own(spark):
    truth = frame(
        spark, HOURS,
        (DAY, "p", "partition", 8, "a"), (DAY, "p", "partition", 9, "a"), (DAY, "q", "partition", 8, "b"),
        (DAY, "q", "partition", 9, "b"), (DAY, "q", "place", 9, "station"),
    )  # fmt: skip
    estimates = frame(
        spark,
        HOURS + ", method STRING",
        (DAY, "p", "partition", 8, "a", "threestep"),
        (DAY, "p", "partition", 9, "b", "threestep"),
        (DAY, "q", "partition", 8, "b", "threestep"),
        # A place is no answer to where in the partition somebody was, nor is another person.
        (DAY, "q", "place", 9, "station", "threestep"),
        (DAY, "r", "partition", 9, "b", "threestep"),
    )
    levels = frame(spark, "zone_id STRING, level STRING", ("a", "district"), ("b", "district"), ("station", "poi"))
    assert measured(person_measures(truth, estimates, levels)) == {
        ("district", "threestep", "footfall_coverage"): (3 / 4, None),
        ("district", "threestep", "footfall_right_zone"): (2 / 3, None),
        ("poi", "threestep", "footfall_coverage"): (1.0, None),
        ("poi", "threestep", "footfall_right_zone"): (1.0, None),
    }


def test_trips_found_missed_and_invented(spark):
    ddl = "date DATE, origin_zone_id STRING, destination_zone_id STRING, trips BIGINT"
    truth = frame(spark, ddl, (DAY, "a", "b", 4), (DAY, "b", "a", 2))
    estimates = frame(spark, ddl + ", method STRING", (DAY, "a", "b", 3, "threestep"), (DAY, "a", "c", 1, "threestep"))
    assert measured(trip_measures(truth, estimates, "district")) == {
        ("district", "threestep", "trips_recall"): (3 / 6, 3),
        ("district", "threestep", "trips_precision"): (3 / 4, 3),
        ("district", "threestep", "trips_cpc"): (2 * 3 / 10, 3),
    }


def test_only_homes_of_enough_nights_are_judged_and_the_fallback_never(spark):
    truth = frame(
        spark, "date DATE, pseudonym STRING, zone_id STRING",
        (DAY, "p", "a"), (DAY, "q", "a"), (DAY, "r", "a"), (DAY, "s", "a"), (DAY, "t", "a"),
    )  # fmt: skip
    homes = frame(
        spark,
        "pseudonym STRING, home_zone_id STRING, night_zone_id STRING, registered_zone_id STRING, nights INT, "
        "is_fallback BOOLEAN, method STRING",
        ("p", "a", "b", "a", 3, False, "threestep"),
        ("q", "b", "a", "b", 4, False, "threestep"),
        ("r", "a", "a", "a", 2, True, "threestep"),
        ("s", "a", "a", "a", 5, True, "threestep"),
        ("t", "a", "a", None, 5, False, "threestep"),
    )
    assert measured(home_measures(truth, homes, "district", 3)) == {
        ("district", "threestep", "homes_told"): (3 / 5, 5),
        ("district", "threestep", "homes_right"): (2 / 3, 3),
        ("district", "threestep", "homes_right_by_nights"): (2 / 3, 3),
        ("district", "threestep", "homes_right_moved"): (0, 1),
        ("district", "threestep", "homes_right_unregistered"): (1, 1),
    }
