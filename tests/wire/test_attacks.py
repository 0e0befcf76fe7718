"""What a hostile client may cost: each attack ends in the right error, within a bound, and hurts nobody else.

Every attack is fed until the connection ends or a limit of frames is reached; the connection must end first, and the
server must not have gathered more than a bounded amount of answers meanwhile."""

from __future__ import annotations

import hpack
import pytest

from pyetcd.wire import frames as f
from pyetcd.wire.guard import CONTROL, RESETS
from pyetcd.wire.settings import Settings
from tests.wire.peer import ECHO, UNARY, WAIT, EchoRouter, Raw, headers, message

CALM = f.ErrorCode.ENHANCE_YOUR_CALM
LIMIT = 60_000


def flood(raw: Raw, frame: bytes, limit: int = LIMIT, batch: int = 100) -> int:
    """Sends a frame again and again; how many it took to end the connection."""
    for count in range(0, limit, batch):
        raw.feed(frame * batch)
        raw.sent = [sent for sent in raw.sent if sent[0] == f.GOAWAY]
        if raw.connection.closing:
            return count + batch
    pytest.fail("the connection did not end")


def ended_with(raw: Raw, code: f.ErrorCode) -> bool:
    goaway = raw.goaway()
    return goaway is not None and goaway[0] == code and raw.connection.closing


@pytest.mark.parametrize("path", [WAIT, ECHO])
def test_rapid_reset(path: bytes) -> None:
    """CVE-2023-44487: calls opened and cancelled at once."""
    raw = Raw()
    stream = 1
    while not raw.connection.closing and stream < 2 * LIMIT:
        request = raw.open(stream, headers(path)) + f.frame(f.DATA, 0, stream, message(b"x"))
        raw.feed(request + f.reset_frame(stream, f.ErrorCode.CANCEL))
        stream += 2
    assert ended_with(raw, CALM)
    assert stream // 2 <= RESETS[0] + 2
    assert not raw.connection.streams


def test_a_client_that_cancels_now_and_then_is_left_alone() -> None:
    raw = Raw()
    for number in range(3000):
        raw.now = number / 100
        stream = 2 * number + 1
        raw.feed(raw.open(stream, headers(ECHO)), f.reset_frame(stream, f.ErrorCode.CANCEL))
    assert raw.goaway() is None


def test_resets_made_by_the_server_count_too() -> None:
    """Malformed requests, each answered with RST_STREAM ("MadeYouReset")."""
    raw = Raw()
    stream = 1
    while not raw.connection.closing and stream < 2 * LIMIT:
        raw.feed(raw.open(stream, headers(ECHO)), f.window_frame(stream, 0))
        stream += 2
    assert ended_with(raw, CALM)


def test_reset_flood_on_dead_streams() -> None:
    raw = Raw()
    raw.feed(raw.call(1))
    assert flood(raw, f.reset_frame(1, 8)) <= CONTROL[0] + 200
    assert ended_with(raw, CALM)


def test_continuation_flood() -> None:
    """An endless header block (CVE-2024-27316): in bytes, and in empty frames."""
    for fragment in (b"", bytes(1), b"\x82" * 1000):
        raw = Raw()
        raw.feed(f.frame(f.HEADERS, 0, 1, b"\x82"))
        assert flood(raw, f.frame(f.CONTINUATION, 0, 1, fragment), batch=10) <= 140
        assert ended_with(raw, CALM)


def test_hpack_bomb() -> None:
    """One large table entry, referenced thousands of times: the list is refused, the connection lives."""
    raw = Raw()
    fields = headers()
    block = raw.encoder.encode([*fields, (b"x-bomb", b"b" * 3500)])
    raw.feed(f.header_frames(1, block, False))
    bomb = hpack.Encoder().encode(fields) + b"\xbe" * 12_000
    raw.feed(f.header_frames(3, bomb, False))
    assert ("reset", f.ErrorCode.FRAME_SIZE_ERROR) in raw.answers(3)
    assert raw.goaway() is None


def test_header_list_size_is_advertised_and_enforced() -> None:
    raw = Raw(Settings(max_header_list=4096), greet=False)
    raw.feed(f.PREFACE + f.settings_frame({}))
    settings = dict(f.SETTING.iter_unpack(raw.sent[0][3]))
    assert settings[f.MAX_HEADER_LIST_SIZE] == 4096
    raw.feed(raw.open(1, headers(UNARY, (b"x-large", b"v" * 4000))))
    assert ("reset", f.ErrorCode.FRAME_SIZE_ERROR) in raw.answers(1)


