"""`huskies __complete`, which shells run when TAB is pressed: it is fast, and prints no errors."""

import subprocess
import sys
from pathlib import Path
from zoneinfo import available_timezones

import pytest

from huskies_core.completion_words import zone_names
from support.cli import HUSKIES
from support.commands import Commands
from support.git_repository import GitRepository

AGENTS = """
[[agent]]
name = "coder-1"
stage = "coder"
runtime = "codex"
[[agent]]
name = "$(touch x)"
[[agent]]
model = "nameless"
"""


@pytest.fixture
def stories(huskies: Commands) -> Commands:
    for title in ("One", "Two"):
        assert huskies("add", title, "-c", "it works").exit_code == 0
    return huskies


ALL = (0, "2\tTwo (backlog)\n1\tOne (backlog)\n", "")
NONE = (0, "", "")


def test_stories_are_offered_in_each_directory_of_the_project(
    stories: Commands, repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below, worktree = repository.root / "a/b", tmp_path / "linked"
    below.mkdir(parents=True)
    repository.git("worktree", "add", "--quiet", "--detach", str(worktree))
    ask = ("__complete", "stories", "")
    outcomes = []
    for directory in (below, worktree, worktree / "c"):
        directory.mkdir(exist_ok=True)
        monkeypatch.chdir(directory)
        outcomes.append(stories(*ask).outcome)
    monkeypatch.chdir(tmp_path)
    outside = stories(*ask).outcome
    named = (["--project", str(below)], [f"--project={below}"], ["--project", "=", str(below), "show"])
    outcomes.extend(stories(*ask, *typed).outcome for typed in named)
    monkeypatch.setenv("HUSKIES_PROJECT", str(worktree))
    outcomes.append(stories(*ask).outcome)
    assert (outside, outcomes) == (NONE, [ALL] * 7)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("x" * 200, f"{'x' * 59}…"),
        ("界" * 200, f"{'界' * 29}…"),
        ("界" * 24, f"{'界' * 24} (backlog)"),
        ("é" * 200, f"{'é' * 59}…"),
    ],
)
def test_a_long_title_is_cut_to_sixty_columns_in_any_script(
    huskies: Commands, title: str, shown: str
) -> None:
    assert huskies("add", title, "-c", "it works").exit_code == 0
    assert huskies("__complete", "stories", "").outcome == (0, f"1\t{shown}\n", "")


def test_only_candidates_that_begin_like_the_word_are_offered(stories: Commands) -> None:
    ask = [("stories", "2"), ("stories", "--depends-on=2"), ("stories", "x"), ("stories",), ()]
    outputs = [stories("__complete", *words).stdout for words in ask]
    assert outputs == ["2\tTwo (backlog)\n", "2\tTwo (backlog)\n", "", "", ""]


def test_agents_are_offered_unless_their_name_needs_quotes(
    stories: Commands, repository: GitRepository
) -> None:
    file = repository.root / ".huskies/agents.toml"
    file.write_text(AGENTS)
    outcome = stories("__complete", "agents", "").outcome
    broken = []
    for text in (b"[[agent", b"agent = 1", b"\xff", b"agent = [1]"):
        file.write_bytes(text)
        broken.append(stories("__complete", "agents", "").outcome)
    assert (outcome, broken) == ((0, "coder-1\tcoder, codex\n", ""), [NONE] * 4)


def test_help_offers_pages_and_after_a_group_its_commands(outside: Commands) -> None:
    asked = [
        ("pipe", "help"),
        ("st", "help", "--quiet", "agent"),
        ("", "help", "list"),
        ("", "help", "agent", "start"),
    ]
    outputs = [outside("__complete", "pages", *words).stdout for words in asked]
    assert outputs == [
        "pipeline\tThe stages and events.\n",
        "start\tStart an agent on a story.\nstop\tEnd a story's run and freeze the story.\n",
        "",
        "",
    ]


def test_time_zones_are_offered_without_a_project(outside: Commands) -> None:
    outputs = [
        outside("__complete", "zones", word).stdout for word in ("Europe/Lon", "--tz=Etc/GMT+1", "Nowhere")
    ]
    assert outputs == ["Europe/London\t\n", "Etc/GMT+1\t\nEtc/GMT+10\t\nEtc/GMT+11\t\nEtc/GMT+12\t\n", ""]


def test_each_offered_zone_exists() -> None:
    names = zone_names()
    assert (len(names) > 300, set(names) <= available_timezones()) == (True, True)


def test_rescues_and_the_times_of_a_typed_story_are_offered(
    stories: Commands, repository: GitRepository
) -> None:
    for name in ("1/20260301T12Z", "2/20260302T12Z", "1/20260303T12Z"):
        repository.git("update-ref", f"refs/huskies/rescue/{name}", "HEAD")
    typed = ("rescue", "restore", "#1", "--time")
    outputs = [
        stories("__complete", *words).stdout.splitlines()
        for words in (("rescues", ""), ("rescues", "2"), ("rescue-times", "", *typed), ("rescue-times", ""))
    ]
    assert outputs == [
        ["1\trescued 20260303T12Z", "2\trescued 20260302T12Z"],
        ["2\trescued 20260302T12Z"],
        ["20260303T12Z\t", "20260301T12Z\t"],
        [],
    ]


def test_a_damaged_store_or_pointer_is_no_error(
    stories: Commands, repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository.root / ".huskies/state.db").write_bytes(b"broken" * 1000)
    broken = [stories("__complete", "stories", "").outcome]
    for name, text in (("empty", b""), ("bytes", b"gitdir: \xff\x00\n"), ("nowhere", b"gitdir: /nowhere\n")):
        directory = tmp_path / name
        directory.mkdir()
        (directory / ".git").write_bytes(text)
        monkeypatch.chdir(directory)
        broken.append(stories("__complete", "stories", "").outcome)
    removed = tmp_path / "gone"
    removed.mkdir()
    monkeypatch.chdir(removed)
    removed.rmdir()
    assert [*broken, stories("__complete", "stories", "").outcome] == [NONE] * 5


@pytest.mark.usefixtures("processes")
@pytest.mark.usefixtures("stories")
def test_a_completion_imports_no_slow_module(repository: GitRepository) -> None:
    program = (
        "import sys; from huskies_cli.main import main; main(['__complete', 'stories', '']);"
        "main(['__complete', 'labels', '']); main(['__complete', 'runs', '']);"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    process = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {program}"],
        cwd=repository.root,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    slow = {
        "typing",
        "re",
        "json",
        "pathlib",
        "dataclasses",
        "contextlib",
        "enum",
        "typer",
        "filelock",
        "git",
    }
    assert (process.stdout, slow & set(process.stderr.split())) == (ALL[1], set())


def test_a_reader_that_closes_its_end_is_no_error(stories: Commands, repository: GitRepository) -> None:
    assert stories("status").exit_code == 0
    line = f"'{HUSKIES}' __complete stories '' | true"
    done = subprocess.run(["sh", "-c", line], cwd=repository.root, capture_output=True, timeout=30)
    assert (done.stdout, done.stderr) == (b"", b"")
