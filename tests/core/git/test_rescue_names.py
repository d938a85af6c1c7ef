"""Rescues read from git's files equal the list of git."""

from pathlib import Path

from huskies_core.git.rescue_names import rescue_names
from support.git_repository import GitRepository


def test_rescues_are_found_before_and_after_git_packs_them(repository: GitRepository) -> None:
    git_dir = str(repository.root / ".git")
    names = [rescue_names(git_dir)]
    for name in ("6/20260301T120000000000Z", "12/20260302T120000000000Z", "6/20260303T120000000000Z"):
        repository.git("update-ref", f"refs/huskies/rescue/{name}", "HEAD")
    names.append(rescue_names(git_dir))
    repository.git("pack-refs", "--all")
    names.append(rescue_names(git_dir))
    repository.git("update-ref", "refs/huskies/rescue/6/20260304T120000000000Z", "HEAD")
    newest, *rest = rescue_names(git_dir)
    all_of_them = [
        ("6", "20260303T120000000000Z"),
        ("12", "20260302T120000000000Z"),
        ("6", "20260301T120000000000Z"),
    ]
    assert names == [[], all_of_them, all_of_them]
    assert (newest, rest) == (("6", "20260304T120000000000Z"), all_of_them)


def test_a_folder_without_a_repository_has_no_rescues(tmp_path: Path) -> None:
    assert rescue_names(str(tmp_path / "nowhere")) == []
