"""Send-side and receive-side windows (RFC 9113 §5.2, §6.9)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyetcd.wire import frames as f
from pyetcd.wire.sending import BURST, LOW_WATER
from pyetcd.wire.settings import Settings
from tests.wire.peer import ECHO, ROPE, UNARY, WAIT, Raw, headers, message


def sent_data(raw: Raw, stream: int) -> bytes:
    return b"".join(payload for kind, payload in raw.answers(stream) if kind == "data")


def test_a_reply_waits_for_the_stream_window() -> None:
    raw = Raw()
    raw.feed(f.settings_frame({f.INITIAL_WINDOW_SIZE: 4}))
    raw.feed(raw.call(1, b"0123456789"))
    assert sent_data(raw, 1) == message(b"0123456789")[:4]
    raw.feed(f.window_frame(1, 3))
    assert sent_data(raw, 1) == message(b"0123456789")[:7]
    raw.feed(f.settings_frame({f.INITIAL_WINDOW_SIZE: 100}))
    assert sent_data(raw, 1) == message(b"0123456789")
    assert raw.answers(1)[-1][0] == "headers end"


def test_a_window_made_negative_by_settings() -> None:
    raw = Raw()
    raw.feed(raw.open(1, headers(ECHO)))
    call = raw.connection.streams[1]
    call.send(b"x" * 1000)
    raw.take()
    raw.feed(f.settings_frame({f.INITIAL_WINDOW_SIZE: 5}))
    call.send(b"y" * 10)
    assert raw.take() == [] and call.pending == 15
    raw.feed(f.window_frame(1, 1000))
    assert call.pending == 15
    raw.feed(f.window_frame(1, 9))
    assert call.pending == 6
    raw.feed(f.window_frame(1, 100))
    assert call.pending == 0
    assert sent_data(raw, 1) == message(b"x" * 1000) + message(b"y" * 10)


def test_the_connection_window_is_shared_in_turn() -> None:
    raw = Raw()
    raw.feed(f.settings_frame({f.INITIAL_WINDOW_SIZE: 1 << 20}))
    for stream in (1, 3, 5):
        raw.feed(raw.open(stream, headers(ECHO)))
    for stream in (1, 3, 5):
        raw.connection.streams[stream].send(bytes(200_000))
    raw.take()
    assert sum(len(sent_data(raw, stream)) for stream in (1, 3, 5)) == 65_535
    raw.sent.clear()
    raw.feed(f.window_frame(0, 300_000))
    shares = [len(sent_data(raw, stream)) for stream in (1, 3, 5)]
    assert sum(shares) == 300_000 and min(shares) > 0
    raw.feed(f.window_frame(0, 1 << 20))
    assert all(raw.connection.streams[stream].pending == 0 for stream in (1, 3, 5))


def test_peer_max_frame_size_is_respected_and_used() -> None:
    raw = Raw()
    raw.feed(f.settings_frame({f.INITIAL_WINDOW_SIZE: 1 << 20}), f.window_frame(0, 1 << 20))
    raw.feed(raw.call(1, fields=headers(WAIT)), raw.call(3, fields=headers(WAIT)))
    raw.router.waiting[0].reply(bytes(100_000))
    raw.take()
    assert max(len(payload) for kind, payload in raw.answers(1) if kind == "data") == f.MIN_MAX_FRAME
    raw.feed(f.settings_frame({f.MAX_FRAME_SIZE: 40_000}))
    raw.router.waiting[1].reply(bytes(100_000))
    raw.take()
    assert max(len(payload) for kind, payload in raw.answers(3) if kind == "data") == 40_000


def test_drain_is_told_once_pending_is_low() -> None:
    raw = Raw()
    raw.feed(raw.open(1, headers(ECHO)))
    call = raw.connection.streams[1]
    drained: list[int] = []
    call.on_drain = lambda: drained.append(call.pending)
    call.send(bytes(200_000))
    raw.take()
    assert call.pending > LOW_WATER and drained == []
    raw.feed(f.window_frame(0, 1 << 20), f.window_frame(1, 100_000))
    assert drained == []
    raw.feed(f.window_frame(1, 100_000))
    assert drained == [0]


def test_nothing_is_pulled_while_the_transport_is_full() -> None:
    raw = Raw()
    raw.router.rope_size = 2_000_000
    raw.feed(f.settings_frame({f.INITIAL_WINDOW_SIZE: 1 << 30}), f.window_frame(0, 1 << 30))
    raw.connection.transport_writable(False)
    raw.connection.receive(raw.call(1, fields=headers(ROPE)), 0.0)
    assert [kind for kind, _, _, _ in raw.take()] == [f.HEADERS]
    assert raw.router.pulled == 0
    raw.connection.transport_writable(True)
    first = raw.connection.take()
    assert raw.router.pulled <= BURST + 100_000
    assert len(first if isinstance(first, bytes) else b"".join(first)) <= BURST + 1000
    assert raw.connection.pending_output


def test_window_updates_are_batched_at_half_a_window() -> None:
    settings = Settings(stream_window=100_000, connection_window=400_000)
    raw = Raw(settings)
    raw.feed(raw.open(1, headers(UNARY)))
    for _ in range(7):
        raw.feed(f.frame(f.DATA, 0, 1, (message(bytes(200_000)) + bytes(10))[:10_000]))
    updates = [(stream, f.U32.unpack(payload)[0]) for kind, _, stream, payload in raw.sent if kind == f.WINDOW_UPDATE]
    assert updates == [(1, 60_000)]


def test_more_than_the_stream_window_is_an_error_of_the_stream() -> None:
    raw = Raw(Settings(stream_window=70_000))
    raw.feed(raw.open(1, headers(ECHO)), raw.open(3, headers(ECHO)))
    raw.connection.streams[1].received = 69_990
    raw.feed(f.frame(f.DATA, 0, 1, bytes(11)))
    assert raw.answers(1)[-1] == ("reset", f.ErrorCode.FLOW_CONTROL_ERROR)
    assert 3 in raw.connection.streams and raw.goaway() is None


def test_more_than_the_connection_window_is_an_error_of_the_connection() -> None:
    raw = Raw()
    raw.connection._window = 10
    raw.feed(raw.open(1, headers(ECHO)), f.frame(f.DATA, 0, 1, bytes(11)))
    goaway = raw.goaway()
    assert goaway is not None and goaway[0] == f.ErrorCode.FLOW_CONTROL_ERROR


steps = st.lists(
    st.tuples(st.sampled_from(["stream", "connection", "initial", "send", "writable", "take"]), st.integers(1, 40_000)),
    max_size=40,
)


@given(steps)
def test_never_more_than_the_windows_allow(script: list[tuple[str, int]]) -> None:
    """A plain bookkeeper beside the connection: what was sent never exceeds what was granted, and once everything is
    granted, everything arrives, in order."""
    raw = Raw()
    raw.feed(raw.open(1, headers(ECHO)))
    call = raw.connection.streams[1]
    initial, stream_granted, connection_granted = 65_535, 0, 65_535
    expected = b""
    for step, amount in script:
        if step == "stream":
            raw.feed(f.window_frame(1, amount))
            stream_granted += amount
        elif step == "connection":
            raw.feed(f.window_frame(0, amount))
            connection_granted += amount
        elif step == "initial":
            initial = amount
            raw.connection.receive(f.settings_frame({f.INITIAL_WINDOW_SIZE: amount}), 0.0)
        elif step == "send":
            body = bytes((len(expected) & 0xFF,)) * amount
            expected += message(body)
            call.send(body)
        elif step == "writable":
            raw.connection.transport_writable(amount % 2 == 0)
        before = len(sent_data_raw(raw))
        raw.take()
        sent = len(sent_data_raw(raw))
        assert sent == before or sent <= min(initial + stream_granted, connection_granted)
        assert call.pending == len(expected) - sent
    raw.connection.transport_writable(True)
    raw.feed(f.window_frame(0, 1 << 30), f.window_frame(1, 1 << 30))
    assert sent_data_raw(raw) == expected and call.pending == 0 and raw.connection.output.held == 0


def sent_data_raw(raw: Raw) -> bytes:
    return b"".join(payload for kind, _, stream, payload in raw.sent if kind == f.DATA and stream == 1)
