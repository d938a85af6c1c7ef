"""The README's picture of the board: `PYTHONPATH=tests python -m support.showcase` draws it.

A project in the middle of a night, made with the functions of the program at fixed times."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from huskies_cli.live.svg import board_svg
from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.operations.dashboard import read_live
from huskies_core.operations.registry import find
from huskies_core.operations.timers import schedule_timer
from huskies_core.pipeline.events import (
    Block,
    Event,
    GatesFailed,
    MergeSucceeded,
    QaRequested,
    QaSkipped,
    ReviewHeld,
    Start,
)
from huskies_core.store import runs, stories, usage
from huskies_core.store.runs import RunClaim, RunKind
from huskies_core.supervisor.records import Progress
from huskies_core.supervisor.run_directory import RunDirectory, take_lock
from support.contexts import Clock, agent_toml, opened
from support.stories import DRAFT, NOW, add_story, apply_to_story

PICTURE = Path(__file__).parents[2] / "man" / "board.svg"
AGENTS = "\n".join(
    agent_toml(name, stage)
    for name, stage in (("togo", "coder"), ("balto", "coder"), ("fritz", "coder"), ("sally", "qa"))
)
GATES = '[[gate]]\nname = "tests"\ncommand = ["pytest"]\n'
TITLES = (
    "Read a team from a CSV file",
    "Weigh the team in a file",
    "Work out the daily ration",
    "Choose the lead dog",
    "Add the command heaviest",
    "Add the command youngest",
    "Warn when the ice is thin",
    "Try another route planner",
    "Log every stop on the trail",
    "Translate the trail signs",
)
MERGED = MergeSucceeded("186de0d401", to_iso(NOW))
EVENTS: tuple[tuple[int, tuple[int, Event]], ...] = (
    (20, (1, Start())),
    (21, (3, Start())),
    (22, (4, Start())),
    (23, (7, Start())),
    (24, (8, Start())),
    (260, (1, QaSkipped("feature/story-1", 2))),
    (270, (3, GatesFailed("kennel.rations.daily_ration has no docstring"))),
    (280, (8, ReviewHeld("a spike: look at its notes"))),
    (301, (1, MERGED)),
    (305, (2, Start())),
    (320, (5, Start())),
    (400, (4, QaRequested())),
    (411, (7, Block("the gates failed four times: test_thin_ice"))),
    (430, (5, QaSkipped("feature/story-5", 1))),
    (440, (6, Start())),
)


@dataclass(frozen=True)
class Work:
    """A live run: its figures, its last line, and the age of that line in seconds."""

    story: int
    kind: RunKind
    agent: str | None
    turns: int
    usd: float
    line: str
    silent: int


Step = tuple[int, Event] | Work

NOW_SECS = 480
WORKS: tuple[tuple[int, Work], ...] = (
    (402, Work(4, RunKind.QA, "sally", 6, 0.11, "criterion 2: lead_dog is not in README.md", 3)),
    (273, Work(3, RunKind.CODER, "togo", 18, 0.42, "Adding the docstring that the gate missed", 1)),
    (307, Work(2, RunKind.CODER, "balto", 11, 0.27, "$ python -m pytest tests/test_weight.py", 9)),
    (442, Work(6, RunKind.CODER, "fritz", 2, 0.04, "I'll start with the tests of the command", 2)),
    (433, Work(5, RunKind.MERGE, None, 0, 0.0, "tests/test_heaviest.py ....... [ 61%]", 0)),
)


def draw(folder: Path) -> str:
    with scene(folder / "kennel") as context:
        return board_svg(read_live(context), "kennel", context.now())


@contextmanager
def scene(root: Path) -> Iterator[Context]:
    """Open a project with runs that are live inside the block."""
    clock = Clock()
    with opened(root, clock, project_toml=GATES, agents_toml=AGENTS) as context, ExitStack() as locks:
        add_stories(context)
        steps: list[tuple[int, Step]] = [*EVENTS, *WORKS]
        for secs, what in sorted(steps, key=lambda step: step[0]):
            at = NOW + timedelta(seconds=secs)
            if isinstance(what, Work):
                begin(context, locks, what, at)
            else:
                story, event = what
                apply_to_story(context.store, story, event, now=at)
        clock.pass_by(seconds=NOW_SECS)
        prompt = "Look for dependencies that are out of date"
        schedule_timer(context, every="6h", label="deps", prompt=prompt, find=find)
        yield context


def add_stories(context: Context) -> None:
    for number, title in enumerate(TITLES, start=1):
        needs = (StoryId(6),) if number == 9 else ()
        add_story(context.store, title, draft=replace(DRAFT, depends_on=needs))


def begin(context: Context, locks: ExitStack, work: Work, at: datetime) -> None:
    """Return a run, with its lock in this process."""
    with context.store.exclusive() as db:
        claim = RunClaim(
            StoryId(work.story), work.kind, stories.load(db, StoryId(work.story)).visit, work.agent, "command"
        )
        run = runs.claim(db, claim, actor="pass:auto-assign", now=at)
        runs.mark_live(db, run.id)
        usage.put(db, run.id, usage.ModelUsage("model", cost_usd=work.usd), now=at)
    directory = RunDirectory(context.project.run_dir(run.id))
    lock = take_lock(directory)
    assert lock is not None
    locks.callback(os.close, lock)
    progress = Progress(turns=work.turns, cost_usd=work.usd)
    Path(directory.progress).write_text(json.dumps(asdict(progress)))
    Path(directory.output).write_text(f"{work.line}\n")
    printed = NOW.timestamp() + NOW_SECS - work.silent
    os.utime(directory.output, (printed, printed))


def main() -> int:
    os.environ["TZ"] = "UTC"
    time.tzset()
    for role in ("AUTHOR", "COMMITTER"):
        os.environ |= {f"GIT_{role}_NAME": "Ada", f"GIT_{role}_EMAIL": "ada@example.org"}
    with tempfile.TemporaryDirectory(prefix="huskies-") as folder:
        PICTURE.write_text(draw(Path(folder).resolve()), encoding="utf-8")
    sys.stdout.write(f"wrote {PICTURE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
