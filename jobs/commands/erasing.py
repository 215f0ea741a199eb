"""``threestep erase``: take in the consent feed, erase the lines that object, and prove it on every file."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from jobs.commands.options import (
    AsOfOption,
    KeysOption,
    LakeOption,
    LandingOption,
    MasterOption,
    MemoryOption,
    PolicyOption,
    processing_time,
    run_settings,
)
from jobs.console import Teller
from jobs.settings import load_policy


def erase(
    landing: LandingOption,
    lake: LakeOption,
    policy: PolicyOption = None,
    keys: KeysOption = None,
    as_of: AsOfOption = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Take in the consent feed, erase the lines that object from the lake, and scan every file for what is left."""
    from jobs.audit.erase_lake import erase_lake
    from jobs.session import get_session

    now: dt.datetime = processing_time(as_of)
    today = now.astimezone(ZoneInfo(load_policy(policy).time_zone)).date().isoformat()
    settings = run_settings(landing, lake, today, policy=policy, keys=keys, as_of=as_of)
    teller = Teller()
    with teller.working("starting Spark"):
        spark = get_session(master, driver_memory=driver_memory)
    with teller.working("erasing"):
        found = erase_lake(spark, settings, say=teller.tell)
    proof = found.scan
    removed = found.removed or {}
    teller.rows("erased", [{"table": table, "rows": rows} for table, rows in sorted(removed.items())])
    if proof is None or not proof.files:
        teller.line(f"{found.lines:,} lines object to every purpose: there was nothing to look for")
    else:
        teller.line(
            f"{sum(removed.values()):,} rows erased; {found.lines:,} lines object to every purpose; {proof.hits:,} "
            f"traces of them in {proof.files:,} files scanned ({proof.apart:,} of master data and ledger apart)"
        )
