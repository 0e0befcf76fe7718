"""Response headers as ready bytes (wire contract, section 1.2), made once per revision and term."""

from __future__ import annotations

from pyetcd.mvcc.record import varint


class Headers:
    """Makes the framed field 1 of responses: tag, length, ResponseHeader."""

    __slots__ = ("_bytes", "_prefix", "_revision", "_suffix", "term")

    def __init__(self, cluster_id: int, member_id: int) -> None:
        self._prefix = b"\x08" + varint(cluster_id) + b"\x10" + varint(member_id)
        self._revision = -1
        self._bytes = b""
        self.set_term(0)

    def set_term(self, term: int) -> None:
        """``term`` is that of the last applied entry."""
        self.term = term
        self._suffix = b"\x20" + varint(term) if term else b""
        self._revision = -1

    def __call__(self, revision: int) -> bytes:
        if revision == self._revision:
            return self._bytes
        middle = b"\x18" + varint(revision) if revision else b""
        message = self._prefix + middle + self._suffix
        self._revision = revision
        self._bytes = b"\x0a" + bytes((len(message),)) + message
        return self._bytes
