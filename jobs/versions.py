"""The one place for the versions of the Java side; pyproject.toml pins the Python side to match."""

from __future__ import annotations

import os
from pathlib import Path

JAVA_MAJOR = 17

PACKAGES: tuple[str, ...] = (
    "io.delta:delta-spark_4.0_2.13:4.4.0",
    "org.apache.sedona:sedona-spark-shaded-4.0_2.13:1.8.0",
    "org.datasyslab:geotools-wrapper:1.8.1-33.1",
)

# Spark ships these; a second copy on the class path breaks the file systems.
EXCLUDES: tuple[str, ...] = (
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
)


def ivy_home() -> Path:
    """Return the folder that holds the resolved jars (``THREESTEP_IVY`` overrides it)."""
    return Path(os.environ.get("THREESTEP_IVY", Path.home() / ".ivy2.5.2"))


def resolved_jars() -> list[Path]:
    """Return the jars of every package if all were resolved before, else an empty list.

    Passing the resolved files to Spark by path saves the two to three seconds that
    a resolution costs at each start even when its cache is warm.
    """
    folder = ivy_home() / "jars"
    marker = folder / "threestep.resolved"
    if not marker.is_file() or marker.read_text(encoding="utf-8").splitlines()[: len(PACKAGES)] != list(PACKAGES):
        return []
    jars = [folder / name for name in marker.read_text(encoding="utf-8").splitlines()[len(PACKAGES) :]]
    return jars if jars and all(jar.is_file() for jar in jars) else []
