"""What buyers are handed: ``threestep export``, ``sheet`` and ``dictionary``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.console import Teller


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
