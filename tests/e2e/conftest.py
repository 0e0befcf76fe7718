"""Fixtures of the end-to-end tests: one official server and one of ours, fresh per test file, same identity."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers import need
from tests.servers import OFFICIAL, Server, our_command


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    need("etcd")
    server = Server(OFFICIAL, tmp_path_factory.mktemp("official"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(our_command(), tmp_path_factory.mktemp("ours"))
    server.start()
    yield server
    server.stop()
