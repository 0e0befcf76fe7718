"""Deeply nested transactions: taken as far as etcd takes them, refused beyond, never the end of the process."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError

from pyetcd.apply import payload
from pyetcd.apply.deep import DEEPEST, MOST_OPS, depth, parse_txn
from pyetcd.mvcc.record import varint
from pyetcd.pb import rpc_pb2 as rpc


def nested(levels: int) -> bytes:
    body = b""
    for _ in range(levels):
        op = b"\x22" + varint(len(body)) + body
        body = b"\x12" + varint(len(op)) + op
    return body


@pytest.mark.parametrize("levels", [1, 49, 60, 128, 1000, DEEPEST - 1])
def test_as_deep_as_etcd_takes_them(levels: int) -> None:
    assert depth(nested(levels)) == levels + 1
    message = parse_txn(rpc.TxnRequest, nested(levels))
    for _ in range(levels):
        message = message.success[0].request_txn
    assert not message.success


@pytest.mark.parametrize("levels", [DEEPEST + 1, 30_000, 200_000])
def test_deeper_is_no_message(levels: int) -> None:
    with pytest.raises(DecodeError):
        parse_txn(rpc.TxnRequest, nested(levels))


def test_a_broad_request_that_cannot_be_parsed_is_given_up_early() -> None:
    with pytest.raises(DecodeError):
        parse_txn(rpc.TxnRequest, b"\x12\x00" * (2 * MOST_OPS) + b"\xff")


def test_a_log_entry_holds_them_too() -> None:
    field, message, _ = payload.decode(payload.encode("txn", nested(100), 7))
    assert field == "txn" and len(message.success) == 1
