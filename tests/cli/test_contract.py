"""The contract of every command: the envelope and the exit codes of success, failure, wrong usage and a bug, the use
of the streams, and no control sequences from outside on a terminal."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from support.cli import HUSKIES, Finished
from support.command_table import leaves
from support.contract_calls import Calls, Out, function_of
from support.contract_examples import EXAMPLES
from support.contract_project import HOSTILE, ContractProject
from support.shapes import misfits
from support.terminal import Terminal

ENVELOPE = {
    "huskies_json": int, "command": str, "status": str, "exit_code": int, "data": {str: object},
    "errors": [{"code": str, "message": str, "hint": str, "subject": str}],
}  # fmt: skip
CONTROLS = re.compile(r"[^\n\t\x20-\x7e\xa0-\U0010ffff]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
OURS = re.compile(
    r"\x1b\[[0-9;]*m|\x1b\]8;(?:id=[0-9]+)?;(?:file:///[!-~]*)?\x1b\\|\x1b\[(?:2K|1A|\?25[hl])|\r"
)
"""Colours, links to files, the sequences of the progress bar, and the ends of lines."""
BOARD = re.compile(r"\x1b\[(?:\?(?:7|25|1049|2026)[hl]|[0-9;]*[HJK])")
"""The control sequences of the live board."""
END_OF_FRAME = "\x1b[?2026l"
ENTRIES = dict(leaves())
NAMES = list(ENTRIES)
WORKING = [name for name in NAMES if name in EXAMPLES and EXAMPLES[name].works]
FAILING = [name for name in NAMES if name in EXAMPLES and EXAMPLES[name].fails]
WITHOUT_ENVELOPE = {"mcp", "watch"}
"""Commands that stream a protocol, or a line for each event."""
BY_PROCESS = {"mcp", "status", "watch"}
"""Commands called in a process of their own: two that end at a signal or read a protocol, and one like all others."""
LOOKS = (
    "list --all", "show 6", "show 7", "explain 1", "explain 4", "explain 7", "history --all", "history 7", "logs 1 -f",
    "logs 7 --run 3", "run list --story 1", "timer list --all", "trigger list --all", "cost --by agent",
    "cost --by day", "tool call history {}", "config get gate", "agent prompt 1 --agent coder",
)  # fmt: skip
REFUSALS = (
    "", "show", "add", "list --stage", "list --label", "--project", "import", "config get", "config set max_coders",
    "agent test", "agent start 2 --agent", "tool call", "tool call show_story", "timer add --prompt x --at",
    "timer add --tool", "timer cancel", "trigger add --prompt x --to", "cost --since", "merged 7 --commit",
    "rescue restore 6 --time", "rescue restore 6 --to", "init --base-branch", "help", "completion", "edit",
)  # fmt: skip
STARTERS = BY_PROCESS | {"agent start", "agent stop", "agent test", "run kill"}
"""Commands with an example that starts a slow program."""
HOMELESS = {"HOME": None, "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None, "XDG_STATE_HOME": None}
NOWHERE = {**HOMELESS, "HOME": "/proc/nowhere", "TERM": "dumb", "NO_COLOR": "1"}


def cases(names: Iterable[str]) -> list[ParameterSet]:
    """Return the names as parameters, with a mark on commands that start a slow program."""
    return [pytest.param(name, marks=[pytest.mark.slow] if is_slow(name) else [], id=name) for name in names]


def is_slow(call: str) -> bool:
    return any(call == name or call.startswith(f"{name} ") for name in STARTERS)


@pytest.fixture(scope="session")
def contract_project(tmp_path_factory: pytest.TempPathFactory) -> ContractProject:
    return ContractProject(tmp_path_factory.mktemp("contract").resolve())


@pytest.fixture
def calls(contract_project: ContractProject, request: pytest.FixtureRequest) -> Iterator[Calls]:
    contract_project.put_back(to_change=False)
    yield Calls(contract_project, by_process=_first_word(request) in BY_PROCESS)
    contract_project.end()


def _first_word(request: pytest.FixtureRequest) -> str:
    """Return the command under test, from the test's parameter."""
    params = getattr(request.node, "callspec", None)
    return (
        ""
        if params is None
        else str(params.params.get("name", params.params.get("call", ""))).partition(" ")[0]
    )


def envelope(done: Finished, name: str, status: str, exit_code: int) -> dict[str, Any]:
    """Return the only document on stdout."""
    document = json.loads(done.stdout)
    assert misfits(document, ENVELOPE) == [], done
    result = [document[key] for key in ("huskies_json", "command", "status", "exit_code")]
    assert (result, done.exit_code, done.stdout.count("\n")) == (
        [1, name, status, exit_code],
        exit_code,
        1,
    ), done
    assert (CONTROLS.findall(done.stdout), done.stderr) == ([], "")
    return dict(document)


def code_of(document: dict[str, Any]) -> str:
    """Return the code of the first error."""
    return str(document["errors"][0]["code"])


def is_error(done: Finished, exit_code: int) -> bool:
    """Return whether stdout is empty, and stderr has facts, each with at most one hint below it."""
    lines = done.stderr.splitlines()
    heads = [line for line in lines if line.startswith("huskies: ")]
    hints = [line for line in lines if line.startswith("  ")]
    plain = not CONTROLS.findall(done.stderr) and "Traceback" not in done.stderr
    return (done.exit_code, done.stdout, bool(heads), len(heads) + len(hints), plain) == (
        exit_code, "", True, len(lines), True,
    )  # fmt: skip


