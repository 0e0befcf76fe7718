"""The run as one HTML page without outside resources: a matrix of RPC by rule, then every difference side by side."""

from __future__ import annotations

from difflib import SequenceMatcher
from html import escape
from pathlib import Path

from ..case import Answer, Outcome
from ..declared import entries
from ..player import StepResult
from ..runner import CaseResult
from ..schema import rpc_for
from ..write import describe
from .data import Report
from .matrix import Cell, matrix

STYLE = Path(__file__).with_name("style.css")
SHOWN_BYTES_MAX = 2048


def write_html(report: Report) -> str:
    """The whole page."""
    verdict = "the same" if report.same else "different"
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Conformance of {escape(report.name)}</title><style>{STYLE.read_text(encoding='utf-8')}</style>",
        f"<h1>{escape(report.name)}</h1>",
        f"<p class='verdict {'same' if report.same else 'different'}'>{verdict}</p>",
        f"<p>{escape(report.summary())}. Judged against recordings of official etcd 3.7.1, bytes against bytes.</p>",
        _matrix(report),
        _differences(report),
        _unplayed("Could not be played to the end", [(r, r.broken) for r in report.broken]),
        _unplayed("Skipped", [(r, r.skipped) for r in report.skipped]),
        _declared(report),
        _cases(report),
        "</html>\n",
    ]
    return "\n".join(parts)


def _matrix(report: Report) -> str:
    rows, columns, cells = matrix(report)
    head = "".join(f"<th scope=col title='{escape(title)}'>{escape(column)}</th>" for column, title in columns.items())
    lines = []
    for row in rows:
        data = "".join(_cell(cells.get((row, column))) for column in columns)
        lines.append(f"<tr><th scope=row>{escape(row)}</th>{_cell(rows[row])}{data}</tr>")
    return (
        "<h2>RPC by rule</h2><p>Each cell: steps that were the same, of all; columns are sections of the wire contract."
        f"</p><div class=scroll><table class=matrix><thead><tr><th></th><th>all</th>{head}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "<td></td>"
    if cell.same == cell.total:
        return f"<td class=same>{cell.total}</td>"
    return f"<td class=different>{cell.same}/{cell.total}</td>"


def _differences(report: Report) -> str:
    found = [
        (result, step)
        for result in report.results
        for step in result.judged
        if step.comparison is not None and not step.comparison.same
    ]
    if not found:
        return "<h2>Differences</h2><p>None.</p>"
    return f"<h2>Differences ({len(found)})</h2>" + "".join(_difference(result, step) for result, step in found)


def _difference(result: CaseResult, played: StepResult) -> str:
    assert played.comparison is not None and played.step.outcome is not None
    where = "".join(
        f"<tr><td>{escape(item.where)}</td><td><code>{escape(_short(item.recorded))}</code></td>"
        f"<td><code>{escape(_short(item.actual))}</code></td></tr>"
        for item in played.comparison.differences[:20]
    )
    recorded, actual = played.step.outcome, played.comparison.normal or played.actual
    return (
        f"<section><h3>{escape(result.case.name)} <small>line {played.step.line}</small></h3>"
        f"<p>{escape(result.case.title)}</p>"
        f"<pre class=call>{escape(_short(chr(10).join(played.step.source), 1500))}</pre>"
        f"<table class=where><tr><th>where</th><th>recorded</th><th>this server</th></tr>{where}</table>"
        f"<div class=pair>{_sides(recorded, actual, played.method)}</div></section>"
    )


def _sides(recorded: Outcome, actual: Outcome, method: str) -> str:
    """Both outcomes, answer by answer, with the bytes that differ marked."""
    left, right = ["<h4>recorded</h4>"], ["<h4>this server</h4>"]
    for at in range(max(len(recorded.answers), len(actual.answers))):
        old = recorded.answers[at] if at < len(recorded.answers) else None
        new = actual.answers[at] if at < len(actual.answers) else None
        marks = marked(old.body or b"" if old else b"", new.body or b"" if new else b"")
        left.append(_answer(old, method, marks[0]))
        right.append(_answer(new, method, marks[1]))
    left.append(_status(recorded))
    right.append(_status(actual))
    return f"<div>{''.join(left)}</div><div>{''.join(right)}</div>"


def _answer(answer: Answer | None, method: str, hexadecimal: str) -> str:
    if answer is None:
        return "<p class=absent>no message</p>"
    if answer.body is None:
        return f"<p>{answer.size} bytes, SHA-256 <code>{answer.digest}</code></p>"
    plain = " " in method or method == "Maintenance.Snapshot"
    text = answer.body.decode("utf-8", "replace") if plain else describe(answer.body, rpc_for(method).response)
    return f"<pre>{escape(_short(text, 3000))}</pre><pre class=hex>{hexadecimal}</pre>"


def _status(outcome: Outcome) -> str:
    if outcome.status is None:
        return ""
    return f"<p class=status>{escape(outcome.status.code)} <q>{escape(outcome.status.text or '')}</q></p>"


def marked(left: bytes, right: bytes) -> tuple[str, str]:
    """Hexadecimal of both, with the bytes that only one has inside <mark>.

    >>> marked(b"abc", b"axc")
    ('61 <mark>62 </mark>63', '61 <mark>78 </mark>63')
    """
    left, right = left[:SHOWN_BYTES_MAX], right[:SHOWN_BYTES_MAX]
    sides: tuple[list[str], list[str]] = ([], [])
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for side, piece in ((sides[0], left[a:b]), (sides[1], right[c:d])):
            digits = "".join(f"{byte:02x} " for byte in piece)
            side.append(digits if tag == "equal" or not digits else f"<mark>{digits}</mark>")
    return "".join(sides[0]).rstrip(), "".join(sides[1]).rstrip()


def _unplayed(title: str, found: list[tuple[CaseResult, str]]) -> str:
    if not found:
        return ""
    rows = "".join(f"<tr><td>{escape(r.case.name)}</td><td>{escape(reason)}</td></tr>" for r, reason in found)
    return f"<h2>{title} ({len(found)})</h2><table class=where><tr><th>case</th><th>why</th></tr>{rows}</table>"


def _declared(report: Report) -> str:
    used = report.declared()
    rows = "".join(
        f"<tr><td><code>{escape(entry.path)}</code></td><td>{escape(entry.how)}</td><td>{escape(entry.reason)}</td>"
        f"<td>{used.get(entry.path, 0)}</td></tr>"
        for entry in entries()
    )
    head = "<tr><th>what</th><th>how</th><th>why</th><th>steps</th></tr>"
    return f"<h2>What may differ</h2><table class=where>{head}{rows}</table>"


def _cases(report: Report) -> str:
    rows = "".join(
        f"<tr class={'same' if result.same else 'different'}><td>{escape(result.case.name)}</td>"
        f"<td>{escape(result.case.title)}</td><td>{len(result.judged)}</td><td>{result.seconds:.1f}</td></tr>"
        for result in report.results
        if not result.skipped
    )
    head = "<tr><th>case</th><th>story</th><th>steps</th><th>s</th></tr>"
    return (
        f"<details><summary>All {len(report.results)} cases</summary><table class=where>{head}{rows}</table></details>"
    )


def _short(text: str, size: int = 400) -> str:
    return text if len(text) <= size else f"{text[:size]}… ({len(text)} characters)"
