"""HPACK against the library's own encoder and decoder."""

from __future__ import annotations

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyetcd.wire.frames import ConnectionFault, ErrorCode
from pyetcd.wire.headers import HeaderDecoder, list_size, unhuffman

names = st.sampled_from([b":path", b":method", b"te", b"x-a", b"x-long-name", b"user-agent", b"authorization"])
fields = st.tuples(names, st.binary(max_size=40) | st.sampled_from([b"GET", b"POST", b"x" * 3000]))
blocks = st.lists(st.lists(fields, max_size=8), max_size=12)


@given(blocks, st.booleans(), st.lists(st.integers(0, 4096), max_size=12))
def test_decodes_what_the_library_encodes(
    lists: list[list[tuple[bytes, bytes]]], huffman: bool, sizes: list[int]
) -> None:
    """Indexing, eviction, table size updates and Huffman coding, over many blocks of one connection."""
    encoder = hpack.Encoder()
    decoder = HeaderDecoder()
    for number, block in enumerate(lists):
        if number < len(sizes):
            encoder.header_table_size = sizes[number]
        before = decoder.changes
        data = encoder.encode(block, huffman=huffman)
        assert decoder.decode(data) == tuple(block)
        assert decoder.changes >= before


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_agrees_with_the_library_about_any_bytes(data: list[bytes]) -> None:
    """Both decode to the same fields, or both refuse."""
    ours, theirs = HeaderDecoder(), hpack.Decoder(max_header_list_size=1 << 30)
    for block in data:
        try:
            expected = [(bytes(n), bytes(v)) for n, v in theirs.decode(block, raw=True)]
        except hpack.HPACKError:
            with pytest.raises(ConnectionFault) as caught:
                ours.decode(block)
            assert caught.value.code is ErrorCode.COMPRESSION_ERROR
            return
        fields = [field for field in ours.decode(block)]
        assert fields == [field for field in expected if field[0] != b"grpc-timeout"]


@given(st.binary(max_size=200))
def test_huffman_agrees_with_the_library(data: bytes) -> None:
    from hpack.huffman_table import decode_huffman

    try:
        expected = decode_huffman(data)
    except hpack.HPACKError:
        with pytest.raises(ConnectionFault):
            unhuffman(data)
    else:
        assert unhuffman(data) == expected


def test_a_literal_timeout_is_kept_out_of_the_fields() -> None:
    encoder, decoder = hpack.Encoder(), HeaderDecoder()
    for timeout in (b"1S", b"29m", b"4999970u"):
        fields = decoder.decode(encoder.encode([(b":path", b"/a/B"), (b"grpc-timeout", timeout), (b"te", b"trailers")]))
        assert fields == ((b":path", b"/a/B"), (b"te", b"trailers"))
        assert decoder.timeout == timeout
    assert decoder.decode(encoder.encode([(b":path", b"/a/B")])) == ((b":path", b"/a/B"),)
    assert decoder.timeout is None


def test_list_size_counts_as_the_setting_does() -> None:
    assert list_size(((b"a", b"bc"), (b"d", b""))) == 3 + 32 + 1 + 32


@pytest.mark.parametrize(
    "block",
    [b"\x80", b"\xff\xff\xff\xff\xff\xff\x7f", b"\xbe", b"\x82\x20", b"\x3f\xe2\x1f", b"\x40\x05ab", b"\x40", b"\x41"],
    ids=[
        "index 0",
        "huge integer",
        "beyond the table",
        "late update",
        "update too large",
        "cut name",
        "cut",
        "cut value",
    ],
)
def test_broken_blocks(block: bytes) -> None:
    with pytest.raises(ConnectionFault) as caught:
        HeaderDecoder().decode(block)
    assert caught.value.code is ErrorCode.COMPRESSION_ERROR
