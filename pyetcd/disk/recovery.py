"""The rule that joins state and log after any stop.

1. The state is opened as the crash left it: the outcome of the entries up to some index A, whole; A is in it, written
   in the same atomic batches.  A clean shutdown flushes, so A is then the last entry.
2. The log is read from the segment that holds entry A + 1.  A torn tail was never acknowledged and is cut off.
3. Entries behind A go to the engine, which has them applied again: those up to the commit index at once, the rest when
   the next leader (a voter alone: itself) commits them.  Every acknowledged write is among them, because it was
   answered only after its record was synced.
4. Refused: a log that begins behind A + 1 (segments or the state were removed), one that ends before A (the state is
   ahead: the log lost synced writes, or --unsafe-no-fsync met a power cut), and any corrupt record.
"""

from __future__ import annotations

from collections.abc import Callable

from pyetcd.disk.files import Files
from pyetcd.disk.wal_reader import CorruptLog, LogContents, TornTail, read_log, repair


def recover(
    directory: str, applied: int, files: Files, repaired: Callable[[TornTail], object] = lambda torn: None
) -> LogContents:
    """Read the log for a state at index ``applied``, mending a torn tail once.  CorruptLog when rule 4 says so."""
    try:
        contents = read_log(directory, applied)
    except TornTail as torn:
        repair(torn, files)
        repaired(torn)
        contents = _read_again(directory, applied)
    if contents.last_index < applied:
        raise CorruptLog(
            f"{contents.segments[-1].path}: the log ends at entry {contents.last_index}, the state is at {applied}"
        )
    return contents


def _read_again(directory: str, applied: int) -> LogContents:
    try:
        return read_log(directory, applied)
    except TornTail as torn:
        raise CorruptLog(str(torn)) from None
