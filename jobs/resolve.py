"""Fetches the jars that sessions need, once: ``python -m jobs.resolve``.

Spark's own resolver does the work, so that its settings (mirrors, proxies, ``spark.jars.ivySettings``)
count here too. What it found is written to a marker file, and sessions then start by path.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs import versions
from jobs.errors import ThreestepError
from jobs.java import ensure_java

_TIMEOUT_S = 1200
_NOT_FOUND = re.compile(r":: ([\w.-]+)#([\w.-]+);([\w.+-]+)")


def ensure_jars() -> list[Path]:
    """Return the jars of every package, resolving them first if that was not done before.

    Safe to call from several processes at once: one resolves, the others wait for it.

    Raises:
        ThreestepError: They cannot be resolved; the text says why and what to do.
    """
    if jars := versions.resolved_jars():
        return jars
    ensure_java()
    home = versions.ivy_home()
    try:
        (home / "jars").mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(home / "jars"):
            if jars := versions.resolved_jars():
                return jars
            names = _resolve_into(home)
            _write_marker(home / "jars", names)
    except OSError as error:
        raise ThreestepError(
            f"cannot write jars to {home}: {error}. Set THREESTEP_IVY to a folder with 500 MB free."
        ) from error
    return versions.resolved_jars()


def maven_home() -> Path:
    """Return the local Maven repository that Spark's resolver reads: Java's idea of home, not ``$HOME``."""
    try:
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        home = Path(os.environ.get("HOME", "/"))
    return home / ".m2" / "repository"


def poms_without_jar(repository: Path | None = None) -> list[Path]:
    """Return the version folders of a Maven repository that hold a POM but not its jar, and matter here.

    Maven itself leaves such folders behind. Ivy looks there first, takes the POM as proof that the
    jar is there too, and its cache remembers that. Looked at: the packages and what they depend on,
    as far as POMs in the repository tell, and the jars of an earlier resolution.
    """
    repository = repository or maven_home()
    waiting = [tuple(package.split(":")) for package in versions.PACKAGES]
    seen: set[tuple[str, ...]] = set()
    broken: list[Path] = []
    while waiting:
        group, artifact, version = key = waiting.pop()
        folder = repository.joinpath(*group.split("."), artifact, version)
        pom = folder / f"{artifact}-{version}.pom"
        if key in seen or f"{group}:{artifact}" in versions.EXCLUDES or not pom.is_file():
            continue
        seen.add(key)
        packaging, needed = _read_pom(pom)
        if packaging in ("jar", "bundle") and not pom.with_suffix(".jar").is_file():
            broken.append(folder)
        waiting.extend(needed)
    return sorted(broken)


def _read_pom(pom: Path) -> tuple[str, list[tuple[str, ...]]]:
    """Return a POM's packaging and the dependencies it states with a literal version."""
    try:
        root = ET.parse(pom).getroot()
    except (ET.ParseError, OSError):
        return "jar", []
    needed = [
        tuple(part.findtext(f"{{*}}{tag}", "").strip() for tag in ("groupId", "artifactId", "version"))
        for part in root.iterfind("{*}dependencies/{*}dependency")
        if part.findtext("{*}scope", "compile").strip() in ("compile", "runtime")
    ]
    return root.findtext("{*}packaging", "jar").strip(), [key for key in needed if all(key) and "$" not in "".join(key)]


