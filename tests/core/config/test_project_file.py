from collections.abc import Callable

import pytest

from huskies_core.config.records import (
    AutoPromote,
    Budget,
    Component,
    Config,
    Gate,
    MergeSettings,
    Notify,
    ProjectConfig,
    Topic,
    Watcher,
)
from huskies_core.qa_mode import QaMode
from huskies_core.runtimes.runtime import Price

Refusal = Callable[..., list[str]]

EVERYTHING = """
default_qa = "human"
default_coder_model = "sonnet"
max_coders = 4
max_gates = 1
max_retries = 0
base_branch = "release/1.x"
timezone = "Europe/London"
auto_promote = "all"
retention_days = 0
gateway_url = "https://gateway.example.org"
gateway_project = "trial"
[watcher]
done_retention_secs = 0
reconcile_interval_secs = 1
watchdog_interval_secs = 2
[merge]
block_after_failures = 4
mergemaster_attempts = 5
starvation_secs = 6
[[gate]]
name = "tests"
command = ["./my script"]
timeout_secs = 7
[[gate]]
name = "lint"
command = ["ruff", "check"]
[[component]]
name = "web"
path = "./web/"
setup = ["npm", "ci"]
teardown = ["npm", "run", "clean"]
timeout_secs = 8
[budget]
per_story_usd = 1
per_day_usd = 2.5
[pricing."gpt-5.1"]
input = 1
output = 2
cached_input = 3
cache_write = 0.5
[notify]
events = ["done", "blocked", "done"]
desktop = true
command = ["./tell", "me"]
webhook = "https://example.org/${SECRET}"
apprise = ["tgram://${TOKEN}/1", "${OTHER}"]
batch_secs = 0
"""


def test_every_key_arrives_in_its_record(load: Callable[..., Config]) -> None:
    assert load(EVERYTHING).project == ProjectConfig(
        default_qa=QaMode.HUMAN,
        default_coder_model="sonnet",
        max_coders=4,
        max_gates=1,
        max_retries=0,
        base_branch="release/1.x",
        timezone="Europe/London",
        auto_promote=AutoPromote.ALL,
        retention_days=0,
        gateway_url="https://gateway.example.org",
        gateway_project="trial",
        watcher=Watcher(0, 1, 2),
        merge=MergeSettings(4, 5, 6),
        gates=(Gate("tests", ("./my script",), 7), Gate("lint", ("ruff", "check"))),
        components=(Component("web", "web", ("npm", "ci"), ("npm", "run", "clean"), 8),),
        budget=Budget(1.0, 2.5),
        pricing={"gpt-5.1": Price(1.0, 2.0, 3.0, 0.5)},
        notify=Notify(
            events=(Topic.BLOCKED, Topic.DONE),
            desktop=True,
            command=("./tell", "me"),
            webhook="https://example.org/${SECRET}",
            apprise=("tgram://${TOKEN}/1", "${OTHER}"),
            batch_secs=0,
        ),
    )


def test_by_default_every_topic_but_done_is_notified(load: Callable[..., Config]) -> None:
    notify = load("notify.desktop = true").project.notify
    assert (set(Topic) - set(notify.events), notify.is_on) == ({Topic.DONE}, True)
    for off in ("# nothing", "notify.desktop = false", "notify = { desktop = true, events = [] }"):
        assert not load(off).project.notify.is_on


def test_an_empty_gateway_url_is_none(load: Callable[..., Config]) -> None:
    assert load('gateway_url = ""').project.gateway_url is None


