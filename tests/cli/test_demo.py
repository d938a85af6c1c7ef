"""The parts of the demo, and demos that stall, fail or are slow."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from huskies_cli.demo import agents, run_demo
from huskies_cli.demo.agents import GATE_HEADING, QA_HEADING, complaint, keep_both, read_prompt
from huskies_cli.demo.checks import check_all, read_record
from huskies_cli.demo.fixture import PLANNED, add_stories, demo_environment, make_project, own_environment
from huskies_cli.demo.narrator import fitted
from huskies_cli.main import main
from huskies_cli.project_context import open_context
from huskies_core.runs import prompts
from support.git_repository import GitRepository

FIRST = """\
You are working on story 3.

# Work out the daily ration

## Acceptance Criteria

1. [ ] `daily_ration` is 40 g for each kg
2. [x] it is written down

Done means: all of it.
"""
Make = Callable[[Path], object]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: (path.mkdir(), (path / "file").touch()), "not_empty"),
        (lambda path: (path / ".git").mkdir(parents=True), "not_empty"),
        (lambda path: path.touch(), "not_a_directory"),
        (lambda path: path.symlink_to("nowhere"), "not_a_directory"),
    ],
)
def test_the_demo_needs_an_empty_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Make, code: str
) -> None:
    make(tmp_path / "place")
    before = sorted(tmp_path.rglob("*"))

    assert main(["demo", str(tmp_path / "place"), "--json"]) == 1

    assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == code
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("processes")
def test_a_demo_without_progress_stops_and_names_what_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agents are stopped by a git that waits: no event, no output."""
    monkeypatch.setattr(run_demo, "STALL_SECS", 3)
    slow_git(tmp_path / "bin", monkeypatch, 'case "$PWD" in */worktrees/*) sleep 60 ;; esac')
    environ = dict(os.environ)

    assert main(["demo", str(tmp_path / "place"), "--json"]) == 1

    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert {story["stage"] for story in document["data"]["stories"]} == {"frozen"}
    assert {error["code"] for error in document["errors"]} == {"promise_broken"}
    assert re.fullmatch(
        r"no event and no output for 3 seconds; running: coder-\d on #\d(, coder-\d on #\d)*"
        r" \(expected: it continues until no work remains\)",
        document["errors"][0]["message"],
    )
    assert printed.err.splitlines()[-2:] == ["Stopped. Frozen: #1, #2, #3, #4, #5, #6.", ""]
    assert dict(os.environ) == environ


