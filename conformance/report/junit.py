"""The run as JUnit XML: one test case per case file."""

from __future__ import annotations

from xml.etree import ElementTree

from ..runner import CaseResult
from .data import Report


def write_junit(report: Report) -> str:
    suite = ElementTree.Element(
        "testsuite",
        name=f"conformance of {report.name}",
        tests=str(len(report.results)),
        failures=str(
            sum(1 for result in report.results if not result.same and not result.broken and not result.skipped)
        ),
        errors=str(len(report.broken)),
        skipped=str(len(report.skipped)),
        time=f"{sum(result.seconds for result in report.results):.3f}",
    )
    for result in report.results:
        _case(suite, result)
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, result: CaseResult) -> None:
    name = result.case.name
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=result.case.group,
        name=name,
        time=f"{result.seconds:.3f}",
        file=str(result.case.path),
    )
    if result.skipped:
        ElementTree.SubElement(case, "skipped", message=result.skipped)
    elif result.broken:
        ElementTree.SubElement(case, "error", message=clean(result.broken))
    elif not result.same:
        lines = [
            f"line {played.step.line}: {played.method} {item.where}: "
            f"recorded {item.recorded}, this server {item.actual}"
            for played in result.judged
            if played.comparison is not None
            for item in played.comparison.differences
        ]
        failure = ElementTree.SubElement(case, "failure", message=clean(lines[0][:300]))
        failure.text = clean("\n".join(lines))


def clean(text: str) -> str:
    """XML 1.0 has no way to write most control characters."""
    bad = "\N{REPLACEMENT CHARACTER}"
    return "".join(mark if mark.isprintable() or mark == "\n" else bad for mark in text)
