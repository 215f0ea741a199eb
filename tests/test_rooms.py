"""The structure that privacy rests on: who may import and open what, and which engines' back doors stay shut."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
IDENTIFIED = {"subscribers", "events", "consent_requests", "consent_ledger", "quarantine", "rewards"}
PSEUDONYMOUS = {"movement", "segments"}
BUDGET = {"jobs.release.budget", "jobs.release.budget.epsilon"}
ORDER = ["simulate", "ingest", "consent", "segment", "transform", "aggregate", "release", "audit"]


def _modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


def _contracts(path: Path) -> set[str]:
    return {name.split(".")[1] for name in _imports(path) if name.startswith("expectations.") and name.count(".") == 1}


@pytest.mark.parametrize("path", [*_modules("jobs/release"), *_modules("jobs/aggregate")], ids=str)
def test_release_and_aggregate_cannot_name_identified_tables(path):
    # The list of purposes is no table.
    names = {i for i in _imports(path) if i.startswith("expectations.") and i.split(".")[-1].isupper()}
    tables = {
        i for i in names if i.split(".")[1] in IDENTIFIED and i.split(".")[-1] not in ("PURPOSES", "ALL_PURPOSES")
    }
    assert not tables


@pytest.mark.parametrize("path", _modules("jobs/release"), ids=str)
def test_release_cannot_name_pseudonymous_tables(path):
    assert not _contracts(path) & PSEUDONYMOUS
    assert not {
        i for i in _imports(path) if i.startswith(("jobs.segment", "jobs.consent", "jobs.ingest", "jobs.transform"))
    }


@pytest.mark.parametrize("path", _modules("jobs/deliver"), ids=str)
def test_what_is_delivered_is_made_from_products_and_public_reference(path):
    public = {"contract", "products", "product_words", "zones", "corridors", "footprints"}
    assert _contracts(path) <= public
    assert not {i for i in _imports(path) if i.startswith("jobs.") and i.split(".")[1] in ORDER and i not in BUDGET}


@pytest.mark.parametrize("path", _modules("jobs/transform"), ids=str)
def test_stage_two_cannot_name_identified_tables(path):
    assert not _contracts(path) & IDENTIFIED


@pytest.mark.parametrize(
    "path", [p for f in ("ingest", "consent", "transform", "release") for p in _modules(f"jobs/{f}")], ids=str
)
def test_only_stage_one_makes_pseudonyms_and_only_its_keys_are_pads(path):
    assert "jobs.segment.keystore" not in _imports(path)


@pytest.mark.parametrize(
    ("module", "tables"),
    [
        ("jobs/rewards.py", {"consent_ledger", "rewards"}),
        ("jobs/consent/explain.py", {"consent_ledger", "subscribers", "audit"}),
    ],
)
def test_what_is_about_single_lines_cannot_name_a_location_table(module, tables):
    """Neither by itself nor through a module of the house that it imports, but for the door and the gate."""
    shared = {"expectations.gate", "jobs.lake", "jobs.context", "jobs.settings"}
    seen, todo = set(), [ROOT / module]
    while todo:
        path = todo.pop()
        names = {name for name in _imports(path) if name.startswith(("jobs", "expectations"))} - shared
        found = {ROOT / f"{name.replace('.', '/')}.py" for name in names}
        seen |= {p.stem for p in found if p.is_file() and p.parent.name == "expectations"}
        todo += [p for p in found if p.is_file() and p.parent.name != "expectations"]
    assert tables <= seen <= tables | {"contract", "rules", "consent_ledger", "subscribers", "consent_requests"}


@pytest.mark.parametrize("path", _modules("udfs"), ids=str)
def test_column_functions_import_no_jobs(path):
    assert not {i for i in _imports(path) if i.startswith("jobs")}


@pytest.mark.parametrize("path", _modules("expectations"), ids=str)
def test_contracts_import_no_jobs(path):
    assert not {i for i in _imports(path) if i.startswith("jobs")}


@pytest.mark.parametrize(
    "path", [p for f in ("jobs", "udfs", "expectations") for p in _modules(f) if p.name != "session.py"], ids=str
)
def test_no_back_doors(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\.rdd\b|_jvm|sparkContext|toPandas\(\)\.iterrows|\.foreach\(", text)


@pytest.mark.parametrize("path", [p for f in ("jobs", "udfs", "expectations") for p in _modules(f)], ids=str)
def test_only_the_door_opens_lake_tables(path):
    name = path.relative_to(ROOT).as_posix()
    # How tables are read and written is the door's alone to use.
    inside = {"jobs.lake_read", "jobs.lake_write"}
    assert name == "jobs/lake.py" or not _imports(path) & inside
    if name in ("jobs/lake.py", "jobs/lake_read.py", "jobs/lake_write.py", "jobs/doctor_live.py"):
        return
    text = path.read_text(encoding="utf-8")
    if path.parent.name in ("ingest", "simulate"):
        # These read and write landing files; Delta is one of the formats in which a landing table may come.
        assert "saveAsTable" not in text and "MERGE INTO" not in text
        return
    assert not re.search(r"""format\(\s*["']delta|saveAsTable|MERGE INTO|DELETE FROM|delta\.`""", text)


@pytest.mark.parametrize("path", [p for f in ("jobs", "udfs", "expectations") for p in _modules(f)], ids=str)
def test_files_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_no_job_hides_a_module_of_the_language():
    """The folder of spark-submit's main file comes first on the path."""
    assert not {path.stem for path in (ROOT / "jobs").iterdir()} & sys.stdlib_module_names
