"""The creation of a project in a repository."""

import os
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from huskies_core.errors import HuskiesError
from huskies_core.operations.init import Initialised, initialise
from support.git_repository import GitRepository

FILES = (".huskies/.gitignore", ".huskies/project.toml", ".huskies/agents.toml")


def init(path: Path, base_branch: str | None = None) -> Initialised:
    return initialise(path, base_branch=base_branch, environ={})


def refusal_of(path: Path, base_branch: str | None = None) -> tuple[int, str, str]:
    with pytest.raises(HuskiesError) as refusal:
        init(path, base_branch)
    return refusal.value.exit_code, refusal.value.code, refusal.value.message


def test_a_project_is_made_once(repository: GitRepository) -> None:
    config = (repository.root / ".git" / "config").read_bytes()
    index = (repository.root / ".git" / "index").read_bytes()
    first, second = init(repository.root), init(repository.root)
    assert first == Initialised(repository.root, "main", FILES)
    assert second == Initialised(repository.root, "main", ())
    assert (repository.root / ".git" / "config").read_bytes() == config
    assert (repository.root / ".git" / "index").read_bytes() == index


def test_only_the_configuration_is_for_git(repository: GitRepository) -> None:
    init(repository.root)
    (repository.root / ".huskies" / "AGENT.md").touch()
    (repository.root / ".huskies" / "runs" / "1").mkdir(parents=True)
    (repository.root / ".huskies" / "runs" / "1" / "prompt.md").touch()
    untracked = repository.git("status", "--porcelain", "--untracked-files=all").splitlines()
    names = (".gitignore", "AGENT.md", "agents.toml", "project.toml")
    assert untracked == [f"?? .huskies/{name}" for name in names]


def test_existing_files_are_kept(repository: GitRepository) -> None:
    repository.write(".huskies/project.toml", "max_coders = 7\n")
    assert init(repository.root).made == (FILES[0], FILES[2])
    assert (repository.root / ".huskies" / "project.toml").read_text() == "max_coders = 7\n"


def test_a_project_is_found_from_below_and_through_a_link(repository: GitRepository, tmp_path: Path) -> None:
    (repository.root / "a b" / "ü").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(repository.root)
    assert init(link / "a b" / "ü").root == repository.root


def test_the_base_stays_when_another_branch_is_checked_out(repository: GitRepository) -> None:
    init(repository.root)
    repository.checkout("other", new=True)
    assert (init(repository.root).base_branch, init(repository.root, "other").base_branch) == (
        "main",
        "other",
    )


def test_a_detached_head_needs_a_base_branch(repository: GitRepository) -> None:
    repository.git("checkout", "--quiet", "--detach")
    assert refusal_of(repository.root) == (1, "detached_head", "no branch is checked out (HEAD is detached)")
    assert init(repository.root, "main").base_branch == "main"


def test_a_base_branch_must_exist(repository: GitRepository) -> None:
    assert refusal_of(repository.root, "none") == (1, "unknown_branch", "there is no branch none")
    assert not (repository.root / ".huskies").exists()


def test_a_repository_without_commits_is_refused(tmp_path: Path) -> None:
    root = GitRepository(tmp_path / "new", commits=False).root
    assert refusal_of(root) == (1, "no_commits_yet", "the repository has no commits")


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    assert refusal_of(tmp_path)[:2] == (4, "no_project")


def test_a_bare_repository_is_refused(repository: GitRepository, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    repository.git("clone", "--quiet", "--bare", str(repository.root), str(bare))
    assert refusal_of(bare) == (4, "no_project", f"{bare} is a bare repository")


def test_a_repository_configured_as_bare_is_refused(repository: GitRepository) -> None:
    repository.git("config", "core.bare", "true")
    assert refusal_of(repository.root) == (4, "no_project", f"{repository.root} is a bare repository")


def test_a_network_file_system_is_refused(repository: GitRepository, mocker: MockerFixture) -> None:
    mocker.patch("huskies_core.operations.init.network_filesystem", return_value="nfs4")
    assert refusal_of(repository.root)[1] == "network_filesystem"


def test_a_file_in_place_of_the_folder_is_refused(repository: GitRepository) -> None:
    repository.write(".huskies", "mine\n")
    assert refusal_of(repository.root)[1] == "in_the_way"
    assert (repository.root / ".huskies").read_text() == "mine\n"


def test_a_missing_git_is_an_error(repository: GitRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    assert refusal_of(repository.root)[1] == "no_git"


def test_an_agent_cannot_make_a_project(repository: GitRepository) -> None:
    environ = {"HUSKIES_RUN_ID": "1", "HUSKIES_PROJECT": str(repository.root)}
    with pytest.raises(HuskiesError) as refusal:
        initialise(repository.root, base_branch=None, environ=environ)
    assert refusal.value.code == "inside_a_run"
