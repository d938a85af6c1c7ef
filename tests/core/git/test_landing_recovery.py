import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.git import landing_fixture
from core.git.landing_fixture import LONG, MARK, Scene, State, make_scene, state_of
from huskies_core.errors import HuskiesError, LockBusy
from huskies_core.git.landing import Recovered, land, recover_landing
from huskies_core.git.repository import Repository
from huskies_core.merge_results import Landed
from huskies_core.project import find_repository
from support.git_repository import GitRepository

pytestmark = pytest.mark.usefixtures("processes")

BEFORE, AFTER = False, True


@pytest.fixture
def scene(repository: GitRepository, tmp_path: Path) -> Scene:
    return make_scene(repository, tmp_path / "scratch")


@pytest.fixture
def ends(tmp_path: Path) -> dict[bool, State]:
    """Return the states before and after an undisturbed landing, from a copy of the scene."""
    twin = make_scene(GitRepository(tmp_path / "twin"), tmp_path / "twin-scratch")
    before = state_of(twin.repository)
    with Repository(find_repository(twin.repository.root)) as repo:
        assert land_scene(repo, twin) == Landed(twin.commit)
    return {BEFORE: before, AFTER: state_of(twin.repository)}


def land_scene(repo: Repository, scene: Scene) -> object:
    return land(repo, base_branch="main", tip=scene.tip, commit=scene.commit, mark=MARK)


def die_landing(scene: Scene, step: str, root: Path | None = None) -> None:
    """Land the scene in another process, which is killed after the step."""
    script = str(landing_fixture.__file__)
    program = [sys.executable, script, str(root or scene.repository.root), scene.tip, scene.commit, step]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(program, env=environment, timeout=60).returncode == -9


def recover(repo: Repository, scene: Scene) -> Recovered:
    return recover_landing(repo, base_branch="main", tip=scene.tip, commit=scene.commit, mark=MARK)


@pytest.mark.parametrize(
    ("step", "landed"),
    [("locked", BEFORE), ("updated", BEFORE), ("moved", AFTER), ("indexed", AFTER), ("ended", AFTER)],
)
def test_a_landing_killed_after_any_step_is_recovered(
    repo: Repository, scene: Scene, ends: dict[bool, State], step: str, *, landed: bool
) -> None:
    die_landing(scene, step)
    answers = recover(repo, scene), recover(repo, scene)
    assert (answers, state_of(scene.repository)) == ((Recovered(landed, ()),) * 2, ends[landed])


@pytest.mark.parametrize("killed_at", ["added.rot", "secret.rot"])
def test_a_landing_killed_while_git_writes_files_is_rolled_back_and_can_land_again(
    repo: Repository, scene: Scene, ends: dict[bool, State], killed_at: str
) -> None:
    armed = scene.repository.write(".git/armed", "")
    kill = f"if test %f = {killed_at} && rm {armed}; then kill -9 $LANDER $PPID; fi"
    scene.repository.git("config", "filter.rot.smudge", f"{kill}; tr a-z n-za-m")
    die_landing(scene, "never")
    disturbed = state_of(scene.repository).files != ends[BEFORE].files
    assert (disturbed, recover(repo, scene), state_of(scene.repository)) == (
        True,
        Recovered(landed=False, users=()),
        ends[BEFORE],
    )
    assert (land_scene(repo, scene), state_of(scene.repository)) == (Landed(scene.commit), ends[AFTER])


@pytest.mark.parametrize(("step", "landed"), [("updated", BEFORE), ("moved", AFTER)])
def test_changes_of_the_user_after_the_crash_stay_and_are_listed(
    repo: Repository, scene: Scene, ends: dict[bool, State], step: str, *, landed: bool
) -> None:
    die_landing(scene, step)
    for path in ("changed", "new/deep/file"):
        scene.repository.write(path, "mine\n")
    scene.repository.write("untouched", "also mine\n")
    users = recover(repo, scene).users
    after = state_of(scene.repository)
    mine = {"changed": "0 mine\n", "new/deep/file": "0 mine\n", "untouched": "0 also mine\n"}
    new = " M new/deep/file" if landed else "?? new/"
    expected = replace(
        ends[landed],
        files=ends[landed].files | mine,
        status=[" M changed", *([new] if landed else []), " M untouched", *([] if landed else [new])],
    )
    assert (users, after) == (("changed", "new/deep/file"), expected)


@pytest.mark.parametrize("step", ["locked", "moved"])
def test_partly_written_and_missing_files_are_the_landings(
    repo: Repository, scene: Scene, ends: dict[bool, State], step: str
) -> None:
    die_landing(scene, step)
    root = scene.repository.root
    (root / "changed").write_text(f"changed after\n{LONG}"[:999])
    (root / "lines.crlf").write_bytes(b"")
    (root / "link").unlink()
    recovered = recover(repo, scene)
    assert (recovered.users, state_of(scene.repository)) == ((), ends[recovered.landed])


