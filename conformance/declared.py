"""The short list of what may differ (declared.toml), applied to a pair of decoded messages before their comparison."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

SOURCE = Path(__file__).with_name("declared.toml")


@dataclass(frozen=True, slots=True)
class Entry:
    """One declared difference; ``path`` is the full name of a field."""

    path: str
    how: str
    reason: str
    rebased: bool = False
    captured: bool = False

    def applies(self, circumstances: Circumstances) -> bool:
        return (circumstances.rebased or not self.rebased) and (circumstances.captured or not self.captured)

    def permits(self, old: int, new: int, live: bool) -> bool:
        """``up to N less``; between two live servers, N either way."""
        slack = int(self.how.split()[2]) if self.how.startswith("up to ") else 0
        return (-slack if live else 0) <= old - new <= slack


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where a comparison happens: on a shifted store, with captured values, between two live servers."""

    rebased: bool = False
    captured: bool = False
    live: bool = False


@cache
def entries() -> tuple[Entry, ...]:
    with open(SOURCE, "rb") as file:
        return tuple(Entry(**item) for item in tomllib.load(file)["may_differ"])


def excuse(recorded: Message, actual: Message, where: Circumstances) -> list[Entry]:
    """Make declared fields of ``actual`` equal to ``recorded``'s, in place.  Returns the entries that were needed."""
    known = {entry.path: entry for entry in entries() if entry.applies(where)}
    used: list[Entry] = []
    _excuse(recorded, actual, known, used, where.live)
    return used


def _excuse(recorded: Message, actual: Message, known: dict[str, Entry], used: list[Entry], live: bool) -> None:
    for descriptor in recorded.DESCRIPTOR.fields:
        entry = known.get(descriptor.full_name)
        old, new = getattr(recorded, descriptor.name), getattr(actual, descriptor.name)
        if entry is not None:
            if old != new and _allowed(entry, descriptor, old, new, live):
                _copy(recorded, actual, descriptor)
                used.append(entry)
        elif descriptor.message_type is None or descriptor.message_type.GetOptions().map_entry:
            continue
        elif descriptor.is_repeated:
            for left, right in zip(old, new, strict=False):
                _excuse(left, right, known, used, live)
        elif recorded.HasField(descriptor.name) and actual.HasField(descriptor.name):
            _excuse(old, new, known, used, live)


def _allowed(entry: Entry, descriptor: Any, old: object, new: object, live: bool) -> bool:
    if entry.how == "ignore":
        return True
    if isinstance(old, int) and isinstance(new, int):
        return entry.permits(old, new, live)
    assert entry.how == "order" and descriptor.is_repeated
    return sorted(map(_key, old)) == sorted(map(_key, new))  # type: ignore[call-overload]


def _key(item: object) -> bytes:
    if isinstance(item, Message):
        return item.SerializeToString()
    text = item if isinstance(item, bytes) else str(item).encode()
    return b" ".join(text.split()) if isinstance(item, str) else text


def _copy(source: Message, target: Message, descriptor: Any) -> None:
    target.ClearField(descriptor.name)
    value = getattr(source, descriptor.name)
    if descriptor.is_repeated:
        getattr(target, descriptor.name).extend(value)
    else:
        setattr(target, descriptor.name, value)
