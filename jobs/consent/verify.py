"""Holds the stored receipts against their chain and against the ends of it that runs recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from expectations.audit import CONSENT_RECEIPTS, RUNS
from expectations.contract import Contract, Schema
from jobs.consent.receipts import GENESIS, link_hash, stored
from jobs.lake import Lake


@dataclass(frozen=True)
class Anchor:
    """The end of the chain as something outside of it recorded it.

    Attributes:
        count: Receipts at that time.
        head: Hash of the last of them.
        where: Who recorded it, for the message.
    """

    count: int
    head: str
    where: str


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with the chain.

    Attributes:
        receipt_id: The receipt at which it shows; ``-`` where there is none left.
        number: Its number.
        what: What is wrong.
    """

    receipt_id: str
    number: int
    what: str

    def __str__(self) -> str:
        return f"receipt {self.receipt_id}, number {self.number}: {self.what}"


def recorded_ends(lake: Lake) -> list[Anchor]:
    """The ends of the chain that runs recorded in ``audit.runs``."""
    door = lake.door(reads=[Schema.AUDIT])
    if not door.exists(RUNS):
        return []
    ends = door.read(RUNS).filter("receipts IS NOT NULL").select("run_id", "receipts", "receipts_head").collect()
    return [Anchor(int(r["receipts"]), r["receipts_head"], f"audit.runs of run {r['run_id']}") for r in ends]


def all_receipts(lake: Lake, contract: Contract = CONSENT_RECEIPTS) -> list[dict[str, object]]:
    """Every receipt of a chain (of consent, or of erasures), in its order."""
    door = lake.door(reads=[Schema.AUDIT])
    if not door.exists(contract):
        return []
    return sorted(stored(door.read(contract)), key=_number)


def faults(receipts: Sequence[Mapping[str, object]], anchors: Sequence[Anchor] = ()) -> list[Fault]:
    """Recompute every hash and follow the chain.

    An altered row no longer has its hash; one that was given a new hash is no longer what the next one
    follows on; a removed one leaves a gap in the numbers; a removed end is shorter than its anchors.

    Args:
        receipts: Rows of ``audit.consent_receipts`` (``jobs.consent.receipts.stored``), in any order.
        anchors: Ends of the chain that were recorded elsewhere.

    Returns:
        What is wrong, in the chain's order; nothing where all is well.
    """
    found: list[Fault] = []
    before, previous = 0, GENESIS
    ordered = sorted(receipts, key=lambda row: (_number(row), str(row["receipt_id"])))
    for row in ordered:
        number, identity = _number(row), str(row["receipt_id"])
        if number == before:
            found.append(Fault(identity, number, "another receipt has the same number"))
        elif number != before + 1:
            missing = f"{before + 1}" if number == before + 2 else f"{before + 1} to {number - 1}"
            found.append(Fault(identity, number, f"number {missing} before it was removed"))
        if link_hash(row, str(row["previous_hash"])) != row["hash"]:
            found.append(Fault(identity, number, "altered: its content does not give its hash"))
        if row["previous_hash"] != previous:
            found.append(
                Fault(identity, number, "it does not follow on the one before: removed, altered or re-ordered")
            )
        before, previous = number, str(row["hash"])
    by_number = {_number(row): row for row in ordered}
    last = ordered[-1] if ordered else None
    for anchor in anchors:
        kept = by_number.get(anchor.count)
        if kept is not None and kept["hash"] != anchor.head:
            found.append(Fault(str(kept["receipt_id"]), anchor.count, f"not the receipt that {anchor.where} recorded"))
        elif kept is None and anchor.count > before:
            what = f"the chain ends here; {anchor.where} recorded {anchor.count} receipts: its end was removed"
            found.append(Fault(str(last["receipt_id"]) if last else "-", before, what))
    return found


def _number(row: Mapping[str, object]) -> int:
    return int(str(row["number"]))
