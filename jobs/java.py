"""Finds a Java that Spark 4.0 runs on, so that a session starts although ``java`` is not on the path."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jobs.errors import ThreestepError
from jobs.versions import JAVA_MAJOR, JAVA_MAJORS

REMEDY = (
    f"install Java {JAVA_MAJOR} (Debian, Ubuntu: apt-get install openjdk-{JAVA_MAJOR}-jre-headless; "
    f"macOS: brew install openjdk@{JAVA_MAJOR}) or set JAVA_HOME to one"
)
_FOLDERS = (
    "/usr/lib/jvm",
    "/opt/java",
    "/opt/homebrew/opt",
    "/Library/Java/JavaVirtualMachines",
)
_VERSION = re.compile(r'"?(\d+)(?:\.[\d._]+)?')


class Java(NamedTuple):
    """One Java installation: its home folder and its full version, such as ``17.0.15``."""

    home: Path
    version: str

    @property
    def major(self) -> int:
        """The feature release, such as 17; 1 for the old ``1.8`` counting."""
        found = _VERSION.match(self.version)
        return int(found.group(1)) if found else 0

    @property
    def suits(self) -> bool:
        """Whether Spark runs on it."""
        return self.major in JAVA_MAJORS


def read_java(home: Path) -> Java | None:
    """Return the Java in ``home``, or ``None`` if there is none that can be run."""
    program = home / "bin" / "java"
    if not (program.is_file() and os.access(program, os.X_OK)):
        return None
    try:
        release = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        release = ""
    stated = re.search(r'^JAVA_VERSION="([^"]+)"', release, re.MULTILINE)
    return Java(home, stated.group(1)) if stated else _ask(program)


def find_java() -> tuple[Java | None, list[Java]]:
    """Return the Java to use, and all that were found.

    A suitable ``JAVA_HOME`` is the user's choice and wins; then the first of the preferred
    release, then any other suitable one.
    """
    found = list(_installed())
    chosen = os.environ.get("JAVA_HOME")
    if chosen and found and found[0].home == Path(chosen) and found[0].suits:
        return found[0], found
    ranked = sorted((java for java in found if java.suits), key=lambda java: JAVA_MAJORS.index(java.major))
    return (ranked[0] if ranked else None), found


def ensure_java() -> Path:
    """Set ``JAVA_HOME`` for this process to a suitable Java and return it.

    Raises:
        ThreestepError: No Java is found that Spark runs on; the text says what to install.
    """
    java, found = find_java()
    if java is None:
        seen = ", ".join(f"{other.version} in {other.home}" for other in found) or "none"
        wanted = " or ".join(map(str, JAVA_MAJORS))
        raise ThreestepError(f"Spark needs Java {wanted}; found: {seen}. What to do: {REMEDY}.")
    os.environ["JAVA_HOME"] = str(java.home)
    return java.home


def _installed() -> Iterator[Java]:
    seen: set[Path] = set()
    for home in _homes():
        real = home.resolve()
        java = None if real in seen else read_java(home)
        seen.add(real)
        if java is not None:
            yield java


def _homes() -> Iterator[Path]:
    if stated := os.environ.get("JAVA_HOME"):
        yield Path(stated)
    if program := shutil.which("java"):
        asked = _ask(Path(program).resolve())
        yield asked.home if asked else Path(program).resolve().parent.parent
    for folder in map(Path, _FOLDERS):
        for home in sorted(folder.glob("*")) if folder.is_dir() else []:
            yield home
            yield home / "Contents" / "Home"
            yield home / "libexec" / "openjdk.jdk" / "Contents" / "Home"


def _ask(program: Path) -> Java | None:
    """Run a Java to learn where it lives: the one on the path may be a launcher or a stub."""
    home = program.parent.parent
    if (home / "release").is_file():
        return read_java(home)
    try:
        asked = subprocess.run(
            [str(program), "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    settings = dict(re.findall(r"^\s*(java\.home|java\.version) = (.+?)\s*$", asked.stderr, re.MULTILINE))
    if asked.returncode != 0 or len(settings) != 2:
        return None
    return Java(Path(settings["java.home"]), settings["java.version"])


def main() -> int:
    """Print the home of the Java that sessions use; used by the set-up script."""
    try:
        sys.stdout.write(f"{ensure_java()}\n")
    except ThreestepError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
