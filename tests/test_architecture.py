"""ARCHITECTURE.md names only paths, packages and commands that exist."""

import re
from pathlib import Path

import pytest

from huskies_cli.command_index import COMMANDS
from huskies_core.passes.pass_sequence import PASSES

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


def test_each_pass_is_named() -> None:
    assert [name for name in PASSES if name not in TEXT] == []


def test_the_page_names_enough_to_be_checked() -> None:
    assert (len(PATHS) > 15, len(PACKAGES) > 10) == (True, True)
