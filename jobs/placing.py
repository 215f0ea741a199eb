"""Where a job on a delivery runs: of little, on a session that interprets its queries: to compile them takes longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pyspark.sql import SparkSession

from expectations.contract import Contract
from expectations.quarantine import QUARANTINE
from jobs.audit.journal import files_size
from jobs.context import RunContext
from jobs.ingest.landing import Landing
from jobs.lake_lock import is_local
from jobs.lake_log import stored_bytes
from jobs.session import light_session

LIGHT_BYTES = 16 * 2**20
"""Up to here, interpreting costs seconds less than compiling; above, it may cost more."""


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
        lake, delivered = self.context.lake, files_size(self.context.settings.landing, files)
        if delivered is None or not is_local(lake.root):
            return self.context, self.landing
        stored = sum(stored_bytes(lake.location(table)) for table in (QUARANTINE, *tables))
        if delivered + stored > LIGHT_BYTES:
            return self.context, self.landing
        return self.context.on(self._light), replace(self.landing, spark=self._light)

    @cached_property
    def _light(self) -> SparkSession:
        return light_session(self.context.spark)
