"""Where a job on a delivery runs: of little, on a session that interprets its queries: to compile them takes longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pyspark.sql import SparkSession

from expectations.contract import Contract
from expectations.products import NOISED
from expectations.quarantine import QUARANTINE
from jobs.audit.journal import files_size
from jobs.context import RunContext
from jobs.ingest.landing import Landing
from jobs.lake_lock import is_local
from jobs.lake_log import stored_bytes
from jobs.session import light_session

LIGHT_BYTES = 16 * 2**20
"""Of a delivery: up to here, interpreting costs seconds less than compiling; above, it may cost more."""
LIGHT_FIGURES_BYTES = 2**20
"""Of noised figures, some 150,000: less than of a delivery, for what is done to each takes longer."""


@dataclass(frozen=True)
class Placing:
    """The sessions of a run.

    Attributes:
        context: Context of the run.
        landing: Landing directory of the run.
    """

    context: RunContext
    landing: Landing

    def of(self, files: Sequence[str], tables: Sequence[Contract] = ()) -> tuple[RunContext, Landing]:
        """Context and landing for a job, by the bytes that it has to do with.

        Args:
            files: Tables of the landing that it reads.
            tables: Tables of the lake that it reads, besides quarantine.
        """
        delivered = files_size(self.context.settings.landing, files)
        if delivered is None or not self._is_light((QUARANTINE, *tables), LIGHT_BYTES - delivered):
            return self.context, self.landing
        return self.context.on(self._light), replace(self.landing, spark=self._light)

    def of_figures(self) -> RunContext:
        """Context for a job on the noised figures."""
        return self.context.on(self._light) if self._is_light((NOISED,), LIGHT_FIGURES_BYTES) else self.context

    def _is_light(self, tables: Sequence[Contract], limit: int) -> bool:
        lake = self.context.lake
        return is_local(lake.root) and sum(stored_bytes(lake.location(table)) for table in tables) <= limit

    @cached_property
    def _light(self) -> SparkSession:
        return light_session(self.context.spark)
