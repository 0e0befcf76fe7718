"""PINGs by gRPC-Go's rules, and the graceful stop."""

from __future__ import annotations

from pyetcd.wire import frames as f
from pyetcd.wire.keepalive import ACK_PATIENCE
from pyetcd.wire.settings import Settings
from tests.wire.peer import ECHO, WAIT, Raw, headers, message

PING = f.ping_frame(b"12345678")
PONG = (f.PING, f.ACK, 0, b"12345678")
CALM = (f.ErrorCode.ENHANCE_YOUR_CALM, b"too_many_pings")


def strikes(raw: Raw, times: list[float]) -> list[bool]:
    """Whether the connection survives a PING at each of these times."""
    alive = []
    for raw.now in times:
        raw.feed(PING)
        alive.append(raw.goaway() is None)
    return alive


def test_without_calls_the_fourth_ping_is_too_many() -> None:
    """The first is free, the next three are strikes."""
    raw = Raw()
    assert strikes(raw, [10.0, 20.0, 30.0, 40.0]) == [True, True, True, False]
    assert raw.goaway() == CALM
    assert raw.sent.count(PONG) == 4


def test_with_a_call_pings_may_come_every_min_time() -> None:
    raw = Raw()
    raw.feed(raw.call(1, fields=headers(WAIT)))
    assert all(strikes(raw, [5.0 * number for number in range(1, 30)]))
    assert strikes(raw, [146.0, 147.0, 148.0]) == [True, True, False]


def test_whatever_the_server_sends_forgives() -> None:
    raw = Raw()
    raw.feed(raw.open(1, headers(ECHO)))
    for number in range(50):
        raw.now = number / 10
        raw.feed(f.frame(f.DATA, 0, 1, message(b"x")), PING)
    assert raw.goaway() is None


def waiting_with_a_ping() -> Raw:
    """A unary call in flight, and a PING that came with it."""
    raw = Raw()
    assert raw.feed(PING, raw.call(1, fields=headers(WAIT))) == []
    return raw


def test_the_answer_to_a_ping_shares_the_way_of_a_reply() -> None:
    raw = waiting_with_a_ping()
    raw.router.waiting[0].reply(b"done")
    assert [kind for kind, *_ in raw.take()] == [f.PING, f.HEADERS, f.DATA, f.HEADERS]
    assert raw.sent[0] == PONG


def test_the_answer_to_a_ping_does_not_wait_long() -> None:
    raw = waiting_with_a_ping()
    assert raw.connection.next_deadline() == ACK_PATIENCE
    raw.connection.tick(ACK_PATIENCE / 2)
    assert raw.take() == [] and raw.connection.next_deadline() == ACK_PATIENCE
    raw.now = ACK_PATIENCE * 0.9
    assert raw.feed(PING) == []
    raw.connection.tick(ACK_PATIENCE)
    assert raw.take() == [PONG, PONG]
    assert raw.connection.next_deadline() == 7200.0


def test_the_end_of_the_call_ends_the_wait() -> None:
    raw = waiting_with_a_ping()
    assert raw.feed(f.reset_frame(1, f.ErrorCode.CANCEL)) == [PONG]


def test_a_ping_beside_a_stream_is_answered_at_once() -> None:
    raw = Raw()
    raw.feed(raw.call(1, fields=headers(WAIT)))
    assert raw.feed(raw.open(3, headers(ECHO)), PING) == [PONG]


def test_the_policy_may_permit_pings_without_calls() -> None:
    raw = Raw(Settings(ping_without_stream=True, ping_min_time=1.0))
    assert all(strikes(raw, [1.0 * number for number in range(1, 30)]))


def test_a_silent_peer_is_pinged_and_given_up() -> None:
    raw = Raw()
    assert raw.connection.next_deadline() == 7200.0
    raw.connection.tick(7200.0)
    assert raw.take() == [(f.PING, 0, 0, bytes(8))]
    assert raw.connection.next_deadline() == 7220.0
    raw.connection.tick(7220.0)
    assert raw.connection.closing


def test_any_byte_keeps_a_connection_alive() -> None:
    raw = Raw()
    raw.now = 3600.0
    raw.feed(f.settings_frame({}))
    raw.connection.tick(7200.0)
    assert raw.take() == [] and raw.connection.next_deadline() == 10_800.0
    raw.connection.tick(10_800.0)
    raw.take()
    raw.now = 10_801.0
    raw.feed(f.frame(f.PING, f.ACK, 0, bytes(8)))
    raw.connection.tick(10_820.0)
    assert not raw.connection.closing


def goaways(raw: Raw) -> list[tuple[int, int, bytes]]:
    unpack = f.U32.unpack_from
    return [(unpack(p)[0], unpack(p, 4)[0], p[8:]) for kind, _, _, p in raw.sent if kind == f.GOAWAY]


def test_graceful_stop_in_two_steps() -> None:
    raw = Raw()
    raw.feed(raw.call(1, fields=headers(WAIT)))
    raw.connection.shut_down(1.0)
    raw.take()
    assert goaways(raw) == [(2**31 - 1, 0, b"graceful_stop")]
    ping = next(payload for kind, _, _, payload in raw.sent if kind == f.PING)
    raw.feed(raw.call(3, fields=headers(WAIT)))
    assert len(raw.router.waiting) == 2, "a stream on its way is still served"
    raw.feed(f.ping_frame(ping, ack=True))
    assert goaways(raw)[1:] == [(3, 0, b"graceful_stop")]
    raw.feed(raw.call(5, fields=headers(WAIT)))
    assert raw.answers(5) == [] and not raw.connection.closing
    raw.router.waiting[0].reply(b"a")
    raw.take()
    assert not raw.connection.closing
    raw.router.waiting[1].reply(b"b")
    raw.take()
    assert raw.connection.closing
    assert [kind for kind, _ in raw.answers(3)] == ["headers", "data", "headers end"]


def test_a_client_that_does_not_answer_is_given_five_seconds() -> None:
    raw = Raw()
    raw.connection.shut_down(1.0)
    assert raw.connection.next_deadline() == 6.0
    raw.connection.tick(6.0)
    raw.take()
    assert [last for last, _, _ in goaways(raw)] == [2**31 - 1, 0] and raw.connection.closing