def _resolve_into(home: Path) -> list[str]:
    """Resolve into ``home/jars`` and return the file names, if need be past a ~/.m2 that is in the way."""
    names, log = _submit(home)
    if names:
        return names
    blocked = sorted({*poms_without_jar(), *_named_in(log)})
    with tempfile.TemporaryDirectory(dir=home) as fresh:
        # An empty cache and another user.home: neither ~/.m2 nor what the cache remembers of it counts.
        names, again = _submit(Path(fresh), "--driver-java-options", f"-Duser.home={fresh}")
        for name in names:
            shutil.move(Path(fresh) / "jars" / name, home / "jars" / name)
    if names:
        return names
    advice = "".join(
        f"\n  {folder} holds a POM without its jar: move that folder away, and delete {home / 'cache'}."
        for folder in blocked
    )
    raise ThreestepError(
        "Spark's jars could not be resolved.\n  " + "\n  ".join(_reasons(again or log)) + advice + "\n"
        "What to do: check the network and proxy (Java reads proxies from JAVA_TOOL_OPTIONS="
        "'-Dhttps.proxyHost=… -Dhttps.proxyPort=…'); behind a mirror, name it in spark.jars.ivySettings; "
        f"without a network, copy {home} from a machine that has one and set THREESTEP_IVY to the copy."
    )


def _submit(home: Path, *options: str) -> tuple[list[str], str]:
    """Let spark-submit resolve into ``home`` and run an empty script; return jar names and its output."""
    import pyspark

    spark = os.environ.get("SPARK_HOME") or str(Path(pyspark.__file__).parent)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "nothing.py"
        script.write_text("", encoding="utf-8")
        command = [str(Path(spark) / "bin" / "spark-submit"), "--verbose", "--master", "local[1]", *options]
        command += [
            "--packages",
            ",".join(versions.PACKAGES),
            "--exclude-packages",
            ",".join(versions.EXCLUDES),
        ]
        # A redaction pattern that matches nothing: a path with "token" in it would be hidden below.
        command += ["--conf", f"spark.jars.ivy={home}", "--conf", "spark.redaction.regex=(?!)", str(script)]
        environment = {**os.environ, "SPARK_HOME": spark, "PYSPARK_PYTHON": sys.executable}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env=environment
            )
        except subprocess.TimeoutExpired:
            return [], f"no answer within {_TIMEOUT_S} s"
    log = done.stdout + done.stderr
    listed = re.search(r"^\(spark\.jars,(.*)\)$", log, re.MULTILINE)
    if done.returncode != 0 or not listed:
        return [], log
    names = [Path(uri).name for uri in listed.group(1).split(",")]
    names = [name for name in names if (home / "jars" / name).is_file()]
    complete = all(_jar_name(package) in names for package in versions.PACKAGES)
    return (names if complete else []), log


def _jar_name(package: str) -> str:
    """Return the file name that Spark gives to a resolved package."""
    group, artifact, version = package.split(":")
    return f"{group}_{artifact}-{version}.jar"


def _named_in(log: str) -> Iterator[Path]:
    """Yield the Maven folders of the modules that a log says were not found, where those hold a POM."""
    for group, artifact, version in set(_NOT_FOUND.findall(log)):
        folder = maven_home().joinpath(*group.split("."), artifact, version)
        if (folder / f"{artifact}-{version}.pom").is_file():
            yield folder


def _reasons(log: str) -> list[str]:
    """Return the few lines of a resolver's log that say what went wrong (never its settings)."""
    marks = (
        "not found",
        "unresolved dependency",
        "download failed",
        "FAILED",
        "Exception",
        "no answer",
        "Server access",
    )
    lines = [line.strip() for line in log.splitlines() if any(mark in line for mark in marks)]
    return list(dict.fromkeys(lines))[:8] or ["spark-submit ended without a list of jars"]


def _write_marker(folder: Path, names: list[str]) -> None:
    partial = folder / f"{versions.MARKER}.{os.getpid()}"
    partial.write_text("\n".join([*versions.PACKAGES, *names]) + "\n", encoding="utf-8")
    partial.replace(folder / versions.MARKER)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder; the lock ends with the process, however that ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def main() -> int:
    """Resolve and say so; used by the set-up script."""
    known = bool(versions.resolved_jars())
    try:
        jars = ensure_jars()
    except ThreestepError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    if not known:
        sys.stdout.write(f"{len(jars)} jars in {jars[0].parent}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
