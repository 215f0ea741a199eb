"""The ingest jobs, as the pipeline calls them."""

from __future__ import annotations

from jobs.ingest.events import run_events
from jobs.ingest.reference import run_reference
from jobs.ingest.subscribers import run_subscribers

__all__ = ["run_events", "run_reference", "run_subscribers"]
