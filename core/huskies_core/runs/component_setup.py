"""Component setup in a worktree: what has to run, and the mark that says for which files it has run already."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from huskies_core.config.records import Component
from huskies_core.context import Context
from huskies_core.git.repository import Checkout
from huskies_core.git.worktrees import checkout_of
from huskies_core.runs.steps import setup_steps
from huskies_core.supervisor.spec import Step

MARK = "huskies-setup.json"
"""In the worktree's git admin directory, so that it goes with the worktree: component name to digest."""


def needed(
    context: Context, story: int, components: Sequence[Component]
) -> tuple[tuple[Step, ...], dict[str, str]]:
    """The setup steps that have not run for the component's files as they are committed, and all present digests."""
    place = context.project.worktree(story)
    checkout = checkout_of(context.project, story)
    digests = {part.name: _digest(context, part, checkout) for part in components if part.setup}
    done = read_mark(context, story)
    due = [part for part in components if part.setup and done.get(part.name) != digests[part.name]]
    return setup_steps(due, place), digests


def read_mark(context: Context, story: int) -> Mapping[str, str]:
    path = _mark(context, story)
    if path is None or not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text()))
    except ValueError:
        return {}


def write_mark(context: Context, story: int, digests: Mapping[str, str]) -> None:
    """Says that setup ran for these files. Lost in a crash, it is only run again."""
    path = _mark(context, story)
    if path is not None:
        path.write_text(json.dumps(dict(digests)))


def _mark(context: Context, story: int) -> Path | None:
    checkout = checkout_of(context.project, story)
    return None if checkout is None else checkout.git_dir / MARK


def _digest(context: Context, part: Component, checkout: Checkout | None) -> str:
    """Of the definition and of the committed files below the component's path."""
    where = "HEAD^{tree}" if part.path in ("", ".") else f"HEAD:{part.path}"
    tree = context.repository.run("rev-parse", "--verify", "--quiet", where, at=checkout).stdout
    told = json.dumps([part.path, part.setup, part.timeout_secs, tree])
    return hashlib.sha256(told.encode()).hexdigest()
