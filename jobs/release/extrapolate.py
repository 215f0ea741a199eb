"""From the panel to people: public residents over released panel figures, and nothing else."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

METHOD = (
    "residents of the zones with a published panel figure, divided by that panel, one factor for the whole territory"
)
NO_METHOD = "none: no residents, or no published panel figure"
Z95 = 1.959964


def factors(panel: DataFrame, residents: DataFrame, zones: DataFrame) -> DataFrame:
    """One factor a day: residents over panel, summed over the finest zones whose panel figure is published.

    Args:
        panel: Rows of ``panel`` (staged or released) with status, of one or more days.
        residents: Rows of ``reference.residents``; the latest year up to the day counts.
        zones: Rows of ``reference.zones``.

    Returns:
        ``date, factor`` (no row where nothing is published or nobody lives there).
    """
    finest = zones.filter("is_finest").select("zone_id")
    shown = (
        panel.filter("status = 'published'")
        .join(F.broadcast(finest), on="zone_id", how="inner")
        .select("date", "zone_id", "persons")
    )
    by_year = residents.groupBy("zone_id", "year").agg(F.sum("residents").alias("residents"))
    dated = (
        shown.join(F.broadcast(by_year), on="zone_id", how="inner")
        .filter(F.col("year") <= F.year("date"))
        .groupBy("date", "zone_id")
        .agg(F.max_by("residents", "year").alias("residents"), F.first("persons").alias("persons"))
    )
    totals = dated.groupBy("date").agg(F.sum("residents").alias("people"), F.sum("persons").alias("panel"))
    return totals.filter("panel > 0 AND people > 0").select("date", (F.col("people") / F.col("panel")).alias("factor"))


def with_estimates(judged: DataFrame, by_day: DataFrame) -> DataFrame:
    """Add estimate and 95 % interval to judged cells.

    The interval carries the noise of the mechanism and the sampling of the panel (binomial, share 1/factor).

    Args:
        judged: ``date``, ``persons`` (null unless shown), ``sigma``.
        by_day: See ``factors``.

    Returns:
        The same with ``estimate, lower, upper``, whole persons, null where there is no figure or no factor.
    """
    factor, persons = F.col("factor"), F.col("persons")
    sampling = persons * F.greatest(F.lit(0.0), 1 - 1 / factor)
    spread = F.lit(Z95) * factor * F.sqrt(F.col("sigma") * F.col("sigma") + sampling)
    centre = persons * factor
    return (
        judged.join(F.broadcast(by_day), on="date", how="left")
        .withColumn("estimate", _whole(centre))
        # greatest() skips nulls: without the condition a suppressed cell would get a lower end of 0.
        .withColumn("lower", F.when(centre.isNotNull(), _whole(F.greatest(F.lit(0.0), F.floor(centre - spread)))))
        .withColumn("upper", _whole(F.ceil(centre + spread)))
        .drop("factor")
    )


def _whole(value: Column) -> Column:
    return F.round(value).cast("bigint")
