"""Where an input table lies in the landing directory: a file, a folder, a Delta table, day by day or not."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jobs.errors import InputRejectedError

Kind = Literal["csv", "parquet", "delta"]
_EVENT_DATE = re.compile(r"^event_date=(.+)$")
_DAY = re.compile(r"(?:^|/)year=(\d+)/month=(\d+)/day=(\d+)$")


@dataclass(frozen=True)
class Source:
    """One table as found.

    Attributes:
        table: Name of the table.
        kind: How it is written.
        path: File or folder.
        by_day: Day to folder, where the table lies in folders by day; empty otherwise.
    """

    table: str
    kind: Kind
    path: Path
    by_day: dict[dt.date, Path]

    @property
    def foldered(self) -> bool:
        """Whether the folder's name tells a row's day."""
        return bool(self.by_day)

    def files(self, days: Collection[dt.date] | None = None) -> list[Path]:
        """Data files in a fixed order, of some days only where the table lies by day."""
        if self.path.is_file():
            return [self.path]
        suffix = "parquet" if self.kind == "delta" else self.kind
        found: list[Path] = []
        for root in self.folders(days):
            inside = sorted(root.rglob(f"*.{suffix}") if self.foldered else root.glob(f"*.{suffix}"))
            found += [p for p in inside if p.is_file() and not p.name.startswith(("_", "."))]
        return found

    def folders(self, days: Collection[dt.date] | None = None) -> list[Path]:
        """The folders that hold the files, of some days only where the table lies by day."""
        if not self.foldered:
            return [self.path]
        return [folder for day, folder in sorted(self.by_day.items()) if days is None or day in days]


def find(root: Path, table: str) -> Source | None:
    """Look for ``table.csv``, ``table.parquet`` or ``table/``.

    Raises:
        InputRejectedError: There is more than one, or a folder that cannot be told apart.
    """
    candidates = [root / f"{table}.csv", root / f"{table}.parquet", root / table]
    found = [path for path in candidates if path.exists()]
    if not found:
        return None
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise InputRejectedError(f"{table}: found both {names} in {root}; keep the one that counts")
    path = found[0]
    if path.is_file():
        if path.suffix not in (".csv", ".parquet"):
            raise InputRejectedError(f"{table}: {path} is neither a folder nor .csv nor .parquet")
        return Source(table, "csv" if path.suffix == ".csv" else "parquet", path, {})
    return _folder(table, path)


def _folder(table: str, path: Path) -> Source:
    if (path / "_delta_log").is_dir():
        return Source(table, "delta", path, {})
    by_day = _days(table, path)
    kinds = {p.suffix for p in path.rglob("*") if p.suffix in (".csv", ".parquet") and p.is_file()}
    if len(kinds) > 1:
        raise InputRejectedError(f"{table}: {path} mixes .csv and .parquet; deliver one of them")
    if not kinds:
        raise InputRejectedError(f"{table}: {path} holds neither .csv nor .parquet files nor a Delta table")
    kind: Kind = "csv" if kinds == {".csv"} else "parquet"
    loose = any(p.suffix in kinds and not p.name.startswith(("_", ".")) for p in path.iterdir() if p.is_file())
    if by_day and loose:
        raise InputRejectedError(f"{table}: {path} holds files beside folders by day; move them into their day")
    if not by_day and not loose:
        raise InputRejectedError(
            f"{table}: the subfolders of {path} are not named event_date=YYYY-MM-DD; rename or flatten them"
        )
    return Source(table, kind, path, by_day)


def _days(table: str, path: Path) -> dict[dt.date, Path]:
    found: dict[dt.date, Path] = {}
    nested = [p for p in path.glob("year=*/month=*/day=*") if p.is_dir()]
    for folder in [*(p for p in path.iterdir() if p.is_dir() and p.name.startswith("event_date=")), *nested]:
        simple, parts = _EVENT_DATE.match(folder.name), _DAY.search(folder.as_posix())
        try:
            if simple:
                day = dt.date.fromisoformat(simple.group(1))
            elif parts:
                day = dt.date(*(int(part) for part in parts.groups()))
            else:
                continue
        except ValueError:
            raise InputRejectedError(
                f"{table}: folder {folder.relative_to(path)} names no day; use event_date=YYYY-MM-DD"
            ) from None
        if day in found:
            raise InputRejectedError(f"{table}: two folders of {path} name the day {day}; keep one")
        found[day] = folder
    return found


def csv_header(table: str, file: Path) -> tuple[str, ...]:
    """Column names of a CSV file, trimmed and lower-cased; a byte order mark is tolerated.

    Raises:
        InputRejectedError: The file is empty, not text, or names a column twice.
    """
    try:
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            first = next(csv.reader(line for line in lines if line.strip()), [])
    except (OSError, csv.Error) as error:
        raise InputRejectedError(f"{table}: {file} cannot be read: {type(error).__name__}") from None
    names = tuple(name.strip().lower() for name in first)
    if not any(names):
        raise InputRejectedError(f"{table}: {file} is empty: it has not even a header")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InputRejectedError(f"{table}: {file} has the column {', '.join(twice)} more than once")
    return names
