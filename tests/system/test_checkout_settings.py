"""Stories land in repositories with settings, filters, hooks and submodules, which are not changed."""

import hashlib
import shlex
import sys
from pathlib import Path

import pytest

from huskies_core.pipeline.stages import StageName
from support.git_repository import GitRepository
from system.project import MakePipeline, Pipeline
from system.user_checkout import (
    ADDED,
    AFTER,
    BEFORE,
    CHANGED,
    TOUCH,
    TOUCHED,
    assert_only_touched,
    begin,
    checkout_state,
    land,
    touched_files,
    touched_on,
    unlike_main,
    write_base,
)

pytestmark = pytest.mark.system

HOOKS = (
    "applypatch-msg",
    "commit-msg",
    "fsmonitor",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "reference-transaction",
)
FILTER = '''\
"""Stores content outside git, under its hash, and gives git a pointer, as git-lfs does."""

import hashlib
import os
import sys

_, verb, store = sys.argv
data = sys.stdin.buffer.read()
if verb == "smudge" and data.startswith(b"pointer "):
    with open(os.path.join(store, data.split()[1].decode()), "rb") as file:
        data = file.read()
elif verb == "clean" and not data.startswith(b"pointer "):
    name = hashlib.sha256(data).hexdigest()
    if not os.path.lexists(os.path.join(store, name)):
        with open(os.path.join(store, name), "wb") as file:
            file.write(data)
    data = f"pointer {name}\\n".encode()
sys.stdout.buffer.write(data)
'''


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_hooks_of_the_user_are_not_called(
    make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path
) -> None:
    """The hooks accept the commits of agents and fail otherwise."""
    write_base(repository)
    pipeline = make_pipeline()
    hooks, calls = tmp_path / "hooks", tmp_path / "calls"
    hooks.mkdir()
    for name in HOOKS:
        hook = f'echo "$HUSKIES_STAGE {name}" >> {calls}; [ "$HUSKIES_STAGE" = coder ]'
        executable(hooks / name, f"#!/bin/sh\n{hook}\n")
    repository.git("config", "core.hooksPath", str(hooks))
    before = checkout_state(repository)
    calls.unlink(missing_ok=True)
    land(pipeline)
    called = {line.split()[0] for line in calls.read_text().splitlines()}
    assert (called, touched_files(pipeline.root)) == ({"coder"}, AFTER)
    assert checkout_state(repository).without(TOUCHED) == before.without(TOUCHED)


def test_stories_land_in_a_repository_that_signs_commits(
    make_pipeline: MakePipeline, repository: GitRepository
) -> None:
    write_base(repository)
    pipeline = make_pipeline()
    for key, value in {"commit.gpgSign": "true", "tag.gpgSign": "true", "gpg.program": "false"}.items():
        repository.git("config", key, value)
    land(pipeline, *TOUCH, "run=git add --all", "run=git commit --quiet --no-gpg-sign --message=work")
    assert (touched_files(pipeline.root), unlike_main(repository)) == (AFTER, [])


def test_line_ends_follow_the_settings_of_the_user(
    make_pipeline: MakePipeline, repository: GitRepository
) -> None:
    write_base(repository)
    pipeline = make_pipeline()
    repository.git("config", "core.autocrlf", "true")
    repository.git("rm", "-r", "--quiet", "--cached", ".")
    repository.git("reset", "--quiet", "--hard")
    before = checkout_state(repository)
    land(pipeline)
    with_returns = {path: text.replace("\n", "\r\n") for path, text in AFTER.items()}
    assert (touched_files(pipeline.root), touched_on(repository, "main")) == (with_returns, AFTER)
    assert_only_touched(repository, before)


def test_the_file_system_monitor_is_not_called_and_the_index_keeps_its_cache(
    make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path
) -> None:
    write_base(repository)
    pipeline = make_pipeline()
    calls = tmp_path / "calls"
    monitor = executable(
        tmp_path / "monitor", f'#!/bin/sh\necho "${{HUSKIES_STAGE:-nobody}}" >> {calls}\nexit 1\n'
    )
    repository.git("config", "core.fsmonitor", str(monitor))
    repository.git("config", "core.untrackedCache", "true")
    repository.git("update-index", "--untracked-cache", "--fsmonitor")
    before = checkout_state(repository)
    calls.unlink(missing_ok=True)
    land(pipeline)
    assert set(calls.read_text().split()) <= {"coder"}
    assert (touched_files(pipeline.root), unlike_main(repository)) == (AFTER, [])
    assert checkout_state(repository).without(TOUCHED) == before.without(TOUCHED)


@pytest.fixture
def store(repository: GitRepository, tmp_path: Path) -> Path:
    """Return the folder in which the required filter of text files stores content."""
    store = tmp_path / "media"
    store.mkdir()
    program = executable(tmp_path / "filter.py", FILTER)
    for verb in ("clean", "smudge"):
        repository.git(
            "config",
            f"filter.media.{verb}",
            shlex.join([sys.executable, "-S", str(program), verb, str(store)]),
        )
    repository.git("config", "filter.media.required", "true")
    repository.write(".gitattributes", "*.txt filter=media -text\n")
    write_base(repository)
    return store


