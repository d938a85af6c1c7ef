"""The bug report contains facts, but neither texts nor secrets, and is written completely or not at all."""

import errno
import json
import os
import re
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from huskies_core.config.load import load_config
from huskies_core.context import Context
from huskies_core.doctor.bundle import put_new, refuse_existing, write_bundle
from huskies_core.doctor.examination import examine
from huskies_core.errors import HuskiesError
from huskies_core.pipeline.events import Block, Start
from huskies_core.store import content, runs
from huskies_core.store.evidence import BranchEvidence, Evidence
from huskies_core.store.runs import Outcome, Report, RunClaim, RunKind
from huskies_core.store.schema import NEWEST
from huskies_core.store.stories import Criterion
from huskies_core.supervisor.run_directory import RunDirectory
from support.stories import DRAFT, add_story, apply_to_story, load_story

AGENTS = """
# {14} in a comment
[[agent]]
name = "ann"
stage = "coder"
runtime = "command"
command = ["curl", "-H", "X-Key: {0}"]
prompt = "Do {1}"
role = "{2}"
env = {{ MY_KEY = "{3}", name = "{4}" }}
env_allow = ["ALLOWED"]
"""
PROJECT = """
gateway_url = "https://ada:{5}@gateway.example.org"
default_coder_model = "sonnet"
max_coders = 2
[notify]
webhook = "https://hooks.example.org/plum06tree"
command = ["tell", "{6}"]
batch_secs = 54321
[[gate]]
name = "tests"
command = ["make", "TOKEN={7}"]
"""
CRASH = """arguments: ['add', '{8}', '--body', '-', '--project={9}']
python: 3.11
system: Linux
sqlite: 3

Traceback (most recent call last):
  File "/home/ada/.venv/lib/python3.11/site-packages/huskies_core/store/stories.py", line 12, in add
    raise ValueError("{10}")
    ^^^^^^^^
  File "/home/ada/{13}/x.py", line 3, in <module>
ValueError: {10}
{11}: of a second line
    {11}
"""


def secret(number: int) -> str:
    return f"plum{number:02}tree quince{number:02}"


SECRETS = [secret(number) for number in range(30)]


