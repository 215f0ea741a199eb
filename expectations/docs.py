"""Data Docs: a static site of a run's gate results, for people who do not read Spark code.

The sections on expectations come from Great Expectations' own Data Docs renderer. The pages around them
are ours: the library's load scripts, styles and logos from half a dozen hosts, which shows nothing where
there is no network and tells others that it was opened where there is one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from expectations.suites import Outcome
from expectations.table_rules import RuleResult, figure


@dataclass
class Page:
    """What is known of one batch of one table.

    Attributes:
        table: Table, as schema.table.
        batch: Days or release.
        results: Every result, by rule.
        outcomes: What Great Expectations found, for its own page.
    """

    table: str
    batch: str
    results: dict[str, RuleResult] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()

    @property
    def file(self) -> str:
        """Name of its page inside the site: safe, short and its own, whatever the batch is called."""
        plain = f"{self.table}-{self.batch}"
        safe = re.sub(r"[^A-Za-z0-9._-]+", "_", plain)[:80]
        return f"{safe}.html" if safe == plain else f"{safe}-{sha256(plain.encode()).hexdigest()[:8]}.html"

    @property
    def verdict(self) -> str:
        """``blocked``, ``warned`` or ``passed``; that rows were quarantined is no warning by itself."""
        if any(result.blocks for result in self.results.values()):
            return "blocked"
        odd = any(not result.success and result.kind != "row" for result in self.results.values())
        return "warned" if odd else "passed"


def write_site(directory: Path, pages: Sequence[Page]) -> Path:
    """Write the site, in place of the one that was there.

    Args:
        directory: Where the site goes; its ``tables`` folder is emptied of pages first.
        pages: The batches, in the order in which they were checked.

    Returns:
        The first page.
    """
    tables = directory / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    for stale in tables.glob("*.html"):
        stale.unlink()
    for page in pages:
        (tables / page.file).write_text(_batch_page(page), encoding="utf-8")
    index = directory / "index.html"
    index.write_text(_index(pages), encoding="utf-8")
    return index


def _batch_page(page: Page) -> str:
    """One batch: its rules by table and row, then Great Expectations' sections by column."""
    figures = [result for result in page.results.values() if result.kind != "expectation"]
    heads = ("Rule", "Kind", "Verdict", "Observed", "Bound", "Rows")
    own = _table("Rules of the batch", heads, map(_rule_row, figures)) if figures else ""
    rows = max((result.rows or 0 for result in page.results.values()), default=0)
    return _document(
        f"{page.table} · {page.batch}",
        f'<p><a href="../index.html">All batches</a></p><h1>{html.escape(page.table)}</h1>'
        f"<p>{html.escape(page.batch)}: <b class='{page.verdict}'>{page.verdict}</b>, {rows:,} rows, "
        f"{len(page.results)} rules.</p>{own}{_sections(page)}",
    )


def _sections(page: Page) -> str:
    """Great Expectations' rendering of validation results, made from success and counts alone."""
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaSectionView

    if not page.outcomes:
        return ""
    results = [
        ExpectationValidationResult(
            success=outcome.success,
            expectation_config=ExpectationConfiguration(
                type=outcome.expected.type, kwargs=dict(outcome.expected.arguments)
            ),
            result=_counts(outcome),
        )
        for outcome in page.outcomes
    ]
    held = sum(outcome.success for outcome in page.outcomes)
    validation = ExpectationSuiteValidationResult(
        success=held == len(results),
        results=results,
        suite_name=page.table,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": held,
            "unsuccessful_expectations": len(results) - held,
            "success_percent": 100 * held / len(results),
        },
        meta={},
    )
    document: Any = ValidationResultsPageRenderer().render(validation)
    view: Any = DefaultJinjaSectionView()
    # The first section repeats the statistics above it.
    rendered = [
        view.render({"section": section.to_json_dict(), "section_loop": {"index": index}})
        for index, section in enumerate(document.sections[1:], start=1)
    ]
    plain = re.sub(r'\s+(?:id|data-[a-z-]+)="[^"]*"|(?<=\n)\s+', "", "".join(rendered))
    plain = plain.replace("unknown % not null", "--")
    return f"<h2>Expectations</h2>{plain}"


