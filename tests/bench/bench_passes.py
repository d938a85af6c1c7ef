"""The cost of planning: reconcile over 1,000 stories, without and with a large archive, and creating worktrees."""

import statistics
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.bench_store import archive
from bench.rows import Row, Scale, seconds
from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.passes.pass_sequence import RECONCILE
from huskies_core.pipeline.stages import Abandoned, Backlog, Coding, Qa, Stage
from huskies_core.runs.story_worktrees import make_worktrees
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.store import content, stories
from support.contexts import Clock, opened
from support.stories import DRAFT, NOW

AIM_MS = 20.0
MIX: tuple[tuple[Stage, float], ...] = (
    (Backlog(), 0.3),
    (Coding(), 0.2),
    (Abandoned("no longer wanted"), 0.2),
    (Qa(), 0.3),
)


def planning(folder: Path, scale: Scale) -> Iterator[Row]:
    """Measure all plans of reconcile from the store and the disk, without applying them."""
    size = min(1000, scale.stories)
    with opened(folder / "small", Clock()) as small, opened(folder / "large", Clock()) as large:
        for context in (small, large):
            fill(context, size)
        archive(large.store, scale.stories)
        times = [(plan_ms(large), plan_ms(small)) for _ in range(max(scale.rounds // 20, 1))]
    beside, alone = (statistics.median(column) for column in zip(*times, strict=True))
    yield Row(f"planning reconcile, {size:,} stories, against its aim", "ms", alone, AIM_MS, at_most=1)
    yield Row(f"the same beside {scale.stories:,} archived ones", "ms", beside, alone, at_most=1.2)


def worktrees(folder: Path, scale: Scale) -> Iterator[Row]:
    """Compare creating worktrees of a small repository with as many `git worktree add`."""
    story_ids = [StoryId(number) for number in range(1, min(scale.rounds, 200) + 1)]
    with opened(folder / "ours", Clock()) as ours, opened(folder / "bare", Clock()) as bare:
        for context in (ours, bare):
            write_files(context.project.root, scale.rounds)
        add_stories(ours, len(story_ids))
        made = seconds(lambda: make_worktrees(ours, story_ids, NOW))
        plain = seconds(lambda: add_bare(bare.project.root, story_ids))
    yield Row(f"making {len(story_ids)} worktrees", "s", made, plain, at_most=1.3)


ROWS = (planning, worktrees)


def fill(context: Context, size: int) -> None:
    """Add stories of each kind that reconcile reads; abandoned ones have content."""
    with context.store.exclusive() as db:
        for stage, share in MIX:
            for _ in range(int(size * share)):
                story = stories.add(db, DRAFT, stage, actor="user:bench", now=NOW, event="imported")
                if isinstance(stage, Abandoned):
                    content.put(db, story.id, content.GATE_OUTPUT, to_iso(NOW), now=NOW)


def plan_ms(context: Context) -> float:
    def plan() -> None:
        with context.store.reading() as db:
            for chosen in RECONCILE:
                chosen.plan(take_snapshot(context, db))

    return seconds(plan) * 1000


def write_files(root: Path, count: int) -> None:
    for number in range(count):
        (root / f"file-{number}.txt").write_text("some words\n" * 40)
    for command in (["add", "."], ["commit", "--quiet", "--message", "files"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def add_stories(context: Context, count: int) -> None:
    with context.store.exclusive() as db:
        for _ in range(count):
            stories.add(db, DRAFT, Coding(), actor="user:bench", now=NOW, event="imported")


def add_bare(root: Path, numbers: Iterable[int]) -> None:
    for number in numbers:
        command = ["git", "worktree", "add", "--quiet", "-b", f"story-{number}", f"../bare-{number}"]
        subprocess.run(command, cwd=root, check=True)
