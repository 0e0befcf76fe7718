"""A member reduced to its disk: proposes, saves, applies, checkpoints; prints what it acknowledges.  Made to be killed.

Arguments: directory, seed.  Every entry n (a proposal's data is its number) puts key n and adds n to a sum, so a state
that applied half an entry, one twice or one never does not add up.  Prints ``<n>`` once n may be answered.
"""

from __future__ import annotations

import asyncio
import sys
from random import Random

from pyetcd.consensus import ConfState, Ready, SoloEngine, bootstrap_entries
from pyetcd.disk.checkpoint import Checkpointer
from pyetcd.disk.directory import DataDirectory
from pyetcd.disk.files import Files
from pyetcd.disk.recovery import recover
from pyetcd.disk.rocks import RocksBackend
from pyetcd.disk.wal import WriteAheadLog, create_log
from pyetcd.disk.worker import ThreadWorker
from pyetcd.mvcc.backend import Bucket

ME = 7
SEGMENT = 256 << 10


class KillMe:
    """The loop side; see the module."""

    def __init__(self, path: str, random: Random, loop: asyncio.AbstractEventLoop) -> None:
        self.random = random
        self.loop = loop
        self.directory = DataDirectory(path)
        self.backend = RocksBackend(self.directory.state)
        files = Files()
        applied = self._number(b"consistent_index")
        if self.directory.is_new:
            create_log(self.directory.wal, b"metadata", files, SEGMENT)
        contents = recover(self.directory.wal, applied, files)
        if contents.is_blank:
            self.engine = SoloEngine.bootstrap(ME, bootstrap_entries([(ME, b"{}")]))
        else:
            self.engine = SoloEngine(ME, contents.hard_state, contents.entries, applied)
        known = [int(entry.data.split(b".")[0]) for entry in contents.entries if entry.data and not entry.type]
        self.next = max([self._number(b"count"), *known]) + 1
        worker = ThreadWorker(loop.call_soon_threadsafe, "log")
        self.wal = WriteAheadLog.open(contents, worker, loop.call_soon, files=files, segment_size=SEGMENT, max_files=2)
        self.checkpointer = Checkpointer(
            self.wal,
            self.backend,
            ThreadWorker(loop.call_soon_threadsafe, "checkpoint"),
            self.directory.snap,
            applied=applied,
            failed=self._fail,
            entries=300,
        )
        self.saving = False

    def _number(self, name: bytes) -> int:
        return int.from_bytes(self.backend.get(Bucket.META, name) or b"", "big")

    def start(self) -> None:
        self.engine.campaign()
        self.turn()

    def turn(self) -> None:
        while not self.saving:
            if self.engine.leader:
                self._propose()
            ready = self.engine.ready()
            if ready is None:
                break
            self._carry_out(ready)

    def _propose(self) -> None:
        count = self.random.choice((1, 1, 2, 10, 50))
        numbers = range(self.next, self.next + count)
        self.next += count
        self.engine.propose([(b"%d." % n + b"x" * self.random.randrange(400), n) for n in numbers])

    def _carry_out(self, ready: Ready) -> None:
        if ready.entries or ready.hard_state is not None:
            self.saving = True
            self.wal.save(ready, lambda error: self._saved(ready, error))
        else:
            self.engine.persisted(ready)
        if ready.committed:
            self._apply(ready)

    def _saved(self, ready: Ready, error: BaseException | None) -> None:
        if error is not None:
            self._fail(error)
        self.saving = False
        self.engine.persisted(ready)
        self.turn()

    def _apply(self, ready: Ready) -> None:
        acknowledged = []
        for entry in ready.committed:
            if entry.data and not entry.type:
                n = int(entry.data.split(b".")[0])
                self.backend.put(Bucket.KEY, n.to_bytes(8, "big"), entry.data)
                self.backend.put(Bucket.META, b"sum", (self._number(b"sum") + n).to_bytes(8, "big"))
                self.backend.put(Bucket.META, b"count", n.to_bytes(8, "big"))
                if entry.request is not None:
                    acknowledged.append(n)
        self.backend.put(Bucket.META, b"consistent_index", ready.committed[-1].index.to_bytes(8, "big"))
        self.backend.commit()
        self.engine.applied(ready.committed[-1].index)
        self.checkpointer.applied(self.engine.applied_index, self.engine.term, ConfState((ME,)))
        if acknowledged:
            sys.stdout.write("".join(f"{n}\n" for n in acknowledged))
            sys.stdout.flush()

    def _fail(self, error: BaseException) -> None:
        print("FAILED", error, flush=True)
        self.loop.stop()


def main() -> None:
    loop = asyncio.new_event_loop()
    KillMe(sys.argv[1], Random(int(sys.argv[2])), loop).start()
    loop.run_forever()


if __name__ == "__main__":
    main()
