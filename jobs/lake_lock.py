"""One writer at a time on a lake of this machine."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import ThreestepError


@contextmanager
def held(root: str) -> Iterator[None]:
    """Hold a lake; the operating system lets go of it when the process dies.

    Raises:
        ThreestepError: Another process holds it.
    """
    if not is_local(root):
        yield
        return
    folder = local_folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ThreestepError(f"another run is writing to the lake {root}: wait for it to end") from None
        yield


def local_folder(location: str) -> Path:
    """The folder of what lies on a file system of this machine."""
    return Path(location.removeprefix("file:"))


def is_local(root: str) -> bool:
    """Whether a lake lies on a file system of this machine."""
    return not root.startswith("catalog:") and ("://" not in root or root.startswith("file:"))
