"""Who asks: what a token or a certificate says about a request, and what its log entry remembers of it."""

from __future__ import annotations

from typing import NamedTuple


class Caller(NamedTuple):
    """A user and the auth revision its right to speak was given at (etcd's AuthInfo).

    revision 0 means that nobody has identified himself.
    """

    username: str
    revision: int


NOBODY = Caller("", 0)
