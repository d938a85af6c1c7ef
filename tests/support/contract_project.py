"""The project of the contract tests: made once, restored before each test."""

import json
import os
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from shutil import copytree, rmtree

import psutil

from huskies_cli.project_context import open_context
from huskies_core.ids import StoryId
from huskies_core.pipeline.events import MergeFailed
from huskies_core.pipeline.stages import MergeFailureKind, StageName
from huskies_core.store import stories
from support.cli import Finished
from support.git_repository import GitRepository
from support.in_process import run_in_process
from support.processes import carriers, guard, kill
from support.stories import apply_to_story
from support.waiting import wait_until

PROGRAMS = Path(__file__).with_name("programs")
HOSTILE = (
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]52;c;cHduZWQ=\x07 \x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\"
    " \x1bPq\x1b\\ \x1b[2J \x1b[?1049h \x9b31m \x9d0;c1\x9c \x84\x08\x0b\x0c\x0e\x7f"
    " \u061c\u200e\u200f\u202a\u202e\u2066\u2069 end"
)
"""Control sequences for a terminal: CSI, OSC 0, 8 and 52, DCS, C0, C1, and marks of the writing direction."""
CODED = (1, 6, 7)
AGENTS = """\
[[agent]]
name = "coder"
stage = "coder"
runtime = "command"
command = {coder}
role = {role}

[[agent]]
name = "sleeper"
stage = "other"
runtime = "command"
command = ["sleep", "600"]
"""
CODER = """\
import os, subprocess, sys
sys.stdout.buffer.write(bytes.fromhex("{output}"))
sys.stdout.flush()
if os.environ.get("HUSKIES_STORY_ID"):
    open("work.txt", "a").write("done\\n")
    subprocess.run(["git", "add", "--all"], check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", {message!r}], check=True)
"""


class ContractProject:
    """Stories 1 in review, 2 in the backlog, 3 behind it, 4 blocked, 5 frozen, 6 abandoned and rescued, 7 with a
    failed merge; an agent that prints control sequences coded 1, 6 and 7, and their texts have them too."""

    def __init__(self, folder: Path) -> None:
        self.root, self.tmp = folder / "repository", folder / "tmp"
        self._template, self._coder = folder / "template", folder / "coder.py"
        self._folder, self._touched, self._ended = folder, True, False

    @property
    def env(self) -> Mapping[str, str]:
        """Return the environment of commands: an editor that changes nothing, and the test's own crontab and man."""
        path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "CRONTAB_FOLDER": str(self.tmp), "EDITOR": "true", "TMPDIR": str(self.tmp)}

    def put_back(self, *, to_change: bool = True) -> None:
        """Restore the project at the same path. Unless `to_change`, the caller must not change it."""
        if self._touched:
            self._renew()
        self._touched, self._ended = to_change, not to_change

    def _renew(self) -> None:
        self.end()
        if not self._template.exists():
            self._make_template()
        for folder in (self.root, self.tmp):
            rmtree(folder, ignore_errors=True)
        self.tmp.mkdir()
        copytree(self._template, self.root, symlinks=True)

    def _make_template(self) -> None:
        """Make the project and keep a copy. First remove the files of an interrupted call."""
        half = self._template.with_name("half")
        for folder in (self.root, self.tmp, half):
            rmtree(folder, ignore_errors=True)
        self.tmp.mkdir()
        with guard.lifted():
            self._make()
        copytree(self.root, half, symlinks=True)
        half.rename(self._template)

    def huskies(self, *args: str, stdin: str = "") -> Finished:
        done = run_in_process(*args, cwd=self.root, env=os.environ | self.env, stdin=stdin)
        assert done.exit_code == 0, done
        return done

    def end(self) -> None:
        """Wait until no process of the project runs; if a test failed, end them."""
        if self._ended:
            return
        try:
            wait_until(lambda: not self._at_work(), 10)
        except AssertionError:
            kill(self._at_work())
        self._ended = True

    def _at_work(self) -> list[psutil.Process]:
        return carriers(psutil.pids(), self._folder)

    def _make(self) -> None:
        repository = GitRepository(self.root)
        self.huskies("init")
        self._write_agents()
        for number in range(1, 8):
            waits = ["--depends-on", "2"] if number == 3 else []
            starts = ["--start"] if number in CODED else []
            self.huskies(
                "add", f"Story {number}", "-c", HOSTILE, "--label", "area", "--qa", "human", "--body", "-",
                *waits, *starts, stdin=HOSTILE,
            )  # fmt: skip
        repository.commit_all("set up")
        self.huskies("auto-assign")
        wait_until(lambda: self._stages() == {StageName.REVIEW_HOLD}, 60, what="the coders")
        wait_until(lambda: not self._at_work(), 30, what="nothing at work")
        self._move()
        self.huskies("timer", "add", "--in", "90d", "--label", "later", "--prompt", HOSTILE)
        self.huskies("trigger", "add", "--label", "area", "--to", "done", "--prompt", HOSTILE)
        self.huskies("audit-log")
        self._spoil()
        repository.git("repack", "-a", "-d", "--quiet")

    def _write_agents(self) -> None:
        self._coder.write_text(CODER.format(output=f"{HOSTILE}\n\0\n".encode().hex(), message=HOSTILE))
        toml = AGENTS.format(coder=_toml([sys.executable, "-S", str(self._coder)]), role=_toml(HOSTILE))
        (self.root / ".huskies/agents.toml").write_text(toml)

    def _stages(self) -> set[StageName]:
        with open_context(self.root) as context, context.store.reading() as db:
            return {stories.load(db, StoryId(number)).stage.name for number in CODED}

    def _move(self) -> None:
        self.huskies("block", "4", "--reason", HOSTILE)
        self.huskies("freeze", "5")
        self.huskies("abandon", "6", "--reason", HOSTILE)
        self.huskies("worktrees")
        self.huskies("approve", "7")
        with open_context(self.root) as context:
            apply_to_story(
                context.store, 7, MergeFailed(MergeFailureKind.CONFLICT_DETECTED, HOSTILE), now=context.now()
            )

    def _spoil(self) -> None:
        """Write titles with control characters past the checks. Keep that of story 2, which a test edits."""
        with closing(sqlite3.connect(self.root / ".huskies/state.db")) as db:
            db.execute("UPDATE stories SET title = ? WHERE id <> 2", (HOSTILE,))
            db.commit()


def _toml(value: object) -> str:
    return json.dumps(value).replace("\x7f", "\\u007f")
