"""Case text to steps and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyetcd.conformance.case import Status, Verb
from pyetcd.conformance.library import CASES, load_all
from pyetcd.conformance.parse import CaseError, parse_case
from pyetcd.conformance.schema import rpc_for
from pyetcd.conformance.text import parse
from pyetcd.conformance.write import describe, render

STORY = """\
# A title
rule: 2.3 revisions, 2.6 put
server: --max-txn-ops=3

# one
@b KV.Put [token=$T gzip timeout=0.5] key: "a"
  value: "1"
  capture R = header.revision was 2
> header {
  revision: 2 }
= 0a02
  1802

KV.Put
! InvalidArgument "etcdserver: key is not provided"
open w Watch.Watch create_request { key: "a" }
w expect 2 any order
w quiet 0.5
! nothing
w cancel
w end
! Canceled
fill 1..3 KV.Put key: "k{i}"
http POST /v3/kv/range [A=b] {"key":[1]}
sleep 0.5
restart
# the end
"""


def read(text: str) -> list[str]:
    return parse_case(text, Path("x.txt"), "x").steps  # type: ignore[return-value]


def test_the_parts_of_a_story() -> None:
    case = parse_case(STORY, Path("x.txt"), "kv/x")
    put, refused, opened, expect, quiet, cancel, end, fill, http, sleep, restart = case.steps
    assert (case.title, case.group, case.flags) == ("A title", "kv", ["--max-txn-ops=3"])
    assert case.rules == ["2.3 revisions", "2.6 put"]
    assert case.needs == {"managed"}
    assert (put.client, put.options) == ("b", {"token": "$T", "gzip": "", "timeout": "0.5"})
    assert put.request == 'key: "a"\nvalue: "1"'
    assert (put.captures, put.captured) == ({"R": "header.revision"}, {"R": 2})
    assert put.outcome is not None and put.outcome.answers[0].body == bytes.fromhex("0a021802")
    assert refused.outcome is not None
    assert refused.outcome.status == Status("InvalidArgument", "etcdserver: key is not provided")
    assert (opened.verb, opened.name, opened.method) == (Verb.OPEN, "w", "Watch.Watch")
    assert (expect.count, expect.any_order, expect.outcome) == (2, True, None)
    assert quiet.outcome is not None and not quiet.outcome.answers and quiet.outcome.status is None
    assert cancel.verb is Verb.CANCEL
    assert end.outcome is not None and end.outcome.status == Status("Canceled", None)
    assert list(fill.numbers) == [1, 2, 3]
    assert (http.method, http.options, http.request) == ("POST /v3/kv/range", {"A": "b"}, '{"key":[1]}')
    assert (sleep.seconds, restart.verb) == (0.5, Verb.RESTART)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("KV.Nope key: 1", "no RPC is called KV.Nope"),
        ("what is this", "not a step"),
        ("  continued", "continues nothing"),
        ("= 0a", "an outcome before the first step"),
        ("w expect many", "write it as: NAME expect"),
        ("w end now", "nothing may follow end"),
        ("fill a KV.Put", "write it as: fill"),
        ("http NOWHERE", "write it as: http"),
    ],
)
def test_a_bad_line_is_named(line: str, sentence: str) -> None:
    with pytest.raises(CaseError, match=f"x.txt:2: .*{sentence}"):
        read("# title\n" + line)


def test_all_cases_read_and_are_recorded() -> None:
    cases = load_all()
    assert sum(1 for case in cases for step in case.steps if step.outcome is not None) >= 600
    assert [case.name for case in cases if not case.recorded] == []


def test_every_trap_has_a_case() -> None:
    found = {path.name[:2] for path in (CASES / "traps").glob("*.txt")}
    assert {f"{number:02}" for number in range(1, 31)} <= found


@pytest.mark.parametrize("case", load_all(), ids=lambda case: case.name)
def test_text_and_bytes_say_the_same(case) -> None:  # type: ignore[no-untyped-def]
    """Writing a case again gives the same file, so the decoded text beside the bytes is theirs."""
    assert render(case) == case.path.read_text(encoding="utf-8")


def test_decoded_text_reads_back_to_the_bytes() -> None:
    opened: dict[str, str] = {}
    for case in load_all(only=["kv"]):
        for step in case.steps:
            opened[step.name] = step.method or opened.get(step.name, "")
            for answer in step.outcome.answers if step.outcome else ():
                kind = rpc_for(step.method or opened[step.name]).response
                if answer.body is not None:
                    text = describe(answer.body, kind).replace("\n", " ")
                    assert parse(text, kind).SerializeToString() == answer.body
