"""Every recorded exchange with official etcd, byte for byte (except the date)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from pyetcd.gateway.health import health_handlers
from pyetcd.gateway.router import Router, version_handler
from pyetcd.gateway.site import GatewayFactory
from pyetcd.gateway.status import HealthCounters
from tests.gateway.exchanges import RECORDED, mask

EXCHANGES = json.loads(RECORDED.read_text())


class FakeMember:
    has_leader = True
    is_learner = False
    cluster_version: str | None = "3.7.0"
    storage_version: str | None = "3.7.0"

    def __init__(self, *alarms: str, read: str | None = None) -> None:
        self._alarms = alarms
        self._read = read

    def alarms(self) -> Iterable[str]:
        return self._alarms

    def check_read(self, linearizable: bool, done: Callable[[str | None], object]) -> None:
        done(self._read)


class Silent:
    def debug(self, text: str, fields: object = None, /, **more: object) -> None: ...

    warn = error = debug


def talk(member: FakeMember, request: str, **rules: tuple[str, ...]) -> tuple[str, bool]:
    counters = HealthCounters()
    handlers = {"/version": version_handler(member, "3.7.1"), **health_handlers(member, counters, Silent())}
    channel = GatewayFactory(Router(handlers, log=Silent(), **rules), timeout=None).buildProtocol(None)
    transport = StringTransport()
    channel.makeConnection(transport)
    channel.dataReceived(request.encode("latin-1"))
    return mask(transport.value()), not transport.disconnecting


MEMBERS = {
    "healthy": FakeMember(),
    "nospace": FakeMember("NOSPACE"),
    "corrupt": FakeMember("CORRUPT"),
    "listed": FakeMember(),
}
RULES = {"listed": {"host_whitelist": ("good.example",), "cors": ("http://friend:80", "http://other:80")}}


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda e: f"{e['state']} {e['request'][:60]!r}")
def test_answers_as_official_etcd(exchange: dict[str, str]) -> None:
    state = exchange["state"]
    answer, still_open = talk(MEMBERS[state], exchange["request"], **RULES.get(state, {}))
    assert answer == exchange["answer"]
    assert still_open == exchange["open"]


def test_reads_that_fail() -> None:
    member = FakeMember(read="etcdserver: no leader")
    answer, _ = talk(member, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.endswith('\r\n\r\n{"health":"false","reason":"RANGE ERROR:etcdserver: no leader"}\n')
    answer, _ = talk(member, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.endswith("\r\n\r\n[-]serializable_read failed: etcdserver: no leader\n\n")


def test_no_leader_only_matters_for_linearizable_health() -> None:
    member = FakeMember()
    member.has_leader = False
    answer, _ = talk(member, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith("HTTP/1.1 503 ") and '"reason":"RAFT NO LEADER"' in answer
    answer, _ = talk(member, "GET /health?serializable=true HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith("HTTP/1.1 200 ")


def test_versions_before_the_cluster_has_decided() -> None:
    member = FakeMember()
    member.cluster_version = member.storage_version = None
    answer, _ = talk(member, "GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.endswith('{"etcdserver":"3.7.1","etcdcluster":"not_decided","storage":"unknown"}')


def test_learner_is_not_ready() -> None:
    member = FakeMember()
    member.is_learner = True
    answer, _ = talk(member, "GET /readyz/non_learner HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.endswith("[-]non_learner failed: not supported for learner\n\n")


def test_what_is_no_request_is_refused_once() -> None:
    answer, still_open = talk(
        FakeMember(), "POST /foo HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" + "x" * 900_000
    )
    assert answer.count("HTTP/1.1 400 Bad Request") == 1 and not still_open
    answer, still_open = talk(FakeMember(), "GET / HTTP/1.1\r\nX: " + "x" * 1_100_000)
    assert answer.startswith("HTTP/1.1 431 Request Header Fields Too Large\r\n") and not still_open
    answer, _ = talk(
        FakeMember(), "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nGET /version HTTP/1.1\r\n\r\n"
    )
    assert answer.count("HTTP/1.1") == 1


def test_an_answer_for_somebody_who_left_is_dropped() -> None:
    """A linearizable read may end after its connection did."""
    waiting: list[Callable[[str | None], object]] = []

    class Slow(FakeMember):
        def check_read(self, linearizable: bool, done: Callable[[str | None], object]) -> None:
            waiting.append(done)

    handlers = health_handlers(Slow(), HealthCounters(), Silent())
    channel = GatewayFactory(Router(handlers, log=Silent()), timeout=None).buildProtocol(None)
    transport = StringTransport()
    channel.makeConnection(transport)
    channel.dataReceived(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
    channel.connectionLost(Failure(ConnectionDone()))
    waiting[0](None)
    assert transport.value() == b""
