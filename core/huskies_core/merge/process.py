"""The merge of one story, as a process of its own: squash in memory, judge the merged tree, land it on the base.

It fires nothing. What it found lies in `result.json` of the run directory when it ends, and a landing is in the run's
record before the base is touched, so that whoever records the end sees the same whether this process lived or not.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huskies_core.atomic_file import replace_file
from huskies_core.context import Context, open_context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.git.base_checkouts import BaseDirty
from huskies_core.git.host import scrub_environment
from huskies_core.git.landing import Landed, Recovered, TipMoved, base_dirt, land, recover_landing
from huskies_core.git.locks import clear_shared_locks, git_locked
from huskies_core.git.repository import GitError
from huskies_core.git.squash import AlreadyMerged, Conflict, Empty, Squashed, squash
from huskies_core.git.worktrees import branch_of
from huskies_core.merge.gates import judge_tree
from huskies_core.pipeline.stages import Merge
from huskies_core.runs.handoff_files import RESULT_FILE
from huskies_core.runs.story_worktrees import base_tip
from huskies_core.sanitize import one_line
from huskies_core.store import branches, runs, stories
from huskies_core.store.runs import Landing, Run, RunKind
from huskies_core.store.stories import Story
from huskies_core.supervisor.run_directory import RunDirectory

MOST_ROUNDS = 5
"""How often one merge starts over because the base moved under it, before it gives way to the next tick."""

Result = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Runs the merge of a claimed run and leaves its result. Only its supervisor starts this."""
    root, number = arguments
    scrub_environment()
    with open_context(Path(root)) as context:
        with context.store.reading() as db:
            run = runs.load(db, int(number))
            story = stories.load(db, run.story)
        result = merge_story(context, run, story)
        written = json.dumps(result, ensure_ascii=False).encode()
        replace_file(
            os.path.join(RunDirectory(context.project.run_dir(run.id)).path, RESULT_FILE),
            written,
            durable=True,
        )
    print(f"huskies: {result['result']}", flush=True)
    return 0


def merge_story(context: Context, run: Run, story: Story) -> Result:
    """Squash, judge, land; from the start again when the base moved meanwhile."""
    for _ in range(MOST_ROUNDS):
        try:
            result = _merge_once(context, run, story)
        except GitError as error:
            return _refused(context, run, error)
        if result["result"] != "tip_moved":
            return result
    return result


def _refused(context: Context, run: Run, error: GitError) -> Result:
    """What git would not do, such as a filter that fails. A landing it broke off is taken back first; one that cannot
    be stays on record, for whoever records the end of the run."""
    with context.store.reading() as db:
        landing = runs.load(db, run.id).landing
    if landing is not None and _end_landing(context, run, landing).landed:
        return {"result": "landed", "commit": landing.commit}
    return {"result": "other", "detail": error.message}


def _end_landing(context: Context, run: Run, landing: Landing) -> Recovered:
    with git_locked(context.project):
        recovered = recover_landing(
            context.repository,
            base_branch=context.base_branch,
            tip=landing.tip,
            commit=landing.commit,
            mark=str(run.id),
        )
        if not recovered.landed:
            with context.store.exclusive() as db:
                runs.drop_landing(db, run.id)
    return recovered


def _merge_once(context: Context, run: Run, story: Story) -> Result:
    if not isinstance(story.stage, Merge) or story.visit != run.visit:
        return {"result": "stale"}
    branch = branch_of(story.id)
    tip, work = base_tip(context), context.repository.branch_tip(branch)
    with context.store.reading() as db:
        born = branches.base_commit(db, story.id)
    if work is None or born is None:
        return {"result": "other", "detail": f"there is no branch {branch} that this project made"}
    try:
        found = squash(
            context.repository, branch=branch, tip=tip, message=_message(context, story), born=born
        )
    except HuskiesError as error:
        return {"result": "other", "detail": error.message}
    return {**_follow_up(context, run, tip, found), "branch_tip": work}


def _follow_up(
    context: Context, run: Run, tip: str, found: Squashed | Conflict | AlreadyMerged | Empty
) -> Result:
    match found:
        case Conflict(files=files):
            return {"result": "conflict", "files": list(files)}
        case AlreadyMerged(commit=commit):
            return {"result": "already_merged", "commit": commit}
        case Empty():
            return {"result": "no_commits"}
        case Squashed():
            return _judge_and_land(context, run, tip, found)


def _judge_and_land(context: Context, run: Run, tip: str, merged: Squashed) -> Result:
    dirt = base_dirt(context.repository, base_branch=context.base_branch, tip=tip, commit=merged.commit)
    if dirt is not None:
        return _dirty(dirt, tip, merged.commit)
    verdict = judge_tree(context, merged.commit, merged.tree, tip)
    if verdict is not None:
        return verdict
    with git_locked(context.project):
        clear_shared_locks(context.repository, now=context.now())
        return _land(context, run, tip, merged.commit)


def _land(context: Context, run: Run, tip: str, commit: str) -> Result:
    """Moves the base under the git lock. From the record on, only its end decides what became of the story."""
    try:
        with context.store.exclusive() as db:
            runs.begin_landing(db, run.id, Landing(tip, commit))
    except Overtaken:
        return {"result": "stale"}
    landed = land(
        context.repository, base_branch=context.base_branch, tip=tip, commit=commit, mark=str(run.id)
    )
    if isinstance(landed, Landed):
        return {"result": "landed", "commit": commit}
    with context.store.exclusive() as db:
        runs.drop_landing(db, run.id)
    if isinstance(landed, TipMoved):
        return {"result": "tip_moved"}
    return _dirty(landed, tip, commit)


def _dirty(dirt: BaseDirty, tip: str, commit: str) -> Result:
    told = {"paths": list(dirt.paths), "reason": dirt.reason}
    return {"result": "base_dirty", "tip": tip, "commit": commit, **told}


def _message(context: Context, story: Story) -> str:
    subject = f"huskies: merge {story.id} {story.draft.type.value} {one_line(story.draft.title)}"
    with context.store.reading() as db:
        coders = [run.agent for run in runs.of_story(db, story.id) if run.kind is RunKind.CODER and run.agent]
    agent = f"\nAgent: {coders[-1]}" if coders else ""
    return f"{subject}\n\nStory-Id: {story.id}{agent}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
