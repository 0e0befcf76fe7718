"""JSON as Go writes it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyetcd.cluster.go_json import go_json
from pyetcd.cluster.membership import Member


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a<b>&c", r'{"id":7,"peerURLs":["http://h:1"],"name":"a\u003cb\u003e\u0026c"}'),
        ("ü", '{"id":7,"peerURLs":["http://h:1"],"name":"ü"}'),
        ("\u2028\u2029", r'{"id":7,"peerURLs":["http://h:1"],"name":"\u2028\u2029"}'),
        ('"\\\n\x01', r'{"id":7,"peerURLs":["http://h:1"],"name":"\"\\\n\u0001"}'),
        ("", '{"id":7,"peerURLs":["http://h:1"]}'),
    ],
)
def test_members_are_escaped_as_go_does(name: str, text: str) -> None:
    assert Member(7, ("http://h:1",), name).to_json().decode() == text


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.lists(st.text()), st.none())))
@settings(deadline=None)
def test_what_is_written_is_the_same_json(value: object) -> None:
    assert json.loads(go_json(value)) == value