def _counts(outcome: Outcome) -> dict[str, Any]:
    if outcome.observed is None:
        return {}
    if not outcome.expected.columns:
        return {"observed_value": outcome.observed}
    rows = outcome.rows or 0
    share = 100 * outcome.observed / rows if rows else 0.0
    return {
        "element_count": rows,
        "unexpected_count": outcome.observed,
        "unexpected_percent": share,
        "unexpected_percent_total": share,
    }


def _document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _index(pages: Sequence[Page]) -> str:
    verdicts = [page.verdict for page in pages]
    summary = ", ".join(
        f"{verdicts.count(verdict)} {verdict}" for verdict in ("passed", "warned", "blocked") if verdict in verdicts
    )
    broken = [(page, result) for page in pages for result in page.results.values() if not result.success]
    heads: tuple[str, ...] = ("Table", "Batch", "Verdict", "Rules", "Did not hold", "Rows")
    sections = [_table("Batches", heads, map(_batch_row, pages))]
    if broken:
        heads = ("Table", "Batch", "Rule", "Effect", "Observed", "Bound", "Rows")
        sections.insert(0, _table("What did not hold", heads, (_broken_row(*pair) for pair in broken)))
    return _document(
        "Data quality",
        f"<h1>Data quality</h1><p>{len(pages)} batches: {summary}. "
        f"Counts only: no page holds a value of a row.</p>{''.join(sections)}",
    )


def _table(title: str, heads: Sequence[str], rows: Any) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<h2>{html.escape(title)}</h2><div class="scroll"><table>{inside}</table></div>'


def _batch_row(page: Page) -> list[str]:
    name = html.escape(page.table)
    rows = max((result.rows or 0 for result in page.results.values()), default=0)
    return [
        f'<a href="tables/{html.escape(page.file)}">{name}</a>',
        html.escape(page.batch),
        f'<b class="{page.verdict}">{page.verdict}</b>',
        str(len(page.results)),
        str(sum(not result.success for result in page.results.values())),
        f"{rows:,}",
    ]


def _broken_row(page: Page, result: RuleResult) -> list[str]:
    remedy = f"<small>{html.escape(result.remedy)}</small>" if result.remedy else ""
    return [
        html.escape(page.table),
        html.escape(page.batch),
        html.escape(result.rule) + remedy,
        _verdict(result),
        figure(result.observed),
        figure(result.bound),
        figure(result.rows),
    ]


def _rule_row(result: RuleResult) -> list[str]:
    remedy = f"<small>{html.escape(result.remedy)}</small>" if result.remedy and not result.success else ""
    return [
        html.escape(result.rule) + remedy,
        result.kind,
        _verdict(result),
        figure(result.observed),
        figure(result.bound),
        figure(result.rows),
    ]


def _verdict(result: RuleResult) -> str:
    if result.success:
        return '<b class="passed">held</b>'
    if result.kind == "row":
        return '<b class="warned">quarantined</b>'
    return '<b class="blocked">blocked</b>' if result.blocking else '<b class="warned">warned</b>'


_STYLE = """
:root{color-scheme:light dark;--line:#8884;--ok:#1a7f37;--warn:#9a6700;--bad:#c62828}
@media(prefers-color-scheme:dark){:root{--ok:#57c46f;--warn:#e0b13c;--bad:#ff7b72}}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;padding:1.5rem;max-width:80rem}
body{background:Canvas;color:CanvasText}
h1{font-size:1.5rem;margin:.2rem 0 .4rem}h2{font-size:1.15rem;margin:1.8rem 0 .4rem}
h5,h6{font-size:1rem;margin:1.2rem 0 .2rem}p{margin:.3rem 0}
.scroll,.table-responsive{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .7rem;border-bottom:1px solid var(--line)}
th{font-weight:600;white-space:nowrap}small{display:block}
.ge-section table{table-layout:fixed}.ge-section th:first-child{width:7rem}.ge-section th:last-child{width:10rem}
a{color:LinkText}.badge{font-weight:600}
.passed,.text-success{color:var(--ok)}.warned,.text-warning{color:var(--warn)}.blocked,.text-danger{color:var(--bad)}
.fa-check-circle::before{content:"held"}.fa-times::before{content:"failed"}
.fa-exclamation-triangle::before{content:"not evaluated"}i{font-style:normal;font-weight:600}
"""
