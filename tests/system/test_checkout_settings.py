"""Stories land in repositories with settings, filters, hooks and submodules of every kind; none of it is touched."""

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
    begin,
    land,
    seen,
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
"""Keeps the content outside of git, by its hash, and gives git a pointer: what git-lfs does."""

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


def test_hooks_of_the_user_are_never_called_and_may_all_fail(
    make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path
) -> None:
    """They let the agent's own commits pass: those are the agent's to make."""
    write_base(repository)
    pipeline = make_pipeline()
    hooks, calls = tmp_path / "hooks", tmp_path / "calls"
    hooks.mkdir()
    for name in HOOKS:
        told = f'echo "$HUSKIES_STAGE {name}" >> {calls}; [ "$HUSKIES_STAGE" = coder ]'
        executable(hooks / name, f"#!/bin/sh\n{told}\n")
    repository.git("config", "core.hooksPath", str(hooks))
    before = seen(repository)
    calls.unlink(missing_ok=True)
    land(pipeline)
    called = {line.split()[0] for line in calls.read_text().splitlines()}
    assert (called, touched_files(pipeline.root)) == ({"coder"}, AFTER)
    assert seen(repository).without(TOUCHED) == before.without(TOUCHED)


def test_commits_that_would_have_to_be_signed_are_landed(
    make_pipeline: MakePipeline, repository: GitRepository
) -> None:
    write_base(repository)
    pipeline = make_pipeline()
    for key, value in {"commit.gpgSign": "true", "tag.gpgSign": "true", "gpg.program": "false"}.items():
        repository.git("config", key, value)
    land(pipeline, *TOUCH, "run=git add --all", "run=git commit --quiet --no-gpg-sign --message=work")
    assert (touched_files(pipeline.root), unlike_main(repository)) == (AFTER, [])


def test_line_ends_are_those_that_the_user_has_chosen(
    make_pipeline: MakePipeline, repository: GitRepository
) -> None:
    write_base(repository)
    pipeline = make_pipeline()
    repository.git("config", "core.autocrlf", "true")
    repository.git("rm", "-r", "--quiet", "--cached", ".")
    repository.git("reset", "--quiet", "--hard")
    before = seen(repository)
    land(pipeline)
    with_returns = {path: text.replace("\n", "\r\n") for path, text in AFTER.items()}
    assert (touched_files(pipeline.root), touched_on(repository, "main")) == (with_returns, AFTER)
    assert (seen(repository).without(TOUCHED), unlike_main(repository)) == (before.without(TOUCHED), [])


