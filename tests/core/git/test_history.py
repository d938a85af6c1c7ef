from datetime import UTC, datetime

import pytest

from huskies_core.git.history import Author, changed_files, commits_between, is_on_base, last_author, text_at
from huskies_core.git.repository import GitError, Repository
from support.git_repository import GitRepository


def test_the_text_of_a_file_at_a_commit(repository: GitRepository, repo: Repository) -> None:
    commit = repository.commit_file(".huskies/project.toml", "a = 1\n\n", message="config")
    repository.git(
        "update-index", "--add", "--cacheinfo", f"100644,{repository.git('hash-object', '-w', 'README')},[x]*"
    )
    repository.git("commit", "--quiet", "-m", "odd")
    assert (
        text_at(repo, commit, "README"),
        text_at(repo, commit, "missing"),
        text_at(repo, commit, "."),
        text_at(repo, "HEAD", "[x]*"),
    ) == ("first\n", None, None, "first\n")


def test_a_missing_commit_is_no_missing_file(repo: Repository) -> None:
    with pytest.raises(GitError):
        text_at(repo, "0" * 40, "README")


def test_a_commit_is_on_the_base_if_the_branch_contains_it(
    repository: GitRepository, repo: Repository
) -> None:
    first = repository.commit_id()
    repository.checkout("other", new=True)
    second = repository.commit_file("x", "1")
    answers = [
        is_on_base(repo, commit, "main") for commit in (first, first[:10], second, "0" * 40, "nonsense", "-x")
    ]
    assert (answers, is_on_base(repo, first, "missing")) == ([True, True, False, False, False, False], False)


def test_commits_are_listed_newest_first(repository: GitRepository, repo: Repository) -> None:
    repository.checkout("other", new=True)
    ids = [repository.commit_file("x", text, message=f"write\n\nbody {text}") for text in ("1", "2", "3")]
    commits = commits_between(repo, "main", "other", limit=2)
    assert [(commit.id, commit.subject, commit.author) for commit in commits] == [
        (ids[2], "write", "Test Person"),
        (ids[1], "write", "Test Person"),
    ]
    assert (commits[0].authored_at, commits_between(repo, "other", "main")) == (
        datetime.fromtimestamp(1_750_000_240, UTC),
        (),
    )


def test_a_merge_does_not_decide_the_last_author(repository: GitRepository, repo: Repository) -> None:
    repository.checkout("other", new=True)
    repository.commit_file("x", "1")
    repository.checkout("main")
    repository.commit_file("y", "1")
    repository.checkout("other")
    repository.git("-c", "user.name=Merger", "merge", "--quiet", "--no-edit", "main")
    assert last_author(repo, "main", "other") == Author("Test Person", "test@example.org", "1750000120 +0000")
    assert last_author(repo, "other", "main") is None


def test_the_files_that_a_branch_changed(repository: GitRepository, repo: Repository) -> None:
    repository.checkout("other", new=True)
    repository.commit_file("odd\tname", "1")
    repository.git("mv", "README", "MOVED")
    repository.commit_all()
    repository.checkout("main")
    repository.commit_file("base", "x")
    assert changed_files(repo, "main", "other") == ("MOVED", "README", "odd\tname")
