"""From one server's numbers to the recordings' numbers.

A recording holds the identity and counters of a fresh official member.  Another endpoint has its own ids, and a store
that has served before starts at a higher revision, term and log index.  Which fields carry which counter is a table
here; a case's requests are shifted forward with it and the answers back, and then bytes are compared with bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from .text import CLUSTER_ID, MEMBER_ID

_KV, _RPC, _ELECTION = "mvccpb.KeyValue.", "etcdserverpb.", "v3electionpb."

KINDS: dict[str, str] = {
    **dict.fromkeys(
        [
            _RPC + "ResponseHeader.revision",
            _KV + "create_revision",
            _KV + "mod_revision",
            _RPC + "RangeRequest.revision",
            _RPC + "RangeRequest.min_mod_revision",
            _RPC + "RangeRequest.max_mod_revision",
            _RPC + "RangeRequest.min_create_revision",
            _RPC + "RangeRequest.max_create_revision",
            _RPC + "Compare.create_revision",
            _RPC + "Compare.mod_revision",
            _RPC + "CompactionRequest.revision",
            _RPC + "HashKVRequest.revision",
            _RPC + "HashKVResponse.compact_revision",
            _RPC + "HashKVResponse.hash_revision",
            _RPC + "WatchCreateRequest.start_revision",
            _RPC + "WatchResponse.compact_revision",
            _ELECTION + "LeaderKey.rev",
        ],
        "revision",
    ),
    _RPC + "ResponseHeader.cluster_id": "cluster_id",
    **dict.fromkeys(
        [
            _RPC + "ResponseHeader.member_id",
            _RPC + "StatusResponse.leader",
            _RPC + "Member.ID",
            _RPC + "AlarmMember.memberID",
        ],
        "member_id",
    ),
    _RPC + "ResponseHeader.raft_term": "raft_term",
    _RPC + "StatusResponse.raftTerm": "raft_term",
    _RPC + "StatusResponse.raftIndex": "raft_index",
    _RPC + "StatusResponse.raftAppliedIndex": "raft_index",
    _RPC + "AuthStatusResponse.authRevision": "auth_revision",
}

REVISION_FAR = 2**62
"""Revisions from here on are meant to be impossible and are not shifted."""

HEX_DIGITS_MIN = 8
"""A captured number is looked for inside byte strings in hexadecimal only when it is at least this long."""


@dataclass
class Variable:
    """A value that legitimately varies: what the recording holds and what this server gave."""

    recorded: int | str
    actual: int | str


@dataclass
class Rebase:
    """Shifts between the recordings and one server; all zero for a fresh managed member."""

    cluster_id: int = CLUSTER_ID
    member_id: int = MEMBER_ID
    revision: int = 0
    raft_term: int = 0
    raft_index: int = 0
    auth_revision: int = 0
    names: dict[str, str] = field(default_factory=dict)  # member name and URLs: this server's → the recordings'
    variables: dict[str, Variable] = field(default_factory=dict)

    @property
    def shifted(self) -> bool:
        """The store has counters of its own, so hashes over revisions cannot be the recorded ones."""
        return bool(self.revision or self.raft_term or self.raft_index or self.auth_revision)

    @property
    def idle(self) -> bool:
        return not (self.shifted or self.variables or self.names) and (self.cluster_id, self.member_id) == (
            CLUSTER_ID,
            MEMBER_ID,
        )

    def constants(self) -> dict[str, int | str]:
        """Values for ``$name`` in requests: this server's own."""
        known: dict[str, int | str] = {"cluster": self.cluster_id, "member": self.member_id}
        return known | {name: variable.actual for name, variable in self.variables.items()}

    def request(self, message: Message) -> Message:
        """Recorded numbers to this server's, in place."""
        if self.shifted:
            _walk(message, self._forth)
        if self.names:
            own = {recorded: actual for actual, recorded in self.names.items()}
            for holder, descriptor, value in _leaves(message):
                if isinstance(value, str) and value in own:
                    _store(holder, descriptor, value, own[value])
        return message

    def answer(self, body: bytes, kind: type[Message]) -> bytes:
        """This server's bytes to the recordings' numbers.  What is no message is left as it is."""
        if self.idle:
            return body
        try:
            message = kind.FromString(body)
        except DecodeError:
            return body
        _walk(message, self._back)
        self._replace(message)
        return message.SerializeToString()

    def text(self, text: str) -> str:
        """The same for JSON bodies and status texts: ids and captured values only."""
        for actual, recorded in self._texts():
            text = text.replace(actual, recorded)
        return text

    def _texts(self) -> list[tuple[str, str]]:
        pairs = [(str(self.cluster_id), str(CLUSTER_ID)), (str(self.member_id), str(MEMBER_ID))]
        for variable in self.variables.values():
            pairs.append((str(variable.actual), str(variable.recorded)))
            if isinstance(variable.actual, int) and len(_hex(variable.actual)) >= HEX_DIGITS_MIN:
                pairs.append((_hex(variable.actual), _hex(int(variable.recorded))))
        return [pair for pair in pairs if pair[0] != pair[1] and pair[0]]

    def _forth(self, kind: str, value: int) -> int:
        return value + self.revision if kind == "revision" and 0 < value < REVISION_FAR else value

    def _back(self, kind: str, value: int) -> int:
        if kind == "cluster_id":
            return CLUSTER_ID if value == self.cluster_id else value
        if kind == "member_id":
            return MEMBER_ID if value == self.member_id else value
        return value - int(getattr(self, kind)) if value > 0 else value

    def _replace(self, message: Message) -> None:
        numbers = {v.actual: v.recorded for v in self.variables.values() if isinstance(v.actual, int)}
        texts = self._texts()
        for holder, descriptor, value in _leaves(message):
            if isinstance(value, bool):
                continue
            if isinstance(value, int):
                new: object = numbers.get(value, value)
            elif isinstance(value, bytes):
                changed = value
                for actual, recorded in texts:
                    changed = changed.replace(actual.encode(), recorded.encode())
                new = changed
            else:
                new = self.names.get(str(value)) or self.text(str(value))
            if new != value:
                _store(holder, descriptor, value, new)


def _hex(value: int) -> str:
    return format(value % 2**64, "x")


def _leaves(message: Message) -> list[tuple[Message, FieldDescriptor, object]]:
    found: list[tuple[Message, FieldDescriptor, object]] = []
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None and descriptor.message_type.GetOptions().map_entry:
            continue
        for item in value if descriptor.is_repeated else [value]:
            if descriptor.message_type is not None:
                found += _leaves(item)
            else:
                found.append((message, descriptor, item))
    return found


def _store(holder: Message, descriptor: FieldDescriptor, old: object, new: object) -> None:
    if descriptor.is_repeated:
        items = getattr(holder, descriptor.name)
        items[list(items).index(old)] = new
    else:
        setattr(holder, descriptor.name, new)


def _walk(message: Message, change: Callable[[str, int], int]) -> None:
    for holder, descriptor, value in _leaves(message):
        kind = KINDS.get(descriptor.full_name)
        if kind is not None and isinstance(value, int):
            new = change(kind, value)
            if new != value:
                _store(holder, descriptor, value, new)
