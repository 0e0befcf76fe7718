"""What a request says a user's password record is to be."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from pyetcd.errors import NoPasswordUser


def stored_password(r: Any) -> bytes:
    """The bcrypt string behind ``hashedPassword`` (base64) of an add or change-password request.

    Raises NoPasswordUser for what is no base64 (etcd's answer).  A password in plain text can only stand in a log
    that a release before 3.5 wrote; hashing it here would give every member another record.
    """
    if r.password and not r.hashedPassword:
        raise LookupError("log entry holds an unhashed password, as releases before 3.5 wrote them")
    text = r.hashedPassword.replace("\r", "").replace("\n", "")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoPasswordUser from None
