"""The pictures of the radio model: which cell is drawn, and what a tile's shade means."""

from __future__ import annotations

import pandas as pd
import pytest
from frames import frame

from jobs.audit.coverage_picture import draw_coverage, draw_radius, draw_sector
from jobs.errors import UsageError

COLUMN, ROW = 44864, 31392
CELLS = "cell_id STRING, sector BIGINT, x DOUBLE, y DOUBLE, azimuth_deg DOUBLE, radius_m DOUBLE, technology STRING"


def _tile(east):
    return (COLUMN + east) * 100_000 + ROW


@pytest.fixture(scope="module")
def network(spark):
    x, y = COLUMN * 100.0, ROW * 100.0
    cells = frame(
        spark, CELLS, ("a", 1, x, y, 90.0, 300.0, "LTE"), ("b", 1, x, y, 90.0, 300.0, "NR"),
        ("c", 2, x, y, 180.0, 900.0, "LTE"),
    )  # fmt: skip
    prints = frame(
        spark, "sector BIGINT, tile BIGINT, probability DOUBLE",
        (1, _tile(0), 0.5), (1, _tile(1), 0.5), (2, _tile(1), 1.0),
    )  # fmt: skip
    ground = pd.DataFrame(
        {"tile": [_tile(0), _tile(1)], "zone_id": ["w", "e"], "column": [COLUMN, COLUMN + 1], "row": [ROW, ROW]}
    )
    return prints, cells, ground


class TestDrawCoverage:
    def test_a_lake_without_footprints_is_told(self, spark, tmp_path):
        with pytest.raises(UsageError, match="no footprints"):
            draw_coverage(spark, str(tmp_path / "lake"), tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_an_unknown_cell_is_told(self, network):
        with pytest.raises(UsageError, match="no such cell"):
            draw_sector(*network, "x")

    def test_the_named_cell_is_drawn(self, network):
        page = draw_sector(*network, "c").axes[0]
        (image,) = page.images
        assert image.get_array().tolist() == [[100.0]]

    def test_a_tile_has_the_mean_radius_of_what_serves_it(self, network):
        page = draw_radius(*network).axes[0]
        (image,) = page.images
        # Two cells with half of their mass in the second tile, one with all of it.
        assert image.get_array().tolist() == [[300.0, pytest.approx(600.0)]]
