"""Framing: against protobuf, against logs etcd 3.7.1 wrote, and every way a last record can be cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from google_crc32c import extend
from hypothesis import given, settings
from hypothesis import strategies as st

from pyetcd.consensus.records import Entry, decode_entry, encode_entry
from pyetcd.disk.wal_codec import BadRecord, Decoder, Encoder, Record, RecordType, length_field
from pyetcd.disk.wal_reader import LogContents, _take
from pyetcd.pb import wal_pb2

TESTDATA = Path(__file__).parent / "testdata"
RECORDED = ["etcd-3.7.1-fresh.wal", "etcd-3.7.1-snapshot.wal"]


def records(data: bytes) -> list[Record]:
    decoder = Decoder(data)
    found = []
    while record := decoder.next():
        found.append(record)
    return found


def sample() -> tuple[bytes, int]:
    """A small log and where its last record begins."""
    encoder = Encoder()
    out = [encoder.record(RecordType.CRC), encoder.record(RecordType.METADATA, b"\x08\x01\x10\x02")]
    encoder.entries([Entry(2, n, 0, b"value %d" % n * 20) for n in range(3, 9)], out)
    start = len(b"".join(out))
    encoder.entries([Entry(2, 9, 0, bytes(range(1, 250)) * 5)], out)
    return b"".join(out), start


@pytest.mark.parametrize("name", RECORDED)
def test_what_etcd_wrote_is_read_and_written_again_byte_for_byte(name: str) -> None:
    data = (TESTDATA / name).read_bytes()
    encoder = Encoder()
    out: list[bytes] = []
    for record in records(data + bytes(4096)):
        if record.type == RecordType.ENTRY:
            encoder.entries([decode_entry(record.data)], out)
        else:
            out.append(encoder.record(RecordType(record.type), record.data))
    assert b"".join(out) == data and len(out) > 8


numbers = st.one_of(st.integers(0, 40000), st.integers(0, 2**63))
entries = st.builds(Entry, numbers, numbers, st.sampled_from([0, 0, 0, 1]), st.binary(max_size=600), st.none())
large = st.builds(Entry, numbers, numbers, st.just(0), st.integers(3900, 4200).map(bytes), st.none())


@given(st.lists(st.one_of(entries, large), max_size=8), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_fast_path_twin(batch: list[Entry], crc: int) -> None:
    """Whatever the sizes, the unrolled encoder gives protobuf's message in etcd's frame."""
    encoder = Encoder(crc)
    out: list[bytes] = []
    encoder.entries(batch, out)
    expected = b""
    for entry in batch:
        data = encode_entry(entry)
        crc = extend(crc, data)
        message = wal_pb2.Record(type=2, crc=crc, data=data).SerializeToString()
        expected += length_field(len(message)) + message + bytes(-len(message) % 8)
    assert b"".join(out) == expected and encoder.crc == crc


@given(st.lists(st.one_of(entries, large), max_size=8))
@settings(deadline=None)
def test_what_is_encoded_is_decoded(batch: list[Entry]) -> None:
    encoder = Encoder()
    out = [encoder.record(RecordType.CRC)]
    encoder.entries(batch, out)
    data = b"".join(out)
    found = records(data)
    assert [decode_entry(record.data) for record in found[1:]] == batch
    assert found[-1].end == len(data) and found[-1].crc == encoder.crc


@given(st.integers(1, 3), st.lists(st.tuples(st.booleans(), st.integers(0, 1) | st.integers(100, 20000)), min_size=1))
@settings(deadline=None)
def test_the_reader_finds_every_entry(after: int, shapes: list[tuple[bool, int]]) -> None:
    """Around the lengths where varints grow, with terms that move on, whatever is asked for."""
    term, batch = 1, []
    for index, (next_term, size) in enumerate(shapes, start=1):
        term += next_term
        batch.append(Entry(term, index + 120, 0, bytes(size)))
    contents = LogContents([])
    for entry in batch:
        _take(RecordType.ENTRY, encode_entry(entry), 120 + after, contents)
    assert contents.entries == batch[after:]
    assert (contents.last_index, contents.last_term) == (batch[-1].index, batch[-1].term)


def test_a_record_cut_at_every_byte_is_torn() -> None:
    data, start = sample()
    for cut in range(start + 1, len(data)):
        decoder = Decoder(data[:cut])
        with pytest.raises(BadRecord) as caught:
            while decoder.next():
                pass
        assert caught.value.torn and caught.value.offset == start, cut


def test_a_record_zeroed_from_every_byte_on_is_torn_or_gone() -> None:
    data, start = sample()
    pad = data[start + 7] & 7
    for cut in range(start, len(data) - pad):
        decoder = Decoder(data[:cut] + bytes(len(data) - cut + 4096))
        try:
            while decoder.next():
                pass
        except BadRecord as error:
            assert error.torn and error.offset == start, cut
        else:
            assert decoder.offset == start and cut == start


def test_a_missing_sector_is_torn() -> None:
    data, start = sample()
    for sector in range(start // 512 + 1, len(data) // 512):
        broken = data[: sector * 512] + bytes(512) + data[(sector + 1) * 512 :]
        decoder = Decoder(broken + bytes(4096))
        with pytest.raises(BadRecord) as caught:
            while decoder.next():
                pass
        assert caught.value.torn and caught.value.offset == start


def test_any_changed_bit_is_noticed_and_never_taken_for_a_torn_write() -> None:
    """In the middle: behind the change there are whole records, so nothing may be cut off there."""
    data, start = sample()
    for position in range(start):
        for bit in (0x01, 0x80):
            broken = bytearray(data)
            broken[position] ^= bit
            decoder = Decoder(bytes(broken) + bytes(4096))
            try:
                while decoder.next():
                    pass
            except BadRecord as error:
                assert not error.torn, (position, bit)
            else:
                assert is_harmless(data, bytes(broken), position)


def is_harmless(data: bytes, broken: bytes, position: int) -> bool:
    """No checksum covers pad bytes, which carry nothing, nor a record's type: the reader judges that by its story."""
    was, now = records(data), records(broken)
    type_bytes = {0 + 9} | {record.end + 9 for record in was}
    return [r[1:] for r in was] == [r[1:] for r in now] and (data[position] == 0 or position in type_bytes)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 4095, 2**40])
def test_length_field_states_padding(size: int) -> None:
    field = int.from_bytes(length_field(size), "little")
    assert field & (1 << 56) - 1 == size
    assert field >> 56 == ((0x80 | -size % 8) if size % 8 else 0)
