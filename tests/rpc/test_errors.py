"""The error table: complete, and etcd's texts to the letter."""

from __future__ import annotations

import inspect

from pyetcd import errors
from pyetcd.rpc.errors import TABLE, status
from pyetcd.wire.call import Code

FAMILIES = {errors.EtcdError, errors.BadRequest, errors.StateConflict, errors.Denied, errors.Unavailable}
WITH_OWN_TEXT = {
    errors.NotPrimaryLessor, errors.UnknownMethod,
    errors.NoPasswordUser, errors.PasswordTooLong, errors.VerifyOnly, errors.InvalidKey,
}  # fmt: skip


def test_every_error_has_its_status() -> None:
    concrete = {c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.EtcdError)} - FAMILIES
    assert concrete == set(TABLE) | WITH_OWN_TEXT


def test_texts_carry_the_prefix_and_are_distinct() -> None:
    texts = [status(kind())[1] for kind in TABLE]
    assert all(text.startswith("etcdserver: ") for text in texts)
    assert len(set(texts)) == len(texts)


def test_what_is_not_in_the_table_is_unknown_with_its_own_text() -> None:
    assert status(errors.NotPrimaryLessor()) == (Code.UNKNOWN, "not a primary lessor")
    assert status(ValueError("plain")) == (Code.UNKNOWN, "plain")
