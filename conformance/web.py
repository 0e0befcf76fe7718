"""HTTP/1.1 steps of a case: the JSON gateway and the health endpoints, one request per connection."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping

from .client import Credentials

UNSTABLE_HEADERS = {"date", "content-length", "connection", "keep-alive"}


def fetch(
    address: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: str,
    credentials: Credentials | None,
    timeout: float,
) -> bytes:
    """The answer as one text: status line, headers in alphabetical order, blank line, body.

    A stream without end is cut after ``timeout`` seconds; what has arrived is the answer, and may be nothing at all.
    """
    connection = _connection(address, credentials, timeout)
    try:
        connection.request(method, path, body=body.encode() if body else None, headers=dict(headers))
        try:
            response = connection.getresponse()
        except TimeoutError:
            return b""
        except http.client.HTTPException as error:
            return f"no HTTP answer: {type(error).__name__}\n\n".encode()
        lines = [f"{response.status} {response.reason}"]
        lines += sorted(
            f"{name}: {value}" for name, value in response.getheaders() if name.lower() not in UNSTABLE_HEADERS
        )
        return "\n".join([*lines, "", ""]).encode() + _read(response)
    finally:
        connection.close()


def _connection(address: str, credentials: Credentials | None, timeout: float) -> http.client.HTTPConnection:
    if credentials is None:
        return http.client.HTTPConnection(address, timeout=timeout)
    context = ssl.create_default_context(cafile=credentials.ca)
    if credentials.certificate is not None:
        context.load_cert_chain(credentials.certificate, credentials.key)
    return http.client.HTTPSConnection(address, timeout=timeout, context=context)


def _read(response: http.client.HTTPResponse) -> bytes:
    found = b""
    try:
        while piece := response.read1(65536):
            found += piece
    except (TimeoutError, http.client.HTTPException):
        pass
    return found
