# Databricks notebook source
# MAGIC %md
# MAGIC # Flows through the city
# MAGIC
# MAGIC For a traffic planner: who travels from where to where in a week, what leaves and reaches each zone, and how many
# MAGIC people move along the main corridors hour by hour. Only what was **released** is opened; every figure has its
# MAGIC 95 % interval.
# MAGIC
# MAGIC Set `lake` (a path, or `catalog:NAME`), `week` and `date` to look at releases of your own. Without a lake, a week
# MAGIC of the built-in city is simulated and run first, which takes a while.

# COMMAND ----------

import datetime as dt
from pathlib import Path

from jobs.audit.notebook import Notebook
from jobs.deliver.figures import latest
from jobs.deliver.flow_charts import balance, corridor_day, corridor_map, emissions, flow_map, leading_corridor
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
# MAGIC Widgets on Databricks; elsewhere environment variables such as `THREESTEP_NOTEBOOK_WEEK`. `corridor` is by default
# MAGIC the busiest one.

# COMMAND ----------

root = notebook.parameter("lake", "")
date = dt.date.fromisoformat(notebook.parameter("date", "2026-03-03"))
week = notebook.parameter("week", f"{date:%G-W%V}")
corridor = notebook.parameter("corridor", "")
work = Path(notebook.parameter("work", str(notebook.out)))
subscribers = int(notebook.parameter("subscribers", "10000"))
events_per_day = float(notebook.parameter("events_per_day", "40"))

# COMMAND ----------

if not root:
    root, landing, now = str(work / "lake"), work / "landing", dt.datetime.now(dt.UTC)
    first = dt.date.fromisoformat(f"{week}-1")
    city = SimulateParams(
        out=landing, subscribers=subscribers, days=7, start_date=first, events_per_day=events_per_day, delivered_at=now
    )
    run_simulate(spark, city)
    last, keys = first + dt.timedelta(6), Path(f"{root}.keys")
    run_pipeline(spark, RunSettings(landing=landing, lake=root, date=first, until=last, keys=keys, as_of=now))

lake = Lake(spark, root)
shown, waiting = {}, []


def show(name, chart):
    shown[name] = chart
    notebook.show(chart, name)


# COMMAND ----------

# MAGIC %md
# MAGIC ## From where to where
# MAGIC Lines join the centres of zones; they are not the ways taken. A person counts once a week for a pair of zones and
# MAGIC part of the day. Choose the part of the day below the map.

# COMMAND ----------

trips = latest(lake, "od", week)
if trips is None:
    waiting.append("od")
    print(f"od of {week} is not released (yet).")
else:
    show("flows", flow_map(trips))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What leaves, what arrives
# MAGIC Sums of the figures of a zone's pairs; trips inside a zone are not part of them.

# COMMAND ----------

if trips is not None:
    show("balance", balance(trips))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Corridors by hour
# MAGIC As wide as people in motion are many, coloured by speed; the directions lie side by side. People, not vehicles.

# COMMAND ----------

motion = latest(lake, "corridor_flow", str(date))
if motion is None:
    waiting.append("corridor_flow")
    print(f"corridor_flow of {date} is not released (yet).")
else:
    show("corridors", corridor_map(motion))
    show("corridor_over_the_day", corridor_day(motion, corridor or leading_corridor(motion)))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Emissions
# MAGIC An estimate of an estimate: published emission factors times estimated people, over the hours that have a figure.
# MAGIC For comparison between corridors, not for an inventory.

# COMMAND ----------

if motion is not None:
    air = emissions(motion)
    print(air.to_string(index=False))
