"""Reading a log directory: which segments there are, what they say, and how a torn tail is mended.

A log may end anywhere: the last write before a power cut can be missing, cut, or lack any of its sectors.  That is a
torn tail, it was never acknowledged, and :func:`repair` cuts it off (keeping a copy, as etcd does).  Anything else
that does not read is corruption and refused with file and offset: behind it may be what was acknowledged.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from itertools import pairwise

from pyetcd.consensus.records import ConfState, Entry, HardState, decode_conf_state, decode_entry, decode_hard_state
from pyetcd.consensus.varint import encode_varint, fields
from pyetcd.disk.files import Files
from pyetcd.disk.wal_codec import BadRecord, Decoder, RecordType


class CorruptLog(Exception):
    """The log cannot be trusted; the text names the file and the offset."""


class TornTail(Exception):
    """The last record of the last segment is incomplete: everything from ``offset`` of ``path`` on may go."""

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(f"{path}: torn record at offset {offset}: {reason}")
        self.path = path
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Segment:
    """One file: its place in the sequence, and the index of the first entry it may hold."""

    sequence: int
    index: int
    path: str


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """The state up to ``index`` is on disk elsewhere."""

    index: int
    term: int
    conf_state: ConfState | None = None


@dataclass(slots=True)
class LogContents:
    """What a log said, and where writing goes on."""

    segments: list[Segment]
    metadata: bytes = b""
    hard_state: HardState = field(default_factory=HardState)
    entries: list[Entry] = field(default_factory=list)
    snapshots: list[SnapshotRecord] = field(default_factory=list)
    last_index: int = 0
    last_term: int = 0
    crc: int = 0
    tail_offset: int = 0

    @property
    def is_blank(self) -> bool:
        """Made, and stopped before the first entry was on disk: the member has yet to be bootstrapped."""
        return self.last_index == 0 and self.hard_state == HardState()


_NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16})\.wal")


def segment_name(sequence: int, index: int) -> str:
    """The file name of a segment."""
    return f"{sequence:016x}-{index:016x}.wal"


def list_segments(directory: str) -> list[Segment]:
    """All segments in order; other files are ignored.  A missing directory has none."""
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
    found = ((_NAME.fullmatch(name), name) for name in names)
    return [Segment(int(m[1], 16), int(m[2], 16), os.path.join(directory, name)) for m, name in found if m]


def select_segments(directory: str, after: int) -> list[Segment]:
    """The segments that hold every entry from ``after + 1`` on.  CorruptLog when some are missing."""
    segments = list_segments(directory)
    if not segments:
        raise CorruptLog(f"{directory}: no log segment found")
    usable = [n for n, segment in enumerate(segments) if segment.index <= after + 1]
    if not usable:
        raise CorruptLog(f"{segments[0].path}: the log begins at entry {segments[0].index}, {after + 1} is needed")
    chosen = segments[usable[-1] :]
    for before, segment in pairwise(chosen):
        if segment.sequence != before.sequence + 1:
            raise CorruptLog(f"{segment.path}: segment {before.sequence + 1} before it is missing")
    return chosen


def read_log(directory: str, after: int = 0) -> LogContents:
    """Everything the log says about entries behind ``after``.

    Raises TornTail (mend with :func:`repair`, then read again) or CorruptLog.  Entries may be uncommitted.
    """
    segments = select_segments(directory, after)
    contents = LogContents(segments, last_index=max(0, segments[0].index - 1))
    crc: int | None = None
    for segment in segments:
        with open(segment.path, "rb") as file:
            decoder = Decoder(file.read(), crc)
        _read_segment(decoder, segment, segment is segments[-1], after, contents)
        crc = decoder.crc
    contents.crc = crc or 0
    contents.tail_offset = decoder.offset
    return contents


def _read_segment(decoder: Decoder, segment: Segment, last: bool, after: int, contents: LogContents) -> None:
    offset = 0
    try:
        while record := decoder.next():
            _take(record.type, record.data, after, contents)
            offset = record.end
    except BadRecord as error:
        if error.torn and last:
            raise TornTail(segment.path, error.offset, error.reason) from None
        raise CorruptLog(f"{segment.path}: corrupt record at offset {error.offset}: {error.reason}") from None
    except ValueError as error:
        raise CorruptLog(f"{segment.path}: corrupt record at offset {offset}: {error}") from None


def _take(kind: int, data: bytes, after: int, contents: LogContents) -> None:
    """One more record of the story.  ValueError when it contradicts what came before."""
    if kind == RecordType.ENTRY:
        _take_entry(data, after, contents)
    elif kind == RecordType.STATE:
        state = decode_hard_state(data)
        if state.term < contents.hard_state.term:
            raise ValueError(f"term {state.term} follows term {contents.hard_state.term}")
        contents.hard_state = state
    elif kind == RecordType.METADATA:
        if contents.metadata and contents.metadata != data:
            raise ValueError("metadata differs from the segment before")
        contents.metadata = data
    elif kind == RecordType.SNAPSHOT:
        snapshot = decode_snapshot_record(data)
        contents.snapshots.append(snapshot)
        contents.last_index = max(contents.last_index, snapshot.index)
    elif kind != RecordType.CRC:
        raise ValueError(f"unknown record type {kind}")


def _take_entry(data: bytes, after: int, contents: LogContents) -> None:
    """One more entry.  Nearly always the next index in the same term: then two comparisons decode it."""
    term, index = contents.last_term, contents.last_index + 1
    head = b"\x10" + encode_varint(term) + b"\x18" + encode_varint(index) + b'"'
    at = len(head)
    if data.startswith(head):
        size = encode_varint(len(data) - at - (1 if len(data) - at < 129 else 2))
        if data.startswith(size, at) and len(data) - at < 16000:
            contents.last_index = index
            if index > after:
                _place(Entry(term, index, 0, data[at + len(size) :]), after, contents.entries)
            return
    entry = decode_entry(data)
    if entry.term < term:
        raise ValueError(f"entry {entry.index} of term {entry.term} follows one of term {term}")
    contents.last_index, contents.last_term = entry.index, entry.term
    if entry.index > after:
        _place(entry, after, contents.entries)


def _place(entry: Entry, after: int, entries: list[Entry]) -> None:
    """Append ``entry``; a new leader may overwrite entries that were never committed."""
    position = entry.index - after - 1
    if position == len(entries):
        entries.append(entry)
    elif position < len(entries):
        entries[position:] = [entry]
    else:
        raise ValueError(f"entry {entry.index} follows entry {after + len(entries)}")


def decode_snapshot_record(data: bytes) -> SnapshotRecord:
    """walpb.Snapshot.  ValueError when it is none."""
    index = term = 0
    conf_state = None
    for number, value in fields(data):
        if isinstance(value, bytes):
            conf_state = decode_conf_state(value)
        elif number == 1:
            index = value
        elif number == 2:
            term = value
    return SnapshotRecord(index, term, conf_state)


def repair(torn: TornTail, files: Files) -> None:
    """Cut the torn tail off, after copying the segment to ``<name>.broken``."""
    files.copy(torn.path, torn.path + ".broken")
    fd = os.open(torn.path, os.O_RDWR)
    try:
        files.truncate(fd, torn.offset)
        files.sync(fd)
    finally:
        os.close(fd)
