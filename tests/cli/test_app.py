"""The table of commands."""

from importlib import import_module

import pytest

from huskies_cli.entry import Entry
from support.command_table import leaves
from support.commands import Commands

ROWS = leaves()


def test_each_name_is_unique() -> None:
    names = [name for name, _ in ROWS]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("name", "entry"), ROWS, ids=[name for name, _ in ROWS])
def test_the_help_of_each_command_begins_with_its_line_in_the_index(name: str, entry: Entry) -> None:
    definition = getattr(import_module(entry.module), entry.name_there)
    first, *_ = definition.help.splitlines()
    assert (definition.command.name, first) == (name, entry.help)


def test_config_set_accepts_a_negative_value(huskies: Commands) -> None:
    refused = huskies("config", "set", "max_coders", "-1")
    fact = "huskies: max_coders must be between 1 and 1000000000, not -1\n"
    assert refused.outcome == (1, "", fact)
    assert huskies("config", "set", "max_coders", "--quiet", "--json", "-1").json()["exit_code"] == 1
    assert huskies("config", "set", "max_coders", "1", "--dry-run").exit_code == 2


def test_help_is_wrapped_by_the_terminal_only(huskies: Commands) -> None:
    shown = huskies("cost", "-h").stdout
    paragraph = shown.partition("Live runs")[2].partition("\n \n")[0].partition("╭")[0].strip().splitlines()
    assert len(paragraph) == 4
    assert min(len(line.strip()) for line in paragraph[:-1]) > 60
