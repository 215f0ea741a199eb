"""Pseudonyms against Python's own HMAC, and keys against plans."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from frames import frame
from pyspark.sql import functions as F

from udfs.keys import hmac_sha256, pads

KEY = bytes(range(100, 132))


def _keyed(spark):
    inner, outer = pads(KEY)
    return frame(spark, "inner BINARY, outer BINARY", (inner, outer))


class TestHmac:
    def test_equals_rfc_2104(self, spark):
        messages = ["s:42", "", "ünïcödé", "x" * 200]
        units = frame(spark, "unit STRING", *((m,) for m in messages))
        got = units.join(F.broadcast(_keyed(spark))).select(
            "unit", hmac_sha256(F.col("inner"), F.col("outer"), F.col("unit"))
        )
        assert {row[0]: bytes(row[1]) for row in got.collect()} == {
            m: hmac.new(KEY, m.encode(), hashlib.sha256).digest() for m in messages
        }

    def test_null_stays_null(self, spark):
        units = frame(spark, "unit STRING", (None,)).join(F.broadcast(_keyed(spark)))
        assert units.select(hmac_sha256(F.col("inner"), F.col("outer"), F.col("unit"))).first()[0] is None

    def test_key_is_in_no_plan(self, spark):
        df = frame(spark, "unit STRING", ("s:1",)).join(F.broadcast(_keyed(spark)))
        df = df.select(hmac_sha256(F.col("inner"), F.col("outer"), F.col("unit")).alias("p"))
        df.collect()
        query = df._jdf.queryExecution()
        text = "\n".join([query.toString(), query.analyzed().toJSON(), query.executedPlan().toJSON()])
        inner, outer = pads(KEY)
        for secret in (KEY, inner, outer):
            assert secret.hex() not in text.lower()
            assert str(list(secret)[:8])[1:-1] not in text
            assert secret[:6].decode("latin-1") not in text

    def test_short_key_is_refused(self):
        with pytest.raises(ValueError, match="32 bytes"):
            pads(b"short")