def test_a_file_that_differs_only_where_git_sees_no_difference_stays(repo: Repository, scene: Scene) -> None:
    file = scene.repository.root / "lines.crlf"
    file.write_bytes(b"before\nsecond\n")
    die_landing(scene, "locked")
    assert (recover(repo, scene).users, file.read_bytes()) == ((), b"before\nsecond\n")


def test_a_file_of_the_user_in_the_place_of_a_restored_file_stays(repo: Repository, scene: Scene) -> None:
    die_landing(scene, "updated")
    mine = scene.repository.write("becomes-folder/mine", "mine\n")
    assert (recover(repo, scene), mine.read_text()) == (
        Recovered(landed=False, users=("becomes-folder",)),
        "mine\n",
    )


def test_no_file_is_written_through_a_link_of_the_user(
    repo: Repository, scene: Scene, tmp_path: Path
) -> None:
    die_landing(scene, "updated")
    outside = tmp_path / "outside"
    outside.mkdir()
    (scene.repository.root / "deep").symlink_to(outside)
    assert (recover(repo, scene).users, list(outside.iterdir())) == (("deep/er/gone",), [])


def test_an_edit_after_a_landing_died_before_its_first_write_stays(repo: Repository, scene: Scene) -> None:
    die_landing(scene, "locked")
    scene.repository.write("changed", "mine\n")
    assert recover(repo, scene) == Recovered(landed=False, users=("changed",))
    assert (scene.repository.root / "changed").read_text() == "mine\n"


def test_a_landing_is_recovered_after_the_user_removed_its_lock(
    repo: Repository, scene: Scene, ends: dict[bool, State]
) -> None:
    die_landing(scene, "updated")
    (repo.project.git_dir / "index.lock").unlink()
    assert (recover(repo, scene), state_of(scene.repository)) == (
        Recovered(landed=False, users=()),
        ends[BEFORE],
    )


def test_work_that_the_user_committed_after_the_crash_is_left_alone(repo: Repository, scene: Scene) -> None:
    die_landing(scene, "updated")
    (repo.project.git_dir / "index.lock").unlink()
    scene.repository.commit_all("mine")
    before = state_of(scene.repository)
    assert recover(repo, scene) == Recovered(landed=False, users=())
    assert state_of(scene.repository) == replace(before, leftovers=[])


def test_a_lock_of_another_git_is_never_removed(
    repo: Repository, scene: Scene, ends: dict[bool, State]
) -> None:
    die_landing(scene, "updated")
    lock = repo.project.git_dir / "index.lock"
    lock.unlink()
    lock.write_bytes(b"")
    with pytest.raises(LockBusy):
        recover(repo, scene)
    still_there = lock.exists()
    lock.unlink()
    assert (still_there, recover(repo, scene), state_of(scene.repository)) == (
        True,
        Recovered(landed=False, users=()),
        ends[BEFORE],
    )


def test_the_lock_of_another_landing_is_never_removed(repo: Repository, scene: Scene) -> None:
    die_landing(scene, "updated")
    arguments = {"base_branch": "main", "tip": scene.tip, "commit": scene.commit}
    assert recover_landing(repo, **arguments, mark="run 6") == Recovered(landed=False, users=())
    assert (repo.project.git_dir / "index.lock").read_text() == "huskies landing run 5\n"


def test_an_unfinished_landing_does_not_start_again(repo: Repository, scene: Scene) -> None:
    die_landing(scene, "updated")
    with pytest.raises(HuskiesError) as raised:
        land_scene(repo, scene)
    assert (raised.value.code, recover(repo, scene)) == ("unrecovered", Recovered(landed=False, users=()))


def test_a_landing_in_a_linked_checkout_is_recovered_there(
    repo: Repository, scene: Scene, ends: dict[bool, State], tmp_path: Path
) -> None:
    scene.repository.checkout("other", new=True)
    linked = tmp_path / "linked"
    scene.repository.git("worktree", "add", "--quiet", str(linked), "main")
    die_landing(scene, "moved")
    assert (recover(repo, scene), state_of(scene.repository, linked)) == (
        Recovered(landed=True, users=()),
        ends[AFTER],
    )


def test_a_landing_that_never_began_is_not_landed(repo: Repository, scene: Scene) -> None:
    before = state_of(scene.repository)
    assert (recover(repo, scene), state_of(scene.repository)) == (Recovered(landed=False, users=()), before)
