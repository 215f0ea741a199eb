"""What the privacy officer asks: ``threestep receipts``, ``explain-line`` and ``keys``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from expectations.audit import ERASURES
from expectations.contract import Schema
from jobs.commands.options import (
    KeysOption,
    LakeOption,
    MasterOption,
    MemoryOption,
    PolicyOption,
    as_date,
    is_local,
    key_folder,
    lake_root,
)
from jobs.console import Teller
from jobs.errors import ThreestepError, UsageError
from jobs.lake import Lake
from jobs.settings import load_policy

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

_SHORT = tuple(name for name in _SHOWN if name not in ("receipt_id", "ledger_version", "processed_at"))


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

    teller, day = Teller(), as_date(date, "--date") if date else None
    opened = _open(teller, lake, master, driver_memory)
    with teller.working("reading receipts"):
        found = all_receipts(opened)
    rows = [row for row in found if day is None or row["date"] == day]
    teller.rows("receipt", [{k: row[k] for k in _SHOWN} for row in rows], "Receipts: contacts by purpose", _SHORT)
    if verify:
        ends = recorded_ends(opened)
        if not found and not ends:
            raise ThreestepError(f"{lake}: there are no receipts, and no run that wrote some")
        amiss = faults(found, ends)
        for fault in amiss:
            teller.line(str(fault))
        if amiss:
            raise ThreestepError(f"audit.consent_receipts: {len(amiss)} faults; the first: {amiss[0]}")
        erased = faults(all_receipts(opened, ERASURES))
        if erased:
            raise ThreestepError(f"audit.erasures: {len(erased)} faults; the first: {erased[0]}")
    if contains is not None and contains not in {row["hash"] for row in found}:
        raise ThreestepError(f"audit.consent_receipts: no receipt has the hash {contains}: it was removed or altered")
    if verify and found:
        teller.line(f"all {len(found)} receipts hold; the last hash is {found[-1]['hash']}: note it elsewhere")


def explain_line(
    msisdn: Annotated[str, typer.Argument(help="Phone number in any usual spelling; - reads it from standard input")],
    lake: LakeOption,
    policy: PolicyOption = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """Answer a customer's request for access: a line's decisions, and the days on which it could serve a purpose.

    Only the owner of the lake's restricted folder may ask; in a catalog, who was granted its tables.
    """
    from jobs.consent.access import refuse_strangers
    from jobs.consent.explain import ExplainParams
    from jobs.consent.explain import explain_line as explained

    if is_local(lake):
        refuse_strangers(Path(lake_root(lake)) / Schema.RESTRICTED)
    teller, rules = Teller(), load_policy(policy)
    typed = sys.stdin.readline().strip() if msisdn == "-" else msisdn
    opened = _open(teller, lake, master, driver_memory)
    with teller.working("looking the line up"):
        answer = explained(opened, typed, ExplainParams(rules.time_zone, rules.consent.covers_holder))
    teller.line(f"{answer.masked}: {len(answer.decisions)} decisions, {len(answer.days)} days with a receipt")
    teller.rows("decision", answer.decisions)
    teller.rows("day", answer.days)


def keys(
    lake: LakeOption,
    destroy: Annotated[str | None, typer.Option("--destroy", help="Period whose key is to go, with its rows")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for audit.key_events")] = None,
    policy: PolicyOption = None,
    keys: KeysOption = None,
    master: MasterOption = None,
    driver_memory: MemoryOption = None,
) -> None:
    """List the periods whose key lives and until when at the latest, or destroy one on order."""
    from jobs.segment.keys import destroy as destroy_key
    from jobs.segment.keystore import FileKeyStore
    from jobs.segment.periods import deadline, split

    teller, store, rules = Teller(), FileKeyStore(key_folder(lake, keys)), load_policy(policy)
    if destroy is None:
        teller.rows("key", [{"period": p, "gone_by": deadline(p, rules).isoformat()} for p in store.periods()])
        return
    split(destroy)
    if reason is None or not reason.strip():
        raise UsageError("--destroy needs a --reason: it is recorded in audit.key_events")
    if destroy not in store.periods():
        raise UsageError(f"no key of {destroy} lives: threestep keys without --destroy lists those that do")
    opened = _open(teller, lake, master, driver_memory)
    with teller.working("destroying the key and all that lives under it"), opened.lock():
        destroy_key(opened, store, [destroy], reason, ordered=True)
    teller.line(f"the key of {destroy} is destroyed, with every row under it: no pseudonym of it can be made again")


def _open(teller: Teller, lake: str, master: str | None, memory: str | None) -> Lake:
    from jobs.session import get_session

    with teller.working("starting Spark"):
        return Lake(get_session(master, driver_memory=memory), lake_root(lake))
