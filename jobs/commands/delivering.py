"""What buyers are handed: ``threestep export``, ``sheet`` and ``dictionary``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.commands.options import LakeOption, MasterOption, MemoryOption, PolicyOption, as_date, lake_root
from jobs.console import Teller
from jobs.errors import UsageError
from jobs.lake import Lake
from jobs.settings import load_policy

InternalOption = Annotated[
    bool, typer.Option("--internal", help="Also what is not for release: waivers, tests; for use inside the house")
]


def export(
    lake: LakeOption,
    out: Annotated[Path, typer.Option("--out", help="File of the product; without --product a folder")],
    kind: Annotated[str, typer.Option("--format", help="csv, geojson or geoparquet")] = "csv",
    product: Annotated[str | None, typer.Option("--product", help="Product; all of the period without")] = None,
    date: Annotated[str | None, typer.Option("--date", help="Local day of a daily product, YYYY-MM-DD")] = None,
    period: Annotated[str | None, typer.Option("--period", help="Week (2026-W10) or month (2026-03)")] = None,
    internal: InternalOption = False,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Write a released product with names and shapes: for a spreadsheet, a map or a data frame."""
    from jobs.deliver.export import ExportParams, run_export

    if (date is None) == (period is None):
        raise UsageError("export needs either --date or --period")
    when = str(as_date(date, "--date")) if date else str(period)
    params = ExportParams(period=when, format=kind, out=out, product=product, internal=internal)
    teller = Teller()
    opened = _open(teller, lake, master, driver_memory)
    with teller.working("exporting"):
        written = run_export(opened, params)
    teller.rows("exported", [{"release": name, "file": str(path), "rows": rows} for name, path, rows in written])


def sheet(
    lake: LakeOption,
    release: Annotated[str, typer.Option("--release", help="Release, e.g. footfall-2026-03-03-r0")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the page and its data")],
    policy: PolicyOption = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Write a release's data sheet: what was counted, how much is shown, how sure it is, what is known to be amiss."""
    from jobs.deliver.sheet import SheetParams, run_sheet

    params = SheetParams(release, out, load_policy(policy), must_match=policy is not None)
    teller = Teller()
    opened = _open(teller, lake, master, driver_memory)
    with teller.working("writing the data sheet"):
        written = run_sheet(opened, params)
    teller.rows("sheet", [{"file": str(path)} for path in written])


def dictionary(
    out: Annotated[Path, typer.Option("--out", help="Folder for one file a table")],
    page: Annotated[Path | None, typer.Option("--page", help="Also all tables on one page, Markdown")] = None,
) -> None:
    """Write the data dictionary: each table as an Open Data Contract Standard document."""
    from expectations import dictionary as made
    from expectations.catalog import ALL

    written = made.write_odcs(ALL, out)
    if page is not None:
        page.write_text(made.page(ALL), encoding="utf-8")
    Teller().line(f"{len(written)} tables described in {out}")


def _open(teller: Teller, lake: str, master: str | None, memory: str | None) -> Lake:
    from jobs.session import get_session

    with teller.working("starting Spark"):
        return Lake(get_session(master, driver_memory=memory), lake_root(lake))
