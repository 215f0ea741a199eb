"""The log of tables on a file system of this machine: first commit, small appends, partitions and files that go.

A first commit says no more than the contract does, so it is written as the Delta protocol has it (Delta transaction
log protocol, "Actions" and "Version Checksum File") instead of through a statement, which costs the engine half a
second a table. With its checksum, the engine runs no queries to learn that the table is empty.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from expectations.contract import Contract
from jobs.lake_lock import local_folder

_FIRST = f"{0:020d}.json"
_FIRST_CHECKSUM = f"{0:020d}.crc"


def create_table(location: str, contract: Contract) -> None:
    """Create an empty table, unless it is there: its log appears whole, or not at all.

    Folders of schemas that hold identifiers are open to their owner alone.

    Args:
        location: Folder of the table.
        contract: What it holds.
    """
    log = _log(location)
    if contract.schema.holds_identifiers:
        log.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.mkdir(parents=True, exist_ok=True)
    actions = _actions(contract)
    if _put(log / _FIRST, "".join(json.dumps(action) + "\n" for action in actions)):
        _put(log / _FIRST_CHECKSUM, json.dumps(_checksum(actions)))


def latest_version(location: str) -> int | None:
    """Latest version of a table; ``None`` where there is no table."""
    try:
        names = [entry.name for entry in _log(location).iterdir()]
    except FileNotFoundError:
        return None
    return max((int(name[:20]) for name in names if _is_commit(name)), default=None)


def stored_bytes(location: str) -> int:
    """Bytes of a table's files, those of earlier versions too; 0 where there is no table."""
    return sum(file.stat().st_size for file in local_folder(location).rglob("*.parquet"))


def append_rows(location: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Add a few rows to a table in one commit, without the engine: it takes half a second for what takes 10 ms here.

    Args:
        location: Folder of the table.
        rows: Values in the order of its columns.
    """
    table = DeltaTable(local_folder(location))
    schema = pa.schema(table.schema().to_arrow())
    columns = [pa.array(values, column.type) for values, column in zip(zip(*rows, strict=True), schema, strict=True)]
    write_deltalake(table, pa.Table.from_arrays(columns, schema.names), mode="append")


def may_hold(location: str, column: str, values: Sequence[str]) -> bool:
    """Whether a table may have rows with some values in a column, by what its log says of each file.

    Args:
        location: Folder of the table.
        column: A column of words or dates.
        values: The values; dates in ISO 8601.
    """
    files = pa.table(DeltaTable(local_folder(location)).get_add_actions(flatten=True))
    if f"partition.{column}" in files.schema.names:
        held = {str(value) for value in files[f"partition.{column}"].to_pylist()}
        return not held.isdisjoint(values)
    if not files.num_rows:
        return False
    if f"min.{column}" not in files.schema.names:
        return True
    ends = zip(files[f"min.{column}"].to_pylist(), files[f"max.{column}"].to_pylist(), strict=True)
    return any(
        low is None or high is None or any(str(low) <= value <= str(high) for value in values) for low, high in ends
    )


def delete_partitions(location: str, condition: str) -> None:
    """Take whole partitions out of a table, in one commit without the engine; their files stay until they are purged.

    Args:
        location: Folder of the table.
        condition: On the column that it is partitioned by.
    """
    DeltaTable(local_folder(location)).delete(condition)


def delete_unused(location: str) -> None:
    """Delete every file of a table that its latest version does not use, orphans and checksums too.

    What may go is told by the library that reads the log without the engine: the engine's own statement takes seconds
    a table. Nothing is added to the log.

    Args:
        location: Folder of the table.
    """
    folder = local_folder(location)
    table = DeltaTable(folder)
    for name in table.vacuum(retention_hours=0, dry_run=True, enforce_retention_duration=False, full=True):
        file = folder / name
        file.unlink(missing_ok=True)
        file.with_name(f".{file.name}.crc").unlink(missing_ok=True)


def _put(file: Path, text: str) -> bool:
    """Write a file, whole or not at all, unless it is there; returns whether it was not."""
    draft = file.with_name(f".{uuid.uuid4()}.tmp")
    draft.write_text(text, encoding="utf-8")
    try:
        # A link, unlike a rename, does not take the place of what another run has put there meanwhile.
        os.link(draft, file)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _log(location: str) -> Path:
    return local_folder(location) / "_delta_log"


def _is_commit(name: str) -> bool:
    return len(name) == len(_FIRST) and name.endswith(".json") and name[:20].isdigit()


def _actions(contract: Contract) -> list[dict[str, Any]]:
    at = time.time_ns() // 1_000_000
    partitions = [contract.period] if contract.partitioned else []
    parameters = {
        "partitionBy": json.dumps(partitions),
        "clusterBy": "[]",
        "description": contract.comment,
        "isManaged": "false",
        "properties": json.dumps(contract.properties()),
    }
    return [
        {
            "commitInfo": {
                "timestamp": at,
                "operation": "CREATE TABLE",
                "operationParameters": parameters,
                "isolationLevel": "Serializable",
                "isBlindAppend": True,
                "operationMetrics": {},
            }
        },
        {
            "metaData": {
                "id": str(uuid.uuid4()),
                "description": contract.comment,
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps(_schema(contract)),
                "partitionColumns": partitions,
                "configuration": contract.properties(),
                "createdTime": at,
            }
        },
        # Constraints are what a writer has to know of since version 3.
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 3 if contract.checks else 2}},
    ]


def _checksum(actions: list[dict[str, Any]]) -> dict[str, Any]:
    """What the log says after the first commit: no file, and how the table is made."""
    told = {name: value for action in actions for name, value in action.items()}
    return {
        "tableSizeBytes": 0,
        "numFiles": 0,
        "numMetadata": 1,
        "numProtocol": 1,
        "setTransactions": [],
        "domainMetadata": [],
        "metadata": told["metaData"],
        "protocol": told["protocol"],
        "allFiles": [],
    }


def _schema(contract: Contract) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(contract.struct.json())
    for field, column in zip(schema["fields"], contract.columns, strict=True):
        field["nullable"] = not column.required
        field["metadata"] = {"comment": column.comment}
    return schema
