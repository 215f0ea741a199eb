"""The site that a run leaves behind."""

from __future__ import annotations

import re
from dataclasses import replace

from expectations.contract import Schema
from expectations.gate import Gate, TableRule, row_results


def test_no_results_no_site(tmp_path, contract) -> None:
    assert Gate(tmp_path).build_docs() is None
    gate = Gate()
    gate.record(contract, "a", row_results({"x": 1}, 2))
    assert gate.build_docs() is None


def test_the_site_tells_verdicts_and_needs_nothing_from_elsewhere(tmp_path, contract, lines, cases) -> None:
    gate = Gate(tmp_path / "docs")
    frame = lines([row for row, _ in cases])
    gate.validate(frame, contract, "2026-03-03 <b>", extra_rules=[TableRule("share", 0.1, high=0.5)])
    gate.validate(frame, replace(contract, schema=Schema.REFERENCE), "2026-03-03")
    gate.record(replace(contract, name="other"), "2026-03-03", row_results({"x_missing": 1}, 20))
    index = gate.build_docs()
    assert index == tmp_path / "docs" / "index.html"
    text = index.read_text()
    assert "1 passed, 2 blocked" in text and "quarantined" in text
    assert "&lt;b&gt;" in text and "03 <b>" not in text
    links = re.findall(r'href="(tables/[^"]+)"', text)
    pages = [(index.parent / link).read_text() for link in links]
    identified, plain, other = pages
    for page in (text, *pages):
        assert not re.search(r"<script|<link|<img|url\(|https?://", page)
        assert page.count("<title>") == 1
    assert "% of 14 total rows" in plain and "unexpected" not in identified
    assert "values must be greater than or equal to" in identified
    assert "x_missing" in other and "Expectations" not in other


def test_each_batch_has_a_page_of_its_own(tmp_path, contract) -> None:
    gate = Gate(tmp_path)
    batches = ["a b", "a_b", "a/b", "../b", ",".join(f"footfall-2026-03-{day:02}" for day in range(1, 32))]
    for batch in batches:
        gate.record(contract, batch, row_results({"x_missing": 0}, 2))
    gate.build_docs()
    pages = list((tmp_path / "tables").glob("*.html"))
    assert len(pages) == len(batches)
    assert max(len(page.name) for page in pages) < 120


def test_a_site_replaces_the_one_before(tmp_path, contract) -> None:
    stale = tmp_path / "tables" / "gone-2026-01-01.html"
    stale.parent.mkdir()
    stale.write_text("old")
    gate = Gate(tmp_path)
    gate.record(contract, "a", row_results({"x_missing": 0}, 2))
    assert gate.build_docs() == tmp_path / "index.html"
    assert not stale.exists()
