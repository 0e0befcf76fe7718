"""Bytes of WatchResponse against protobuf's own encoding."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pyetcd.mvcc.query import Change
from pyetcd.mvcc.record import encode_deleted, encode_kv, frame
from pyetcd.pb.kv_pb2 import Event, KeyValue
from pyetcd.pb.rpc_pb2 import ResponseHeader, WatchResponse
from pyetcd.watch import messages
from pyetcd.watch.hub import revision_header

IDS = st.one_of(st.integers(-3, 300), st.integers(-(2**63), 2**63 - 1))
REVISIONS = st.one_of(st.just(0), st.integers(1, 2**40))
KEYS = st.binary(min_size=1, max_size=200)
VALUES = st.one_of(st.binary(max_size=40), st.binary(min_size=100, max_size=300))

check = settings(max_examples=100, deadline=None)


def header(revision: int) -> ResponseHeader:
    return ResponseHeader(revision=revision)


@check
@given(IDS, REVISIONS)
def test_control_replies(id: int, revision: int) -> None:
    head = revision_header(revision)
    made = {
        messages.created(head, id): WatchResponse(header=header(revision), watch_id=id, created=True),
        messages.canceled(head, id): WatchResponse(header=header(revision), watch_id=id, canceled=True),
        messages.progress(head, id): WatchResponse(header=header(revision), watch_id=id),
        messages.rejected(head, "why"): WatchResponse(
            header=header(revision), watch_id=-1, created=True, canceled=True, cancel_reason="why"
        ),
        messages.compacted(head, id, revision): WatchResponse(
            header=header(revision), watch_id=id, canceled=True, compact_revision=revision
        ),
    }
    for ours, expected in made.items():
        assert ours == expected.SerializeToString(deterministic=True)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Change, Event, Event]:
    """A change, its event without and with prev_kv."""
    key, value, lease = draw(KEYS), draw(VALUES), draw(st.integers(-5, 2**63 - 1))
    create, mod, version = draw(st.tuples(st.integers(1, 2**50), st.integers(1, 2**50), st.integers(1, 2**20)))
    kv = KeyValue(key=key, create_revision=create, mod_revision=mod, version=version, value=value, lease=lease)
    prev = draw(st.booleans())
    prev_kv = KeyValue(key=key, create_revision=1, mod_revision=3, version=2, value=draw(VALUES))
    framed_prev = frame(encode_kv(key, 1, 3, 2, prev_kv.value)) if prev else None
    if draw(st.booleans()):
        gone = KeyValue(key=key, mod_revision=mod)
        event = Event(type=Event.DELETE, kv=gone)
        change = Change(True, key, frame(encode_deleted(key, mod)), framed_prev, False)
        return change, event, Event(type=Event.DELETE, kv=gone, prev_kv=prev_kv) if prev else event
    change = Change(False, key, frame(encode_kv(key, create, mod, version, value, lease)), framed_prev, create == mod)
    event = Event(kv=kv)
    return change, event, Event(kv=kv, prev_kv=prev_kv) if prev and create != mod else event


@check
@given(changes())
def test_events(drawn: tuple[Change, Event, Event]) -> None:
    change, bare, with_prev = drawn
    assert messages.event(change) == WatchResponse(events=[bare]).SerializeToString()
    assert messages.event_with_prev(change) == WatchResponse(events=[with_prev]).SerializeToString()
    shared = messages.SharedEvent(change)
    assert (shared.encoded(False), shared.encoded(True)) == (
        messages.event(change),
        messages.event_with_prev(change),
    )


def official_fragments(response: WatchResponse, limit: int) -> list[WatchResponse]:
    """The rule of wire contract 3.6 on whole messages: sizes are those of the encoded response."""
    if response.ByteSize() < limit or len(response.events) < 2:
        return [response]
    pieces: list[WatchResponse] = []
    rest = list(response.events)
    while rest:
        piece = WatchResponse(header=response.header, watch_id=response.watch_id, fragment=True)
        while rest:
            piece.events.append(rest[0])
            if len(piece.events) > 1 and piece.ByteSize() >= limit:
                del piece.events[-1]
                break
            del rest[0]
        pieces.append(piece)
    pieces[-1].fragment = False
    return pieces


@check
@given(st.lists(st.integers(0, 300), min_size=1, max_size=12), st.integers(20, 600), st.integers(0, 3))
def test_fragments(sizes: list[int], limit: int, id: int) -> None:
    kvs = [KeyValue(key=b"k", mod_revision=5, value=b"v" * size) for size in sizes]
    response = WatchResponse(header=header(5), watch_id=id, events=[Event(kv=kv) for kv in kvs])
    events = [WatchResponse(events=[each]).SerializeToString() for each in response.events]
    head = revision_header(5) + messages.id_field(id)
    pieces = list(messages.fragments(head, events, limit))
    assert pieces == [piece.SerializeToString() for piece in official_fragments(response, limit)]
