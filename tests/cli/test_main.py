"""The entry point: arguments, errors and exit codes. The tests replace the command `add`."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import pytest

from huskies_cli.command import OwnCommand
from huskies_cli.commands.passes import Wait
from huskies_cli.main import main
from huskies_cli.output import Result, Stream
from huskies_cli.session import Session
from huskies_core.argument import Argument, parse_story_id
from huskies_core.errors import HuskiesError, LockBusy, NoProject
from huskies_core.operations import stories
from huskies_core.operations.operation import Command
from support.cli import HUSKIES

StoryIds = Annotated[tuple[int, ...], Argument("", metavar="ID...", positional=True, parse=parse_story_id)]
Install = Callable[[Callable[..., object]], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a function where the index finds the command `add`."""

    def put(function: Callable[..., Any]) -> None:
        monkeypatch.setattr(stories, "create_story", OwnCommand(Command("add"), function))

    return put


def add(
    session: Session,
    title: Annotated[str, Argument("", positional=True)],
    body: Annotated[str, Argument("")] = "",
    label: Annotated[tuple[str, ...] | None, Argument("")] = None,
) -> Result:
    values = [title, body, label, session.project, session.quiet]
    return Result(data={"values": values}, text=repr(values), messages=("a message",))


def raising(error: BaseException) -> Callable[[Session], Result]:
    def command(_: Session) -> Result:
        raise error

    return command


def run_python(program: str, *, stdout: int, tmp_path: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", program], stdout=stdout, stderr=subprocess.PIPE, cwd=tmp_path, timeout=30
    )


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        (["add", "T"], ["T", "", None, "", False]),
        (["--project", "P", "--quiet", "add", "T"], ["T", "", None, "P", True]),
        (["add", "T", "--quiet", "--project=P"], ["T", "", None, "P", True]),
        (["--project", "P", "add", "--project", "Q", "T"], ["T", "", None, "Q", False]),
        (["add", "--", "--json"], ["--json", "", None, "", False]),
        (["add", "--body", "--json", "T"], ["T", "--json", None, "", False]),
        (["add", "--body", "--project", "T"], ["T", "--project", None, "", False]),
        (["add", "--body=", "--label", "a", "T", "--label", "-1"], ["T", "", ("a", "-1"), "", False]),
        (["add", ""], ["", "", None, "", False]),
    ],
)
def test_global_flags_are_read_before_and_after_the_command_but_not_as_values(
    install: Install, capsys: pytest.CaptureFixture[str], arguments: list[str], values: list[object]
) -> None:
    install(add)
    code = main(arguments)
    message = "" if values[-1] else "a message\n"
    assert (code, *capsys.readouterr()) == (0, f"{values!r}\n", message)


@pytest.mark.parametrize(
    "arguments", [["--json", "add", "T"], ["add", "T", "--json"], ["add", "--json", "T"]]
)
def test_json_prints_one_document_at_any_position_of_the_flag(
    install: Install, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    install(add)
    code = main(arguments)
    document = json.loads(capsys.readouterr().out)
    assert (code, document) == (
        0,
        {
            "huskies_json": 1,
            "command": "add",
            "status": "ok",
            "exit_code": 0,
            "data": {"values": ["T", "", None, "", False]},
            "errors": [],
        },
    )


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["lst"], "no command 'lst'", "Did you mean list?"),
        (["xyzzy"], "no command 'xyzzy'", "See 'huskies -h'."),
        (["agent", "strt"], "no command 'strt'", "Did you mean start?"),
        (["add", "T", "--lable", "x"], "no such option: --lable", "Did you mean --label?"),
        (["add", "T", "-x"], "no such option: -x", "See 'huskies add -h'."),
        (["add"], "missing argument 'title'", "See 'huskies add -h'."),
        (["add", "T", "--body"], "option '--body' requires an argument", "See 'huskies add -h'."),
        (["add", "T", "U"], "got unexpected extra argument(s) (U)", "See 'huskies add -h'."),
        (["--project"], "option '--project' requires an argument", "See 'huskies -h'."),
    ],
)
def test_wrong_usage_is_one_line_a_hint_and_exit_2(
    install: Install, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str, hint: str
) -> None:
    install(add)
    result = main(arguments), *capsys.readouterr()
    code = main(["--json", *arguments])
    error = json.loads(capsys.readouterr().out)["errors"]
    assert result == (2, "", f"huskies: {message}\n  {hint}\n")
    assert (code, error) == (2, [{"code": "usage", "message": message, "hint": hint, "subject": ""}])


