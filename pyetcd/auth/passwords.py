"""Hashing and checking passwords with bcrypt: tens of milliseconds of CPU each, so a worker does it, never the loop.

Records are etcd's: ``$2a$``, two digits of cost, 22 characters of salt, 31 of hash.
"""

from __future__ import annotations

import base64

from pyetcd.errors import PasswordTooLong

LEAST_COST, MOST_COST, DEFAULT_COST = 4, 31, 10
LONGEST = 72
SALT_BYTES = 16

_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TO_BCRYPT = bytes.maketrans(_STANDARD, _BCRYPT)


def allowed_cost(cost: int) -> int:
    """The cost as it will be used: outside of 4 to 31 it is 10, as in etcd."""
    return cost if LEAST_COST <= cost <= MOST_COST else DEFAULT_COST


def hash_password(password: bytes, cost: int, salt: bytes) -> bytes:
    """The stored form; ``salt`` are 16 random bytes.  Raises PasswordTooLong."""
    import bcrypt

    if len(password) > LONGEST:
        raise PasswordTooLong
    text = base64.b64encode(salt).rstrip(b"=").translate(_TO_BCRYPT)
    return bcrypt.hashpw(password, b"$2a$%02d$" % cost + text)


def is_password(password: bytes, stored: bytes) -> bool:
    """Whether ``password`` was hashed to ``stored``; False for a record that is no bcrypt hash.

    Of a longer password the first 72 bytes count, as in Go: what was cut off could never have been hashed.
    """
    import bcrypt

    try:
        return bcrypt.checkpw(password[:LONGEST], stored)
    except ValueError:
        return False
