"""Invalid stories, ids and configurations: one clear line, the right exit code, and no change."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.commands import Commands
from support.git_repository import GitRepository
from system.whole_project import whole

HUGE = str(2**63 - 1)
TOO_HUGE = str(2**63)
ID_COMMANDS = (
    "start",
    "block --reason x",
    "unblock",
    "freeze",
    "unfreeze",
    "approve",
    "reject --notes x",
    "demote",
    "close --reason x",
    "abandon --reason x",
    "supersede --by 1",
    "reopen",
    "retry",
    "resolve",
    "merged --commit HEAD",
    "update --title x",
    "edit",
    "show",
    "explain",
    "history",
    "logs",
    "export",
    "agent start",
    "agent stop",
    "worktree path",
    "rescue restore",
    "run show",
    "run kill",
)


@pytest.fixture
def huskies(
    repository: GitRepository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Commands:
    """Return commands in a project with two stories; the second depends on the first."""
    commands = Commands(repository.root, capsys, monkeypatch)
    for line in ("init", "add one -c c", "add two -c c --depends-on 1"):
        assert commands(*line.split()).exit_code == 0
    return commands


def assert_refused(
    huskies: Commands, repository: GitRepository, args: tuple[str, ...], *, exit_code: int, message: str
) -> None:
    """Check for one line and at most a hint on stderr, the same in the envelope with --json, and no change."""
    before = whole(repository)
    result = huskies(*args)
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout, message in lines[0]) == (exit_code, "", True), result
    assert (lines[0][:9], [line[:2] for line in lines[1:]]) == ("huskies: ", ["  "] * (len(lines) - 1))
    document = huskies("--json", *args)
    errors = document.json()["errors"]
    assert (document.exit_code, document.json()["exit_code"], document.json()["status"]) == (
        exit_code,
        exit_code,
        "error",
    )
    assert (document.stderr, message in errors[0]["message"], len(lines) <= 2) == ("", True, len(errors) == 1)
    assert whole(repository) == before


@pytest.mark.parametrize(
    ("title", "message"),
    [
        ("", "the title is empty"),
        (" \u3000", "the title is empty"),
        ("two\nlines", "a line break or a control character"),
        ("two\rlines", "a line break or a control character"),
        ("two\u2028lines", "a line break or a control character"),
        ("a\ttab", "a line break or a control character"),
        ("an \x1b[31mescape", "a line break or a control character"),
        ("a \x9b31m control of eight bits", "a line break or a control character"),
        ("turned \u202e round", "a line break or a control character"),
        ("no \udcff text", "the title is not text in UTF-8"),
        ("x" * 201, "the title has 201 characters"),
    ],
)
def test_a_title_is_one_line_of_at_most_200_characters(
    huskies: Commands, repository: GitRepository, title: str, message: str
) -> None:
    assert_refused(huskies, repository, ("add", title, "-c", "c"), exit_code=1, message=message)
    assert_refused(huskies, repository, ("update", "1", "--title", title), exit_code=1, message=message)


@pytest.mark.parametrize("command", ID_COMMANDS)
def test_an_id_that_does_not_exist_is_named(
    huskies: Commands, repository: GitRepository, command: str
) -> None:
    words = command.split()
    known = {"rescue": (2, "99 has no rescue"), "run": (1, "there is no run 99")}
    exit_code, message = known.get(words[0], (1, "there is no story 99"))
    assert_refused(huskies, repository, (*words, "99"), exit_code=exit_code, message=message)
    assert_refused(
        huskies, repository, (*words, HUGE), exit_code=exit_code, message=message.replace("99", HUGE)
    )


@pytest.mark.parametrize("word", ["0", TOO_HUGE, "9" * 5000, "1.5", "abc", "#", "", "１"])
@pytest.mark.parametrize("command", ["show", "start", "run kill", "add x -c c --depends-on"])
def test_an_invalid_id_is_a_usage_error(
    huskies: Commands, repository: GitRepository, command: str, word: str
) -> None:
    assert_refused(huskies, repository, (*command.split(), word), exit_code=2, message="invalid value for")


@pytest.mark.parametrize(
    ("line", "exit_code", "message"),
    [
        ("update 1 --depends-on 2", 1, "story 1 would wait for itself: 1 → 2 → 1"),
        ("update 1 --depends-on 1", 1, "story 1 would wait for itself: 1 → 1"),
        ("supersede 1 --by 2", 1, "would"),
        ("supersede 1 --by 99", 1, "there is no story 99"),
        ("add x -c c --depends-on 99", 1, "there is no story 99 to depend on"),
        ("add x -c c --epic 99", 1, "there is no epic 99"),
        ("add x -c c --epic 1", 1, "story 1 is a story, not an epic"),
        (f"add x -c c --priority {TOO_HUGE}", 1, f"priority {TOO_HUGE} is out of range"),
        ("add x -c c --priority high", 2, "'high' is not a whole number"),
        ("add x -c c --type tale", 2, "'tale' is not one of story, bug"),
        ("add x", 1, "a story needs at least one acceptance criterion"),
        ("add x -c c --label a,b", 1, "the label 'a,b' has a comma"),
        ("add x -c c --body nowhere", 1, "there is no file nowhere"),
        ("add x -c c --colour red", 2, "no such option: --colour"),
        ("update 1 --check 2", 1, "there is no criterion 2"),
        (f"update 1 --check {TOO_HUGE}", 1, f"there is no criterion {TOO_HUGE}"),
        ("start 2", 1, "1"),
        ("approve 1", 1, "1"),
        ("merged 1 --commit nowhere", 1, "there is no commit nowhere"),
        ("merged 1 --commit --output=stolen", 1, "there is no commit --output=stolen"),
        ("rescue restore 1 --to ../x", 2, "no rescue"),
        ("import nowhere", 1, "the file does not exist"),
        ("list --stage limbo", 2, "'limbo' is not one of backlog"),
        ("tick --wait nan", 2, "'nan' is not a number of seconds"),
        ("tick --wait=-1", 2, "'-1' is not a number of seconds"),
        ("config get nokey", 1, "unknown key nokey"),
        ("config set max_coders many", 1, "max_coders must be a whole number"),
        ("config set watcher.reconcile_interval_secs 0", 1, "reconcile_interval_secs"),
        ("conjure", 2, "no command 'conjure'"),
    ],
)
def test_invalid_arguments_are_refused(
    huskies: Commands, repository: GitRepository, line: str, exit_code: int, message: str
) -> None:
    assert_refused(huskies, repository, tuple(line.split()), exit_code=exit_code, message=message)


@pytest.mark.parametrize("command", ["config check", "tick", "reconcile", "auto-assign", "config show"])
@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("project.toml", "max_coders = 2\nmax_retries = [1,\n", ".huskies/project.toml:"),
        ("project.toml", "", ".huskies/project.toml:1: the file is empty"),
        ("project.toml", "# comment\nmax_coder = 2\n", ".huskies/project.toml:2: unknown key max_coder"),
        ("project.toml", '# comment\nmax_coders = "two"\n', ".huskies/project.toml:2: max_coders must be"),
        ("project.toml", "[watcher]\nreconcile_interval_secs = 0\n", ".huskies/project.toml:2: "),
        ("agents.toml", '[[agent]]\nname = "a"\nstage = "cook"\n', ".huskies/agents.toml:"),
        (
            "agents.toml",
            '[[agent]]\nname = 1\nstage = "coder"\nruntime = "codex"\n',
            ".huskies/agents.toml:2: ",
        ),
        ("agents.toml", "\x00", ".huskies/agents.toml:1: "),
    ],
)
def test_a_config_error_has_file_and_line_and_stops_the_command(
    huskies: Commands, repository: GitRepository, file: str, text: str, message: str, command: str
) -> None:
    assert huskies("start", "1").exit_code == 0
    (repository.root / ".huskies" / file).write_text(text)
    before = whole(repository)
    result = huskies(*command.split())
    assert (result.exit_code, result.stdout, message in result.stderr) == (1, "", True), result
    assert "Traceback" not in result.stderr
    errors = huskies("--json", *command.split()).json()["errors"]
    assert ({error["code"] for error in errors}, message in errors[0]["message"]) == ({"config_error"}, True)
    assert whole(repository) == before


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "store_damaged"), (b"no database at all " * 400, "store_damaged"), (None, "newer_store")],
)
@pytest.mark.parametrize("command", ["list", "add x -c c", "status", "tick", "reconcile", "init", "show 1"])
def test_a_damaged_or_newer_store_is_an_error_and_not_changed(
    huskies: Commands, repository: GitRepository, content: bytes | None, code: str, command: str
) -> None:
    replace_store(repository.root / ".huskies" / "state.db", content)
    before = whole(repository)
    result = huskies(*command.split())
    assert (result.exit_code, result.stdout, "Traceback" in result.stderr) == (1, "", False), result
    errors = huskies("--json", *command.split()).json()["errors"]
    assert ({error["code"] for error in errors}, whole(repository)) == ({code}, before)


def replace_store(database: Path, content: bytes | None) -> None:
    """Write `content` as the store, or give the store the version of a later huskies."""
    if content is None:
        with closing(sqlite3.connect(database)) as db:
            db.execute("PRAGMA user_version = 99")
        return
    for log in ("-wal", "-shm"):
        database.with_name(f"{database.name}{log}").unlink(missing_ok=True)
    database.write_bytes(content)


def test_json_prints_one_document_for_each_kind_of_error(huskies: Commands) -> None:
    for line in ("show 99", "show x", "conjure", "add", "tick --wait x", "--project /nowhere list"):
        result = huskies("--json", *line.split())
        assert (json.loads(result.stdout)["huskies_json"], result.stderr) == (1, ""), line
