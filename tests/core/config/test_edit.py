import tomllib
from collections.abc import Callable

import pytest

from huskies_core.config.document import ConfigError, parse
from huskies_core.config.edit import get_value, keys_in_force, set_value, show
from huskies_core.config.load import read_project
from huskies_core.config.records import Config
from huskies_core.config.scaffold import project_template
from huskies_core.errors import HuskiesError

TEXT = """\
# my project
max_coders  =  4   # the machine has four cores

[merge]   # landing
mergemaster_attempts = 2

# checked before anything lands
[[gate]]
name = "tests"
command = [
    "make",  # it is quick
    "test",
]
"""


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        ("max_coders", "5", "max_coders  =  4 ", "max_coders  =  5 "),
        ("merge.mergemaster_attempts", "7", "attempts = 2", "attempts = 7"),
        ("merge.starvation_secs", "7", "attempts = 2\n", "attempts = 2\nstarvation_secs = 7\n"),
        ("base_branch", "trunk", "cores\n", 'cores\nbase_branch = "trunk"\n'),
        ("base_branch", '"trunk"', "cores\n", 'cores\nbase_branch = "trunk"\n'),
        ("base_branch", "2026", "cores\n", 'cores\nbase_branch = "2026"\n'),
        (
            "pricing.'m.1'.input",
            "0.5",
            '    "test",\n]\n',
            "    \"test\",\n]\n\n[pricing.'m.1']\ninput = 0.5\n",
        ),
    ],
)
def test_setting_a_key_keeps_the_rest_of_the_file(key: str, value: str, old: str, new: str) -> None:
    edited = set_value(TEXT, key, value).replace('[pricing."m.1"]', "[pricing.'m.1']")
    assert edited == TEXT.replace(old, new, 1)


def test_a_new_key_is_written_below_its_commented_default() -> None:
    text = project_template("main")
    assert (set_value(text, "max_gates", "9"), set_value(text, "merge.starvation_secs", "9")) == (
        text.replace("# max_gates = 2\n", "# max_gates = 2\nmax_gates = 9\n"),
        text.replace("# starvation_secs = 3600\n", "# starvation_secs = 3600\nstarvation_secs = 9\n"),
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "max_gates = 9\n"),
        ("# opening\n\n[merge]\n", "# opening\nmax_gates = 9\n\n[merge]\n"),
        ("# about merging\n[merge]\n", "max_gates = 9\n# about merging\n[merge]\n"),
        ("max_coders = 4", "max_coders = 4\nmax_gates = 9"),
        (
            '[notify]\ncommand = ["x", """\n# max_gates = 2\n"""]\n',
            'max_gates = 9\n[notify]\ncommand = ["x", """\n# max_gates = 2\n"""]\n',
        ),
    ],
)
def test_a_new_key_of_the_top_is_written_before_every_table(before: str, after: str) -> None:
    assert set_value(before, "max_gates", "9") == after


def test_a_string_that_looks_like_a_table_is_not_edited() -> None:
    text = '[notify]\ncommand = ["x", """\n[merge]\n"""]\n'
    assert set_value(text, "merge.starvation_secs", "9") == f"{text}\n[merge]\nstarvation_secs = 9\n"


def test_setting_a_key_again_changes_nothing() -> None:
    once = set_value(TEXT, "retention_days", "3")
    assert set_value(once, "retention_days", "3") == once


def test_a_missing_file_begins_with_the_key() -> None:
    assert set_value("", "budget.per_day_usd", "2.5") == "[budget]\nper_day_usd = 2.5\n"


def test_every_key_of_the_template_can_be_set() -> None:
    text = project_template("main")
    for key, value in [
        ("max_retries", "0"),
        ("watcher.done_retention_secs", "60"),
        ("budget.per_day_usd", "9"),
    ]:
        text = set_value(text, key, value)
    assert tomllib.loads(text) == {
        "max_retries": 0,
        "watcher": {"done_retention_secs": 60},
        "merge": {},
        "budget": {"per_day_usd": 9},
    }


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("max_coder", "1", ("unknown key max_coder", "Did you mean max_coders?")),
        ("wacher.x", "1", ("unknown key wacher", "Did you mean watcher?")),
        ("max_coders", "many", ("max_coders must be a whole number, not a string", "")),
        ("max_coders", "0", ("max_coders must be between 1 and 1000000000, not 0", "")),
        ("max_coders", "3\nmax_gates = 9", ("max_coders must be a whole number, not a string", "")),
        ("gate.name", "x", ("gate is not a table", "Edit the file by hand.")),
        ("max_coders.x", "1", ("max_coders is not a table", "Edit the file by hand.")),
        ("a b", "1", ("'a b' is not a key", "Write it as in 'merge.mergemaster_attempts'.")),
        ("", "1", ("'' is not a key", "Write it as in 'merge.mergemaster_attempts'.")),
    ],
)
def test_an_invalid_key_or_value_is_refused(key: str, value: str, error: tuple[str, str]) -> None:
    with pytest.raises(HuskiesError) as caught:
        set_value(TEXT, key, value)
    assert ((caught.value.message, caught.value.hint), caught.value.code) == (error, "config_error")


