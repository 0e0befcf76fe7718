"""Duels: official against itself agrees; a planted difference is found, shrunk and saved as a case."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from pyetcd.conformance.cli import main
from pyetcd.conformance.duel.grammar import GROUPS, Grammar
from pyetcd.conformance.duel.lockstep import parse_lines
from pyetcd.conformance.duel.shrink import split
from pyetcd.conformance.library import load_all
from pyetcd.conformance.schema import rpc_for
from pyetcd.conformance.server import ManagedServer
from pyetcd.conformance.text import parse

from pyetcd.pb import rpc_pb2
from tests.conformance.doctor import doctored
from tests.peers import need


def command() -> str:
    return f"{need('etcd')} --log-level=error --unsafe-no-fsync"


@pytest.fixture
def two() -> Iterator[tuple[str, str]]:
    servers = [ManagedServer(command()) for _ in range(2)]
    for server in servers:
        server.start()
    yield servers[0].address, servers[1].address
    for server in servers:
        server.close()


@pytest.mark.parametrize("group", list(GROUPS))
def test_every_move_of_the_grammar_is_a_step(group: str) -> None:
    """All lines parse, and all request texts are messages (but for variables that only a run knows)."""
    grammar = Grammar(Random(7), [group])
    grammar.opening()
    variables = {"cluster": 1, "member": 2, "ROOT": "r", "USER": "u"} | {f"L{number}": number for number in range(200)}
    for _ in range(300):
        for block in split(grammar.next()):
            for step in parse_lines(block):
                if step.method and step.request and not step.request.startswith("raw"):
                    parse(step.request, rpc_for(step.method).request, variables)


def test_a_seed_is_a_script() -> None:
    first, second = ([Grammar(Random(3), list(GROUPS)).next() for _ in range(50)] for _ in range(2))
    assert first == second


def test_official_agrees_with_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["duel", "--reference", command(), "--endpoint", command(), "--seed", "77", "--steps", "700"]) == 0
    assert "no difference" in capsys.readouterr().err


def test_a_rare_difference_is_found_and_shrunk(two: tuple[str, str], tmp_path: Path) -> None:
    """The doctor makes version 2 a version 3: shows only where a key was put twice and is then read."""

    def wrong(body: bytes) -> bytes:
        answer = rpc_pb2.RangeResponse.FromString(body)
        for pair in answer.kvs:
            pair.version += pair.version == 2
        return answer.SerializeToString()

    reference, endpoint = two
    with doctored(endpoint, {"KV.Range": wrong}) as url:
        arguments = ["--reference", f"http://{reference}", "--endpoint", url, "--only", "kv", "--only", "lease"]
        assert main(["duel", *arguments, "--steps", "2000", "--shrink", "150", "--save", str(tmp_path)]) == 1
    (case,) = load_all(tmp_path)
    assert len(case.steps) <= 5
    assert case.steps[-1].method == "KV.Range"


def test_an_unknown_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["duel", "--reference", "http://a:1", "--endpoint", "http://b:1", "--only", "nothing"]) == 2
    assert "no group is called nothing" in capsys.readouterr().err
