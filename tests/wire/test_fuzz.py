"""Anything a client may send, cut anywhere, reordered, broken: never an exception, a hang or a wrong byte."""

from __future__ import annotations

from itertools import pairwise

import hpack
from hypothesis import given, settings
from hypothesis import strategies as st

from pyetcd.wire import frames as f
from pyetcd.wire.states import StreamState
from tests.wire.peer import DOWN, ECHO, ROPE, UNARY, WAIT, Honest, Raw, headers, message, parse_frames

paths = st.sampled_from([UNARY, WAIT, DOWN, ECHO, ROPE, b"/no/Such", b"nonsense"])
streams = st.sampled_from([0, 1, 2, 3, 5, 7, 9, 2**31 - 1, 2**31 + 1])
bodies = st.binary(max_size=50)


def conversation() -> bytes:
    """A client's half of a lively connection, with every way to cut messages, blocks and padding."""
    encoder = hpack.Encoder()
    parts = [f.PREFACE, f.settings_frame({f.INITIAL_WINDOW_SIZE: 30})]
    for stream, path in zip(range(1, 13, 2), (UNARY, ECHO, DOWN, UNARY, ROPE, b"/no/Such"), strict=True):
        block = encoder.encode(headers(path, (b"grpc-timeout", b"%dS" % stream)))
        parts.append(
            f.frame(f.HEADERS, 0, stream, block[:5]) + f.frame(f.CONTINUATION, f.END_HEADERS, stream, block[5:])
        )
        body = message(b"hello" * stream)
        padded = bytes((3,)) + body[:8] + bytes(3)
        parts.append(f.frame(f.DATA, f.PADDED, stream, padded) + f.frame(f.DATA, f.END_STREAM, stream, body[8:]))
        parts.append(f.window_frame(0, 3000) + f.window_frame(stream, 3000) + f.ping_frame(bytes(8), ack=True))
    return b"".join(parts)


def answers_to(pieces: list[bytes]) -> dict[int, list[tuple[int, bytes]]]:
    """What the server says on each stream, adjacent DATA joined and RST_STREAM(NO_ERROR) left out: whether a
    refusal needs one depends on how much of the request was there."""
    raw = Raw(greet=False)
    for piece in pieces:
        raw.feed(piece)
    said: dict[int, list[tuple[int, bytes]]] = {}
    for kind, _flags, stream, payload in raw.sent:
        log = said.setdefault(stream, [])
        if kind == f.DATA and log and log[-1][0] == f.DATA:
            log[-1] = (f.DATA, log[-1][1] + payload)
        elif kind not in (f.WINDOW_UPDATE, f.RST_STREAM):
            log.append((kind, payload))
    assert not raw.connection.closing
    return said


def test_cut_at_every_place() -> None:
    whole = conversation()
    expected = answers_to([whole])
    assert len(expected) == 7
    for cut in range(1, len(whole)):
        assert answers_to([whole[:cut], whole[cut:]]) == expected
    assert answers_to([whole[i : i + 1] for i in range(len(whole))]) == expected


@st.composite
def any_frame(draw: st.DrawFn) -> bytes:
    """A frame of any type, more often plausible than not."""
    stream = draw(streams)
    kind = draw(st.sampled_from(["headers", "data", "settings", "window", "reset", "ping", "priority", "junk", "raw"]))
    if kind == "headers":
        fields = headers(draw(paths)) + draw(
            st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), max_size=2)
        )
        block = hpack.Encoder().encode(fields, huffman=draw(st.booleans()))
        cut = draw(st.integers(0, len(block)))
        if draw(st.booleans()):
            return f.header_frames(stream, block, draw(st.booleans()))
        return f.frame(f.HEADERS, 0, stream, block[:cut]) + f.frame(f.CONTINUATION, 4, stream, block[cut:])
    if kind == "data":
        body = message(draw(bodies), draw(st.sampled_from([0, 0, 0, 1, 7])))[: draw(st.integers(0, 60))]
        return f.frame(f.DATA, draw(st.sampled_from([0, 1, 1, 8, 9])), stream, body)
    if kind == "settings":
        values = draw(st.dictionaries(st.integers(0, 8), st.integers(0, 2**32 - 1), max_size=3))
        return f.frame(f.SETTINGS, draw(st.sampled_from([0, 0, 1])), stream & 1, f.settings_frame(values)[9:])
    if kind == "window":
        return f.window_frame(stream, draw(st.sampled_from([0, 1, 1000, 2**31 - 1, 2**32 - 1])))
    if kind == "reset":
        return f.reset_frame(stream, draw(st.integers(0, 20)))
    if kind == "ping":
        return f.frame(f.PING, draw(st.integers(0, 1)), 0, draw(st.binary(min_size=7, max_size=9)))
    if kind == "priority":
        return f.frame(f.PRIORITY, 0, stream, draw(st.binary(min_size=4, max_size=6)))
    if kind == "junk":
        return f.frame(draw(st.integers(0, 255)), draw(st.integers(0, 255)), stream, draw(st.binary(max_size=40)))
    return draw(st.binary(max_size=30))


