"""All services of the client port behind one table, and the check that depends on a call's headers alone."""

from __future__ import annotations

from collections.abc import Iterable

from pyetcd.errors import InvalidClientAPIVersion
from pyetcd.rpc.errors import status
from pyetcd.wire.call import Metadata, Method


class ServiceRouter:
    """The Router of every connection (wire/call.py)."""

    def __init__(self, methods: Iterable[Method]) -> None:
        self.methods = {method.path: method for method in methods}

    def admit(self, metadata: Metadata, method: Method) -> tuple[int, str] | None:
        """Refuses an api version that is not UTF-8 (wire contract, section 8.1)."""
        version = metadata.get(b"client-api-version")
        if version is not None:
            try:
                version.decode()
            except UnicodeDecodeError:
                return status(InvalidClientAPIVersion())
        return None
