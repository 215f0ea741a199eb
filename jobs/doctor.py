"""``threestep doctor``: says whether this machine can run the suite, and what to do where it cannot."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import stat
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jobs import java, resolve, versions

GIB = 2**30
MIN_MEMORY = 4 * GIB
MIN_DISK = 5 * GIB
_WORDS = {True: ("ok", "green"), None: ("warn", "yellow"), False: ("FAIL", "red")}


@dataclass(frozen=True)
class Check:
    """One finding: ``ok`` is ``None`` for a warning; ``remedy`` is empty where there is nothing to do."""

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


def checks(*, key_store: Path | None = None, deep: bool = False) -> list[Check]:
    """Look at the machine; ``deep`` also starts a session and uses every engine once (about 30 s)."""
    results = [
        check_python(),
        check_java(),
        *check_packages(),
        check_jars(),
        check_maven(),
        check_spark_home(),
        check_memory(),
        check_cores(),
        check_disk(Path(tempfile.gettempdir())),
        check_disk(Path.cwd()),
        check_private("scratch folder", Path(tempfile.gettempdir()) / f"threestep-{os.getuid()}", made_later=True),
    ]
    if key_store is not None:
        results.append(check_private("key store", key_store))
    if deep:
        from jobs.doctor_live import live_checks

        results.extend(live_checks())
    return results


def run_doctor(console: Console, *, key_store: Path | None = None, deep: bool = False) -> int:
    """Print every check, as a table on a terminal and as plain lines elsewhere.

    Returns:
        0 if all pass or only warn, 1 if any fails.
    """
    results = checks(key_store=key_store, deep=deep)
    if console.is_terminal:
        table = Table("", "check", "found", "what to do", title="threestep doctor")
        for check in results:
            word, colour = _WORDS[check.ok]
            table.add_row(f"[{colour}]{word}[/]", *map(escape, (check.name, check.found, check.remedy)))
        console.print(table)
    else:
        for check in results:
            remedy = f" | {check.remedy}" if check.remedy else ""
            line = f"{_WORDS[check.ok][0]:<4}  {check.name}: {check.found}{remedy}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    return int(any(check.ok is False for check in results))


def check_python() -> Check:
    """The release that the packages are pinned for."""
    release = sys.version_info[:2]
    found = f"{sys.version.split()[0]} ({sys.executable})"
    if (3, 11) <= release < (3, 13):
        return Check("Python", True, found)
    return Check("Python", False, found, "use Python 3.11: rm -rf .venv; THREESTEP_PYTHON=python3.11 make setup")


def check_java() -> Check:
    """A Java that Spark runs on, wherever it is installed."""
    chosen, found = java.find_java()
    if chosen is not None:
        return Check("Java", True, f"{chosen.version} ({chosen.home})")
    seen = ", ".join(f"{other.version} ({other.home})" for other in found)
    return Check("Java", False, f"only {seen}" if seen else "none", java.REMEDY)


def check_packages() -> list[Check]:
    """Every dependency that is bound to a version from above, compared with what is installed."""
    return [_check_package(need) for need in requirements() if any(s.operator in ("==", "<") for s in need.specifier)]


def requirements() -> list[Requirement]:
    """Return the dependencies that the distribution declares; from its pyproject.toml if not installed."""
    project = Path(__file__).resolve().parent.parent / "pyproject.toml"
    try:
        if project.is_file():
            stated = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
        else:
            stated = importlib.metadata.requires("threestep") or []
        parsed = [Requirement(line) for line in stated]
    except (importlib.metadata.PackageNotFoundError, InvalidRequirement, KeyError, tomllib.TOMLDecodeError):
        return []
    return [need for need in parsed if need.marker is None]


def _check_package(need: Requirement) -> Check:
    try:
        version = importlib.metadata.version(need.name)
    except importlib.metadata.PackageNotFoundError:
        version = ""
    if version and need.specifier.contains(version, prereleases=True):
        return Check(need.name, True, version)
    found = f"{version or 'not installed'}, wanted {need.specifier}"
    return Check(need.name, False, found, f"pip install '{need}' (in a checkout: make setup)")


def check_jars() -> Check:
    """The Java side of Delta and Sedona, fetched once."""
    jars = versions.resolved_jars()
    if jars:
        return Check("Spark's jars", True, f"{len(jars)} in {jars[0].parent}")
    return Check(
        "Spark's jars",
        None,
        f"not in {versions.ivy_home()}",
        "fetch them once: python -m jobs.resolve (150 MB)",
    )


def check_maven() -> Check:
    """A POM without its jar in the local Maven repository, which breaks the fetching of jars."""
    broken = resolve.poms_without_jar()
    if not broken:
        return Check("local Maven repository", True, "not in the way")
    names = ", ".join(map(str, broken[:3])) + (f" and {len(broken) - 3} more" if len(broken) > 3 else "")
    return Check(
        "local Maven repository",
        None,
        f"a POM without its jar: {names}",
        f"move these folders away and delete {versions.ivy_home() / 'cache'} if other Spark programs "
        "cannot resolve packages (this suite goes round them)",
    )


def check_spark_home() -> Check:
    """Another Spark named by the environment would be started instead of the one tried here."""
    stated = os.environ.get("SPARK_HOME")
    ours = importlib.util.find_spec("pyspark")
    if not stated or (ours and ours.origin and Path(stated).resolve() == Path(ours.origin).resolve().parent):
        return Check("SPARK_HOME", True, stated or "not set")
    return Check("SPARK_HOME", None, stated, "unset SPARK_HOME, unless that is Spark 4.0 and meant")


def check_memory() -> Check:
    """Memory that is available now, within the limit of a container."""
    available = available_memory()
    found = f"{available / GIB:.1f} GiB available"
    if available >= MIN_MEMORY:
        return Check("memory", True, found)
    return Check("memory", None, found, "close programs or expect spilling: a day in local mode wants 4 GiB")


def available_memory() -> int:
    """Return the bytes that a new process can take."""
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) * 1024
        group = Path("/sys/fs/cgroup")
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        if limit.isdecimal():
            used = int((group / "memory.current").read_text(encoding="ascii"))
            available = min(available, max(0, int(limit) - used))
    except (OSError, ValueError):
        pass
    return available


def check_cores() -> Check:
    """The cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Check("cores", True if cores > 1 else None, str(cores), "" if cores > 1 else "two or more are quicker")


def check_disk(folder: Path) -> Check:
    """Free space where scratch files and tables go."""
    free = shutil.disk_usage(folder).free
    found = f"{free / GIB:.0f} GiB free"
    if free >= MIN_DISK:
        return Check(f"disk {folder}", True, found)
    return Check(f"disk {folder}", None, found, "free some space, or point TMPDIR and the lake elsewhere")


def check_private(name: str, folder: Path, *, made_later: bool = False) -> Check:
    """A folder that must belong to this user and be closed to everybody else."""
    try:
        state = folder.lstat()
    except OSError:
        return Check(
            name,
            made_later,
            f"{folder} absent",
            "" if made_later else "create it, mode 700",
        )
    mode = stat.S_IMODE(state.st_mode)
    found = f"{folder} mode {mode:o}"
    if stat.S_ISLNK(state.st_mode):
        return Check(name, False, f"{folder} is a link", "name the folder itself")
    if state.st_uid != os.getuid():
        return Check(name, False, f"{found}, owned by user {state.st_uid}", f"remove {folder} or change its owner")
    if mode & 0o077:
        return Check(name, False, found, f"chmod {'700' if folder.is_dir() else '600'} {folder}")
    return Check(name, True, found)
