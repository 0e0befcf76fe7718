"""The order of equal entries in a sorted Range.

etcd sorts with Go's ``sort.Sort``, which is not stable beyond twelve entries: a client that sorts by version or value
sees which of the equal ones comes first.  Go's choice is deterministic (pattern-defeating quicksort with a random
generator seeded by the length), so taking the same decisions gives the same answer.  Only entries with ties come
here; for any other input every correct sort agrees.
"""

from __future__ import annotations

from collections.abc import Generator

Pair = tuple[int, bytes]  # rank, entry: only ranks are compared
Steps = Generator[None, None, None]

_INSERTION = 12  # up to this length: insertion sort
_NINTHER = 50  # from this length: pivot from nine candidates; misplaced neighbours are shifted
_SHIFTS = 5
_MASK64 = (1 << 64) - 1


def sort_like_go(data: list[Pair]) -> Steps:
    """Sorts in place; yields between partitions."""
    yield from _quicksort(data, 0, len(data), len(data).bit_length())


def _quicksort(data: list[Pair], a: int, b: int, bad_allowed: int) -> Steps:
    balanced = partitioned = True
    while b - a > _INSERTION:
        if bad_allowed == 0:
            _heapsort(data, a, b)
            return
        if not balanced:
            _scatter(data, a, b)
            bad_allowed -= 1
        pivot, swaps = _choose_pivot(data, a, b)
        if swaps == 12:  # every comparison was the wrong way round: it descends
            data[a:b] = data[a:b][::-1]
            pivot, swaps = b - 1 - (pivot - a), 0
        if balanced and partitioned and swaps == 0 and _nearly_sorted(data, a, b):
            return
        if a > 0 and data[a - 1][0] >= data[pivot][0]:
            a = _partition_equal(data, a, b, pivot)
            continue
        middle, partitioned = _partition(data, a, b, pivot)
        balanced = min(middle - a, b - middle) >= (b - a) // 8
        yield
        if middle - a < b - middle:
            yield from _quicksort(data, a, middle, bad_allowed)
            a = middle + 1
        else:
            yield from _quicksort(data, middle + 1, b, bad_allowed)
            b = middle
    _insertion_sort(data, a, b)


def _insertion_sort(data: list[Pair], a: int, b: int) -> None:
    """Stable, as Python's own sort is."""
    data[a:b] = sorted(data[a:b], key=lambda pair: pair[0])


def _scatter(data: list[Pair], a: int, b: int) -> None:
    """Three swaps around the middle with partners from a generator seeded by the length."""
    length = b - a
    state, mask = length, (1 << length.bit_length()) - 1
    middle = a + length // 4 * 2
    for at in (middle - 1, middle, middle + 1):
        state ^= state << 13 & _MASK64
        state ^= state >> 7
        state ^= state << 17 & _MASK64
        other = state & mask
        if other >= length:
            other -= length
        data[at], data[a + other] = data[a + other], data[at]


def _choose_pivot(data: list[Pair], a: int, b: int) -> tuple[int, int]:
    """(index, number of exchanges the medians took): 0 looks ascending, 12 descending."""
    quarter, swaps = (b - a) // 4, 0
    places = [a + quarter, a + quarter * 2, a + quarter * 3]
    if b - a >= _NINTHER:
        for n, at in enumerate(places):
            places[n], more = _median(data, at - 1, at, at + 1)
            swaps += more
    pivot, more = _median(data, *places)
    return pivot, swaps + more


def _median(data: list[Pair], a: int, b: int, c: int) -> tuple[int, int]:
    swaps = 0
    if data[b][0] < data[a][0]:
        a, b, swaps = b, a, swaps + 1
    if data[c][0] < data[b][0]:
        b, c, swaps = c, b, swaps + 1
    if data[b][0] < data[a][0]:
        a, b, swaps = b, a, swaps + 1
    return b, swaps


def _nearly_sorted(data: list[Pair], a: int, b: int) -> bool:
    """Whether it is sorted, after at most five misplaced pairs were shifted (none in a short range)."""
    i = a + 1
    for _ in range(_SHIFTS):
        while i < b and data[i][0] >= data[i - 1][0]:
            i += 1
        if i == b:
            return True
        if b - a < _NINTHER:
            return False
        data[i], data[i - 1] = data[i - 1], data[i]
        if i - a >= 2:
            _sink(data, range(i - 1, 0, -1))
        if b - i >= 2:
            _sink(data, range(i + 1, b))
    return False


def _sink(data: list[Pair], places: range) -> None:
    """Exchange neighbours along ``places`` as long as they are out of order."""
    for j in places:
        if data[j][0] >= data[j - 1][0]:
            return
        data[j], data[j - 1] = data[j - 1], data[j]


def _partition(data: list[Pair], a: int, b: int, pivot: int) -> tuple[int, bool]:
    """Smaller ones left of the pivot, the others right; (its new index, whether nothing had to move)."""
    data[a], data[pivot] = data[pivot], data[a]
    rank, i, j, untouched = data[a][0], a + 1, b - 1, True
    while True:
        while i <= j and data[i][0] < rank:
            i += 1
        while i <= j and data[j][0] >= rank:
            j -= 1
        if i > j:
            break
        data[i], data[j] = data[j], data[i]
        i, j, untouched = i + 1, j - 1, False
    data[j], data[a] = data[a], data[j]
    return j, untouched


def _partition_equal(data: list[Pair], a: int, b: int, pivot: int) -> int:
    """Those equal to the pivot first (none is smaller); the index of the first greater one."""
    data[a], data[pivot] = data[pivot], data[a]
    rank, i, j = data[a][0], a + 1, b - 1
    while True:
        while i <= j and data[i][0] <= rank:
            i += 1
        while i <= j and data[j][0] > rank:
            j -= 1
        if i > j:
            return i
        data[i], data[j] = data[j], data[i]
        i, j = i + 1, j - 1


def _heapsort(data: list[Pair], a: int, b: int) -> None:
    """The way out of a series of bad pivots."""
    size = b - a
    for root in range((size - 1) // 2, -1, -1):
        _sift(data, root, size, a)
    for last in range(size - 1, -1, -1):
        data[a], data[a + last] = data[a + last], data[a]
        _sift(data, 0, last, a)


def _sift(data: list[Pair], root: int, size: int, first: int) -> None:
    while (child := 2 * root + 1) < size:
        if child + 1 < size and data[first + child][0] < data[first + child + 1][0]:
            child += 1
        if data[first + root][0] >= data[first + child][0]:
            return
        data[first + root], data[first + child] = data[first + child], data[first + root]
        root = child