AS_DOCUMENTED = "Write each as Apprise documents it, such as tgram://${BOT_TOKEN}/${CHAT_ID}."
AS_A_LIST = 'Write a list with each argument as its own string, such as ["make", "test"].'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("max_coder = 4", "unknown key max_coder Did you mean max_coders?"),
        ("max_coders = true", "max_coders must be a whole number, not true or false"),
        ("max_coders = 0", "max_coders must be between 1 and 1000000000, not 0"),
        ("max_retries = -1", "max_retries must be between 0 and 1000000000, not -1"),
        (f"max_gates = 1{'0' * 30}", f"max_gates must be between 1 and 1000000000, not 1{'0' * 30}"),
        ("retention_days = 40_000", "retention_days must be between 0 and 36500, not 40000"),
        ("retention_days = 1979-05-27", "retention_days must be a whole number, not a date or time"),
        (
            'default_qa = "humans"',
            "default_qa must be server, agent or human, not 'humans' Did you mean human?",
        ),
        ('auto_promote = "x"', "auto_promote must be dependencies or all, not 'x'"),
        ("default_coder_model = 4", "default_coder_model must be a string, not a whole number"),
        (
            'default_coder_model = "a\\nb"',
            "default_coder_model must be one line of text without control characters",
        ),
        (
            'base_branch = "a..b"',
            "base_branch 'a..b' is not a branch name Write it as 'git branch' prints it.",
        ),
        ('timezone = "Europe/Londn"', "unknown timezone 'Europe/Londn' Did you mean Europe/London?"),
        (
            'timezone = "../../etc/passwd"',
            "unknown timezone '../../etc/passwd' Write it as Area/City, such as Europe/London.",
        ),
        ('gateway_url = "ftp://x"', "gateway_url must begin with http:// or https://"),
        ("watcher = 3", "watcher must be a table, not a whole number Write [watcher] and its keys below it."),
        (
            "watcher.reconcile_interval_secs = 0",
            "watcher.reconcile_interval_secs must be between 1 and 1000000000, not 0",
        ),
        ("gate = 3", "gate must be a list of tables, not a whole number Write [[gate]] for each."),
        ("budget.per_day_usd = 0", "budget.per_day_usd must be more than 0, not 0"),
        ("budget.per_day_usd = nan", "budget.per_day_usd must be more than 0, not nan"),
        ("budget.per_day_usd = '1'", "budget.per_day_usd must be a number, not a string"),
        ("pricing.x.input = -1", "pricing.x.input must be 0 or more, not -1"),
        (
            'notify = { desktop = true, events = ["helt"] }',
            "notify.events has an unknown value 'helt' Did you mean held?",
        ),
        (
            'notify = { desktop = true, events = "held" }',
            f"notify.events must be a list of strings, not a string {AS_A_LIST}",
        ),
        ("notify.desk = true", "unknown key notify.desk Did you mean desktop?"),
        ('notify.webhook = "file:///x"', "notify.webhook must begin with http://, https:// or ${NAME}"),
        (
            'notify.apprise = ["tgram"]',
            f"notify.apprise must be a list of addresses such as service://… {AS_DOCUMENTED}",
        ),
    ],
)
def test_an_invalid_value_is_a_problem_at_its_line(refusal: Refusal, text: str, problem: str) -> None:
    assert refusal(f"# first line\n{text}\n") == [f".huskies/project.toml:2: {problem}"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (['name = "t"'], "1: [[gate]] number 1 has no command"),
        (['command = ["a"]'], "1: [[gate]] number 1 has no name"),
        (
            ['name = "t"', 'command = ["a"]', "[[gate]]", 'name = "t"', 'command = ["b"]'],
            "5: name 't' is used twice",
        ),
    ],
)
def test_a_gate_needs_a_name_of_its_own_and_a_command(
    refusal: Refusal, lines: list[str], problem: str
) -> None:
    assert refusal("\n".join(["[[gate]]", *lines])) == [f".huskies/project.toml:{problem}"]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ('"make test"', "must be a list of strings, not a string"),
        ("[]", "must name a program first"),
        ('[""]', "must name a program first"),
        ('["make test"]', "has a whole command in one string"),
        ('["make", 1]', "must be a list of strings, not a whole number"),
    ],
)
def test_a_command_is_an_argument_list(refusal: Refusal, command: str, problem: str) -> None:
    text = f'[[gate]]\nname = "t"\ncommand = {command}'
    assert refusal(text) == [f".huskies/project.toml:3: gate.command {problem} {AS_A_LIST}"]


@pytest.mark.parametrize("path", ["../x", "/etc", "a/../../b"])
def test_the_path_of_a_component_is_inside_the_project(refusal: Refusal, path: str) -> None:
    problem = f"path {path!r} is outside the project Write it relative to the project's root."
    assert refusal(f'[[component]]\nname = "x"\npath = "{path}"') == [f".huskies/project.toml:3: {problem}"]