@pytest.mark.usefixtures("store")
def test_filtered_files_have_content_in_the_checkout_and_pointers_on_the_base(
    make_pipeline: MakePipeline, repository: GitRepository
) -> None:
    pipeline = make_pipeline()
    repository.write("untouched.txt", "mine\n")
    before = checkout_state(repository)
    land(pipeline)
    pointers = {path: text[:8] for path, text in touched_on(repository, "main").items()}
    assert (touched_files(pipeline.root), pointers) == (AFTER, dict.fromkeys((ADDED, CHANGED), "pointer "))
    assert_only_touched(repository, before)


def hidden(store: Path, text: str) -> tuple[str, ...]:
    """Return the steps of an agent that hides content from the filter."""
    file = kept_at(store, text)
    return f"run=mv {file} {file}.kept", f"run=ln -s nowhere {file}"


def show_again(store: Path, text: str) -> None:
    file = kept_at(store, text)
    Path(f"{file}.kept").replace(file)


def kept_at(store: Path, text: str) -> Path:
    return store / hashlib.sha256(text.encode()).hexdigest()


def test_a_filter_without_the_content_leaves_the_checkout_unchanged(
    make_pipeline: MakePipeline, repository: GitRepository, store: Path
) -> None:
    pipeline = make_pipeline(settings="max_coders = 1", gates={})
    before, tip = checkout_state(repository), repository.commit_id("main")
    story = begin(pipeline, *TOUCH, "commit=work", *hidden(store, AFTER[CHANGED]))
    pipeline.wait_for(story, stage=StageName.MERGE_FAILURE)
    pipeline.wait_until_idle()
    assert (touched_files(pipeline.root), repository.status(), repository.commit_id("main")) == (
        BEFORE,
        [],
        tip,
    )
    assert checkout_state(repository).without(TOUCHED) == before.without(TOUCHED)
    show_again(store, AFTER[CHANGED])
    assert pipeline.huskies("retry", str(story)).exit_code == 0
    with pipeline.ticking():
        pipeline.wait_for(story)
    assert (touched_files(pipeline.root), unlike_main(repository)) == (AFTER, [])


def test_a_checkout_is_restored_when_the_filter_works_again(
    make_pipeline: MakePipeline, repository: GitRepository, store: Path
) -> None:
    """The landing removed files that the filter cannot restore; no decision is made before they are restored."""
    pipeline = make_pipeline(settings="max_coders = 1", gates={})
    before, tip = checkout_state(repository), repository.commit_id("main")
    out_of_reach = [step for text in ("before\n", AFTER[CHANGED]) for step in hidden(store, text)]
    story = begin(pipeline, *TOUCH, "commit=work", *out_of_reach)
    pipeline.wait_until(lambda: len(pipeline.runs()) == 2, what="the merge")
    pipeline.wait_until(lambda: not pipeline.locked_runs(), what="the end of its process")
    show_again(store, "before\n")
    with pipeline.ticking():
        pipeline.wait_for(story, stage=StageName.MERGE_FAILURE)
        pipeline.wait_until_idle()
    assert (touched_files(pipeline.root), repository.status(), repository.commit_id("main")) == (
        BEFORE,
        [],
        tip,
    )
    assert checkout_state(repository).without(TOUCHED) == before.without(TOUCHED)


def with_submodule(repository: GitRepository, tmp_path: Path) -> GitRepository:
    library = GitRepository(tmp_path.resolve() / "library")
    library.commit_file("code.txt", "one\n")
    repository.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.root), "library"
    )
    write_base(repository)
    return library


def test_a_submodule_and_its_changes_are_not_touched(
    make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path
) -> None:
    with_submodule(repository, tmp_path)
    pipeline = make_pipeline()
    repository.write("library/code.txt", "mine\n")
    repository.write("library/loose.txt", "mine\n")
    before = checkout_state(repository)
    land(pipeline)
    assert (touched_files(pipeline.root), touched_on(repository, "main")) == (AFTER, AFTER)
    assert_only_touched(repository, before)


def test_a_story_changes_the_commit_of_a_submodule_but_not_its_files(
    make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path
) -> None:
    library = with_submodule(repository, tmp_path)
    pipeline = make_pipeline()
    moved = library.commit_file("code.txt", "two\n")
    before = checkout_state(repository)
    bump = f"run=git update-index --cacheinfo 160000,{moved},library"
    land(pipeline, bump, "run=git commit --quiet --message=bump")
    assert (repository.git("rev-parse", "main:library"), repository.status()) == (moved, [" M library"])
    assert checkout_state(repository).files == before.files
    assert touched_files(pipeline.root) == BEFORE


def test_a_separate_git_directory_works(
    make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path
) -> None:
    write_base(repository)
    repository.git("init", "--quiet", "--separate-git-dir", str(tmp_path / "elsewhere.git"))
    pipeline: Pipeline = make_pipeline()
    land(pipeline)
    assert (touched_files(pipeline.root), unlike_main(repository)) == (AFTER, [])
