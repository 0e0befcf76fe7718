"""Which of a file's two meta pages counts: the valid one of the later transaction (wire contract 11.3)."""

from __future__ import annotations

import os

from pyetcd.disk.bbolt.page import HEADER, META_BYTES, NO_FREELIST, Meta, decode_meta

_PAGE_SIZES = tuple(1 << bits for bits in range(9, 17))  # where the second meta page may be when the first is broken
_FIRST_DATA_PAGE = 2


def read_meta(fd: int) -> Meta:
    """The meta page in force; raises ValueError naming what is wrong with each when none can be trusted."""
    size = os.fstat(fd).st_size
    first, trouble = _try(fd, 0)
    places = [first.page_size] if first is not None else _PAGE_SIZES
    second = None
    for place in places:
        second, _ = _try(fd, place)
        if second is not None and second.page_size == place:
            break
        second = None
    if first is None and second is None:
        raise ValueError(f"meta page 0: {trouble}; no valid meta page 1 either")
    meta = max((meta for meta in (first, second) if meta is not None), key=lambda meta: meta.txid)
    _check(meta, size)
    return meta


def _try(fd: int, at: int) -> tuple[Meta | None, str]:
    try:
        return decode_meta(os.pread(fd, META_BYTES, at + HEADER.size)), ""
    except ValueError as error:
        return None, str(error)


def _check(meta: Meta, size: int) -> None:
    if meta.page_size not in _PAGE_SIZES:
        raise ValueError(f"meta page: a page size of {meta.page_size} bytes")
    if meta.pages * meta.page_size > size:
        raise ValueError(f"the file is cut off: {size} bytes, but {meta.pages} pages of {meta.page_size} bytes")
    if not _FIRST_DATA_PAGE <= meta.root < meta.pages:
        raise ValueError(f"meta page: the root is page {meta.root} of {meta.pages}")
    if meta.freelist != NO_FREELIST and not _FIRST_DATA_PAGE <= meta.freelist < meta.pages:
        raise ValueError(f"meta page: the free pages are listed on page {meta.freelist} of {meta.pages}")
