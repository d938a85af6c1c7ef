import os
from pathlib import Path

import pytest

from huskies_core.errors import NoProject
from huskies_core.project import Project, find_project, find_repository
from support.git_repository import GitRepository

ODD_NAMES = ["with space", "quote's", 'double"quote', "100%", "größe 🐕", "-dash"]


def refusal(start: Path) -> tuple[str, str, int]:
    with pytest.raises(NoProject) as caught:
        find_repository(start)
    return caught.value.message, caught.value.hint, caught.value.exit_code


def test_a_project_is_found_from_a_folder_inside(repository: GitRepository) -> None:
    inside = repository.write("a/b/file", "x").parent
    assert find_repository(inside) == Project(repository.root, repository.root / ".git")


def test_a_project_is_found_through_a_symlink(repository: GitRepository, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(repository.write("a/file", "x").parent)
    assert find_repository(link).root == repository.root


@pytest.mark.parametrize("name", ODD_NAMES)
def test_unusual_names_of_folders_are_accepted(tmp_path: Path, name: str) -> None:
    repository = GitRepository(tmp_path.resolve() / name)
    linked = tmp_path / "linked"
    repository.git("worktree", "add", "--quiet", "--detach", str(linked))
    assert (find_repository(repository.root).root, find_repository(linked).root) == (
        repository.root,
        repository.root,
    )


def test_a_linked_worktree_leads_to_the_main_checkout(repository: GitRepository) -> None:
    linked = repository.root / ".huskies" / "worktrees" / "1"
    repository.git("worktree", "add", "--quiet", str(linked), "-b", "feature/story-1")
    (linked / "sub").mkdir()
    assert find_repository(linked / "sub") == Project(repository.root, repository.root / ".git")


def test_a_submodule_is_a_repository_of_its_own(repository: GitRepository, tmp_path: Path) -> None:
    other = GitRepository(tmp_path / "other")
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.root), "part")
    assert find_repository(repository.root / "part") == Project(
        repository.root / "part", repository.root / ".git" / "modules" / "part"
    )


def test_a_git_directory_kept_elsewhere_is_followed(tmp_path: Path) -> None:
    path = tmp_path.resolve()
    repository = GitRepository(path / "repository")
    repository.git("init", "--quiet", f"--separate-git-dir={path / 'elsewhere'}")
    assert find_repository(repository.root) == Project(path / "repository", path / "elsewhere")


def test_outside_a_repository_there_is_no_project(tmp_path: Path) -> None:
    path = tmp_path.resolve()
    hint = "Run 'git init' there, or give --project PATH."
    assert refusal(path) == (f"{path} is not in a git repository", hint, 4)


def test_a_bare_repository_is_refused_also_from_its_worktrees(
    repository: GitRepository, tmp_path: Path
) -> None:
    bare, linked = tmp_path.resolve() / "bare.git", tmp_path.resolve() / "linked"
    repository.git("clone", "--quiet", "--bare", str(repository.root), str(bare))
    repository.git("worktree", "add", "--quiet", "--detach", str(linked), cwd=bare)
    assert (refusal(bare), refusal(bare / "refs"), refusal(linked)) == (
        (f"{bare} is a bare repository", "Huskies needs a checkout: use a clone of it.", 4),
        (f"{bare} is a bare repository", "Huskies needs a checkout: use a clone of it.", 4),
        (f"{bare} is a bare repository", "Huskies needs a main checkout: use a clone of it.", 4),
    )


def test_a_repository_without_a_database_is_no_project(project: Project) -> None:
    with pytest.raises(NoProject) as caught:
        find_project(project.root)
    assert (caught.value.message, caught.value.hint) == (
        f"no project in {project.root}",
        "Run 'huskies init' there first.",
    )


def test_a_repository_with_a_database_is_a_project(project: Project) -> None:
    project.database.touch()
    assert find_project(project.root) == project


def test_the_search_needs_no_git(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.database.touch()
    monkeypatch.setenv("PATH", os.devnull)
    assert find_project(project.root) == project


def test_all_state_is_in_the_state_folder(project: Project) -> None:
    places = [project.database, project.run_dir(12), project.worktree(3), project.pass_lock("gc")]
    assert [str(path.relative_to(project.root)) for path in places] == [
        ".huskies/state.db",
        ".huskies/runs/12",
        ".huskies/worktrees/3",
        ".huskies/locks/gc.lock",
    ]


def test_an_empty_folder_named_like_gits_is_no_repository(repository: GitRepository) -> None:
    (repository.root / "part" / ".git").mkdir(parents=True)
    assert find_repository(repository.root / "part").root == repository.root


def test_a_path_that_the_store_cannot_contain_is_refused(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    repository = GitRepository(path)
    with pytest.raises(NoProject, match="is not text in UTF-8"):
        find_repository(repository.root)