@pytest.mark.parametrize(
    "frame",
    [
        f.settings_frame({}),
        f.settings_frame({f.INITIAL_WINDOW_SIZE: 70_000}) + f.settings_frame({f.INITIAL_WINDOW_SIZE: 80_000}),
        f.frame(f.SETTINGS, f.ACK, 0),
        f.frame(f.PRIORITY, 0, 1, bytes(4) + b"\x01"),
        f.window_frame(0, 1),
        f.window_frame(1, 1),
        f.frame(f.PING, f.ACK, 0, bytes(8)),
        f.frame(f.GOAWAY, 0, 0, bytes(8)),
        f.frame(0x42, 0, 0, b"unknown"),
        f.frame(f.DATA, 0, 1),
        f.frame(f.DATA, f.PADDED, 1, b"\x03abc"[:1] + bytes(3)),
    ],
    ids=["SETTINGS", "window SETTINGS", "SETTINGS ack", "PRIORITY", "tiny WINDOW_UPDATE", "tiny stream WINDOW_UPDATE"]
    + ["PING ack", "GOAWAY", "unknown", "empty DATA", "padded empty DATA"],
)
def test_floods_of_frames_that_bring_nothing(frame: bytes) -> None:
    raw = Raw()
    raw.feed(raw.open(1, headers(ECHO)))
    assert flood(raw, frame) <= CONTROL[0] + 200
    assert ended_with(raw, CALM)


def test_tiny_window_updates_of_an_honest_client_are_paid_by_its_calls() -> None:
    """Some clients give back every DATA frame at once, on both windows."""
    raw = Raw()
    for stream in range(1, 2 * CONTROL[0], 2):
        raw.feed(raw.call(stream, b"small"), f.window_frame(0, 10), f.window_frame(stream, 10))
        raw.sent.clear()
    assert not raw.connection.closing


def test_ping_flood() -> None:
    raw = Raw()
    assert flood(raw, f.ping_frame(bytes(8)), batch=1) <= 4
    goaway = raw.goaway()
    assert goaway == (CALM, b"too_many_pings")


def test_zero_window_stall_is_bounded() -> None:
    """Calls whose answers can never leave: memory stays under the limit, further calls are refused."""
    raw = Raw(Settings(max_held=1_000_000))
    raw.feed(f.settings_frame({f.INITIAL_WINDOW_SIZE: 0}))
    refused = 0
    for stream in range(1, 400, 2):
        raw.feed(raw.call(stream, bytes(10_000)))
        refused += raw.answers(stream)[:1] == [("reset", f.ErrorCode.REFUSED_STREAM)]
    assert raw.connection.output.held <= 1_020_000
    assert 90 <= refused <= 110 and raw.goaway() is None
    raw.feed(f.settings_frame({f.INITIAL_WINDOW_SIZE: 65_535}), f.window_frame(0, 1 << 24))
    assert raw.connection.output.held == 0
    raw.feed(raw.call(401, b"back to normal"))
    assert raw.answers(401)[1] == ("data", message(b"back to normal"))


def test_a_stream_that_is_never_read_ends_its_connection() -> None:
    raw = Raw(Settings(max_held=100_000))
    raw.feed(f.settings_frame({f.INITIAL_WINDOW_SIZE: 0}), raw.open(1, headers(ECHO)))
    while not raw.connection.closing:
        raw.feed(f.frame(f.DATA, 0, 1, message(bytes(10_000))))
        assert raw.connection.output.held <= 220_000
    assert ended_with(raw, CALM)


def test_half_messages_are_bounded() -> None:
    """Many streams that each send all but the end of a large message."""
    raw = Raw(Settings(max_held=1_000_000))
    part = message(bytes(2_000_000))[:16_000]
    refused = False
    for stream in range(1, 400, 2):
        raw.feed(raw.open(stream), f.frame(f.DATA, 0, stream, part))
        refused = refused or raw.answers(stream)[:1] == [("reset", f.ErrorCode.REFUSED_STREAM)]
        assert raw.connection.output.held <= 1_100_000
    assert refused and raw.goaway() is None