@pytest.mark.usefixtures("processes")
def test_a_demo_that_fails_prints_its_failed_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_demo, "STALL_SECS", -1)

    assert main(["demo", str(tmp_path / "place"), "--quiet"]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("0 of 6 stories merged in ")
    failed = [line for line in lines if "FAIL" in line]
    assert failed[0].startswith("✗ FAIL: no event and no output for -1 seconds; running: ")
    assert (
        "✗ FAIL: #1 is in frozen (expected: all six stories are done, each as one commit on main)" in failed
    )


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("processes")
def test_a_slow_demo_reports_that_it_continues_and_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each git is slow, so that the demo takes longer than STALL_SECS."""
    monkeypatch.setattr(run_demo, "STALL_SECS", 20)
    monkeypatch.setattr(run_demo, "SLOW_SECS", 5)
    slow_git(tmp_path / "bin", monkeypatch, "sleep 0.1")

    assert main(["demo", str(tmp_path / "place")]) == 0

    printed = capsys.readouterr()
    slow = re.findall(
        r"^ +\d+\.\ds +this machine is slow; still running, \d of 6 merged$", printed.err, re.MULTILINE
    )
    seconds = re.match(r"6 of 6 stories merged in (\d+) seconds", printed.out)
    assert seconds is not None
    assert (int(seconds[1]) > 20, len(slow) >= 3) == (True, True)


def slow_git(folder: Path, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    """Put a git on PATH that runs `before` first."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(f'#!/bin/sh\n{before}\nexec "{shutil.which("git")}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("processes")
def test_no_promise_is_kept_before_the_first_run(tmp_path: Path) -> None:
    (tmp_path / ".huskies").mkdir()
    with own_environment(tmp_path):
        make_project(tmp_path)
        with open_context(tmp_path) as context:
            add_stories(context)
            problems = [check.problem for check in check_all(read_record(context))]

    assert problems == [
        "#1 is in coding",
        "#2 began before #1 was merged",
        "0 failed gates, 0 coder runs",
        "0 QA runs, 0 coder runs",
        "0 conflicts, 0 mergemaster runs, 0 resolved",
        "",
        "",
    ]


def test_the_demo_removes_the_variables_of_git_and_huskies() -> None:
    environ = {"PATH": "/bin", "GIT_DIR": "x", "GIT_AUTHOR_NAME": "", "HUSKIES_RUN_ID": "1", "EMAIL": "x"}

    assert demo_environment(environ, Path("/demo")) == {
        "PATH": "/bin",
        "GIT_CONFIG_GLOBAL": "/demo/.huskies/demo.gitconfig",
        "GIT_CONFIG_SYSTEM": os.devnull,
    }


def test_each_story_has_a_patch() -> None:
    named = {f"{planned.title.lower().replace(' ', '-')}.patch" for planned in PLANNED}

    assert {path.name for path in agents.PATCHES.iterdir()} == named


@pytest.mark.usefixtures("processes")
def test_an_agent_of_the_demo_names_a_story_that_it_does_not_know() -> None:
    command = [sys.executable, "-m", "huskies_cli.demo.agents", "coder"]
    done = subprocess.run(command, input="# Sing\n", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "the agents of the demo know its six stories only\n")


def test_the_first_prompt_of_a_story_has_no_feedback() -> None:
    prompt = read_prompt(FIRST)

    assert (prompt.title, prompt.criteria) == (
        "Work out the daily ration",
        ("`daily_ration` is 40 g for each kg", "it is written down"),
    )
    assert (prompt.gate_output, prompt.qa_notes) == ("", "")
    assert agents.choose(prompt) is agents.write_code


def test_the_feedback_in_a_prompt_decides_what_the_coder_does() -> None:
    notes = f"\n## {QA_HEADING}\n\n<qa_notes>\nnotes\n</qa_notes>\n"
    output = f"\n## {GATE_HEADING}\n\n<gate_output>\nit failed\nhere\n</gate_output>\n"
    prompt = read_prompt(FIRST + output + notes)

    assert (prompt.gate_output, prompt.qa_notes) == ("it failed\nhere", "notes")
    assert agents.choose(prompt) is agents.write_docstring
    assert agents.choose(read_prompt(FIRST + notes)) is agents.extend_file


def test_the_parser_uses_the_headings_of_the_prompts() -> None:
    known = {"gate_output": GATE_HEADING, "qa_notes": QA_HEADING}

    assert known.items() <= prompts._HEADINGS.items()


def test_a_mergemaster_keeps_both_sides_of_each_conflict() -> None:
    text = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> main\nd\n<<<<<<< HEAD\n=======\ne\n>>>>>>> main\n"

    assert keep_both(text) == "a\nb\nc\nd\ne\n"


def test_qa_searches_the_file_that_a_criterion_names(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.root)
    repository.checkout("work", new=True)
    repository.commit_file("lead.py", "def lead_dog(): ...\n")

    assert complaint("`lead_dog` gives a dog", "main") == ""
    assert complaint("`README` names `lead_dog`", "main") == "`lead_dog` is not in `README`"
    assert complaint("`tail_dog` gives a dog", "main") == "`tail_dog` is not in the change"


def test_a_wrapped_line_is_indented_to_its_text() -> None:
    lines = fitted("  1.0s  #4  ", "word " * 20)

    assert [len(line) <= 80 for line in lines] == [True, True]
    assert lines[1] == " " * 12 + "word word word word word word word"