@pytest.mark.parametrize("key", ["max_coders", "merge.mergemaster_attempts", "gate", "notify.apprise"])
@pytest.mark.parametrize(
    "value",
    ["9" * 5000, "0x" + "f" * 5000, "[" * 3003, "{ a = " * 3003, "[" * 300 + "]" * 300],
    ids=["digits", "hexadecimal", "open arrays", "open tables", "closed arrays"],
)
def test_a_value_that_is_too_long_or_too_deep_is_refused(key: str, value: str) -> None:
    with pytest.raises(HuskiesError) as refused:
        set_value(TEXT, key, value)
    assert refused.value.code == "config_error"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[1]", "each element of gate must be a table, not a whole number"),
        ('[{}, "a"]', "each element of gate must be a table, not a string"),
        ("[[]]", "each element of gate must be a table, not a list"),
        ("{}", "gate must be a list of tables, not a table"),
        ("1", "gate must be a list of tables, not a whole number"),
    ],
)
def test_an_element_that_is_no_table_is_named(value: str, message: str) -> None:
    with pytest.raises(HuskiesError) as refused:
        set_value(TEXT, "gate", value)
    assert refused.value.message == message


def test_a_file_with_another_problem_is_not_edited() -> None:
    with pytest.raises(ConfigError, match=r"^\.huskies/project\.toml:2: unknown key x$"):
        set_value("[merge]\n[x]\n", "max_coders", "1")


def test_an_invalid_value_can_be_corrected() -> None:
    assert set_value("max_coders = 0\n", "max_coders", "1") == "max_coders = 1\n"


def test_a_key_has_the_value_of_the_file_else_its_default() -> None:
    keys = ["max_coders", "max_gates", "default_coder_model", "default_qa", "merge", "gate"]
    assert [get_value(TEXT, key) for key in keys] == [
        4,
        2,
        None,
        "server",
        {"block_after_failures": 3, "mergemaster_attempts": 2, "starvation_secs": 3600},
        [{"name": "tests", "command": ["make", "test"], "timeout_secs": 1200}],
    ]


def test_an_unknown_key_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(HuskiesError) as caught:
        get_value(TEXT, "merge.starvation")
    assert (caught.value.message, caught.value.hint) == (
        "unknown key merge.starvation",
        "Did you mean merge.starvation_secs?",
    )


def test_everything_in_force_is_shown_ready_for_json(load: Callable[..., Config]) -> None:
    agents = (
        '[[agent]]\nname = "a"\nstage = "coder"\nruntime = "command"\ncommand = ["x"]\nenv = { B = "1" }\n'
    )
    shown = show(load("[notify]\ndesktop = true\n", agents))
    assert shown == {
        "keys": {
            "default_qa": "server",
            "default_coder_model": None,
            "max_coders": 3,
            "max_gates": 2,
            "max_retries": 3,
            "base_branch": None,
            "timezone": "UTC",
            "auto_promote": "dependencies",
            "retention_days": 30,
            "gateway_url": None,
            "gateway_project": None,
            "watcher.done_retention_secs": 14400,
            "watcher.reconcile_interval_secs": 30,
            "watcher.watchdog_interval_secs": 30,
            "merge.block_after_failures": 3,
            "merge.mergemaster_attempts": 3,
            "merge.starvation_secs": 3600,
            "gate": [],
            "component": [],
            "budget.per_story_usd": None,
            "budget.per_day_usd": None,
            "pricing": {},
            "notify.events": ["blocked", "held", "merge_failed", "budget", "rate_limited"],
            "notify.desktop": True,
            "notify.command": [],
            "notify.webhook": None,
            "notify.apprise": [],
            "notify.batch_secs": 60,
        },
        "agents": [
            {
                "name": "a",
                "stage": "coder",
                "runtime": "command",
                "model": None,
                "command": ["x"],
                "role": "",
                "prompt": None,
                "prompt_file": None,
                "system_prompt": None,
                "max_turns": None,
                "max_tool_turns": None,
                "max_budget_usd": None,
                "inactivity_timeout_secs": 300,
                "max_wall_secs": 14400,
                "allowed_tools": [],
                "disallowed_tools": [],
                "env": {"B": "1"},
                "env_allow": [],
                "sandbox": None,
                "sandbox_network": True,
                "sandbox_read": [],
                "sandbox_write": [],
            }
        ],
    }


def test_every_key_that_is_shown_can_be_got() -> None:
    text = f"{TEXT}\n[pricing.'gpt-5.1']\ninput = 1\n[pricing.'a\"b']\ninput = 2\n"
    keys = keys_in_force(read_project(parse("project.toml", text)))
    assert {key: get_value(text, key) for key in keys} == keys
    assert (keys['pricing."gpt-5.1".input'], keys["pricing.'a\"b'.input"]) == (1.0, 2.0)
