"""Who may ask about a single line: on a local lake the owner of its restricted folder, who shares it with nobody."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from jobs.errors import RoomError, ThreestepError


def refuse_strangers(folder: Path) -> None:
    """Refuse whoever does not own the folder of the restricted schema; elsewhere grants of catalog or store decide.

    Root of the machine can read every file and is not kept out by this: it is a rule against mistakes and
    curiosity, the file system's rights are what keeps others out.

    Raises:
        RoomError: The folder is another user's, or others may read it.
        ThreestepError: There is none.
    """
    if not folder.is_dir():
        raise ThreestepError(f"{folder} does not exist: run the jobs that write it first")
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise RoomError(f"{folder} belongs to another user: only operations, who own it, may ask about a line")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise RoomError(f"{folder} may be read by others (mode {mode:04o}): run chmod 0700 on it, then ask again")
