"""How tables are read: through the engine's Delta source, or of a lake on this machine, as the files its log names.

The engine asks a table's log by queries of its own, two or three for every frame: of a day's run on small tables they
were most of all queries. The log of a table on this machine is read by delta-rs in milliseconds instead, and the
frame reads the very files of that version, whatever is written meanwhile.
"""

from __future__ import annotations

import json
from urllib.parse import unquote

from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from jobs.lake_lock import is_local, local_folder

_PLAIN_READER = 1
_GLOB = "*?[{"


def read_table(spark: SparkSession, root: str, location: str, version: int | None = None) -> DataFrame:
    """The rows of a table as of a version, the latest by default.

    Args:
        spark: Session.
        root: Root of the lake.
        location: Path or qualified name of the table, which is there.
        version: Version of the table.
    """
    if is_local(root) and (frame := _of_files(spark, location, version)) is not None:
        return frame
    reader = spark.read.format("delta")
    if version is not None:
        reader = reader.option("versionAsOf", version)
    return reader.table(location) if root.startswith("catalog:") else reader.load(location)


def _of_files(spark: SparkSession, location: str, version: int | None) -> DataFrame | None:
    """The same of the files that the log names; ``None`` where files alone do not tell what the rows are."""
    folder = str(local_folder(location))
    table = DeltaTable(folder, version=version)
    if table.protocol().min_reader_version > _PLAIN_READER or any(sign in folder for sign in _GLOB):
        return None
    schema = StructType.fromJson(json.loads(table.schema().to_json()))
    # Names in the log are written as parts of a URI.
    files = [f"{folder}/{unquote(name)}" for name in sorted(table.get_add_actions()["path"].to_pylist())]
    if not files:
        return spark.range(0).select(*(F.lit(None).cast(f.dataType).alias(f.name) for f in schema))
    return spark.read.schema(schema).option("basePath", folder).parquet(*files)
