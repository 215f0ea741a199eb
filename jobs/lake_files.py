"""Every file under a lake as the storage has it, hidden ones too, whether a table's log knows of it or not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from pyarrow import ArrowException, fs

from expectations.contract import Contract, Schema
from jobs.errors import ThreestepError
from jobs.lake import Lake
from jobs.lake_lock import is_local
from jobs.redaction import redacted

DOCS = ".docs"
_THREADS = 16
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class LakeFile:
    """One file.

    Attributes:
        name: Path below its root, after the root's own name: ``restricted/events/event_date=…/part-….parquet``.
        path: Path as the storage knows it.
        url: Path as the engine names it.
        size: Bytes.
        store: The storage.
    """

    name: str
    path: str
    url: str
    size: int
    store: fs.FileSystem

    @property
    def table(self) -> str:
        """Schema and table by its place, ``restricted/events``; a stray file's folder."""
        return "/".join(self.name.split("/")[:-1][:2]) or "."

    @property
    def literal(self) -> str:
        """Path as the engine reads it: wildcards escaped."""
        return re.sub(r"([*?\[\]{}\\])", r"\\\1", self.url)

    @property
    def leaf(self) -> str:
        """File name."""
        return self.name.rpartition("/")[2]

    @property
    def is_hidden(self) -> bool:
        """Whether the engine passes over it without a word, as over all names that begin so."""
        return self.leaf.startswith(("_", ".")) or self.leaf.endswith("._COPYING_")

    @property
    def is_log(self) -> bool:
        """Whether it belongs to a transaction log."""
        return "_delta_log" in self.name.split("/")

    def head(self, count: int) -> bytes:
        """The first bytes."""
        with self.store.open_input_stream(self.path) as stream:
            return bytes(stream.read(count))

    def content(self) -> bytes:
        """All of it."""
        with self.store.open_input_stream(self.path) as stream:
            return bytes(stream.read())


def list_files(lake: Lake, contracts: Sequence[Contract]) -> list[LakeFile]:
    """List every file of a lake, and of the Data Docs beside a lake of this machine.

    Args:
        lake: The lake; of a catalog, the folders of its tables are known and nothing around them.
        contracts: Tables whose folders are looked up in a catalog.

    Raises:
        ThreestepError: A storage cannot be listed from here: nothing may be taken for scanned then.
    """
    found: list[LakeFile] = []
    for prefix, root in _roots(lake, contracts).items():
        try:
            store, base = _storage(root)
            infos = store.get_file_info(fs.FileSelector(base, recursive=True, allow_not_found=True))
        except (OSError, ArrowException, ValueError) as error:
            raise ThreestepError(f"{root} cannot be listed ({type(error).__name__}): nothing was scanned") from None
        scheme = re.match(r"^[A-Za-z0-9]+://", root)
        for info in infos:
            if info.type != fs.FileType.File:
                continue
            below = info.path[len(base) :].lstrip("/")
            url = f"{root.rstrip('/')}/{below}" if scheme else info.path
            found.append(LakeFile("/".join(p for p in (prefix, below) if p), info.path, url, info.size or 0, store))
    return sorted(found, key=lambda file: file.name)


def _roots(lake: Lake, contracts: Sequence[Contract]) -> dict[str, str]:
    """Name of a root (empty for the lake itself) to its path or URL."""
    if not lake.root.startswith("catalog:"):
        beside = {DOCS: lake.root.rstrip("/") + DOCS} if is_local(lake.root) else {}
        return {"": lake.root, **beside}
    door = lake.door(reads=list(Schema))
    found = {}
    for contract in (c for c in contracts if door.exists(c)):
        with redacted("looking for", contract):
            detail = lake.spark.sql(f"DESCRIBE DETAIL {lake.target(contract)}").select("location").first()
        if detail is not None:
            found[f"{contract.schema}/{contract.name}"] = str(detail["location"])
    return found


def _storage(root: str) -> tuple[fs.FileSystem, str]:
    plain = root.removeprefix("file://").removeprefix("file:")
    if "://" not in plain:
        return fs.LocalFileSystem(), plain.rstrip("/")
    store, base = fs.FileSystem.from_uri(re.sub(r"^s3[an]://", "s3://", plain))
    return store, base.rstrip("/")


def each(files: Sequence[LakeFile], look: Callable[[LakeFile], _T]) -> list[_T]:
    """Look at files side by side, in order: each waits on the storage more than it computes."""
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        return list(pool.map(look, files))
