"""Whether the shared session interprets its queries or compiles them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
"""Frames of a few rows are read sooner than code for them is compiled."""


@contextmanager
def compiling(spark: SparkSession) -> Iterator[None]:
    """The session compiles meanwhile, as it does in production."""
    before = {name: spark.conf.get(name, None) for name in INTERPRETED}
    for name in INTERPRETED:
        spark.conf.unset(name)
    yield
    for name, value in before.items():
        if value is not None:
            spark.conf.set(name, value)
