"""The man pages: one for each command, with each of its options."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder
from msgspec.structs import fields

from huskies_cli.app import load
from huskies_cli.command_index import COMMANDS
from huskies_cli.entry import Entry
from huskies_core.config.key_rules import PROMPT_VARIABLES
from huskies_core.config.records import (
    Agent,
    Budget,
    Component,
    Gate,
    MergeSettings,
    Notify,
    ProjectConfig,
    Watcher,
)
from huskies_core.pipeline.events import Unblock, Unfreeze
from huskies_core.pipeline.stages import TERMINAL, StageName
from huskies_core.pipeline.state_machine import TABLE, Row, transition
from huskies_core.runtimes.runtime import Price
from support.stage_examples import EVENTS, STAGES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(ROOT.glob("man/*.[1-8]"))
WRITTEN = [page for page in PAGES if not page.is_symlink()]
OF_COMMANDS = [page for page in WRITTEN if page.suffix == ".1"]
SECTIONS = [
    *("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT"),
    *("FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO"),
]


def text_of(page: str) -> str:
    """Return the text of a page without escapes and font marks."""
    return (ROOT / "man" / page).read_text(encoding="utf-8").replace("\\-", "-").replace("\\&", "")


def options_of(entry: Entry) -> set[str]:
    if entry.children:
        return {name for child in entry.children for name in options_of(child)}
    return {name for param in load(entry).params for name in param.opts if name.startswith("-")}


@pytest.mark.parametrize("entry", COMMANDS, ids=[entry.name for entry in COMMANDS])
def test_each_command_opens_a_page_that_has_its_synopsis_and_its_options(entry: Entry) -> None:
    page, everywhere = text_of(f"huskies-{entry.name}.1"), text_of("huskies.1")
    described = {f"-{name}" for name in re.findall(r"Fl (\S+)", page + everywhere)}
    missing = options_of(entry) - described
    synopses = re.findall(r"^\.Nm huskies (\S+)", page, re.MULTILINE)
    assert (missing, entry.name in synopses) == (set(), True)


@pytest.mark.usefixtures("processes")
def test_generated_files_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "man/generator"), "--check"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("page", OF_COMMANDS, ids=[page.name for page in OF_COMMANDS])
def test_a_page_of_a_command_has_every_section_and_a_line_for_cron(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^\.Sh (.+)$", text, re.MULTILINE) == SECTIONS
    assert re.search(r"^(\S+ +){5}.*/huskies ", text, re.MULTILINE)


def test_mandoc_reports_no_problem() -> None:
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-T", "lint", *PAGES], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_page_that_a_page_names_exists() -> None:
    named = {
        f"{name}.{section}"
        for page in WRITTEN
        for name, section in re.findall(
            r"^\.Sy (huskies\S*) Ns \((\d)\)", page.read_text("utf-8"), re.MULTILINE
        )
    }
    assert named - {page.name for page in PAGES} == set()


def test_the_pipeline_page_has_every_stage_and_the_table_of_the_events() -> None:
    page = text_of("huskies-pipeline.7")
    items = re.findall(r"^\.It (.+)$", page, re.MULTILINE)
    listed = {word for item in items for word in item.split(" , ")}
    rows = re.findall(r"^\.It (.+)\n(.+) \\\(-> (.+)$", page, re.MULTILINE)
    written = {name: (before, after) for names, before, after in rows for name in names.split(" , ")}
    assert set(StageName) - listed == set()
    assert written == {row.event.name: (sources_of(row), target_of(row)) for row in TABLE}


def sources_of(row: Row[Any]) -> str:
    """Return the source stages as the page writes them: their names, or the names of the other stages."""
    if row.sources == TERMINAL:
        return "any terminal stage"
    if len(row.sources) <= 3:
        return ", ".join(name for name in StageName if name in row.sources)
    without = [name for name in StageName if name not in row.sources | TERMINAL]
    return f"any except {' and '.join(filter(None, (', '.join(without), 'terminal stages')))}"


def target_of(row: Row[Any]) -> str:
    targets = {transition(STAGES[name], EVENTS[row.event.name]).name for name in row.sources}
    return "the previous stage" if row.event in (Unblock, Unfreeze) else ", ".join(targets)


def test_the_pages_of_the_files_have_every_key_with_its_default() -> None:
    project, agents = text_of("huskies-project.toml.5"), text_of("huskies-agents.toml.5")
    records = (ProjectConfig, Watcher, MergeSettings, Gate, Component, Budget, Notify)
    keys = [(project, item.name, item.default) for record in records for item in fields(record)]
    keys += [(project, item.name, item.default) for item in dataclasses.fields(Price)]
    keys += [(agents, item.name, item.default) for item in fields(Agent)]
    tables = {"watcher", "merge", "gates", "components", "budget", "pricing", "notify"}
    assert [
        key for page, key, default in keys if key not in tables and not describes(page, key, default)
    ] == []
    assert [name for name in PROMPT_VARIABLES if f"{{{{{name}}}}}" not in agents] == []


def describes(page: str, key: str, value: object) -> bool:
    """Return whether an entry of the page has the key, with its default if that is a number or a switch."""
    heads = re.findall(rf"^\.It Cm (?:.* , )?{key}\b(.*)$", page, re.MULTILINE)
    default = json.dumps(value) if isinstance(value, int) else ""
    return any(head.endswith(f" = {default}" if default != "" else "") for head in heads)


def test_the_wheel_has_every_page_and_completion(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path))
    with zipfile.ZipFile(wheel) as archive:
        shared = {
            name.partition(".data/data/")[2]: archive.read(name)
            for name in archive.namelist()
            if ".data/data/" in name
        }
    expected = {f"share/man/man{page.suffix[1:]}/{page.name}": page.read_bytes() for page in PAGES} | {
        "share/bash-completion/completions/huskies": (ROOT / "completions/huskies.bash").read_bytes(),
        "share/zsh/site-functions/_huskies": (ROOT / "completions/_huskies").read_bytes(),
        "share/fish/vendor_completions.d/huskies.fish": (ROOT / "completions/huskies.fish").read_bytes(),
    }
    assert shared == expected