def test_a_value_that_does_not_parse_names_its_field(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(_: Session, ids: StoryIds, wait: Wait = None) -> Result:
        return Result(text=repr((ids, wait)))

    install(command)
    results = [
        (main(arguments), *capsys.readouterr())
        for arguments in (["add", "#12", "7"], ["add", "1", "x"], ["add", "1", "--wait", "soon"])
    ]
    hint = "  See 'huskies add -h'.\n"
    assert results == [
        (0, "((12, 7), None)\n", ""),
        (2, "", f"huskies: invalid value for 'ID...': 'x' is not a story's id (a number such as 12)\n{hint}"),
        (2, "", f"huskies: invalid value for '--wait': 'soon' is not a number of seconds\n{hint}"),
    ]


@pytest.mark.parametrize(
    ("error", "code", "word", "message"),
    [
        (HuskiesError("no story 12", code="not_found"), 1, "not_found", "no story 12"),
        (NoProject("no project in /x"), 4, "no_project", "no project in /x"),
        (LockBusy("busy", hint=""), 75, "busy", "busy"),
        (OSError(errno.ENOSPC, "x", "/a"), 1, "disk_full", "the disk is full: /a"),
        (OSError(errno.EROFS, "x"), 1, "read_only", "the file system is read-only"),
        (PermissionError(errno.EACCES, "x", b"/b"), 1, "permission_denied", "permission denied: /b"),
        (OSError(errno.ENAMETOOLONG, "x", "/a"), 1, "unusable_path", "the path is too long: /a"),
        (OSError(errno.ELOOP, "x", "/a"), 1, "unusable_path", "symbolic links of the path form a loop: /a"),
        (KeyboardInterrupt(), 130, "interrupted", "interrupted"),
    ],
)
def test_known_errors_have_their_own_exit_codes(
    install: Install,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    word: str,
    message: str,
) -> None:
    install(raising(error))
    plain = main(["add"]), capsys.readouterr().err.splitlines()[0]
    as_json = main(["add", "--json"]), json.loads(capsys.readouterr().out)
    (item,) = as_json[1]["errors"]
    assert plain == (code, f"huskies: {message}")
    assert (as_json[0], as_json[1]["exit_code"], as_json[1]["command"]) == (code, code, "add")
    assert (item["code"], item["message"]) == (word, message)


SENT = "'huskies doctor --bundle FILE' makes an archive that you can send."


def test_a_bug_is_one_line_and_a_report_without_the_environment(
    install: Install, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").touch()
    (tmp_path / ".huskies").mkdir()
    (tmp_path / ".huskies/state.db").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("A_SECRET", "hunter2")
    install(raising(KeyError("x\ny")))
    code = main(["add"])
    (report,) = (tmp_path / ".huskies/crash").iterdir()
    text = report.read_text()
    assert (code, *capsys.readouterr()) == (
        3,
        "",
        f"huskies: this is a bug: KeyError: 'x\\ny'\n  The report is {report}; {SENT}\n",
    )
    assert report.stat().st_mode & 0o777 == 0o600
    assert ("arguments: ['add']" in text, "Traceback" in text, "typer " in text, "hunter2" in text) == (
        True, True, True, False,
    )  # fmt: skip


def test_without_a_project_the_report_goes_to_the_temporary_folder(
    install: Install, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    install(raising(ValueError("x")))
    code = main(["add", "--json"])
    (report,) = tmp_path.iterdir()
    error = json.loads(capsys.readouterr().out)["errors"][0]
    assert (code, error["code"], error["subject"]) == (3, "bug", str(report))


def test_a_stream_prints_one_line_for_each_object_and_its_errors_to_stderr(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    def objects(_: Session) -> Stream:
        def some() -> "list[dict[str, object]]":
            return [{"seq": 1}, {"seq": 2}]

        return Stream(some(), lambda item: f"{item['seq']}.")

    install(objects)
    results = (main(["add"]), *capsys.readouterr()), (main(["add", "--json"]), *capsys.readouterr())
    assert results == ((0, "1.\n2.\n", ""), (0, '{"seq": 1}\n{"seq": 2}\n', ""))


def test_variables_that_bind_git_to_a_repository_do_not_reach_a_command(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere/.git")
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -x")
    install(lambda _: Result(text=f"{os.environ.get('GIT_DIR')} {os.environ.get('GIT_SSH_COMMAND')}"))
    assert (main(["add"]), capsys.readouterr().out) == (0, "None ssh -x\n")


def test_help_is_printed_for_the_program_each_group_and_no_arguments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pages = [
        (main(arguments), capsys.readouterr()) for arguments in ([], ["-h"], ["agent"], ["agent", "--help"])
    ]
    assert [code for code, _ in pages] == [0, 0, 0, 0]
    assert [output.err for _, output in pages] == ["", "", "", ""]
    assert pages[0] == pages[1]
    assert pages[2] == pages[3]
    assert ("auto-assign" in pages[0][1].out, "advance" in pages[0][1].out) == (True, False)


def test_the_version_is_that_of_the_installed_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert (main(["--version"]), *capsys.readouterr()) == (0, f"huskies {version('huskies')}\n", "")


def test_a_project_that_is_not_a_directory_is_an_error(tmp_path: Path) -> None:
    session = Session()
    session.project = str(tmp_path / "gone")
    with pytest.raises(NoProject, match="is not a directory"):
        _ = session.start


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("arguments", [["--version"], ["-h"], [], ["agent"], ["list", "--help"]])
def test_a_reader_that_closes_its_end_is_no_error(tmp_path: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = run_python(
        f"import sys; from huskies_cli.main import main; sys.exit(main({arguments!r}))",
        stdout=writing,
        tmp_path=tmp_path,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


RESULT = """
import sys
from huskies_cli.command import OwnCommand
from huskies_cli.main import main
from huskies_cli.output import Result
from huskies_core.operations import stories
from huskies_core.operations.operation import Command
stories.create_story = OwnCommand(Command("add"), lambda _: Result(text="done \\u25cb"))
sys.exit(main(["add"]))
"""


@pytest.mark.usefixtures("processes")
def test_a_result_without_a_reader_keeps_its_exit_code(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = run_python(RESULT, stdout=writing, tmp_path=tmp_path)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.usefixtures("processes")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_stdout_is_an_error(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    ended = run_python(RESULT, stdout=full, tmp_path=tmp_path)
    os.close(full)
    assert (ended.returncode, ended.stderr.splitlines()[0]) == (1, b"huskies: the disk is full")


@pytest.mark.usefixtures("processes")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("help", "add"), 1, "the disk is full"),
        (("completion", "bash", "--json"), 1, "the disk is full"),
        (("add", "-h"), 1, "the disk is full"),
        (("list", "--json"), 4, "is not in a git repository"),
    ],
)
def test_a_command_that_cannot_write_its_output_reports_it_on_stderr(
    tmp_path: Path, words: tuple[str, ...], code: int, error: str
) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [HUSKIES, *words], stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, timeout=30
        )
    assert (ended.returncode, error in ended.stderr.decode().splitlines()[0]) == (code, True)


@pytest.mark.usefixtures("processes")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_the_exit_code_does_not_depend_on_stderr(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    codes = [
        subprocess.run(
            [HUSKIES, *words], stdout=subprocess.PIPE, stderr=full, cwd=tmp_path, timeout=30
        ).returncode
        for words in (["nosuch"], ["list"], ["--version"])
    ]
    os.close(full)
    assert codes == [2, 4, 0]


def test_the_descriptor_of_a_closed_stdout_is_not_used_for_a_file(tmp_path: Path) -> None:
    probe = 'import os; open("opened", "w").write(str(os.system("echo to a child")))'
    program = RESULT.replace('sys.exit(main(["add"]))', f"code = main(['add']); {probe}; sys.exit(code)")
    (tmp_path / "program.py").write_text(program.replace('\\"', '"'))
    command = ["sh", "-c", f"'{sys.executable}' program.py >&-"]
    ended = subprocess.run(command, stderr=subprocess.PIPE, cwd=tmp_path, timeout=30)
    assert (ended.returncode, ended.stderr, (tmp_path / "opened").read_text()) == (0, b"", "0")


@pytest.mark.usefixtures("processes")
def test_a_locale_without_the_marks_is_no_error(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", RESULT],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        timeout=30,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"done ?\n", b"")


@pytest.mark.usefixtures("processes")
def test_a_command_loads_neither_pydantic_nor_rich_nor_other_commands(tmp_path: Path) -> None:
    program = RESULT.replace(
        'sys.exit(main(["add"]))',
        "main(['add']); print(sorted({'pydantic', 'rich', 'huskies_cli.failures'} & set(sys.modules)))",
    )
    ended = run_python(program, stdout=subprocess.PIPE, tmp_path=tmp_path)
    assert ended.stdout.decode().splitlines()[-1] == "[]"
