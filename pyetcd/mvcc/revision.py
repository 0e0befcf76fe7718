"""Revisions: one packed integer in memory, etcd's 17 or 18 bytes on disk (wire contract, section 11.2).

Packed: ``main << 32 | sub << 1 | tombstone``.  Integers compare as revisions do, and a list of them needs no objects
the garbage collector would have to visit.  ``sub`` has 31 bits: two thousand million changes in one transaction.
"""

from __future__ import annotations

MAIN_SHIFT = 32
TOMBSTONE = 1
SUB_MASK = 0x7FFFFFFF

_SUB_ZERO = b"_" + bytes(8)
_SUB_ZERO_TOMBSTONE = _SUB_ZERO + b"t"


def pack(main: int, sub: int, tombstone: bool = False) -> int:
    """The packed form of one revision."""
    assert main >= 0 and 0 <= sub <= SUB_MASK
    return main << MAIN_SHIFT | sub << 1 | tombstone


def main_of(packed: int) -> int:
    return packed >> MAIN_SHIFT


def sub_of(packed: int) -> int:
    return packed >> 1 & SUB_MASK


def after(main: int) -> int:
    """The smallest packed revision that is greater than every change of ``main``; a bound for bisection."""
    return main + 1 << MAIN_SHIFT


def to_key(packed: int) -> bytes:
    """The key of the ``key`` bucket: 8 bytes main, ``_``, 8 bytes sub, and ``t`` for a tombstone."""
    sub = packed >> 1 & SUB_MASK
    if sub:
        tail = b"_" + sub.to_bytes(8, "big")
        return (packed >> MAIN_SHIFT).to_bytes(8, "big") + (tail + b"t" if packed & TOMBSTONE else tail)
    return (packed >> MAIN_SHIFT).to_bytes(8, "big") + (_SUB_ZERO_TOMBSTONE if packed & TOMBSTONE else _SUB_ZERO)


def from_key(key: bytes) -> int:
    """The packed revision of a key of the ``key`` bucket; raises ValueError when it is none."""
    if len(key) not in (17, 18) or key[8] != 0x5F or key[17:] not in (b"", b"t"):
        raise ValueError(f"not a revision key: {key.hex()}")
    from_bytes = int.from_bytes
    return from_bytes(key[:8], "big") << MAIN_SHIFT | from_bytes(key[9:17], "big") << 1 | len(key) - 17


def main_key(main: int) -> bytes:
    """The 17 bytes of ``main`` with sub 0: bound of scans, and the form in which META holds compact revisions."""
    return main.to_bytes(8, "big") + _SUB_ZERO


def text(packed: int) -> str:
    """``3.0`` or ``3.0(t)``."""
    return f"{packed >> MAIN_SHIFT}.{sub_of(packed)}" + ("(t)" if packed & TOMBSTONE else "")
