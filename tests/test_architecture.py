"""ARCHITECTURE.md names only paths, packages and commands that exist."""

import re
from pathlib import Path

import pytest

from huskies_cli.command_index import COMMANDS
from huskies_core.passes.pass_sequence import PASSES
from huskies_core.pipeline.state_machine import TABLE, transition
from support.stage_examples import EVENTS, STAGES

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
FOLDERS = (ROOT, ROOT / "core/huskies_core", ROOT / "cli/huskies_cli")
CODE = sorted(set(re.findall(r"`([^`\n]+)`", TEXT)))
PATHS = [code for code in CODE if code.endswith((".py", ".toml")) or code.startswith(("cli/", "core/"))]
PACKAGES = [
    name
    for row in re.findall(r"^\| (`[a-z_`, ]+`) \|", TEXT, re.MULTILINE)
    for name in re.findall(r"`(\w+)`", row)
]


@pytest.mark.parametrize("path", PATHS)
def test_each_path_exists(path: str) -> None:
    assert any((folder / path).exists() for folder in FOLDERS)


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_exists(package: str) -> None:
    assert (ROOT / "core/huskies_core" / package / "__init__.py").is_file()


def test_each_command_exists() -> None:
    commands = {code.split()[1] for code in CODE if re.fullmatch(r"huskies [a-z-]+", code)}
    known = {entry.name for entry in COMMANDS}
    assert (bool(commands), commands - known) == (True, set())


def test_each_edge_of_the_stages_is_a_transition() -> None:
    edges = re.findall(r"^([a-z_, ]+) ─([a-z_, ]+)─▶ ([a-z_]+)$", TEXT, re.MULTILINE)
    drawn = {
        (source, event, target)
        for sources, names, target in edges
        for source in sources.split(", ")
        for event in names.split(", ")
    }
    assert (len(edges), drawn - transitions()) == (TEXT.count("─▶"), set())


def transitions() -> set[tuple[str, str, str]]:
    """Return source, event and target of each transition of the table, with the stages of the examples."""
    return {
        (name.value, row.event.name, transition(STAGES[name], EVENTS[row.event.name]).name.value)
        for row in TABLE
        for name in row.sources
    }


def test_each_pass_is_named() -> None:
    assert [name for name in PASSES if name not in TEXT] == []


def test_the_page_names_enough_to_be_checked() -> None:
    assert (len(PATHS) > 15, len(PACKAGES) > 10) == (True, True)
