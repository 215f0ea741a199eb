"""Data Docs: a static site of a run's gate results, for people who do not read Spark code.

Each table's page is rendered by Great Expectations' own Data Docs renderer. What it loads from elsewhere
(scripts, styles, logos) is taken out and replaced by a style sheet of our own, so that the site shows the
same without a network and tells nobody that it was opened.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from expectations.suites import Outcome
from expectations.table_rules import RuleResult, figure

_FOREIGN = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*>|<nav\b.*</nav>|<footer\b.*?</footer>|<img\b[^>]*>|<button\b.*?</button>",
    re.DOTALL | re.IGNORECASE,
)


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
        """Name of its page inside the site."""
        return re.sub(r"[^A-Za-z0-9._-]+", "_", f"{self.table}-{self.batch}") + ".html"

    @property
    def verdict(self) -> str:
        """``blocked``, ``warned`` or ``passed``."""
        if any(result.blocks for result in self.results.values()):
            return "blocked"
        return "passed" if all(result.success for result in self.results.values()) else "warned"


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
        if page.outcomes:
            (tables / page.file).write_text(_expectations_page(page), encoding="utf-8")
    index = directory / "index.html"
    index.write_text(_index(pages), encoding="utf-8")
    return index


def _expectations_page(page: Page) -> str:
    """Great Expectations' page of validation results, from success and counts alone."""
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    results = [
        ExpectationValidationResult(
            success=outcome.success,
            expectation_config=ExpectationConfiguration(
                type=re.sub(r"\(.*|\s#.*", "", outcome.expected.name), kwargs=dict(outcome.expected.arguments)
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
        meta={"batch_spec": {"data_asset_name": page.table}},
    )
    document: Any = ValidationResultsPageRenderer().render(validation)
    rendered: str = DefaultJinjaPageView().render(document)
    return _made_local(rendered, f"{page.table} · {page.batch}")


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


def _made_local(page: str, title: str) -> str:
    """Take out whatever would be loaded from elsewhere; give the page a title, our style and a way back."""
    local = _FOREIGN.sub("", page)
    head, _, body = local.partition("<body>")
    head = re.sub(r"<title>.*?</title>", "", head, flags=re.DOTALL)
    head = head.replace("</head>", f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>")
    back = f'<p class="back"><a href="../index.html">All tables</a></p><h1>{html.escape(title)}</h1>'
    return f"{head}<body>{back}{body}"


def _index(pages: Sequence[Page]) -> str:
    verdicts = [page.verdict for page in pages]
    summary = ", ".join(
        f"{verdicts.count(verdict)} {verdict}" for verdict in ("passed", "warned", "blocked") if verdict in verdicts
    )
    broken = [(page, result) for page in pages for result in page.results.values() if not result.success]
    heads: tuple[str, ...] = ("Table", "Batch", "Verdict", "Rules", "Did not hold", "Rows")
    sections = [_table("Batches", heads, map(_batch_row, pages))]
    if broken:
        heads = ("Table", "Batch", "Rule", "Kind", "Observed", "Bound", "Rows", "Effect", "What to do")
        sections.insert(0, _table("What did not hold", heads, (_broken_row(*pair) for pair in broken)))
    measured = [(p, r) for p in pages for r in p.results.values() if r.kind == "table" and r.observed is not None]
    if measured:
        heads = ("Table", "Batch", "Rule", "Observed", "Bound", "Held")
        sections.append(_table("Table rules", heads, (_measured_row(*pair) for pair in measured)))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Data quality</title>'
        f"<style>{_STYLE}</style></head><body><h1>Data quality</h1>"
        f"<p>{len(pages)} batches: {summary}. Counts only; no page holds a value of a row.</p>"
        f"{''.join(sections)}</body></html>\n"
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
        f'<a href="tables/{html.escape(page.file)}">{name}</a>' if page.outcomes else name,
        html.escape(page.batch),
        f'<b class="{page.verdict}">{page.verdict}</b>',
        str(len(page.results)),
        str(sum(not result.success for result in page.results.values())),
        f"{rows:,}",
    ]


def _broken_row(page: Page, result: RuleResult) -> list[str]:
    effect = "blocked" if result.blocking else "warned"
    return [
        *(html.escape(text) for text in (page.table, page.batch, result.rule, result.kind)),
        figure(result.observed),
        figure(result.bound),
        figure(result.rows),
        f'<b class="{effect}">{effect}</b>',
        html.escape(result.remedy),
    ]


def _measured_row(page: Page, result: RuleResult) -> list[str]:
    held = "passed" if result.success else ("blocked" if result.blocking else "warned")
    return [
        *(html.escape(text) for text in (page.table, page.batch, result.rule)),
        figure(result.observed),
        figure(result.bound),
        f'<b class="{held}">{"yes" if result.success else "no"}</b>',
    ]


_STYLE = """
:root{color-scheme:light dark;--line:#8884;--ok:#1a7f37;--warn:#9a6700;--bad:#c62828}
@media(prefers-color-scheme:dark){:root{--ok:#57c46f;--warn:#e0b13c;--bad:#ff7b72}}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;padding:1.5rem;max-width:80rem}
body{background:Canvas;color:CanvasText}
h1{font-size:1.5rem;margin:.2rem 0 .6rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .7rem;border-bottom:1px solid var(--line)}
th{font-weight:600}a{color:LinkText}
.passed{color:var(--ok)}.warned{color:var(--warn)}.blocked{color:var(--bad)}
.back{margin:0}
"""
