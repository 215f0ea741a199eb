"""Keys of a period: made when first needed, held by the owner alone, destroyed when the period is done."""

from __future__ import annotations

import datetime as dt
import os
import re
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jobs.errors import ThreestepError
from udfs.keys import KEY_BYTES

PERIOD = re.compile(r"^(day-\d{4}-\d\d-\d\d|week-\d{4}-W\d\d|month-\d{4}-\d\d)$")


class KeyStore(Protocol):
    """Where keys live. A key management service fits behind the same four calls."""

    def get(self, period: str) -> bytes | None:
        """Return the key of a period, or None where there is none."""
        ...

    def create(self, period: str) -> bytes:
        """Return the key of a period, making it at need."""
        ...

    def destroy(self, period: str) -> bool:
        """Destroy a key; False where there was none."""
        ...

    def periods(self) -> list[str]:
        """Periods whose key lives."""
        ...


@dataclass(frozen=True)
class FileKeyStore:
    """Keys as files that their owner alone may read, in a folder outside of the lake.

    Attributes:
        folder: Folder with mode 0700; made at need.
        random: Source of 256-bit keys; tests give a seeded one.
    """

    folder: Path
    random: Callable[[int], bytes] = secrets.token_bytes

    def get(self, period: str) -> bytes | None:
        """See ``KeyStore``."""
        path = self._path(period)
        if not path.exists():
            return None
        self._check_rights(path)
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise ThreestepError(f"key file of {period} is damaged: it must hold {KEY_BYTES} bytes")
        return key

    def create(self, period: str) -> bytes:
        """See ``KeyStore``; of two processes that make a key at once, one wins and both use it."""
        found = self.get(period)
        if found is not None:
            return found
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f".{period}.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as handle:
            handle.write(self.random(KEY_BYTES))
            handle.flush()
            os.fsync(handle.fileno())
        try:
            os.link(draft, self._path(period))
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        key = self.get(period)
        if key is None:
            raise ThreestepError(f"key of {period} vanished while it was made")
        return key

    def destroy(self, period: str) -> bool:
        """See ``KeyStore``; the file is overwritten before it is removed."""
        path = self._path(period)
        if not path.exists():
            return False
        with path.open("r+b") as handle:
            handle.write(bytes(KEY_BYTES))
            handle.flush()
            os.fsync(handle.fileno())
        path.unlink()
        return True

    def periods(self) -> list[str]:
        """See ``KeyStore``."""
        return sorted(path.stem for path in self.folder.glob("*.key")) if self.folder.is_dir() else []

    def _path(self, period: str) -> Path:
        if not PERIOD.match(period):
            raise ThreestepError(f"{period!r} is no key period: day-YYYY-MM-DD, week-YYYY-Www or month-YYYY-MM")
        return self.folder / f"{period}.key"

    def _check_rights(self, path: Path) -> None:
        for place in (path, self.folder):
            mode = stat.S_IMODE(place.stat().st_mode)
            if mode & 0o077:
                raise ThreestepError(
                    f"{place} may be read by others (mode {mode:04o}): "
                    f"run chmod {'0700' if place.is_dir() else '0600'} on it, and have the key replaced"
                )


def day_period(date: object) -> str:
    """Key period of a local day."""
    return f"day-{date}"


def month_period(date: dt.date) -> str:
    """Key period of a local day's month."""
    return f"month-{date:%Y-%m}"
