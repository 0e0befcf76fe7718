"""Turning request bytes into messages, with gRPC's answer to bytes that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from pyetcd.wire.call import Code

if TYPE_CHECKING:
    from pyetcd.wire.call import Call

UNARY = "grpc: error unmarshalling request: "
STREAM = "grpc: failed to unmarshal the received message: "
# protobuf-go words its errors with a plain or a no-break blank after the colon, chosen by the build.
WIRE_FORMAT = "proto:\u00a0cannot parse invalid wire-format data"
BAD_STRING = "string field contains invalid UTF-8"


def decode(call: Call, kind: Any, body: bytes, prefix: str = UNARY) -> Any:
    """``body`` as a message of class ``kind``; None when it is none, and then the call has ended."""
    try:
        return kind.FromString(body)
    except DecodeError as error:
        call.fail(Code.INTERNAL, prefix + (BAD_STRING if "UTF-8" in str(error) else WIRE_FORMAT))
        return None
