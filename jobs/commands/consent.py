"""What the privacy officer asks: ``threestep receipts``, ``explain-line`` and ``keys``."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.commands.options import LakeOption, MasterOption, MemoryOption, as_date, lake_root
from jobs.console import Teller
from jobs.errors import ThreestepError

_SHOWN = (
    "number",
    "receipt_id",
    "date",
    "purpose",
    "ledger_version",
    "processed_at",
    "lines_objecting",
    "events_in",
    "events_excluded",
    "events_unexplained",
    "events_kept",
    "probe_leaks",
)


def receipts(
    lake: LakeOption,
    date: Annotated[str | None, typer.Option("--date", help="Local day; all without")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Recompute every hash and the whole chain")] = False,
    contains: Annotated[
        str | None, typer.Option("--contains", help="A hash noted earlier that the chain must still hold")
    ] = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Show what each run left out for each purpose; with --verify, prove that no receipt was touched since."""
    from jobs.consent.verify import all_receipts, faults, recorded_ends
    from jobs.lake import Lake
    from jobs.session import get_session

    teller, day = Teller(), as_date(date, "--date") if date else None
    with teller.working("starting Spark"):
        opened = Lake(get_session(master, driver_memory=driver_memory), lake_root(lake))
    with teller.working("reading receipts"):
        found = all_receipts(opened)
    rows = [row for row in found if day is None or row["date"] == day]
    teller.rows("receipt", [{k: row[k] for k in _SHOWN} for row in rows])
    if verify:
        amiss = faults(found, recorded_ends(opened))
        for fault in amiss:
            teller.line(str(fault))
        if amiss:
            raise ThreestepError(f"audit.consent_receipts: {len(amiss)} faults; the first: {amiss[0]}")
    if contains is not None and contains not in {row["hash"] for row in found}:
        raise ThreestepError(f"audit.consent_receipts: no receipt has the hash {contains}: it was removed or altered")
    if verify and found:
        teller.line(f"all {len(found)} receipts hold; the last hash is {found[-1]['hash']}: note it elsewhere")
