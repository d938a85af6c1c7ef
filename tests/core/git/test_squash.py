import os

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.git.repository import Repository
from huskies_core.git.squash import Squash, Squashed, author_variables, squash
from huskies_core.merge_results import AlreadyMerged, Conflict, NoCommits
from support.git_repository import GitRepository


@pytest.fixture
def branch(repository: GitRepository) -> str:
    repository.checkout("story", new=True)
    return "story"


def squash_story(repo: Repository, born: str | None = None) -> Squash:
    return squash(
        repo, branch="story", tip=repo.branch_tip("main") or "", message="huskies: merge 7\n", born=born
    )


@pytest.mark.usefixtures("branch")
def test_a_branch_becomes_one_commit_by_its_last_author(repository: GitRepository, repo: Repository) -> None:
    repository.commit_file("one", "1\n")
    repository.write("two", "2\n")
    repository.git("add", "two")
    repository.git(
        "commit",
        "--quiet",
        "-m",
        "x",
        "--author",
        "Zoë <z@example.org>",
        "--date",
        "2026-01-02T03:04:05+02:00",
    )
    repository.checkout("main")
    tip = repository.commit_file("other", "x\n")
    squashed = squash_story(repo)
    assert isinstance(squashed, Squashed)
    shown = repository.git("show", "--no-patch", "--format=%P|%an|%ae|%ai|%cn|%B|%T", squashed.commit)
    date = "2026-01-02 03:04:05 +0200"
    assert shown == f"{tip}|Zoë|z@example.org|{date}|Test Person|huskies: merge 7\n|{squashed.tree}"
    assert (repository.files(squashed.commit), repository.commit_id("main"), repository.status()) == (
        ["README", "one", "other", "two"],
        tip,
        [],
    )


@pytest.mark.usefixtures("branch")
def test_a_conflict_names_the_files(repository: GitRepository, repo: Repository) -> None:
    for path in ("README", "folder/other"):
        repository.commit_file(path, "story\n")
    repository.checkout("main")
    for path in ("README", "folder/other"):
        repository.commit_file(path, "main\n")
    assert squash_story(repo) == Conflict(("README", "folder/other"))


@pytest.mark.usefixtures("branch")
def test_a_branch_merged_by_hand_is_already_merged(repository: GitRepository, repo: Repository) -> None:
    born = repository.commit_id()
    head = repository.commit_file("one", "1")
    repository.checkout("main")
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", "story")
    assert squash_story(repo, born) == AlreadyMerged(head)


@pytest.mark.usefixtures("branch")
def test_a_branch_without_commits_is_empty(repository: GitRepository, repo: Repository) -> None:
    born = repository.commit_id()
    repository.checkout("main")
    repository.commit_file("other", "x")
    assert squash_story(repo, born) == NoCommits()


@pytest.mark.usefixtures("branch")
def test_a_branch_with_changes_that_the_base_contains_is_empty(
    repository: GitRepository, repo: Repository
) -> None:
    repository.commit_file("same", "1")
    repository.checkout("main")
    repository.commit_file("same", "1")
    assert squash_story(repo) == NoCommits()


def test_a_branch_that_does_not_exist_is_an_error(repo: Repository) -> None:
    with pytest.raises(HuskiesError) as raised:
        squash_story(repo)
    assert raised.value.code == "missing_branch"


def test_a_tip_that_does_not_exist_is_an_error(repo: Repository) -> None:
    with pytest.raises(HuskiesError) as raised:
        squash(repo, branch="main", tip="0" * 40, message="x")
    assert raised.value.code == "missing_branch"


@pytest.mark.usefixtures("branch")
def test_without_an_identity_huskies_is_the_committer(
    repository: GitRepository, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit_file("one", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    repository.git("config", "user.useConfigOnly", "true")
    squashed = squash_story(repo)
    assert isinstance(squashed, Squashed)
    shown = repository.git("show", "--no-patch", "--format=%an|%cn <%ce>", squashed.commit)
    assert shown == "Test Person|huskies <huskies@localhost>"


@pytest.mark.usefixtures("branch")
def test_signing_and_hooks_of_the_user_do_not_apply(repository: GitRepository, repo: Repository) -> None:
    repository.commit_file("one", "1")
    repository.git("config", "commit.gpgSign", "true")
    repository.git("config", "gpg.program", "false")
    assert isinstance(squash_story(repo), Squashed)


def test_a_merge_does_not_decide_the_last_author(repository: GitRepository, repo: Repository) -> None:
    repository.checkout("other", new=True)
    repository.commit_file("x", "1")
    repository.checkout("main")
    repository.commit_file("y", "1")
    repository.checkout("other")
    repository.git("-c", "user.name=Merger", "merge", "--quiet", "--no-edit", "main")
    assert author_variables(repo, "main", "other") == {
        "GIT_AUTHOR_NAME": "Test Person",
        "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_AUTHOR_DATE": "1750000120 +0000",
    }
    assert author_variables(repo, "other", "main") == {}
