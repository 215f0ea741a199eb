"""Whether the shared session interprets its queries or compiles them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from jobs.session import LIGHT_CONF


@contextmanager
def compiling(spark: SparkSession) -> Iterator[None]:
    """The session compiles meanwhile, as it does in production."""
    before = {name: spark.conf.get(name, None) for name in LIGHT_CONF}
    for name in LIGHT_CONF:
        spark.conf.unset(name)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is not None:
                spark.conf.set(name, value)
