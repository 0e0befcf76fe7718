"""Recorded outcome against observed outcome: the same, the same but for declared fields, or different and where."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError, Message

from .case import Answer, Outcome, Status
from .declared import Circumstances, excuse
from .rebase import Rebase


@dataclass(slots=True)
class Difference:
    """One place where two outcomes part.  ``where`` is a field path, or ``status``, ``messages``, ``bytes``."""

    where: str
    recorded: str
    actual: str


@dataclass(slots=True)
class Comparison:
    differences: list[Difference] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)  # field paths that differed and may
    normal: Outcome | None = None  # the observed outcome in the recordings' numbers

    @property
    def same(self) -> bool:
        return not self.differences


def compare(
    recorded: Outcome, actual: Outcome, kind: type[Message] | None, rebase: Rebase, any_order: bool, live: bool = False
) -> Comparison:
    """``kind`` is the message class, or None for HTTP bodies; ``live``: both outcomes are of this moment."""
    where = Circumstances(rebase.shifted, bool(rebase.variables), live)
    found = Comparison()
    pairs = [(normalise(answer, kind, rebase), is_canonical(answer, kind)) for answer in actual.answers]
    if any_order:
        pairs.sort(key=lambda pair: sort_key(pair[0], kind))
    found.normal = Outcome(tuple(answer for answer, _ in pairs), actual.status)
    if len(pairs) != len(recorded.answers):
        found.differences.append(Difference("messages", str(len(recorded.answers)), str(len(pairs))))
    for at, (left, (right, canonical)) in enumerate(zip(recorded.answers, pairs, strict=False)):
        prefix = f"[{at}]." if len(recorded.answers) > 1 else ""
        if is_canonical(left, kind) and not canonical and right.body is not None:
            found.differences.append(Difference(prefix + "encoding", "fields in order, once each", right.body.hex()))
        _compare_answers(left, right, kind, where, prefix, found)
    _compare_status(recorded, actual, rebase, found)
    return found


def normalise(answer: Answer, kind: type[Message] | None, rebase: Rebase) -> Answer:
    if answer.body is None:
        return answer
    body = (
        rebase.text(answer.body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if kind is None
        else (rebase.answer(answer.body, kind))
    )
    return Answer(body, len(body))


def is_canonical(answer: Answer, kind: type[Message] | None) -> bool:
    """Bytes as every protobuf library writes them: fields in order of number, known ones only."""
    if kind is None or answer.body is None:
        return True
    try:
        message = kind.FromString(answer.body)
    except DecodeError:
        return False
    message.DiscardUnknownFields()
    return message.SerializeToString() == answer.body


def sort_key(answer: Answer, kind: type[Message] | None) -> int:
    """Order for messages that may come in any: by watch id, and within one as they came."""
    if kind is None or answer.body is None:
        return 0
    return int(getattr(kind.FromString(answer.body), "watch_id", 0))


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _compare_status(recorded: Outcome, actual: Outcome, rebase: Rebase, found: Comparison) -> None:
    left, right = recorded.status, actual.status
    if left is None and right is None:
        return
    if left is not None and right is not None and _ended_here(left) and _ended_here(right):
        return
    if (
        left is None
        or right is None
        or left.code != right.code
        or (left.text is not None and right.text is not None and fold(left.text) != fold(rebase.text(right.text)))
    ):
        found.differences.append(Difference("status", _status(left), _status(right)))


def _ended_here(status: Status) -> bool:
    """The client gave up; whether grpcio calls that a deadline or a cancellation is a race within the client."""
    return status.text is None and status.code in ("DeadlineExceeded", "Canceled")


def fold(text: str) -> str:
    """Blanks that protobuf-go chooses per build (declared.toml: "error texts")."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def web_body(body: bytes) -> tuple[str, list[str]]:
    """Head and body lines of an HTTP answer, with JSON written without optional blanks."""
    head, _, rest = body.partition(b"\n\n")
    return head.decode(errors="replace"), [_compact(line) for line in rest.decode("utf-8", "replace").split("\n")]


def _compact(line: str) -> str:
    try:
        return fold(json.dumps(json.loads(line), ensure_ascii=False))
    except ValueError:
        return fold(line)


def _status(status: object) -> str:
    return "none" if status is None else f"{status.code} {status.text!r}"  # type: ignore[attr-defined]


def _compare_answers(
    left: Answer, right: Answer, kind: type[Message] | None, where: Circumstances, prefix: str, found: Comparison
) -> None:
    assert right.body is not None
    if left.body is None:
        if left.digest != digest(right.body):
            found.differences.append(
                Difference(
                    prefix + "bytes",
                    f"{left.size} bytes sha256 {left.digest}",
                    f"{right.size} bytes sha256 {digest(right.body)}",
                )
            )
        return
    if left.body == right.body:
        return
    if kind is None:
        if web_body(left.body) == web_body(right.body):
            found.declared.append("JSON blanks")
            return
        found.differences.append(
            Difference(prefix + "body", left.body.decode(errors="replace"), right.body.decode(errors="replace"))
        )
        return
    try:
        old, new = kind.FromString(left.body), kind.FromString(right.body)
    except DecodeError:
        found.differences.append(Difference(prefix + "bytes", left.body.hex(), right.body.hex()))
        return
    used = excuse(old, new, where)
    found.declared += [entry.path for entry in used]
    if old.SerializeToString() == new.SerializeToString():
        return
    places = field_differences(old, new, prefix)
    found.differences += places or [Difference(prefix + "bytes", left.body.hex(), right.body.hex())]


def field_differences(old: Message, new: Message, prefix: str = "") -> list[Difference]:
    """Leaves that differ, by path; presence of empty sub-messages counts."""
    found: list[Difference] = []
    for descriptor in old.DESCRIPTOR.fields:
        path = prefix + descriptor.name
        left, right = getattr(old, descriptor.name), getattr(new, descriptor.name)
        if descriptor.is_repeated:
            found += _repeated(list(left), list(right), path, descriptor.message_type is not None)
        elif descriptor.message_type is not None:
            if old.HasField(descriptor.name) != new.HasField(descriptor.name):
                found.append(Difference(path, _presence(old, descriptor.name), _presence(new, descriptor.name)))
            else:
                found += field_differences(left, right, path + ".")
        elif left != right:
            found.append(Difference(path, repr(left), repr(right)))
    return found


def _presence(message: Message, name: str) -> str:
    return f"{{{getattr(message, name)}}}".replace("\n", " ") if message.HasField(name) else "absent"


def _repeated(left: list[object], right: list[object], path: str, messages: bool) -> list[Difference]:
    found = []
    if len(left) != len(right):
        found.append(Difference(path, f"{len(left)} items", f"{len(right)} items"))
    for at, (old, new) in enumerate(zip(left, right, strict=False)):
        if messages and isinstance(old, Message) and isinstance(new, Message):
            found += field_differences(old, new, f"{path}[{at}].")
        elif old != new:
            found.append(Difference(f"{path}[{at}]", repr(old), repr(new)))
    return found
