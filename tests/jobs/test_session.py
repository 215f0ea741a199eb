"""Settings that hold for a while."""

from __future__ import annotations

import pytest

from jobs.session import shuffled_in

PARTS = "spark.sql.shuffle.partitions"


class TestShuffledIn:
    def test_more_parts_meanwhile_and_the_old_number_after_a_failure(self, spark):
        before = spark.conf.get(PARTS)
        with pytest.raises(ValueError), shuffled_in(spark, 7):
            assert spark.conf.get(PARTS) == "7"
            raise ValueError
        assert spark.conf.get(PARTS) == before

    def test_never_fewer(self, spark):
        before = spark.conf.get(PARTS)
        with shuffled_in(spark, 1):
            assert spark.conf.get(PARTS) == before
