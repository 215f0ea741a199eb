# Databricks notebook source
# MAGIC %md
# MAGIC # The shop window
# MAGIC
# MAGIC A retailer's questions about one place, answered from what was **released**: when people are there, how long they
# MAGIC stay, from which direction they come, who they are and where they live. Every figure has its 95 % interval; what
# MAGIC is not shown was too few to show, which does not mean nobody.
# MAGIC
# MAGIC Set `lake` (a path, or `catalog:NAME`), `date` and `month` to look at releases of your own. Without a lake, a day
# MAGIC of the built-in city is simulated and run first; a catchment needs a month, so it is left out then.

# COMMAND ----------

import datetime as dt
from pathlib import Path

from jobs.audit.charts import zone_day
from jobs.audit.notebook import Notebook
from jobs.audit.released import released_day
from jobs.deliver.figures import latest
from jobs.deliver.place_charts import approach_rose, audience_bars, catchment_map, dwell_bars, leading_place
from jobs.lake import Lake
from jobs.pipeline import run_pipeline
from jobs.session import get_session
from jobs.settings import RunSettings
from jobs.simulate.run import SimulateParams, run_simulate

spark = get_session()
notebook = Notebook(globals())

# COMMAND ----------

# MAGIC %md
# MAGIC ## Parameters
# MAGIC Widgets on Databricks; elsewhere environment variables such as `THREESTEP_NOTEBOOK_DATE`. `zone` is the place, by
# MAGIC default the one with most figures.

# COMMAND ----------

root = notebook.parameter("lake", "")
date = dt.date.fromisoformat(notebook.parameter("date", "2026-03-03"))
month = notebook.parameter("month", f"{date:%Y-%m}")
zone = notebook.parameter("zone", "")
work = Path(notebook.parameter("work", str(notebook.out)))
subscribers = int(notebook.parameter("subscribers", "20000"))
events_per_day = float(notebook.parameter("events_per_day", "50"))

# COMMAND ----------

if not root:
    root, landing, now = str(work / "lake"), work / "landing", dt.datetime.now(dt.UTC)
    city = SimulateParams(
        out=landing, subscribers=subscribers, start_date=date, events_per_day=events_per_day, delivered_at=now
    )
    run_simulate(spark, city)
    keys = Path(f"{root}.keys")
    run_pipeline(spark, RunSettings(landing=landing, lake=root, date=date, until=date, keys=keys, as_of=now))

lake = Lake(spark, root)
shown, waiting = {}, []


def show(product, period, draw, name):
    """Draw a product of the place, or say that it is not released."""
    release = latest(lake, product, period)
    if release is None:
        waiting.append(product)
        print(f"{product} of {period} is not released (yet).")
        return
    shown[name] = draw(release, zone)
    notebook.show(shown[name], name)


# COMMAND ----------

# MAGIC %md
# MAGIC ## When are people there?
# MAGIC The band is the 95 % interval; grey hours have no figure. Who stays three hours counts in three of them.

# COMMAND ----------

day = released_day(lake, date)
if not zone:
    zone = leading_place(latest(lake, "footfall", str(date)))
shown["when"] = zone_day(day, zone)
notebook.show(shown["when"], "when")

# COMMAND ----------

# MAGIC %md
# MAGIC ## How long do they stay?
# MAGIC One visit a person and band. Under 15 minutes there is a figure only where small cells cover the place.

# COMMAND ----------

show("dwell", str(date), dwell_bars, "how_long")

# COMMAND ----------

# MAGIC %md
# MAGIC ## From which direction do they come?
# MAGIC The area of a sector stands for its visits; a grey stub has no figure. Choose the part of the day below the chart.
# MAGIC Visits whose direction the network cannot tell are left out.

# COMMAND ----------

show("approach", str(date), approach_rose, "from_where")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Who are they?
# MAGIC Age and gender of the contract's holder; `unknown` are business, reseller and foreign lines.

# COMMAND ----------

show("audience", str(date), audience_bars, "who")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Where do they live?
# MAGIC Visitors of the month by home zone; who lives or works in the place's zone is no visitor.

# COMMAND ----------

show("catchment", month, catchment_map, "catchment")
