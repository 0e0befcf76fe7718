"""Watch stories over several steps, told in scripts with recorded output (tests/testdata/watch)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.datadriven import Command, run_script
from tests.watch.world import World

SCRIPTS = sorted((Path(__file__).parents[1] / "testdata" / "watch").glob("*.txt"))


class Story:
    """put KEY VALUE · delete KEY [END] · compact REV · watch KEY [END] [start= id=] [prev] [progress] · cancel ID ·
    ask (manual progress) · tick (periodic) · sync · stall · drain; a command prints what the client reads after it.
    """

    def __init__(self) -> None:
        self.world = World()

    def run(self, command: Command) -> str:
        words = [word.encode() for word in command.words]
        world = self.world
        match command.name:
            case "put":
                world.put(words[0], words[1] * int(command.options.get("times", 1)))
            case "delete":
                world.delete(*words)
            case "compact":
                world.compact(int(words[0]))
            case "watch":
                self._watch([word for word in words if word not in (b"prev", b"progress")], command)
            case "cancel":
                world.stream.cancel(int(words[0]))
            case "ask":
                world.stream.report_progress()
            case "tick":
                world.stream.tick()
            case "sync":
                world.sync()
            case "stall":
                world.outlet.reading = False
            case "drain":
                world.outlet.reading, world.outlet.pending = True, 0
                world.stream.drained()
            case unknown:
                raise ValueError(unknown)
        world.hub.check()
        return self._heard()

    def _watch(self, range: list[bytes], command: Command) -> None:
        self.world.stream.create(
            range[0],
            range[1] if len(range) > 1 else b"",
            start_revision=int(command.options.get("start", 0)),
            watch_id=int(command.options.get("id", 0)),
            prev_kv="prev" in command.words,
            progress="progress" in command.words,
        )

    def _heard(self) -> str:
        lines = [f"{id}: {text or 'progress'} @{revision}" for id, text, revision in self.world.said()]
        return "\n".join(lines) or f"(revision {self.world.store.revision})"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_story(path: Path, rewrite: bool) -> None:
    run_script(path, Story().run, rewrite=rewrite)
