"""Calls of every kind, as their handlers and as an honest client see them."""

from __future__ import annotations

import gc
import gzip as gzip_file
import weakref

import pytest

from pyetcd.wire import frames as f
from pyetcd.wire.call import Call, Kind, Method
from pyetcd.wire.connection import Connection
from pyetcd.wire.messages import gzip
from pyetcd.wire.settings import Settings
from tests.wire.peer import DOWN, ECHO, ROPE, UNARY, WAIT, EchoRouter, Honest, Raw, headers, message

OK = {b"grpc-status": b"0", b"grpc-message": b""}


def test_unary_reply_is_one_piece_of_constant_frames() -> None:
    raw = Raw()
    for stream in (1, 3, 5):
        raw.feed(raw.call(stream, b"hello"))
        assert raw.answers(stream) == [
            ("headers", [(b":status", b"200"), (b"content-type", b"application/grpc")]),
            ("data", message(b"hello")),
            ("headers end", [(b"grpc-status", b"0"), (b"grpc-message", b"")]),
        ]
    assert raw.connection.streams == {}
    method = raw.router.methods[UNARY]
    assert (method.started, method.received, method.sent, method.handled[0]) == (3, 3, 3, 3)
    assert raw.connection.output.traffic.received == raw.connection.output.traffic.sent == 15


def test_equal_blocks_are_judged_once() -> None:
    asked = []

    class Counting(EchoRouter):
        def admit(self, metadata, method):  # type: ignore[no-untyped-def]
            asked.append(metadata.path)
            return None

    raw = Raw(router=Counting())
    for stream in range(1, 21, 2):
        raw.feed(raw.call(stream, fields=headers(UNARY, (b"grpc-timeout", b"%dm" % (stream + 1000)))))
    assert asked == [UNARY]
    assert raw.router.methods[UNARY].handled[0] == 10


def test_metadata() -> None:
    raw = Raw()
    more = [(b"hasleader", b"true"), (b"x-one", b"1"), (b"x-one", b"2"), (b"key-bin", b"AAE=")]
    raw.feed(raw.call(1, fields=headers(WAIT, *more)))
    call = raw.router.waiting[0]
    assert call.peer == "me:1"
    assert call.metadata.path == WAIT and call.metadata.authority == b"test:2379"
    assert call.metadata.has_leader
    assert call.metadata.get(b"x-one") == b"1" and call.metadata.get(b"nope") is None
    assert (b"key-bin", b"\x00\x01") in call.metadata.items()
    assert not {b"te", b":path", b":method"} & {name for name, _ in call.metadata.items()}


@pytest.mark.parametrize("size", [0, 1, 16379, 16380, 70_000, 1_000_000])
def test_echo_of_any_size(size: int) -> None:
    peer = Honest()
    peer.client.send_headers(1, headers())
    body = message(bytes(size))
    sent = 0
    while sent < len(body):
        peer.pump()
        room = min(peer.client.local_flow_control_window(1), peer.client.max_outbound_frame_size, len(body) - sent)
        peer.client.send_data(1, body[sent : sent + room])
        sent += room
    peer.client.end_stream(1)
    peer.pump()
    assert peer.data(1) == body
    assert OK.items() <= peer.trailers(1).items()
    assert peer.connection.output.held == 0


def test_server_stream_and_bidi() -> None:
    peer = Honest()
    peer.client.send_headers(1, headers(DOWN))
    peer.client.send_data(1, message(b"ab"), end_stream=True)
    peer.client.send_headers(3, headers(ECHO))
    peer.client.send_data(3, message(b"x") + message(b"yy") + message(b"zzz")[:6])
    peer.pump()
    assert peer.data(1) == message(b"ab") * 3
    assert peer.data(3) == message(b"x") + message(b"yy")
    peer.client.send_data(3, message(b"zzz")[6:], end_stream=True)
    peer.pump()
    assert peer.data(3).endswith(message(b"zzz"))
    assert OK.items() <= peer.trailers(1).items() and OK.items() <= peer.trailers(3).items()


def test_bidi_messages_in_frames_of_their_own_and_in_others() -> None:
    """A whole message per frame takes a shortcut; cut and joined ones go the long way, in any order."""
    raw = Raw()
    raw.feed(raw.open(1, headers(ECHO)))
    split = message(b"split")
    for frames in ([message(b"one")], [split[:3], split[3:]], [message(b"two") + message(b"")], [message(b"three")]):
        raw.feed(*(f.frame(f.DATA, 0, 1, data) for data in frames))
    raw.feed(f.frame(f.DATA, f.END_STREAM, 1, message(b"last")))
    said = b"".join(payload for kind, _, _, payload in raw.sent if kind == f.DATA)
    assert said == b"".join(map(message, (b"one", b"split", b"two", b"", b"three", b"last")))
    assert raw.answers(1)[0][0] == "headers" and raw.answers(1)[-1][0] == "headers end"
    assert not raw.connection.streams


