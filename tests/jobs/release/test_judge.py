"""What is shown of a day as a whole."""

from __future__ import annotations

from frames import frame, rows

from jobs.release.judge import of_peopled_days

DDL = (
    "date STRING, product STRING, zone_id STRING, status STRING, persons BIGINT, sigma DOUBLE, covers STRING, "
    "speed_band STRING, blocks ARRAY<STRUCT<zone_id: STRING, persons: BIGINT>>"
)
BLOCKS = [("z1", 90)]
SHOWN = [
    ("d1", "footfall", "z1", "published", 90, 15.8, None, None, BLOCKS),
    ("d1", "footfall", "z2", "merged", 95, 22.3, "1,2", None, None),
    ("d1", "corridor_flow", "c1", "published", 91, 15.8, None, "30-50", None),
    ("d1", "dwell", "z1", "unresolved", None, None, None, None, None),
    ("d1", "dwell", "z2", "suppressed", None, 15.8, None, None, None),
]


class TestOfPeopledDays:
    def test_nothing_is_shown_of_a_day_without_a_panel(self, spark):
        judged = frame(spark, DDL, *SHOWN, ("d2", "footfall", "z1", "published", 92, 15.8, None, None, None))
        panel = frame(
            spark, "date STRING, zone_id STRING, status STRING, persons BIGINT",
            ("d1", "z1", "suppressed", None), ("d2", "z1", "suppressed", None), ("d2", "z2", "published", 80),
        )  # fmt: skip
        found = of_peopled_days(judged, panel)
        assert found.columns == judged.columns
        told = rows(
            found.filter("status <> 'unresolved'"), "date", "zone_id", "status", "persons", "covers", "speed_band"
        )
        assert sorted(told, key=str) == [
            ("d1", "c1", "suppressed", None, None, None),
            ("d1", "z1", "suppressed", None, None, None),
            ("d1", "z2", "suppressed", None, None, None),
            ("d1", "z2", "suppressed", None, None, None),
            ("d2", "z1", "published", 92, None, None),
        ]
        assert found.filter("blocks IS NOT NULL").isEmpty()
        assert rows(found.filter("status = 'unresolved'"), "date", "zone_id") == [("d1", "z1")]

    def test_a_day_with_one_keeps_all(self, spark):
        judged = frame(spark, DDL, *SHOWN)
        panel = frame(spark, "date STRING, zone_id STRING, status STRING", ("d1", "z9", "published"))
        assert rows(of_peopled_days(judged, panel)) == rows(judged)
