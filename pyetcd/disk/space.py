"""How large etcd's database file would be: quota, Status and metrics count in its pages (wire contract 2.11, 6.2)."""

from __future__ import annotations

PAGE = 4096
_FILL = PAGE * 9 // 10  # bytes of a leaf page in use when keys only ever grow
_FIXED = 4  # two meta pages, the root, one leaf for all the small buckets
ENTRY = 16  # a leaf element's header


class PageAccount:
    """Bytes of entries in the buckets that grow, as pages; ``high_water`` never shrinks, as the file does not."""

    __slots__ = ("bytes", "high_water")

    def __init__(self, bytes_in_use: int = 0, high_water: int = 0) -> None:
        self.bytes = bytes_in_use
        self.high_water = max(high_water, self.in_use + PAGE)

    @property
    def in_use(self) -> int:
        """Bytes of pages that hold data."""
        return PAGE * (_FIXED + -(-self.bytes // _FILL))

    def grow(self) -> None:
        """Raise the high-water mark: what is in use and one page to copy into (a fresh etcd: 5 pages, 4 in use)."""
        self.high_water = max(self.high_water, self.in_use + PAGE)

    def shrink(self) -> None:
        """A defragmentation gave the free pages back."""
        self.high_water = self.in_use + PAGE

    def encode(self) -> bytes:
        """Sixteen bytes for decode()."""
        return self.bytes.to_bytes(8, "big") + self.high_water.to_bytes(8, "big")

    @classmethod
    def decode(cls, data: bytes) -> PageAccount:
        """What encode() gave, or of nothing an empty account."""
        return cls(int.from_bytes(data[:8], "big"), int.from_bytes(data[8:], "big"))
