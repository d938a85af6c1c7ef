"""Unusual but valid texts, locations of projects, and working directories."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from huskies_core.store.stories import Criterion
from support.cli import run_huskies
from support.commands import Commands
from support.git_repository import GitRepository
from system.facts import NOTHING, no_leftovers
from system.project import STORY, Pipeline

pytestmark = pytest.mark.system

PLACES = (
    "two words, 'some' \"quotes\"",
    "100%20 %s {x}",
    "what?#top",
    "-leading",
    "naïve-日本-🐕",
    "back\\slash $HOME `id` ; true",
    "two\nlines",
)
ESCAPES = "\x1b]0;title\x07\x1b[31mred\x1b[0m \x9b31m\ttab \u202eturned\u202c"
MakeAt = Callable[[Path], Pipeline]
TEXTS = (
    "x" * 10_240,
    "../../../etc/passwd",
    "🐕‍🦺 é e\u0301 \u3000",
    "--all\n-c nothing\n---\nname: no front matter\n---\n",
    "{{worktree_path}} {{nothing}} $HOME `id` %s",
    "\n\n  indented\n\n",
    "windows\r\nlines\r\n",
    ESCAPES,
)


@pytest.fixture
def make_pipeline_at(tmp_path: Path) -> Iterator[MakeAt]:
    """Return a function that makes a project in a folder; its runs end with the test."""
    made: list[Pipeline] = []

    def make(root: Path) -> Pipeline:
        settings = "[watcher]\nreconcile_interval_secs = 1"
        made.append(Pipeline(GitRepository(root), tmp_path.resolve() / "scripts", settings=settings))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.stop()


@pytest.fixture
def huskies(
    repository: GitRepository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Commands:
    commands = Commands(repository.root, capsys, monkeypatch)
    assert commands("init").exit_code == 0
    return commands


@pytest.mark.parametrize(
    "title", ["-x", "--json", "--", "-c", "../up", "🐕", "%s {x} $HOME", "x" * 200, "#7", "'"]
)
def test_any_line_of_text_is_a_valid_title(huskies: Commands, title: str) -> None:
    assert huskies("add", "-c", "c", "--", title).exit_code == 0
    assert huskies("update", "1", "--check", "1", f"--title={title}").exit_code == 0
    assert huskies("--json", "show", "1").data["title"] == title
    assert [story["title"] for story in huskies("--json", "list").data["stories"]] == [title]


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_a_valid_body_and_is_kept_to_the_byte(
    huskies: Commands, tmp_path: Path, text: str
) -> None:
    body = tmp_path / "body.md"
    body.write_bytes(text.encode())
    assert huskies("add", "one", "-c", text.strip() or "c", "--body", body).exit_code == 0
    assert huskies("add", "two", "-c", "c", "--body", "-", stdin=text.encode()).exit_code == 0
    assert [huskies("--json", "show", number).data["description"] for number in ("1", "2")] == [text, text]


def test_escapes_are_kept_in_the_store_and_do_not_reach_a_terminal(huskies: Commands) -> None:
    assert (
        huskies("add", "one", "-c", ESCAPES, "--label", "l", "--body", "-", stdin=ESCAPES.encode()).exit_code
        == 0
    )
    assert huskies("block", "1", "--reason", ESCAPES).exit_code == 0
    kept = huskies("--json", "show", "1").data
    assert (kept["description"], kept["criteria"][0]["text"], kept["payload"]["reason"]) == (ESCAPES,) * 3
    for command in ("show 1", "list", "status", "explain 1", "history 1", "history --all"):
        output = huskies(*command.split())
        shown = output.stdout + output.stderr
        assert (output.exit_code, [mark for mark in "\x1b\x07\x9b\u202e" if mark in shown]) == (0, []), (
            command
        )


def test_the_text_of_a_story_is_not_expanded(make_pipeline_at: MakeAt, tmp_path: Path) -> None:
    pipeline = make_pipeline_at(tmp_path.resolve() / "repository")
    prompt = pipeline.scripts / "prompt"
    hostile = "{{root}} {{nothing}} $HOME $(touch stolen) `touch stolen` \x1b[31m"
    draft = replace(STORY, title="-x; touch stolen", description=hostile, criteria=(Criterion(hostile),))
    steps = (f"run=cp $HUSKIES_PROMPT_FILE {prompt}", "write=work.txt:done", "commit=work")
    story = pipeline.add(steps, draft=draft)
    finish(pipeline, story)
    output = prompt.read_text()
    assert ("{{root}} {{nothing}} $HOME $(touch stolen) `touch stolen`" in output, draft.title in output) == (
        True,
        True,
    )
    subject = pipeline.repository.subjects("main")[0]
    assert (subject, list(pipeline.root.rglob("stolen"))) == (f"huskies: merge 1 story {draft.title}", [])


def finish(pipeline: Pipeline, story: int) -> None:
    assert pipeline.huskies("auto-assign").exit_code == 0
    pipeline.wait_for(story)
    pipeline.wait_until_idle()


@pytest.mark.parametrize("name", PLACES)
def test_a_project_works_at_any_path(make_pipeline_at: MakeAt, tmp_path: Path, name: str) -> None:
    """The test covers all steps from `init` to the removal of the last worktree, with a rescue."""
    pipeline = make_pipeline_at(tmp_path.resolve() / name / name)
    story = pipeline.add()
    finish(pipeline, story)
    abandoned = pipeline.add(("write=kept.txt:kept", "commit=work", "hang=60"))
    with pipeline.ticking():
        pipeline.wait_until((pipeline.project.worktree(abandoned) / "kept.txt").exists, what="work")
        assert pipeline.huskies("abandon", str(abandoned), "--reason", "no more").exit_code == 0
        pipeline.wait_until(lambda: not remaining_in(pipeline), what="the removal of its worktree")
        pipeline.wait_until_idle()
    assert [rescue["story"] for rescue in pipeline.huskies("rescue", "list", "--json").data["rescues"]] == [
        abandoned
    ]
    assert (pipeline.repository.files("main")[-1], pipeline.repository.status()) == (f"story-{story}.txt", [])
    for command in (
        "status",
        "explain 1",
        "logs 1 --run 1",
        "history",
        "worktree list",
        "run list",
        "config check",
    ):
        assert pipeline.huskies(*command.split(), "--json").exit_code == 0, command


def remaining_in(pipeline: Pipeline) -> list[str]:
    """Return the worktree folders and branches of stories. Paths in the list of git can contain line breaks."""
    made = [path.name for path in pipeline.project.worktrees_dir.glob("[!.]*")]
    return [*made, *pipeline.repository.git("branch", "--list", "feature/*").split()]


def test_each_directory_of_a_project_finds_the_same_project(make_pipeline_at: MakeAt, tmp_path: Path) -> None:
    """The directories are a subfolder, the worktree of a story, a subfolder of it, the merge workspace, and a link."""
    pipeline = make_pipeline_at(tmp_path.resolve() / "repository")
    story = pipeline.add(("write=work.txt:done", "commit=work"), ("write=work.txt:done", "commit=work"))
    link, below = tmp_path / "link", pipeline.root / "some/folder"
    link.symlink_to(pipeline.root)
    below.mkdir(parents=True)
    assert pipeline.huskies("worktrees").exit_code == 0
    worktree = pipeline.project.worktree(story)
    (worktree / "deep").mkdir()
    linked_worktree = tmp_path / "linked-worktree"
    linked_worktree.symlink_to(worktree)
    directories = [
        below,
        link,
        link / "some/folder",
        worktree,
        worktree / "deep",
        linked_worktree,
        pipeline.project.state_dir,
    ]
    expected = run_huskies("list", "--json", cwd=pipeline.root).stdout
    for directory in directories:
        assert run_huskies("list", "--json", cwd=directory).stdout == expected, directory
        assert run_huskies("list", "--json", "--project", directory, cwd=tmp_path).stdout == expected, (
            directory
        )
    assert run_huskies("add", "from a worktree", "-c", "c", "--json", cwd=worktree).data["id"] == 2
    assert run_huskies("auto-assign", cwd=linked_worktree).exit_code == 0
    pipeline.wait_for(story)
    assert (no_leftovers(pipeline), pipeline.repository.files("main")[-1]) == (NOTHING, "work.txt")
