from collections.abc import Callable
from pathlib import Path

import pytest

from core.git.landing_fixture import MARK, Scene, files_of, make_scene, state_of
from huskies_core.errors import HuskiesError
from huskies_core.git.landing import Landing, Recovered, find_base_dirt, land, recover_landing
from huskies_core.git.repository import GitError, Repository
from huskies_core.merge_results import BaseDirty, Landed, LostRace
from support.git_repository import GitRepository


@pytest.fixture
def scene(repository: GitRepository, tmp_path: Path) -> Scene:
    return make_scene(repository, tmp_path / "scratch")


def land_scene(repo: Repository, scene: Scene) -> Landing:
    return land(repo, base_branch="main", tip=scene.tip, commit=scene.commit, mark=MARK)


def base_dirty(scene: Scene, reason: str) -> BaseDirty:
    return BaseDirty(scene.tip, scene.commit, (), reason)


def expected_files(scene: Scene, tmp_path: Path) -> dict[str, str]:
    scene.repository.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "expected"), scene.commit)
    return files_of(tmp_path / "expected")


def test_the_checkout_of_the_base_is_updated_to_the_commit(
    repo: Repository, scene: Scene, tmp_path: Path
) -> None:
    landing = land_scene(repo, scene)
    state = state_of(scene.repository)
    assert (landing, state.tip, state.status, state.leftovers) == (Landed(scene.commit), scene.commit, [], [])
    assert state.files == expected_files(scene, tmp_path)


def test_a_base_without_a_checkout_moves(repo: Repository, scene: Scene) -> None:
    scene.repository.checkout("other", new=True)
    before = state_of(scene.repository)
    landing = land_scene(repo, scene)
    after = state_of(scene.repository)
    assert (landing, after.tip, after.files, after.status) == (
        Landed(scene.commit),
        scene.commit,
        before.files,
        [],
    )


def test_a_detached_checkout_is_left_alone(repo: Repository, scene: Scene) -> None:
    scene.repository.git("checkout", "--quiet", "--detach")
    before = files_of(scene.repository.root)
    assert land_scene(repo, scene) == Landed(scene.commit)
    assert (files_of(scene.repository.root), scene.repository.commit_id()) == (before, scene.tip)