def test_frames_for_a_client_that_does_not_read_are_bounded() -> None:
    raw = Raw()
    raw.connection.transport_writable(False)
    for count in range(LIMIT // 100):
        raw.connection.receive(f.window_frame(1 + 2 * count, 5000)[:0] + f.frame(f.SETTINGS, 0, 0) * 100, count * 1.0)
        if raw.connection.closing:
            break
    assert raw.connection.closing
    assert len(raw.connection.output.frames) < 11_000


def test_oversized_message_is_refused_by_its_prefix() -> None:
    raw = Raw()
    raw.feed(raw.open(1), f.frame(f.DATA, 0, 1, f.PREFIX.pack(0, 2_097_153)))
    kinds = raw.answers(1)
    text = b"grpc: received message larger than max (2097153 vs. 2097152)"
    assert kinds[0][0] == "headers end" and (b"grpc-message", text) in kinds[0][1]
    assert kinds[1] == ("reset", f.ErrorCode.NO_ERROR)
    assert raw.connection.output.held == 0


def test_oversized_frame() -> None:
    raw = Raw()
    raw.feed(f.FRAME.pack(16_385 << 8 | f.DATA, 0, 1))
    assert ended_with(raw, f.ErrorCode.FRAME_SIZE_ERROR), "judged by its head, before the payload arrives"


def test_slowloris_preface() -> None:
    raw = Raw(greet=False)
    raw.take()
    for number, byte in enumerate(f.PREFACE):
        raw.now = float(number)
        raw.feed(bytes((byte,)))
    deadline = raw.connection.next_deadline()
    assert deadline == raw.connection.settings.preface_timeout
    raw.connection.tick(deadline)
    assert raw.connection.closing


@pytest.mark.parametrize(
    "greeting", [b"GET / HTTP/1.1\r\n\r\n", f.PREFACE + f.ping_frame(bytes(8)), f.PREFACE + f.SETTINGS_ACK]
)
def test_bogus_greetings(greeting: bytes) -> None:
    raw = Raw(greet=False)
    raw.feed(greeting)
    assert ended_with(raw, f.ErrorCode.PROTOCOL_ERROR)


def test_other_connections_are_unaffected() -> None:
    router = EchoRouter()
    victim, attacker = Raw(router=router), Raw(router=router)
    victim.feed(victim.call(1, fields=headers(WAIT)))
    flood(attacker, f.settings_frame({}))
    router.waiting[0].reply(b"still here")
    victim.take()
    assert victim.answers(1)[1] == ("data", message(b"still here"))


def test_streams_above_the_limit_are_refused_and_come_back() -> None:
    raw = Raw(Settings(max_concurrent_streams=2))
    for stream in (1, 3, 5):
        raw.feed(raw.call(stream, fields=headers(WAIT)))
    assert raw.answers(5) == [("reset", f.ErrorCode.REFUSED_STREAM)]
    raw.router.waiting[0].reply(b"")
    raw.feed(raw.call(7, fields=headers(WAIT)), raw.call(9, fields=headers(WAIT)))
    assert raw.answers(7) == [] and raw.answers(9) == [("reset", f.ErrorCode.REFUSED_STREAM)]


def test_content_lengths_of_dead_streams_are_forgotten() -> None:
    raw = Raw()
    for stream in range(1, 2000, 2):
        request = raw.open(stream, headers(UNARY, (b"content-length", b"9")))
        raw.feed(request, f.frame(f.DATA, 0, stream, message(b"")))
        assert [kind for kind, _ in raw.answers(stream)][-2:] == ["headers end", "reset"]
    assert len(raw.connection.lengths) < 100


def test_content_length_must_be_kept() -> None:
    raw = Raw()
    exact = headers(UNARY, (b"content-length", b"7"))
    raw.feed(raw.open(1, exact), f.frame(f.DATA, f.END_STREAM, 1, message(b"ab")))
    assert raw.answers(1)[1] == ("data", message(b"ab"))
    raw.feed(raw.open(3, exact), f.frame(f.DATA, f.END_STREAM, 3, message(b"a")))
    raw.feed(raw.open(5, exact), f.frame(f.DATA, f.END_STREAM, 5, message(b"abc")))
    assert raw.answers(3) == raw.answers(5) == [("reset", f.ErrorCode.PROTOCOL_ERROR)]
