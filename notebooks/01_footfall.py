# Databricks notebook source
# MAGIC %md
# MAGIC # Footfall of a day
# MAGIC
# MAGIC How many people were where, hour by hour, and how certain each figure is. The notebook simulates an
# MAGIC operator's day, runs the day's jobs on it and shows what was **released**: it opens the products and the
# MAGIC public geography, nothing else.
# MAGIC
# MAGIC To look at a day of your own, set `lake` (a path, or `catalog:NAME`) and `date`; with `landing` too, the day's
# MAGIC jobs run on that landing directory first. Nothing is simulated then.

# COMMAND ----------

import datetime as dt
from pathlib import Path

from jobs.audit.charts import zone_day, zone_map
from jobs.audit.notebook import Notebook
from jobs.audit.picture import draw_hour
from jobs.audit.released import released_day
from jobs.lake import Lake
from jobs.pipeline import run_pipeline
from jobs.session import get_session
from jobs.settings import RunSettings
from jobs.simulate.run import SimulateParams, run_simulate

spark = get_session()
notebook = Notebook(globals())


def say(event, facts):
    if event in ("job done", "job skipped"):
        print(f"{event}: {facts['job']}, {facts['seconds']} s")


# COMMAND ----------

# MAGIC %md
# MAGIC ## Parameters
# MAGIC Widgets on Databricks; elsewhere environment variables such as `THREESTEP_NOTEBOOK_DATE`. `work` has to be a
# MAGIC folder that driver and workers share (on Databricks a volume).

# COMMAND ----------

lake = notebook.parameter("lake", "")
given = notebook.parameter("landing", "")
date = dt.date.fromisoformat(notebook.parameter("date", "2026-03-03"))
zone = notebook.parameter("zone", "")
work = Path(notebook.parameter("work", str(notebook.out)))
subscribers = int(notebook.parameter("subscribers", "20000"))
events_per_day = float(notebook.parameter("events_per_day", "50"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Simulate and run
# MAGIC A day that is released stays as it is: running it again changes nothing.

# COMMAND ----------

source = ""
if not lake:
    lake, landing = str(work / "lake"), work / "landing"
    params = SimulateParams(
        out=landing,
        subscribers=subscribers,
        start_date=date,
        events_per_day=events_per_day,
        delivered_at=dt.datetime.now(dt.UTC),
    )
    source = f"simulated people in {run_simulate(spark, params).city}"
    given = str(landing)
if given:
    now = dt.datetime.now(dt.UTC)
    keys = Path(f"{lake}.keys")
    run_pipeline(
        spark, RunSettings(landing=Path(given), lake=lake, date=date, until=date, keys=keys, as_of=now), say=say
    )

# COMMAND ----------

# MAGIC %md
# MAGIC ## The map
# MAGIC Zones by people per km². Grey zones are *suppressed*: too few people to show. A place outlined in grey has no
# MAGIC figure in that hour.

# COMMAND ----------

day = released_day(Lake(spark, lake), date)
map_chart = zone_map(day)
notebook.show(map_chart, "zones_by_hour")

# COMMAND ----------

# MAGIC %md
# MAGIC ## The busiest hour, for print

# COMMAND ----------

picture = draw_hour(day, day.busiest(), source)
notebook.show(picture, "busiest_hour")

# COMMAND ----------

# MAGIC %md
# MAGIC ## One zone over the day
# MAGIC The band is the 95 % interval. Set `zone` to a `zone_id`; by default it is the place with most figures.

# COMMAND ----------

curve = zone_day(day, zone or None)
notebook.show(curve, "zone_over_the_day")
