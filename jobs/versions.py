"""The one place for the versions of the Java side; pyproject.toml pins the Python side to match."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

JAVA_MAJOR = 17
# Spark 4.0 runs on these, in order of preference.
JAVA_MAJORS: tuple[int, ...] = (JAVA_MAJOR, 21)

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

MARKER = "threestep.resolved"


def ivy_home() -> Path:
    """Return the folder that holds the resolved jars (``THREESTEP_IVY`` overrides it).

    It is Spark's own default below the home folder, so that jars another Spark application
    fetched are found; where there is no home to write to, the owner's folder for scratch files.
    """
    if stated := os.environ.get("THREESTEP_IVY"):
        return Path(stated).expanduser().absolute()
    try:
        home = Path.home()
    except RuntimeError:
        home = Path("/nonexistent")
    default = home / ".ivy2.5.2"
    if os.access(default if default.exists() else home, os.W_OK) or (default / "jars" / MARKER).is_file():
        return default
    return Path(tempfile.gettempdir()) / f"threestep-{os.getuid()}" / "ivy"


def resolved_jars() -> list[Path]:
    """Return the jars of every package if all were resolved before, else an empty list.

    Passing the resolved files to Spark by path saves the two to three seconds that
    a resolution costs at each start even when its cache is warm. ``jobs.resolve`` writes the
    marker last and in one step, so a resolution under way in another process is not taken up.
    """
    folder = ivy_home() / "jars"
    try:
        lines = (folder / MARKER).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    if lines[: len(PACKAGES)] != list(PACKAGES):
        return []
    jars = [folder / name for name in lines[len(PACKAGES) :]]
    return jars if jars and all(jar.is_file() for jar in jars) else []