def test_a_file_system_monitor_is_not_asked_and_the_index_keeps_what_it_caches(
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
    before = seen(repository)
    calls.unlink(missing_ok=True)
    land(pipeline)
    assert set(calls.read_text().split()) <= {"coder"}
    assert (touched_files(pipeline.root), unlike_main(repository)) == (AFTER, [])
    assert seen(repository).without(TOUCHED) == before.without(TOUCHED)


@pytest.fixture
def store(repository: GitRepository, tmp_path: Path) -> Path:
    """Where the filter of all text files keeps their content. The filter is required."""
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
def test_filtered_files_are_content_in_the_checkout_and_pointers_on_the_base(
    make_pipeline: MakePipeline, repository: GitRepository
) -> None:
    pipeline = make_pipeline()
    repository.write("untouched.txt", "mine\n")
    before = seen(repository)
    land(pipeline)
    pointers = {path: text[:8] for path, text in touched_on(repository, "main").items()}
    assert (touched_files(pipeline.root), pointers) == (AFTER, dict.fromkeys((ADDED, CHANGED), "pointer "))
    assert (seen(repository).without(TOUCHED), unlike_main(repository)) == (before.without(TOUCHED), [])


def hidden(store: Path, text: str) -> tuple[str, ...]:
    """The steps of an agent that takes content out of the filter's reach."""
    file = kept_at(store, text)
    return f"run=mv {file} {file}.kept", f"run=ln -s nowhere {file}"


def show_again(store: Path, text: str) -> None:
    file = kept_at(store, text)
    Path(f"{file}.kept").replace(file)


def kept_at(store: Path, text: str) -> Path:
    return store / hashlib.sha256(text.encode()).hexdigest()


def test_content_that_a_filter_does_not_have_leaves_the_checkout_as_it_was(
    make_pipeline: MakePipeline, repository: GitRepository, store: Path
) -> None:
    pipeline = make_pipeline(settings="max_coders = 1", gates={})
    before, tip = seen(repository), repository.commit_id("main")
    story = begin(pipeline, *TOUCH, "commit=work", *hidden(store, AFTER[CHANGED]))
    pipeline.wait_for(story, stage=StageName.MERGE_FAILURE)
    pipeline.wait_until_idle()
    assert (touched_files(pipeline.root), repository.status(), repository.commit_id("main")) == (
        BEFORE,
        [],
        tip,
    )
    assert seen(repository).without(TOUCHED) == before.without(TOUCHED)
    show_again(store, AFTER[CHANGED])
    assert pipeline.huskies("retry", str(story)).exit_code == 0
    with pipeline.ticking():
        pipeline.wait_for(story)
    assert (touched_files(pipeline.root), unlike_main(repository)) == (AFTER, [])


def test_a_checkout_that_no_filter_can_fill_is_whole_again_once_one_can(
    make_pipeline: MakePipeline, repository: GitRepository, store: Path
) -> None:
    """The landing took files away that could not be brought back: nothing is decided until they are."""
    pipeline = make_pipeline(settings="max_coders = 1", gates={})
    before, tip = seen(repository), repository.commit_id("main")
    out_of_reach = [step for text in ("before\n", AFTER[CHANGED]) for step in hidden(store, text)]
    story = begin(pipeline, *TOUCH, "commit=work", *out_of_reach)
    pipeline.wait_until(lambda: len(pipeline.runs()) == 2, what="the merge")
    pipeline.wait_until(lambda: not pipeline.held_runs(), what="the end of its process")
    show_again(store, "before\n")
    with pipeline.ticking():
        pipeline.wait_for(story, stage=StageName.MERGE_FAILURE)
        pipeline.wait_until_idle()
    assert (touched_files(pipeline.root), repository.status(), repository.commit_id("main")) == (
        BEFORE,
        [],
        tip,
    )
    assert seen(repository).without(TOUCHED) == before.without(TOUCHED)


def with_submodule(repository: GitRepository, tmp_path: Path) -> GitRepository:
    library = GitRepository(tmp_path.resolve() / "library")
    library.commit_file("code.txt", "one\n")
    repository.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.root), "library"
    )
    write_base(repository)
    return library


def test_a_submodule_and_the_work_in_it_stay_as_they_are(
    make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path
) -> None:
    with_submodule(repository, tmp_path)
    pipeline = make_pipeline()
    repository.write("library/code.txt", "mine\n")
    repository.write("library/loose.txt", "mine\n")
    before = seen(repository)
    land(pipeline)
    assert (touched_files(pipeline.root), touched_on(repository, "main")) == (AFTER, AFTER)
    assert (seen(repository).without(TOUCHED), unlike_main(repository)) == (before.without(TOUCHED), [])


def test_a_story_moves_a_submodule_without_going_into_it(
    make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path
) -> None:
    library = with_submodule(repository, tmp_path)
    pipeline = make_pipeline()
    moved = library.commit_file("code.txt", "two\n")
    before = seen(repository)
    bump = f"run=git update-index --cacheinfo 160000,{moved},library"
    land(pipeline, bump, "run=git commit --quiet --message=bump")
    assert (repository.git("rev-parse", "main:library"), repository.status()) == (moved, [" M library"])
    assert seen(repository).files == before.files
    assert touched_files(pipeline.root) == BEFORE


def test_a_repository_whose_git_directory_lies_elsewhere_works_as_any(
    make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path
) -> None:
    write_base(repository)
    repository.git("init", "--quiet", "--separate-git-dir", str(tmp_path / "elsewhere.git"))
    pipeline: Pipeline = make_pipeline()
    land(pipeline)
    assert (touched_files(pipeline.root), unlike_main(repository)) == (AFTER, [])