@pytest.fixture
def planted(context: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a project with secrets and texts in every file and row."""
    project = context.project
    project.agents_toml.write_text(AGENTS.format(*SECRETS))
    project.project_toml.write_text(PROJECT.format(*SECRETS).replace(SECRETS[5], "plum05tree"))
    project.env_file.write_text(f"ALLOWED={SECRETS[12]}\nexport OTHER='{SECRETS[13]}'\n")
    project.env_file.chmod(0o600)
    (project.state_dir / "AGENT.md").write_text(SECRETS[15])
    crash = project.state_dir / "crash" / "huskies-x.txt"
    crash.parent.mkdir()
    crash.write_text(CRASH.format(*SECRETS))
    context.environ = {**context.environ, "GITHUB_TOKEN": SECRETS[16], "ALLOWED": SECRETS[17]}
    monkeypatch.setenv("GITHUB_TOKEN", SECRETS[16])
    plant_story(context)
    return context


def plant_story(context: Context) -> None:
    draft = replace(
        DRAFT,
        title=SECRETS[18],
        description=SECRETS[19],
        criteria=(Criterion(SECRETS[20]),),
        labels=(SECRETS[21],),
    )
    story = add_story(context.store, SECRETS[18], draft=draft).id
    apply_to_story(context.store, story, Start())
    visit = load_story(context.store, story).visit
    with context.store.exclusive() as db:
        content.put(db, story, "qa_notes", SECRETS[22], now=context.now())
        claim = RunClaim(story, RunKind.CODER, visit, agent="ann", runtime="command")
        run = runs.claim(db, claim, actor=f"user:{SECRETS[23]}", now=context.now()).id
        evidence = Evidence(BranchEvidence(problem=SECRETS[25], commits_ahead=2))
        report = Report(Outcome.FAILED, SECRETS[24], evidence)
        runs.end(db, run, report, actor=f"run:{run}", now=context.now())
    apply_to_story(context.store, story, Block(SECRETS[26]))
    directory = RunDirectory(context.project.run_dir(run))
    Path(directory.path).mkdir(parents=True)
    Path(directory.output).write_text(SECRETS[27])
    directory.write_prompt(SECRETS[28])


def members(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        names = archive.getnames()
        files = {name.rpartition("/")[2]: archive.extractfile(name) for name in names}
        return {name: file.read().decode() for name, file in files.items() if file is not None}


def leaks(texts: dict[str, str]) -> list[tuple[str, str]]:
    """Return each half of a secret that a member contains. A secret may have been cut in two."""
    words = re.compile(r"(?:plum|quince)\d\d\w*")
    return [(name, leak) for name, text in texts.items() for leak in words.findall(text)]


def bundled(context: Context, path: Path) -> dict[str, str]:
    write_bundle(context, list(examine(context)), path)
    return members(path)


def test_it_contains_no_planted_text(planted: Context, tmp_path: Path) -> None:
    assert load_config(planted.project, lambda _: None).agent("ann") is not None
    texts = bundled(planted, tmp_path / "report.tgz")
    assert leaks(texts) == []
    assert (str(planted.project.root) in "".join(texts.values()), "ada" in texts["journal.jsonl"]) == (
        False,
        False,
    )


def test_it_contains_what_a_report_needs(planted: Context, tmp_path: Path) -> None:
    texts = bundled(planted, tmp_path / "report.tgz")
    journal = [json.loads(line) for line in texts["journal.jsonl"].splitlines()]
    run = json.loads(texts["runs.jsonl"])
    settings = json.loads(texts["project.json"])
    assert [(row["event"], row["actor"], row["after"]) for row in journal] == [
        ("created", "user", None),
        ("start", "user", "coding"),
        ("run_started", "user", None),
        ("run_ended", "run:1", None),
        ("block", "user", "blocked"),
    ]
    assert (run["outcome"], run["agent"], run["evidence"]["commits_ahead"]) == ("failed", "ann", 2)
    assert (settings["max_coders"], settings["default_coder_model"]) == (2, "sonnet")
    assert settings["notify"] == {
        "webhook": "<36 characters>",
        "command": ["<4 characters>", f"<{len(SECRETS[6])} characters>"],
        "batch_secs": "<5 characters>",
    }
    assert json.loads(texts["env.json"]) == ["ALLOWED", "OTHER"]
    assert json.loads(texts["crashes.jsonl"]) == {
        "report": "huskies-x.txt",
        "options": ["--body", "--project"],
        "frames": ["python3.11/site-packages/huskies_core/store/stories.py:12 add", "x.py:3 <module>"],
        "errors": ["ValueError"],
    }
    assert {row["check"] for row in json.loads(texts["doctor.json"])} >= {"git", "store", "config", "disk"}
    assert "typer" in json.loads(texts["versions.json"])["packages"]


def test_an_invalid_config_is_not_quoted(planted: Context, tmp_path: Path) -> None:
    planted.project.project_toml.write_text(f'default_qa = "{SECRETS[1]}"\n"{SECRETS[2]}" = 1\n')
    planted.project.agents_toml.write_text(f"[[agent]\nname = {SECRETS[3]}\n")
    texts = bundled(planted, tmp_path / "report.tgz")
    assert leaks(texts) == []
    assert json.loads(texts["agents.json"]) == {"unreadable": "not TOML, 2 lines"}


@pytest.mark.parametrize(
    "text",
    [
        "sk-ant-api03-abcdefghijklmnop",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-123456789012-abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def",
        "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MEFCQ0RFRkdI",
    ],
)
def test_a_text_that_looks_like_a_secret_is_masked(context: Context, tmp_path: Path, text: str) -> None:
    context.project.agents_toml.write_text(
        f'[[agent]]\nname = "{text}"\nstage = "coder"\nruntime = "codex"\n'
    )
    texts = bundled(context, tmp_path / "report.tgz")
    assert [name for name, content in texts.items() if text[8:] in content] == []
    assert "<secret>" in texts["agents.json"]


def test_a_secret_with_escapes_of_json_is_masked(context: Context, tmp_path: Path) -> None:
    context.environ = {**context.environ, "API_TOKEN": 'plum01"tr\\ee/ü'}
    server = {"mcpServers": {"huskies": {"command": context.environ["API_TOKEN"]}}}
    (context.project.root / ".mcp.json").write_text(json.dumps(server))
    texts = bundled(context, tmp_path / "report.tgz")
    assert (leaks(texts), ".mcp.json has <secret>, which does not exist" in texts["doctor.json"]) == (
        [],
        True,
    )


def test_only_the_owner_can_read_it_and_it_replaces_no_file(context: Context, tmp_path: Path) -> None:
    archive = tmp_path / "out" / "report.tgz"
    archive.parent.mkdir()
    bundled(context, archive)
    before = archive.read_bytes()
    with pytest.raises(HuskiesError) as caught:
        write_bundle(context, [], archive)
    assert (caught.value.code, archive.read_bytes() == before) == ("exists", True)
    assert (archive.stat().st_mode & 0o777, os.listdir(archive.parent)) == (0o600, ["report.tgz"])
    with pytest.raises(HuskiesError) as caught:
        refuse_existing(tmp_path / "nowhere" / "report.tgz")
    assert caught.value.code == "not_found"


def make_older(context: Context) -> None:
    context.store.close()
    with closing(sqlite3.connect(context.project.database)) as db:
        db.execute(f"PRAGMA user_version = {NEWEST - 1}")


def test_a_missing_store_or_config_does_not_stop_the_rest(context: Context, tmp_path: Path) -> None:
    make_older(context)
    before = context.store.version()
    content = bundled(context, tmp_path / "older.tgz")["journal.jsonl"]
    assert (json.loads(content), context.store.version()) == ({"unreadable": "older_store"}, before)
    context.store.close()
    context.project.database.write_bytes(b"no database\n" * 1000)
    context.project.agents_toml.unlink()
    texts = bundled(context, tmp_path / "report.tgz")
    unreadable = {
        name: json.loads(text)["unreadable"] for name, text in texts.items() if "unreadable" in text[:30]
    }
    assert unreadable == {
        "agents.json": "FileNotFoundError",
        "journal.jsonl": "store_damaged",
        "runs.jsonl": "store_damaged",
    }


def no_hard_links(*_: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_file_system_without_hard_links_is_supported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT lacks them, but a test cannot mount it."""
    monkeypatch.setattr(os, "link", no_hard_links)
    path = tmp_path / "report"
    put_new(path, b"new")
    with pytest.raises(HuskiesError) as caught:
        put_new(path, b"newer")
    assert (caught.value.code, path.read_bytes(), list(tmp_path.iterdir())) == ("exists", b"new", [path])


@pytest.mark.parametrize("name", ["x" * 300, "/proc/report"])
def test_a_path_that_is_not_writable_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(HuskiesError) as caught:
        put_new(tmp_path / name, b"new")
    assert (caught.value.code, list(tmp_path.iterdir())) == ("not_writable", [])