def test_many_bidi_messages_are_given_back_to_the_windows() -> None:
    raw = Raw(Settings(stream_window=1000))
    raw.feed(raw.open(1, headers(ECHO)))
    for _ in range(100):
        raw.feed(f.frame(f.DATA, 0, 1, message(bytes(95))))
    given_back = [f.U32.unpack(payload)[0] for kind, _, on, payload in raw.sent if (kind, on) == (f.WINDOW_UPDATE, 1)]
    assert given_back == [600] * 16
    assert len(raw.answers(1)) == 101


def test_data_behind_the_trailers_of_a_bidi_call_is_an_error() -> None:
    """Its handler has not finished, so the stream is half-closed and still known."""
    raw = Raw()
    raw.feed(raw.open(1, headers(ECHO)))
    call = raw.connection.streams[1]
    call.inbound.half_close = lambda: None  # type: ignore[union-attr,method-assign]
    raw.feed(f.header_frames(1, raw.encoder.encode([(b"x", b"y")]), True))
    raw.feed(f.frame(f.DATA, 0, 1, message(b"late")))
    assert raw.answers(1) == [("reset", f.ErrorCode.STREAM_CLOSED)]


def test_an_ended_call_is_not_kept_by_a_cycle() -> None:
    raw = Raw()
    raw.feed(raw.open(1, headers(ECHO)))
    handler = weakref.ref(raw.connection.streams[1].inbound)
    gc.disable()
    try:
        raw.feed(f.frame(f.DATA, f.END_STREAM, 1, message(b"x")))
        assert handler() is None
    finally:
        gc.enable()


def test_gzip_in_and_out() -> None:
    raw = Raw()
    fields = headers(UNARY, (b"grpc-encoding", b"gzip"))
    raw.feed(raw.open(1, fields), f.frame(f.DATA, 1, 1, message(gzip(b"squeezed" * 50), flag=1)))
    raw.feed(raw.open(3, fields), f.frame(f.DATA, 1, 3, message(b"plain")))
    raw.feed(raw.open(5, fields), f.frame(f.DATA, 1, 5, message(b"")))
    for stream, body in ((1, b"squeezed" * 50), (3, b"plain")):
        kinds = raw.answers(stream)
        assert (b"grpc-encoding", b"gzip") in kinds[0][1]
        assert kinds[1][1][0] == 1
        assert gzip_file.decompress(kinds[1][1][5:]) == body
    assert raw.answers(5)[1][1] == message(b""), "an empty message is not compressed"


def test_gzip_bomb_is_not_inflated() -> None:
    raw = Raw()
    bomb = gzip(bytes(100_000_000))
    raw.feed(raw.open(1, headers(UNARY, (b"grpc-encoding", b"gzip"))))
    data = message(bomb, flag=1)
    for start in range(0, len(data), f.MIN_MAX_FRAME):
        raw.feed(f.frame(f.DATA, 0, 1, data[start : start + f.MIN_MAX_FRAME]))
    text = b"grpc: received message after decompression larger than max 2097152"
    assert (b"grpc-message", text) in raw.answers(1)[0][1]


def test_an_unended_unary_call_is_answered_and_reset() -> None:
    raw = Raw()
    raw.feed(raw.open(1), f.frame(f.DATA, 0, 1, message(b"x")))
    assert [kind for kind, _ in raw.answers(1)] == ["headers", "data", "headers end", "reset"]
    raw.feed(raw.open(3), f.frame(f.DATA, 0, 3, message(b"x")), f.frame(f.DATA, f.END_STREAM, 3))
    assert [kind for kind, _ in raw.answers(3)] == ["headers", "data", "headers end"]


def test_reset_cancels_once_and_silences_the_call() -> None:
    raw = Raw()
    raw.feed(raw.call(1, fields=headers(WAIT)), f.reset_frame(1, f.ErrorCode.CANCEL))
    (call,) = raw.router.waiting
    assert raw.router.cancelled == [call] and not call.open
    call.reply(b"late")
    call.send(b"late")
    call.fail(2, "late")
    assert raw.take() == []
    assert raw.router.methods[WAIT].handled[1] == 1


def test_a_lost_connection_cancels_every_call() -> None:
    raw = Raw()
    for stream in (1, 3, 5):
        raw.feed(raw.call(stream, fields=headers(WAIT)))
    raw.connection.lost()
    assert len(raw.router.cancelled) == 3 and raw.connection.closing
    assert not raw.connection.pending_output


