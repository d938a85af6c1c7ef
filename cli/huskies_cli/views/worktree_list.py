"""Worktrees and rescued work as text."""

from collections.abc import Sequence

from huskies_cli import render
from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_core.git.rescue import Rescue
from huskies_core.operations.worktree_list import Restored, Worktree


def list_worktrees(worktrees: Sequence[Worktree], _: Call) -> Result:
    rows = [(item.story, item.stage, item.branch, render.link(item.path)) for item in worktrees]
    return Result(text=lambda: render.table(("story", "stage", "branch", "path"), rows))


def worktree_path(worktree: Worktree, _: Call) -> Result:
    return Result(text=str(worktree.path))


def list_rescues(rescues: Sequence[Rescue], _: Call) -> Result:
    rows = [(item.story, item.time, item.commit[:12], item.ref) for item in rescues]
    return Result(text=lambda: render.table(("story", "time", "commit", "ref"), rows))


def restore_rescue(restored: Restored, _: Call) -> Result:
    return Result(text=f"{restored.branch} is at {restored.rescue.commit[:12]}")
