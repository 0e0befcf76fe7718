"""Messages as text: what is written can be read again, and stands for the same bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyetcd.conformance.schema import RPCS
from pyetcd.conformance.text import CLUSTER_ID, MEMBER_ID, TextError, expand, parse, show

from pyetcd.pb import rpc_pb2


def test_variables_stand_for_values() -> None:
    assert expand('lease: $l key: "a/${l:x}" name: "$l"', {"l": 255}) == 'lease: 255 key: "a/ff" name: "$l"'


def test_negative_numbers_in_hexadecimal_are_unsigned() -> None:
    assert expand('"${l:x}"', {"l": -1}) == '"ffffffffffffffff"'


def test_strings_repeat() -> None:
    put = parse('key: "ab"*3 value: "x\\"y"*2', rpc_pb2.PutRequest)
    assert put == rpc_pb2.PutRequest(key=b"ababab", value=b'x"yx"y')


def test_unknown_variable_is_named() -> None:
    with pytest.raises(TextError, match=r"\$nobody"):
        expand("lease: $nobody", {})


def test_bad_text_names_the_message() -> None:
    with pytest.raises(TextError, match="PutRequest"):
        parse("kee: 5", rpc_pb2.PutRequest)


def test_ids_are_shown_by_name() -> None:
    header = rpc_pb2.ResponseHeader(cluster_id=CLUSTER_ID, member_id=MEMBER_ID, revision=7, raft_term=2)
    assert show(rpc_pb2.PutResponse(header=header)) == "header { $ids revision: 7 raft_term: 2 }"


numbers = st.integers(-(2**63), 2**63 - 1)
pairs = st.builds(
    rpc_pb2.RangeResponse,
    kvs=st.lists(
        st.builds(
            lambda key, value, lease: {"key": key, "value": value, "lease": lease},
            st.binary(max_size=40),
            st.binary(max_size=80),
            numbers,
        ),
        max_size=5,
    ),
    more=st.booleans(),
    count=numbers,
)


@given(pairs)
def test_shown_text_is_the_message(message: rpc_pb2.RangeResponse) -> None:
    assert parse(show(message).replace("\n", " "), rpc_pb2.RangeResponse) == message


def test_every_service_is_known() -> None:
    services = {name.split(".")[0] for name in RPCS}
    assert services == {"KV", "Watch", "Lease", "Cluster", "Maintenance", "Auth", "Lock", "Election", "Health"}
