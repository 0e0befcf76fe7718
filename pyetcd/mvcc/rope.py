"""Bytes made of ready pieces: a million entries of an answer without copying one of them before it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

PIECE = 128 * 1024

Chunk = Sequence[bytes]  # entries; never changed once a Rope holds it (leaves copy their list before writing)


class Rope:
    """``size`` bytes in ``chunks`` of entries; unchanged whatever is written to the store later."""

    __slots__ = ("chunks", "size")

    def __init__(self, size: int, chunks: Sequence[Chunk]) -> None:
        self.size = size
        self.chunks = chunks

    def pieces(self) -> Iterator[bytes]:
        """The bytes in pieces of at most 128 KiB (a larger entry is cut)."""
        for chunk in self.chunks:
            yield from _chunk_pieces(chunk)

    def join(self) -> bytes:
        """All bytes at once."""
        return b"".join([b"".join(chunk) for chunk in self.chunks])

    def entries(self) -> list[bytes]:
        """The framed entries one by one."""
        return [entry for chunk in self.chunks for entry in chunk]


EMPTY = Rope(0, ())


def rope_of(entries: list[bytes]) -> Rope:
    """A rope of entries nobody else will change."""
    return Rope(sum(map(len, entries)), (entries,)) if entries else EMPTY


def _chunk_pieces(chunk: Chunk) -> Iterator[bytes]:
    """Joins whole entries up to the bound; halves the chunk until it fits, as sizes within a leaf are much alike."""
    total = sum(map(len, chunk))
    if total <= PIECE:
        if total:
            yield b"".join(chunk)
    elif len(chunk) == 1:
        entry = chunk[0]
        for at in range(0, total, PIECE):
            yield entry[at : at + PIECE]
    else:
        half = len(chunk) // 2
        yield from _chunk_pieces(chunk[:half])
        yield from _chunk_pieces(chunk[half:])
