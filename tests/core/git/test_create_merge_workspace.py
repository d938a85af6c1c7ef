import pytest

from huskies_core.errors import HuskiesError
from huskies_core.git.create import create_merge_workspace
from huskies_core.git.repository import Repository
from support.git_repository import GitRepository


def test_the_workspace_has_the_commit_and_no_branch(repository: GitRepository, repo: Repository) -> None:
    commit = repository.commit_file("file", "1")
    path = create_merge_workspace(repo, commit)
    facts = repository.commit_id(cwd=path), repository.status(cwd=path), repo.project.merge_workspace
    assert (facts, repository.run("symbolic-ref", "--quiet", "HEAD", cwd=path).returncode) == (
        (commit, [], path),
        1,
    )


def test_no_file_of_an_earlier_merge_is_left(repository: GitRepository, repo: Repository) -> None:
    repository.commit_file(".gitignore", "cache\n")
    first, second = repository.commit_file("one", "1"), repository.commit_file("two", "2")
    path = create_merge_workspace(repo, second)
    repository.write("cache", "stale", cwd=path)
    repository.write("one", "edited", cwd=path)
    repository.git("checkout", "--quiet", "-B", "stray", cwd=path)
    create_merge_workspace(repo, first)
    names = sorted(entry.name for entry in path.iterdir())
    assert (names, (path / "one").read_text()) == ([".git", ".gitignore", "README", "one"], "1")


def test_ignored_files_that_the_gates_need_are_copied(repository: GitRepository, repo: Repository) -> None:
    repository.write(".worktreeinclude", "local.env\n")
    commit = repository.commit_file(".gitignore", "local.env\n")
    repository.write("local.env", "x")
    assert (create_merge_workspace(repo, commit) / "local.env").read_text() == "x"


def test_a_directory_that_huskies_did_not_create_stays(repository: GitRepository, repo: Repository) -> None:
    mine = repository.write(".huskies/merge_workspace/mine", "precious")
    with pytest.raises(HuskiesError) as raised:
        create_merge_workspace(repo, repository.commit_id())
    assert (raised.value.code, mine.read_text()) == ("not_ours", "precious")
