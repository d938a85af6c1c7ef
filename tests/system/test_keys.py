"""Keys reach the agents that may have them, but no file, log or output of a command."""

import json
from pathlib import Path

import pytest

from system.project import MakePipeline, Pipeline, Team

KEYS = {"SHELL_KEY": "key-of-the-shell", "FILE_KEY": "key-of-the-file", "OTHER_KEY": "key-of-another"}
ASKED = (
    ("run", "show", "1"),
    ("run", "list"),
    ("show", "1"),
    ("explain", "1"),
    ("status",),
    ("agent", "list"),
    ("logs", "1", "--raw"),
    ("history", "--all"),
    ("config", "check"),
    ("config", "show"),
)


def leaks(pipeline: Pipeline) -> list[str]:
    """Return the files, other than `.huskies/env`, and the outputs of commands that contain a key."""
    files = (
        path for path in pipeline.root.rglob("*") if path.is_file() and path != pipeline.project.env_file
    )
    contents = {str(path): path.read_bytes() for path in files}
    for words in ASKED:
        for form in ((), ("--json",)):
            output = pipeline.huskies(*words, *form)
            contents[" ".join((*words, *form))] = f"{output.stdout}{output.stderr}".encode()
    return [where for where, text in contents.items() if b"key-of-" in text]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHELL_KEY", "OTHER_KEY"):
        monkeypatch.setenv(name, KEYS[name])


def put_file_key(pipeline: Pipeline) -> None:
    pipeline.project.env_file.write_text(f"FILE_KEY={KEYS['FILE_KEY']}\nOTHER_KEY={KEYS['OTHER_KEY']}\n")
    pipeline.project.env_file.chmod(0o600)


@pytest.mark.usefixtures("keys")
def test_only_listed_keys_reach_an_agent_and_none_is_printed(
    make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    description = tmp_path.resolve() / "described.json"
    pipeline = make_pipeline(team=Team(extra='env_allow = ["SHELL_KEY", "FILE_KEY"]'))
    put_file_key(pipeline)
    story = pipeline.add([f"describe={description}", "write=a.txt:1", "commit=work"])
    with pipeline.ticking():
        pipeline.wait_for(story)
    env = json.loads(description.read_text())["env"]
    visible = {name: env.get(name) for name in KEYS}
    assert visible == {**KEYS, "OTHER_KEY": None}
    assert leaks(pipeline) == []


@pytest.mark.usefixtures("keys")
def test_a_failed_start_prints_no_key(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=Team(extra='env_allow = ["SHELL_KEY", "FILE_KEY"]'))
    put_file_key(pipeline)
    agents = pipeline.project.agents_toml
    agents.write_text(agents.read_text().replace("command = [", 'command = ["no-such-program", '))
    story = pipeline.add()
    assert pipeline.huskies("tick").exit_code == 0
    pipeline.wait_until(lambda: pipeline.runs(story) and not pipeline.live_runs())
    assert leaks(pipeline) == []