def check(raw: Raw) -> None:
    """What must be true of a connection whatever was sent."""
    output = raw.connection.output
    if raw.connection.closing:
        assert not raw.connection.streams
        return
    for stream, call in raw.connection.streams.items():
        assert call.stream == stream and call.state in (StreamState.OPEN, StreamState.HALF_CLOSED)
    held = sum(c.reader.held for c in raw.connection.streams.values() if c.reader is not None)
    held += sum(c.outbox.held for c in raw.connection.streams.values() if c.outbox is not None)
    assert output.held == held
    assert all(call.outbox for call in output.waiting if not call.outbox or not call.outbox.trailers)


@settings(max_examples=200)
@given(st.lists(any_frame(), max_size=25), st.lists(st.integers(0, 2000), max_size=5), st.booleans())
def test_any_frames_in_any_order(frames: list[bytes], cuts: list[int], start_calls: bool) -> None:
    raw = Raw()
    if start_calls:
        raw.feed(
            raw.open(1, headers(ECHO)), raw.call(3, b"x"), raw.open(5, headers(WAIT)), raw.call(7, fields=headers(WAIT))
        )
    data = b"".join(frames)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for begin, end in pairwise(places):
        raw.feed(data[begin:end])
        check(raw)
        for call in raw.router.waiting:
            call.reply(b"answer")
        raw.router.waiting.clear()
    raw.take()
    raw.connection.tick(1000.0)
    raw.take()
    check(raw)
    raw.connection.lost()
    assert not raw.connection.streams and raw.connection.output.held == 0


actions = st.lists(
    st.tuples(st.sampled_from(["unary", "echo", "down", "wait", "rope", "reset", "data", "end", "answer"]), bodies),
    max_size=25,
)


@settings(max_examples=200)
@given(actions, st.integers(1, 40))
def test_an_honest_client_is_never_surprised(script: list[tuple[str, bytes]], cut: int) -> None:
    """The h2 package checks every frame we send; bytes travel in small pieces both ways."""
    peer = Honest()
    kinds = {"unary": UNARY, "echo": ECHO, "down": DOWN, "wait": WAIT, "rope": ROPE}
    sent: dict[int, bytes] = {}
    echoes: list[int] = []
    resets: set[int] = set()
    stream = -1
    for action, body in script:
        if action in kinds:
            stream = peer.client.get_next_available_stream_id()
            peer.client.send_headers(stream, headers(kinds[action]))
            peer.client.send_data(stream, message(body), end_stream=action != "echo")
            sent[stream] = (
                message(body) * (3 if action == "down" else 1) if action in ("unary", "down", "echo") else b""
            )
            if action == "echo":
                echoes.append(stream)
        elif action == "data" and echoes:
            peer.client.send_data(echoes[-1], message(body))
            sent[echoes[-1]] += message(body)
        elif action == "end" and echoes:
            peer.client.end_stream(echoes.pop())
        elif action == "reset" and echoes:
            resets.add(echoes[-1])
            peer.client.reset_stream(echoes.pop(), 8)
        elif action == "answer" and peer.router.waiting:
            peer.router.waiting.pop().reply(body)
        peer.pump(lambda data: [data[i : i + cut] for i in range(0, len(data), cut)])
    for number, expected in sent.items():
        if expected and number not in resets:
            assert peer.data(number) == expected
    assert not peer.connection.closing


def test_frames_we_send_parse() -> None:
    raw = Raw(greet=False)
    data = raw.connection.take()
    assert [kind for kind, *_ in parse_frames(data if isinstance(data, bytes) else b"".join(data))] == [
        f.SETTINGS,
        f.WINDOW_UPDATE,
    ]
