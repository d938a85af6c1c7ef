"""`tick` and `advance` without Typer: they accept the same flags, and import no slow module."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from huskies_cli import app, fast
from huskies_cli.command import OwnCommand
from huskies_cli.commands import background, passes
from huskies_cli.commands.passes import Wait
from huskies_cli.main import main
from huskies_cli.output import Result, envelope
from huskies_cli.session import Session
from huskies_core.operations.common_arguments import DryRun, RunArgument
from huskies_core.operations.operation import Command

Call = tuple[str, str, bool, bool, tuple[object, ...]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the files of a project that the fast path reads, with no pass due, and change into it."""
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (root / ".huskies").mkdir()
    (root / ".huskies/state.db").touch()
    monkeypatch.chdir(root)
    for name in ("HUSKIES_PROJECT", "HUSKIES_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    set_due(monkeypatch, due=False)
    return root


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Return the calls of the full commands: command, project, json, quiet and their own arguments."""
    recorded: list[Call] = []

    def note(session: Session, *own: object) -> Result:
        recorded.append((session.command, session.project, session.json, session.quiet, own))
        return Result()

    def tick(session: Session, *, dry_run: DryRun = False, wait: Wait = None) -> Result:
        return note(session, dry_run, wait)

    def advance(session: Session, run: RunArgument) -> Result:
        return note(session, run)

    monkeypatch.setattr(passes, "tick", OwnCommand(Command("tick"), tick))
    monkeypatch.setattr(background, "advance", OwnCommand(Command("advance"), advance))
    install(monkeypatch, "huskies_cli.reports", advance_run=note)
    return recorded


def install(monkeypatch: pytest.MonkeyPatch, name: str, **content: object) -> None:
    module = ModuleType(name)
    module.__dict__.update(content)
    monkeypatch.setitem(sys.modules, name, module)


def set_due(monkeypatch: pytest.MonkeyPatch, *, due: bool) -> None:
    install(monkeypatch, "huskies_core.passes")
    install(monkeypatch, "huskies_core.passes.due", is_due=lambda _state: due)


@pytest.mark.parametrize(
    ("arguments", "plain"),
    [
        (["tick"], True),
        (["--json", "tick"], True),
        (["tick", "--json", "--dry-run", "--quiet"], True),
        (["--quiet", "tick", "--wait", "5", "--dry-run"], True),
        (["tick", "--wait=5"], True),
        (["--project", ".", "tick"], True),
        (["tick", "--project=."], True),
        (["--project", "..", "tick", "--project", "."], True),
        (["tick", "--wait", "0.5"], False),
        (["tick", "--project", "nowhere"], False),
        (["tick", "--", "--json"], False),
        (["tick", "--json=1"], False),
        (["--dry-run", "tick"], False),
        (["--wait", "5", "tick"], False),
        (["tick", "--wait"], False),
        (["tick", "--wait", "-1"], False),
        (["tick", "--wait", "soon"], False),
        (["tick", "--project"], False),
        (["tick", "--bogus"], False),
        (["tick", "12"], False),
        (["tick", ""], False),
        (["tick", "-h"], False),
        (["-h", "tick"], False),
        (["list", "tick"], False),
        (["--project", "tick", "list"], False),
        ([], False),
    ],
)
@pytest.mark.usefixtures("project")
def test_typer_accepts_what_the_fast_path_accepts(
    calls: list[Call], capsys: pytest.CaptureFixture[str], arguments: list[str], *, plain: bool
) -> None:
    answered = fast.tick(arguments)
    documents = capsys.readouterr().out.splitlines()
    assert answered == (0 if plain else None)
    if plain:
        assert app.run(arguments, Session()) == 0
        assert [call[:1] + call[2:3] for call in calls] == [("tick", bool(documents))]


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (["advance", "7"], ("advance", "", False, False, (7,))),
        (["--json", "advance", "7"], ("advance", "", True, False, (7,))),
        (["advance", "--quiet", "--project", "x", "7"], ("advance", "x", False, True, (7,))),
    ],
)
def test_advance_parses_the_same_with_and_without_typer(
    calls: list[Call], arguments: list[str], call: Call
) -> None:
    codes = fast.advance(arguments, Session()), app.run(arguments, Session())
    assert (codes, calls) == ((0, 0), [call, call])


@pytest.mark.parametrize(
    "arguments",
    [
        ["advance"],
        ["advance", "x"],
        ["advance", "-1"],
        ["advance", "1", "2"],
        ["advance", "1", "--dry-run"],
        ["advance", "0x1"],
    ],
)
def test_typer_refuses_unusual_arguments_of_advance(
    calls: list[Call], capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert (fast.advance(arguments, Session()), main(arguments), calls) == (None, 2, [])
    assert capsys.readouterr().err != ""


@pytest.mark.usefixtures("project")
def test_an_idle_tick_prints_nothing_or_with_json_the_envelope(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"pass": "tick", "already_running": False, "actions": []}
    codes = main(["tick"]), main(["tick", "--json"])
    output = capsys.readouterr()
    assert (codes, output.err) == ((0, 0), "")
    assert json.loads(output.out) == envelope(Result(data=nothing), "tick")
    assert output.out.count("\n") == 1


@pytest.mark.usefixtures("project")
def test_a_tick_with_a_due_pass_runs_the_full_command(
    calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_due(monkeypatch, due=True)
    assert (main(["tick", "--json"]), calls) == (0, [("tick", "", True, False, (False, None))])


def test_a_project_is_found_from_subfolders_by_name_and_through_a_link(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = project / "a/b"
    below.mkdir(parents=True)
    link = project.parent / "link"
    link.symlink_to(below)
    codes = []
    for directory in (below, link):
        monkeypatch.chdir(directory)
        codes.append(fast.tick(["tick"]))
    monkeypatch.chdir(project.parent)
    codes.append(fast.tick(["tick", "--project", "link"]))
    monkeypatch.setenv("HUSKIES_PROJECT", str(below))
    codes.append(fast.tick(["tick"]))
    assert codes == [0, 0, 0, 0]


def test_other_directories_than_a_main_checkout_are_left_to_typer(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worktree, bare, fresh, linked = (project / name for name in ("worktree", "bare", "fresh", "linked"))
    worktree.mkdir()
    (worktree / ".git").write_text("gitdir: ../.git/worktrees/worktree\n")
    (bare / "objects").mkdir(parents=True)
    (bare / "HEAD").touch()
    record = bare / "worktrees" / "linked"
    record.mkdir(parents=True)
    (record / "commondir").write_text("../..\n")
    linked.mkdir()
    (linked / ".git").write_text(f"gitdir: {record}\n")
    (fresh / ".git").mkdir(parents=True)
    (fresh / ".git" / "HEAD").touch()
    directories = [
        worktree,
        bare,
        linked,
        fresh,
        project.parent,
        project / "missing",
        project / ".huskies/state.db",
    ]
    answers = [fast.tick(["tick", "--project", str(path)]) for path in directories]
    monkeypatch.setenv("HUSKIES_RUN_ID", "3")
    assert [*answers, fast.tick(["tick"])] == [None] * 8


@pytest.mark.usefixtures("processes")
def test_a_reader_that_closes_its_end_is_no_error(project: Path) -> None:
    program = (
        "import sys; from types import ModuleType; due = ModuleType('due'); due.is_due = lambda state: False;"
        "sys.modules['huskies_core.passes'] = ModuleType('p'); sys.modules['huskies_core.passes.due'] = due;"
        "from huskies_cli.main import main; sys.exit(main(['tick', '--json']))"
    )
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, cwd=project, timeout=30
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.usefixtures("processes")
def test_the_fast_path_imports_no_slow_module() -> None:
    program = "import huskies_cli.main, huskies_cli.fast, sys; print(*sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {program}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout.split()
    ours = {name for name in modules if name.startswith("huskies")}
    slow = {"typing", "re", "json", "pathlib", "dataclasses", "contextlib", "enum", "typer"} & set(modules)
    assert (ours, slow) == (
        {"huskies_cli", "huskies_cli.main", "huskies_cli.fast", "huskies_cli.session", "huskies_cli.streams"},
        set(),
    )