def test_every_command_has_an_example() -> None:
    assert sorted(EXAMPLES) == sorted(NAMES)
    assert [name for name in NAMES if not (EXAMPLES[name].works or EXAMPLES[name].why)] == []


@pytest.mark.parametrize("name", cases(WORKING))
def test_it_succeeds_without_a_home(calls: Calls, name: str) -> None:
    done = calls.work(name, env=HOMELESS)
    shown = done.stderr if EXAMPLES[name].raw else done.stdout + done.stderr
    assert (done.exit_code, CONTROLS.findall(shown), "Traceback" in shown) == (0, [], False), done
    assert [line for line in done.stderr.splitlines() if line.startswith("huskies: ")] == []


@pytest.mark.parametrize("name", cases(name for name in WORKING if name not in WITHOUT_ENVELOPE))
def test_it_succeeds_with_json_in_a_missing_home(calls: Calls, name: str) -> None:
    example = EXAMPLES[name]
    calls.prepare(name)
    done = calls(*calls.words(example.works), "--json", env=NOWHERE)
    if example.homeless:
        assert code_of(envelope(done, name, "error", 1)) == example.homeless
        return
    document = envelope(done, name, "ok", 0)
    assert (misfits(document["data"], example.data), document["errors"]) == ([], [])


@pytest.mark.parametrize("name", cases(FAILING))
def test_a_failure_is_reported(calls: Calls, name: str) -> None:
    example = EXAMPLES[name]
    words = calls.words(example.fails)
    assert is_error(result := calls(*words), example.exit_code), result
    document = envelope(calls("--json", *words), name, "error", example.exit_code)
    assert (code_of(document), any(document["data"].values())) == (example.code, False)


@pytest.mark.parametrize("name", cases(NAMES))
def test_a_removed_current_directory_is_an_error(calls: Calls, name: str) -> None:
    example = EXAMPLES[name]
    words = calls.words(example.works or example.fails)
    done = calls("--json", *words, removed_cwd=True)
    if example.anywhere:
        assert (done.exit_code, done.stderr) == (0 if example.works else 1, "")
    else:
        assert code_of(envelope(done, name, "error", 4)) == "no_project"


@pytest.mark.parametrize("name", cases(NAMES))
def test_wrong_usage_is_exit_2(calls: Calls, name: str) -> None:
    done = calls(*name.split(), "--no-such-flag", "--json")
    assert code_of(envelope(done, name, "error", 2)) == "usage"


@pytest.mark.parametrize("name", cases(NAMES))
def test_a_bug_is_exit_3_and_a_report(calls: Calls, name: str) -> None:
    entry = ENTRIES[name]
    example = EXAMPLES[name]
    words = calls.words(example.works or example.fails)
    document = envelope(calls(*words, "--json", broken=function_of(name, entry)), name, "error", 3)
    (error,) = document["errors"]
    assert (error["code"], "RuntimeError: broken from outside" in error["message"]) == ("bug", True)
    report = Path(error["subject"])
    assert (report.parent, "Traceback" in report.read_text()) == (calls.project.root / ".huskies/crash", True)


@pytest.mark.parametrize("name", cases(WORKING))
def test_a_closed_or_unread_stdout_changes_nothing(calls: Calls, name: str) -> None:
    closed = calls.work(name, "--quiet", out=Out.CLOSED)
    unread = calls.work(name, "--quiet", out=Out.UNREAD)
    assert [call.outcome for call in (closed, unread)] == [(0, "", "")] * 2


@pytest.mark.parametrize("name", cases(name for name in NAMES if name != "mcp"))
def test_a_terminal_gets_no_control_sequences_from_outside(calls: Calls, name: str) -> None:
    example = EXAMPLES[name]
    calls.prepare(name)
    shown = calls.on_a_terminal(*calls.words(example.works or example.fails))
    text = OURS.sub("", shown)
    assert (CONTROLS.findall(text), "Traceback" in text) == ([], False), text


@pytest.mark.parametrize("call", cases([*LOOKS, *(f"{words} HOSTILE" for words in REFUSALS)]))
def test_neither_details_nor_errors_act_on_a_terminal(calls: Calls, call: str) -> None:
    words = [HOSTILE if word == "HOSTILE" else word for word in call.split()]
    shown = OURS.sub("", calls.on_a_terminal(*words))
    assert (CONTROLS.findall(shown), "Traceback" in shown, "this is a bug" in shown) == ([], False, False)


@pytest.mark.usefixtures("processes")
def test_only_the_live_board_moves_the_cursor(calls: Calls) -> None:
    with Terminal([str(HUSKIES), "watch"], calls.project.root, calls.project.env) as terminal:
        shown = terminal.read_until(END_OF_FRAME)
        terminal.type("q")
        shown += terminal.read_to_end()
    text = BOARD.sub("", OURS.sub("", shown))
    assert (CONTROLS.findall(text), "Story 2" in text) == ([], True), text


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("call", ["add Title -c works --body -", "tool call list_stories -"])
def test_a_stdin_that_is_closed_is_empty(calls: Calls, call: str) -> None:
    calls.project.put_back()
    env = os.environ | calls.project.env
    done = calls.process(*call.split(), "--json", env=env, cwd=calls.project.root, before="exec <&-;")
    assert (done.exit_code, done.stderr) == (0 if "add" in call else 2, ""), done
