"""The stream table, whole: every state × every input, in the table and on a live connection."""

from __future__ import annotations

import pytest

from pyetcd.wire import frames as f
from pyetcd.wire.states import TABLE, StreamInput, StreamState, Verdict
from tests.wire.peer import DOWN, ECHO, Raw, headers, message

RECEIVED = [given for given in StreamInput if given.name.startswith("RECV_")]


def in_state(state: StreamState) -> tuple[Raw, int]:
    """A connection with a stream in this state."""
    raw = Raw()
    stream = 5
    if state is StreamState.OPEN:
        raw.feed(raw.open(5, headers(ECHO)))
    elif state is StreamState.HALF_CLOSED:
        raw.feed(raw.open(5, headers(ECHO), end=True))
    elif state is StreamState.CLOSED:
        raw.feed(raw.call(5, b"x"))
    elif state is StreamState.RESET:
        raw.feed(raw.open(5, headers(b"/no/Such")))
    elif state is StreamState.SKIPPED:
        raw.feed(raw.call(5))
        stream = 3
    call = raw.connection.streams.get(stream)
    assert (call.state if call else raw.connection.state_of(stream)) is state
    raw.sent.clear()
    return raw, stream


def received(raw: Raw, stream: int, given: StreamInput) -> bytes:
    """The frame that is this input."""
    end = f.END_STREAM if given.name.endswith("_END") else 0
    if given in (StreamInput.RECV_HEADERS, StreamInput.RECV_HEADERS_END):
        fields = headers(ECHO) if stream > raw.connection.last_stream else [(b"x-trailer", b"1")]
        return raw.open(stream, fields, bool(end))
    if given in (StreamInput.RECV_DATA, StreamInput.RECV_DATA_END):
        return f.frame(f.DATA, end, stream, message(b""))
    if given is StreamInput.RECV_RESET:
        return f.reset_frame(stream, f.ErrorCode.CANCEL)
    if given is StreamInput.RECV_WINDOW:
        return f.window_frame(stream, 5000)
    return f.frame(f.PRIORITY, 0, stream, f.U32.pack(0) + b"\x10")


def test_the_table_is_complete() -> None:
    assert set(TABLE) == {(state, given) for state in StreamState for given in StreamInput}


@pytest.mark.parametrize("given", StreamInput)
@pytest.mark.parametrize("state", StreamState)
def test_an_outcome_is_consistent(state: StreamState, given: StreamInput) -> None:
    """Errors carry a code, moves none; nothing returns to idle; an end is an end."""
    outcome = TABLE[state, given]
    wrong = outcome.verdict in (Verdict.STREAM_ERROR, Verdict.CONNECTION_ERROR)
    assert wrong == (outcome.code is not f.ErrorCode.NO_ERROR)
    assert state is StreamState.IDLE or outcome.state is not StreamState.IDLE
    if state in (StreamState.CLOSED, StreamState.RESET, StreamState.SKIPPED):
        assert outcome.verdict is not Verdict.MOVE
    assert (outcome.verdict is Verdict.OUR_BUG) <= given.name.startswith("SEND_")


@pytest.mark.parametrize("given", RECEIVED)
@pytest.mark.parametrize("state", StreamState)
def test_a_live_stream_follows_the_table(state: StreamState, given: StreamInput) -> None:
    raw, stream = in_state(state)
    outcome = TABLE[state, given]
    raw.feed(received(raw, stream, given))
    goaway = raw.goaway()
    if outcome.verdict is Verdict.CONNECTION_ERROR:
        assert goaway is not None and goaway[0] == outcome.code
        assert raw.connection.closing
        return
    assert goaway is None and not raw.connection.closing
    resets = [payload for kind, _, on, payload in raw.sent if kind == f.RST_STREAM and on == stream]
    if outcome.verdict is Verdict.STREAM_ERROR:
        assert resets == [f.U32.pack(outcome.code)]
    else:
        assert resets == []
    call = raw.connection.streams.get(stream)
    after = call.state if call else raw.connection.state_of(stream)
    if given is StreamInput.RECV_DATA_END and state is StreamState.OPEN:
        assert after is StreamState.CLOSED, "the echo answers the end of the request at once"
    elif given is StreamInput.RECV_HEADERS_END and state is StreamState.OPEN:
        assert after is StreamState.CLOSED, "trailers end a request like DATA does"
    else:
        assert after is outcome.state


def test_trailers_end_a_server_streaming_request() -> None:
    raw = Raw()
    raw.feed(raw.open(1, headers(DOWN)), f.frame(f.DATA, 0, 1, message(b"x")))
    assert raw.answers(1) == []
    raw.feed(raw.open(1, [(b"x-checksum", b"1")], end=True))
    assert [kind for kind, _ in raw.answers(1)] == ["headers", "data", "headers end"]


def test_frames_after_a_reset_of_ours_are_forgiven_and_their_bytes_given_back() -> None:
    raw = Raw()
    raw.feed(raw.open(1, headers(b"/no/Such")))
    size = f.MIN_MAX_FRAME
    for _ in range(raw.connection.settings.connection_window // 2 // size + 1):
        raw.feed(f.frame(f.DATA, 0, 1, bytes(size)))
    updates = [payload for kind, _, stream, payload in raw.sent if kind == f.WINDOW_UPDATE and stream == 0]
    assert updates and raw.goaway() is None
