"""Women and men of an age band: how little their numbers differ elsewhere tells how much of a difference is noise.

Of each band both figures carry the same noise, which half of the zones' differences may consist of. An empirical Bayes
estimator weighs a zone's difference against that of all zones of the day and level, by how much zones differ beyond
the noise (DerSimonian and Laird 1986); it moves no difference by more than its own standard error, so that a
place that is unlike the others stays so (limited translation, Efron and Morris 1972). Both estimates keep their sum.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.product_words import GENDERS

_LEAST_PAIRS = 10
_MOST_MOVED = 1.0
"""Standard errors."""
_EXACT = "decimal(38,9)"  # sums of doubles hang on the order of rows


def with_borrowed(cells: DataFrame) -> DataFrame:
    """Add ``_borrowed``: by what a figure of women or men is multiplied before it is extrapolated; others by one.

    Args:
        cells: ``product, date, level, zone_id, part`` (age band), ``other`` (gender), ``status, persons, sigma``.
    """

    def by_gender(gender: str, sign: int) -> Column:
        share = (1 + sign * F.col("moved")) / (1 + sign * F.col("d"))
        return F.struct(F.lit(gender).alias("other"), share.alias("_by"))

    shares = _moved(_pairs(cells)).select(
        *("date", "level", "zone_id", "part"),
        F.explode(F.array(*(by_gender(gender, sign) for gender, sign in zip(GENDERS[:2], (1, -1), strict=True)))).alias(
            "one"
        ),
    )
    own = shares.select(F.lit("audience").alias("product"), "date", "level", "zone_id", "part", "one.other", "one._by")
    keys = ["product", "date", "level", "zone_id", "part", "other"]
    by = F.when(F.col("status") == "published", F.col("_by"))
    return (
        cells.join(F.broadcast(own), on=keys, how="left")
        .withColumn("_borrowed", F.coalesce(by, F.lit(1.0)))
        .select(*cells.columns, "_borrowed")
    )


def _pairs(cells: DataFrame) -> DataFrame:
    """Zones and bands of which women and men are shown: ``d``, their difference over their sum, and its variance."""
    shown = cells.filter("product = 'audience' AND status = 'published' AND persons > 0")

    def of(gender: str) -> Column:
        return F.max(F.when(F.col("other") == gender, F.col("persons")))

    by_band = shown.groupBy("date", "level", "zone_id", "part").agg(
        of(GENDERS[0]).alias("a"), of(GENDERS[1]).alias("b"), F.max("sigma").alias("sigma")
    )
    total = F.col("a") + F.col("b")
    # Beside the noise in both figures, whom of those who came the operator's customers are.
    variance = 2 * F.pow(F.col("sigma") / total, F.lit(2)) + 1 / total
    return by_band.filter("a IS NOT NULL AND b IS NOT NULL").select(
        *("date", "level", "zone_id", "part"), ((F.col("a") - F.col("b")) / total).alias("d"), variance.alias("v")
    )


def _moved(pairs: DataFrame) -> DataFrame:
    """Add ``moved``, the difference as all zones of the day and level together tell it."""
    weight, d = 1 / F.col("v"), F.col("d")

    def total(value: Column) -> Column:
        return F.sum(value.cast(_EXACT)).cast("double")

    sums = pairs.groupBy("date", "level").agg(
        F.count("*").alias("n"),
        total(weight).alias("w"), total(weight * weight).alias("ww"),
        total(weight * d).alias("wd"), total(weight * d * d).alias("wdd"),
    ).filter(F.col("n") >= _LEAST_PAIRS)  # fmt: skip
    mean = F.col("wd") / F.col("w")
    excess = F.col("wdd") - F.col("wd") * mean - (F.col("n") - 1)
    between = F.greatest(F.lit(0.0), excess / (F.col("w") - F.col("ww") / F.col("w")))
    level = sums.select("date", "level", mean.alias("mean"), between.alias("between"))
    shrunk = F.col("mean") + F.col("between") / (F.col("between") + F.col("v")) * (d - F.col("mean"))
    most = _MOST_MOVED * F.sqrt("v")
    return pairs.join(F.broadcast(level), on=["date", "level"], how="inner").withColumn(
        "moved", F.greatest(d - most, F.least(d + most, shrunk))
    )
