"""The Spark session: local, local-cluster, spark-submit to any master, or an existing Databricks one.

Nothing outside this module touches the Spark context, so that jobs also run on Spark Connect.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from jobs.java import ensure_java
from jobs.resolve import ensure_jars

EXTENSIONS = "io.delta.sql.DeltaSparkSessionExtension,org.apache.sedona.sql.SedonaSqlExtensions"
DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"

# Set on every session, a foreign one too: results must not depend on where the suite runs.
RUNTIME_CONF: dict[str, str] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.adaptive.enabled": "true",
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}

_STATIC_CONF: dict[str, str] = {
    "spark.sql.extensions": EXTENSIONS,
    "spark.sql.catalog.spark_catalog": DELTA_CATALOG,
    "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
    "spark.kryo.registrator": "org.apache.sedona.core.serde.SedonaKryoRegistrator",
    # The key frame passes through a file in spark.local.dir on its way to the JVM.
    "spark.io.encryption.enabled": "true",
    # Plans are drawn for every query, whether anybody looks at them or not.
    "spark.sql.debug.maxToStringFields": "8",
    "spark.sql.ui.explainMode": "simple",
    # Every commit compiles the same small programs: kept, they are compiled once a session.
    "spark.sql.codegen.cache.maxEntries": "4000",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.deletedFileRetention.checkEnabled": "true",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.autoBroadcastJoinThreshold": "64MB",
    "spark.sql.adaptive.coalescePartitions.minPartitionSize": "4MB",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
}

_PARTS = "spark.sql.shuffle.partitions"

LIGHT_CONF = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}


def get_session(
    master: str | None = None,
    *,
    driver_memory: str | None = None,
    extra: dict[str, str] | None = None,
    app_name: str = "threestep",
) -> SparkSession:
    """Return the active session, or build one for ``master``.

    An active session (Databricks, a notebook, pytest) is used as it is: only runtime settings
    are applied. Under spark-submit, the master and sizes come from its own options.

    Args:
        master: ``local[n]``, ``local-cluster[n,c,m]``, ``spark://…``, ``yarn``, ``k8s://…``;
            ``None`` means spark-submit's choice, else ``$THREESTEP_MASTER``, else ``local[*]``.
        driver_memory: Heap of the driver, for sessions whose JVM starts here (e.g. ``8g``).
        extra: Further settings, which win over the defaults.
        app_name: Name shown in the cluster's user interface.

    Returns:
        A session with Delta Lake and Sedona, session time zone UTC.
    """
    _quieten_query_context()
    active = SparkSession.getActiveSession()
    if active is not None:
        return _apply_runtime(active)
    master = master or os.environ.get("THREESTEP_MASTER")
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ or "DATABRICKS_RUNTIME_VERSION" in os.environ
    builder = SparkSession.builder.appName(app_name)
    for key, value in _settings(master, submitted, driver_memory, extra or {}).items():
        builder = builder.config(key, value)
    if master or not submitted:
        builder = builder.master(master or "local[*]")
    with _engine_talks_to_stderr():
        session = builder.getOrCreate()
    # Below FATAL, the executor prints failing rows with the stack trace.
    session.sparkContext.setLogLevel("FATAL")
    return _apply_runtime(session)


@contextmanager
def _engine_talks_to_stderr() -> Iterator[None]:
    """Give a JVM that starts meanwhile our stderr for its stdout, which is for JSON lines alone."""
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _settings(master: str | None, submitted: bool, memory: str | None, extra: dict[str, str]) -> dict[str, str]:
    conf = dict(_STATIC_CONF)
    if not submitted:
        ensure_java()
        # Workers run this interpreter, not the first python3 on the path.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        conf["spark.jars"] = ",".join(str(jar) for jar in ensure_jars())
        conf["spark.driver.memory"] = memory or os.environ.get("THREESTEP_DRIVER_MEMORY", _default_memory())
        # Spark's scratch files are on a local disk that may be shared: keep them to the owner.
        scratch = Path(tempfile.gettempdir()) / f"threestep-{os.getuid()}"
        scratch.mkdir(mode=0o700, exist_ok=True)
        conf["spark.local.dir"] = str(scratch)
        conf["spark.sql.warehouse.dir"] = str(scratch / "warehouse")
        own_options = os.environ.get("THREESTEP_JAVA_OPTIONS", "")
        # Batch work on few cores: the throughput collector, unless another one is asked for.
        collector = "" if "GC" in own_options else "-XX:+UseParallelGC "
        logging_file = Path(__file__).with_name("log4j2.properties").as_uri()
        conf["spark.driver.extraJavaOptions"] = (
            f"-Dderby.system.home={scratch} -Dlog4j2.configurationFile={logging_file} "
            # Wide plans become methods that the JVM leaves uncompiled by default, many times slower.
            "-XX:-DontCompileHugeMethods -XX:ReservedCodeCacheSize=512m "
            # Planning code runs a few thousand times a job: thorough compilation is for what runs by the row.
            "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 "
            "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=80000 "
            # The engine's own generated classes are verified the slow way, a tenth of all time of a short run.
            "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote "
            f"{collector}{own_options}"
        ).strip()
    if (master or "local").startswith("local") and not submitted:
        cores = _local_cores(master or "local[*]")
        conf["spark.sql.shuffle.partitions"] = str(max(4, 4 * cores))
        conf["spark.default.parallelism"] = str(max(2, cores))
        if not (master or "").startswith("local-cluster"):
            conf["spark.driver.bindAddress"] = "127.0.0.1"
            conf["spark.driver.host"] = "127.0.0.1"
    conf.update(extra)
    return conf


def _local_cores(master: str) -> int:
    inside = master.partition("[")[2].rstrip("]")
    first = inside.split(",")
    if master.startswith("local-cluster"):
        return int(first[0]) * int(first[1])
    return (os.cpu_count() or 2) if first[0] in ("", "*") else int(first[0])


def _default_memory() -> str:
    """Half of the machine's memory, between 2 and 8 GiB."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{int(min(8, max(2, total / 2)))}g"


@contextmanager
def shuffled_in(session: SparkSession, parts: int) -> Iterator[None]:
    """Shuffle into at least so many parts meanwhile; where the engine chooses their number itself, it does.

    For what is sorted whole: parts that do not fit into memory spill. Many parts for all would cost small queries more.
    """
    before = session.conf.get(_PARTS, "")
    if not str(before).isdecimal() or parts <= int(str(before)):
        yield
        return
    session.conf.set(_PARTS, str(parts))
    try:
        yield
    finally:
        session.conf.set(_PARTS, str(before))


def light_session(session: SparkSession) -> SparkSession:
    """A second session on the same engine that interprets queries instead of compiling them; results are the same.

    For tables of some thousand rows: to compile a query takes longer than to run it.
    """
    light = _apply_runtime(session.newSession())
    for key, value in LIGHT_CONF.items():
        light.conf.set(key, value)
    return light


def _apply_runtime(session: SparkSession) -> SparkSession:
    for key, value in RUNTIME_CONF.items():
        session.conf.set(key, value)
    return session


def _quieten_query_context() -> None:
    """Silence PySpark's loggers that print failing queries, and with them row values, to stderr."""
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logger: Any = logging.getLogger(name)
        logger.disabled = True
        logger.propagate = False
