"""A log that can be driven step by step, without threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pyetcd.consensus import Entry, HardState, Ready
from pyetcd.disk.files import Files
from pyetcd.disk.recovery import recover
from pyetcd.disk.wal import WriteAheadLog, create_log
from pyetcd.disk.wal_reader import LogContents
from pyetcd.disk.worker import SteppedWorker

METADATA = bytes.fromhex("08cdd2918bd2b881cf8e0110b298eaf1948386fccd01")


class SteppedLog:
    """A WriteAheadLog with a stepped worker and loop; ``heard`` are the outcomes of save() in order."""

    def __init__(self, directory: Path, files: Files | None = None, *, segment_size: int = 64 << 10) -> None:
        self.directory = str(directory)
        self.files = files or Files()
        self.segment_size = segment_size
        self.worker = SteppedWorker()
        self.soon: list[tuple[Callable[..., object], object]] = []
        self.heard: list[BaseException | None] = []
        if not directory.exists():
            create_log(self.directory, METADATA, self.files, segment_size)
        self.contents = self.read()
        self.wal = WriteAheadLog.open(
            self.contents,
            self.worker,
            lambda action, *args: self.soon.append((action, args)),
            files=self.files,
            segment_size=segment_size,
            max_files=2,
        )
        self.number = 0

    def read(self, applied: int = 0) -> LogContents:
        return recover(self.directory, applied, self.files)

    def save(self, *entries: Entry, state: HardState | None = None, must_sync: bool = True) -> None:
        self.number += 1
        self.wal.save(Ready(self.number, state, list(entries), [], must_sync), self.heard.append)

    def settle(self) -> None:
        while self.worker.step() or self.soon:
            soon, self.soon = self.soon, []
            for action, args in soon:
                action(*args)  # type: ignore[misc]

    def close(self) -> None:
        self.settle()
        self.wal.close()