def test_deadline() -> None:
    raw = Raw()
    raw.now = 100.0
    raw.feed(raw.call(1, fields=headers(WAIT, (b"grpc-timeout", b"1500m"))))
    raw.feed(raw.call(3, fields=headers(WAIT, (b"grpc-timeout", b"3S"))))
    first, second = raw.router.waiting
    assert first.deadline == 101.5 and raw.connection.next_deadline() == 101.5
    raw.connection.tick(101.4)
    assert first.open
    raw.connection.tick(101.6)
    raw.take()
    assert raw.router.cancelled == [first] and second.open
    assert (b"grpc-message", b"context deadline exceeded") in raw.answers(1)[0][1]
    assert raw.connection.next_deadline() == 103.0
    second.reply(b"in time")
    raw.connection.tick(200.0)
    assert raw.router.methods[WAIT].handled[4] == 1 and raw.router.methods[WAIT].handled[0] == 1


def test_on_output_is_called_once_per_batch_and_only_outside_receive() -> None:
    raw = Raw()
    raw.feed(raw.call(1, b"x"))
    assert raw.announced == 0
    raw.feed(raw.call(3, fields=headers(WAIT)), raw.call(5, fields=headers(WAIT)))
    for call in raw.router.waiting:
        call.reply(b"later")
    assert raw.announced == 1
    raw.take()
    raw.feed(raw.call(7, fields=headers(WAIT)))
    raw.router.waiting[-1].fail(5, "gone")
    assert raw.announced == 2


def test_a_failing_handler_ends_its_call_alone() -> None:
    problems: list[Exception] = []

    def broken(call: Call, body: bytes) -> None:
        raise KeyError("handler")

    router = EchoRouter()
    router.methods[b"/test.Service/Broken"] = Method(b"/test.Service/Broken", Kind.UNARY, broken)
    raw = Raw(router=router, on_error=problems.append)
    raw.feed(raw.call(1, fields=headers(b"/test.Service/Broken")), raw.call(3, b"ok"))
    assert [type(problem) for problem in problems] == [KeyError]
    assert (b"grpc-status", b"13") in raw.answers(1)[0][1]
    assert raw.answers(3)[1] == ("data", message(b"ok"))


def test_send_many_is_few_frames() -> None:
    raw = Raw()
    raw.feed(f.window_frame(0, 1 << 30), f.settings_frame({f.INITIAL_WINDOW_SIZE: 1 << 30}))
    raw.feed(raw.open(1, headers(ECHO)))
    call = raw.connection.streams[1]
    bodies = [b"event %d" % number for number in range(5000)]
    call.send_many(bodies)
    raw.take()
    data = [payload for kind, payload in raw.answers(1) if kind == "data"]
    assert b"".join(data) == b"".join(map(message, bodies))
    assert len(data) <= 6


def test_a_rope_is_pulled_as_the_client_reads() -> None:
    peer = Honest()
    peer.router.rope_size = 3_000_000
    peer.acknowledge = False
    peer.client.send_headers(1, headers(ROPE))
    peer.client.send_data(1, message(b""), end_stream=True)
    peer.pump()
    assert len(peer.data(1)) == 65_535
    assert peer.router.pulled <= 200_000 and peer.connection.output.held == 0
    peer.acknowledge = True
    peer.client.acknowledge_received_data(65_535, 1)
    peer.pump()
    assert peer.data(1) == message(b"r" * 3_000_000)
    assert OK.items() <= peer.trailers(1).items()


def test_a_rope_that_lies_resets_its_stream() -> None:
    problems: list[Exception] = []
    router = EchoRouter()
    start = lambda call, body: call.reply_rope(10, iter([b"123"]))  # noqa: E731
    router.methods[b"/test.Service/Liar"] = Method(b"/test.Service/Liar", Kind.UNARY, start)
    raw = Raw(router=router, on_error=problems.append)
    raw.feed(raw.call(1, fields=headers(b"/test.Service/Liar")))
    assert raw.answers(1)[-1] == ("reset", f.ErrorCode.INTERNAL_ERROR)
    assert len(problems) == 1 and raw.connection.output.held == 0


def test_end_stream_on_headers_waits_for_the_deadline() -> None:
    raw = Raw()
    raw.feed(raw.open(1, headers(UNARY, (b"grpc-timeout", b"1S")), end=True))
    assert raw.answers(1) == []
    raw.connection.tick(1.1)
    raw.take()
    assert [kind for kind, _ in raw.answers(1)] == ["headers end"]


def test_router_shapes() -> None:
    """A router without methods is a router."""

    class Empty:
        methods: dict[bytes, Method] = {}  # noqa: RUF012

        def admit(self, metadata, method):  # type: ignore[no-untyped-def]
            return None

    raw = Raw(router=Empty())
    raw.feed(raw.call(1))
    assert (b"grpc-message", b"unknown service test.Service") in raw.answers(1)[0][1]
    assert isinstance(raw.connection, Connection)