def test_a_linked_checkout_of_the_base_is_updated(repo: Repository, scene: Scene, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    scene.repository.checkout("other", new=True)
    scene.repository.git("worktree", "add", "--quiet", str(linked), "main")
    assert land_scene(repo, scene) == Landed(scene.commit)
    state = state_of(scene.repository, linked)
    assert (state.tip, state.status, state.leftovers, state.files) == (
        scene.commit,
        [],
        [],
        expected_files(scene, tmp_path),
    )


def test_both_checkouts_of_a_base_checked_out_twice_are_updated(
    repo: Repository, scene: Scene, tmp_path: Path
) -> None:
    scene.repository.git("worktree", "add", "--quiet", "--force", str(tmp_path / "linked"), "main")
    assert land_scene(repo, scene) == Landed(scene.commit)
    assert state_of(scene.repository, tmp_path / "linked") == state_of(scene.repository)


def test_a_tip_that_moved_changes_nothing(repo: Repository, scene: Scene) -> None:
    scene.repository.commit_file("later", "x")
    before = state_of(scene.repository)
    assert (land_scene(repo, scene), state_of(scene.repository)) == (LostRace(), before)


def test_a_tip_that_moves_between_check_and_move_is_not_overwritten(repo: Repository, scene: Scene) -> None:
    other = scene.repository.git("commit-tree", f"{scene.tip}^{{tree}}", "-p", scene.tip, "-m", "other")
    before = state_of(scene.repository)

    def move(step: str) -> None:
        if step == "updated":
            scene.repository.git("update-ref", "refs/heads/main", other)

    landing = land(repo, base_branch="main", tip=scene.tip, commit=scene.commit, mark=MARK, checkpoint=move)
    after = state_of(scene.repository)
    assert (landing, after.tip, after.files, after.leftovers) == (LostRace(), other, before.files, [])
    assert after.status == []


def test_a_landing_that_another_git_takes_off_the_branch_is_an_error(repo: Repository, scene: Scene) -> None:
    def undo(step: str) -> None:
        if step == "ended":
            scene.repository.git("update-ref", "refs/heads/main", scene.tip)

    with pytest.raises(HuskiesError, match="does not contain") as refusal:
        land(repo, base_branch="main", tip=scene.tip, commit=scene.commit, mark=MARK, checkpoint=undo)
    assert refusal.value.code == "landing_lost"


def test_work_of_the_user_on_other_paths_stays(repo: Repository, scene: Scene) -> None:
    repository = scene.repository
    repository.write("untouched", "edited\n")
    repository.write("staged", "staged\n")
    repository.git("add", "staged")
    repository.write("loose", "loose\n")
    repository.write("ignored", "ignored\n")
    assert land_scene(repo, scene) == Landed(scene.commit)
    assert repository.status() == ["A  staged", " M untouched", "?? loose"]
    assert [(repository.root / path).read_text() for path in ("untouched", "staged", "loose", "ignored")] == [
        "edited\n",
        "staged\n",
        "loose\n",
        "ignored\n",
    ]


def edit(repository: GitRepository) -> None:
    repository.write("changed", "mine\n")


def delete(repository: GitRepository) -> None:
    (repository.root / "changed").unlink()


def stage(repository: GitRepository) -> None:
    repository.write("changed", "mine\n")
    repository.git("add", "changed")


def stage_and_undo(repository: GitRepository) -> None:
    text = (repository.root / "changed").read_text()
    stage(repository)
    repository.write("changed", text)


def edit_an_assume_unchanged_file(repository: GitRepository) -> None:
    repository.git("update-index", "--assume-unchanged", "changed")
    edit(repository)


def edit_a_skip_worktree_file(repository: GitRepository) -> None:
    repository.git("update-index", "--skip-worktree", "changed")
    edit(repository)


def make_executable(repository: GitRepository) -> None:
    (repository.root / "changed").chmod(0o755)


def turn_the_link(repository: GitRepository) -> None:
    (repository.root / "link").unlink()
    (repository.root / "link").symlink_to("README")


def put_a_file(repository: GitRepository) -> None:
    repository.write("added.rot", "mine\n")


def put_an_ignored_file(repository: GitRepository) -> None:
    repository.write(".git/info/exclude", "added.rot\n")
    repository.write("added.rot", "mine\n")


def put_a_folder(repository: GitRepository) -> None:
    repository.write("added.rot/mine", "mine\n")


def put_a_file_for_a_folder(repository: GitRepository) -> None:
    repository.write("new", "mine\n")


def put_a_link_for_a_folder(repository: GitRepository) -> None:
    (repository.root / "new").symlink_to("/tmp")


def put_a_file_into_a_folder_that_goes(repository: GitRepository) -> None:
    repository.write("folder/ignored", "mine\n")


def edit_a_filtered_file(repository: GitRepository) -> None:
    repository.write("secret.rot", "mine\n")


@pytest.mark.parametrize(
    ("dirty", "paths"),
    [
        (edit, ("changed",)),
        (delete, ("changed",)),
        (stage, ("changed",)),
        (stage_and_undo, ("changed",)),
        (edit_an_assume_unchanged_file, ("changed",)),
        (edit_a_skip_worktree_file, ("changed",)),
        (make_executable, ("changed",)),
        (turn_the_link, ("link",)),
        (put_a_file, ("added.rot",)),
        (put_an_ignored_file, ("added.rot",)),
        (put_a_folder, ("added.rot/mine",)),
        (put_a_file_for_a_folder, ("new",)),
        (put_a_link_for_a_folder, ("new",)),
        (put_a_file_into_a_folder_that_goes, ("folder/ignored",)),
        (edit_a_filtered_file, ("secret.rot",)),
    ],
)
def test_work_of_the_user_on_the_same_paths_blocks_the_landing(
    repo: Repository, scene: Scene, dirty: Callable[[GitRepository], None], paths: tuple[str, ...]
) -> None:
    dirty(scene.repository)
    before = state_of(scene.repository)
    landing = land_scene(repo, scene)
    asked = find_base_dirt(repo, base_branch="main", tip=scene.tip, commit=scene.commit)
    assert isinstance(landing, BaseDirty)
    assert (landing.paths, asked, state_of(scene.repository)) == (paths, landing, before)


def test_git_sees_an_edit_in_the_second_of_the_checkout_after_the_landing(
    repo: Repository, scene: Scene
) -> None:
    path = scene.repository.root / "untouched"
    edited = path.read_text().replace("before", "edited")
    scene.repository.edit_at_once("untouched", edited, scene.repository.root / ".git/index")
    assert land_scene(repo, scene) == Landed(scene.commit)
    assert scene.repository.status() == [" M untouched"]


def test_a_file_with_only_a_new_time_does_not_block_the_landing(repo: Repository, scene: Scene) -> None:
    (scene.repository.root / "changed").touch()
    (scene.repository.root / "secret.rot").touch()
    assert land_scene(repo, scene) == Landed(scene.commit)


def test_flags_on_unchanged_files_stay(repo: Repository, scene: Scene) -> None:
    scene.repository.git("update-index", "--assume-unchanged", "changed", "deep/er/gone")
    scene.repository.git("update-index", "--skip-worktree", "secret.rot")
    assert land_scene(repo, scene) == Landed(scene.commit)
    listed = scene.repository.git("ls-files", "-v", "changed", "secret.rot").splitlines()
    text = (scene.repository.root / "changed").read_text()
    assert (listed, text[:13]) == (["h changed", "S secret.rot"], "changed after")


def test_a_sparse_checkout_stays_sparse(repo: Repository, scene: Scene) -> None:
    scene.repository.git("sparse-checkout", "set", "--no-cone", "/*", "!/changed", "!/new/")
    assert land_scene(repo, scene) == Landed(scene.commit)
    state = state_of(scene.repository)
    assert ("changed" in state.files, "new/deep/file" in state.files, state.status) == (False, False, [])


@pytest.mark.parametrize("command", ["merge", "cherry-pick", "revert"])
def test_an_unfinished_git_operation_blocks_the_landing(repo: Repository, scene: Scene, command: str) -> None:
    names = {"merge": "MERGE_HEAD", "cherry-pick": "CHERRY_PICK_HEAD", "revert": "REVERT_HEAD"}
    (repo.project.git_dir / names[command]).write_text(scene.tip + "\n")
    assert land_scene(repo, scene) == base_dirty(scene, f"a {command} is in progress in {repo.project.root}")


def test_a_rebase_of_the_base_blocks_the_landing(repo: Repository, scene: Scene) -> None:
    repository = scene.repository
    repository.run("rebase", "--force-rebase", "--exec", "false", "HEAD~1")
    before = state_of(repository)
    reason = f"main is being rebased in {repo.project.root}"
    assert (land_scene(repo, scene), state_of(repository)) == (base_dirty(scene, reason), before)


def test_an_index_lock_of_another_git_blocks_the_landing(repo: Repository, scene: Scene) -> None:
    lock = repo.project.git_dir / "index.lock"
    lock.write_bytes(b"")
    before = state_of(scene.repository)
    landing = land_scene(repo, scene)
    assert isinstance(landing, BaseDirty)
    assert (state_of(scene.repository), lock.exists()) == (before, True)


def test_a_landing_is_rolled_back_when_a_filter_fails_on_new_content(repo: Repository, scene: Scene) -> None:
    before = state_of(scene.repository)
    scene.repository.git("config", "filter.rot.required", "true")
    scene.repository.git("config", "filter.rot.smudge", "tr a-z n-za-m | awk '/after/ {exit 1} {print}'")
    with pytest.raises(GitError):
        land_scene(repo, scene)
    assert state_of(scene.repository) == before


def test_a_filter_that_fails_on_all_content_leaves_the_landing_to_its_recovery(
    repo: Repository, scene: Scene
) -> None:
    before = state_of(scene.repository)
    scene.repository.git("config", "filter.rot.required", "true")
    scene.repository.git("config", "filter.rot.smudge", "false")
    with pytest.raises(GitError):
        land_scene(repo, scene)
    scene.repository.git("config", "filter.rot.smudge", "tr a-z n-za-m")
    recovered = recover_landing(repo, base_branch="main", tip=scene.tip, commit=scene.commit, mark=MARK)
    assert (recovered, state_of(scene.repository)) == (Recovered(landed=False, users=()), before)


def test_recovery_removes_an_empty_folder_in_the_place_of_a_file(repo: Repository, scene: Scene) -> None:
    """Git leaves it if it dies after it made the folder and before it wrote the file inside."""

    def interrupt(step: str) -> None:
        if step == "updated":
            raise KeyboardInterrupt

    before = state_of(scene.repository)
    arguments = {"base_branch": "main", "tip": scene.tip, "commit": scene.commit, "mark": MARK}
    with pytest.raises(KeyboardInterrupt):
        land(repo, **arguments, checkpoint=interrupt)
    (scene.repository.root / "becomes-folder/inner").unlink()
    recovered = recover_landing(repo, **arguments)
    assert (recovered, state_of(scene.repository)) == (Recovered(landed=False, users=()), before)


def test_a_submodule_moves_in_the_index_only(
    repository: GitRepository, repo: Repository, tmp_path: Path
) -> None:
    library = GitRepository(tmp_path / "library")
    allow = ("-c", "protocol.file.allow=always")
    repository.git(*allow, "submodule", "--quiet", "add", str(library.root), "library")
    tip = repository.commit_all("with library")
    later = library.commit_file("more", "x")
    entry = f"160000,{later},library"
    repository.git("update-index", "--cacheinfo", entry)
    tree = repository.git("write-tree")
    repository.git("reset", "--quiet")
    commit = repository.git("commit-tree", tree, "-p", tip, "-m", "newer library")
    landing = land(repo, base_branch="main", tip=tip, commit=commit, mark=MARK)
    index = repository.git("ls-files", "--stage", "library").split()[1]
    assert (landing, index, repository.commit_id(cwd=repository.root / "library")) == (
        Landed(commit),
        later,
        library.commit_id("HEAD^"),
    )


def test_the_log_of_the_branch_names_the_landing(repo: Repository, scene: Scene) -> None:
    land_scene(repo, scene)
    logs = [scene.repository.git("reflog", "-1", "--format=%gs", ref) for ref in ("main", "HEAD")]
    assert logs == ["huskies: land", "huskies: land"]
