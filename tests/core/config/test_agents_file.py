from collections.abc import Callable

import pytest

from huskies_core.config.key_rules import PROMPT_VARIABLES, find_unknown_variables
from huskies_core.config.records import Agent, AgentStage, Config
from huskies_core.project import Project

Refusal = Callable[..., list[str]]

EVERYTHING = """
[[agent]]
name = "coder-1"
stage = "coder"
runtime = "command"
model = "sonnet"
command = ["./agent", "--fast"]
role = "You code."
prompt = "Do {{story}} in {{ worktree_path }}"
system_prompt = "Be brief."
max_turns = 1
max_tool_turns = 2
max_budget_usd = 3
inactivity_timeout_secs = 4
max_wall_secs = 5
allowed_tools = ["Read"]
disallowed_tools = ["Bash"]
env = { LEVEL = "debug", EMPTY = "" }
env_allow = ["API_KEY"]
sandbox = "bwrap"
sandbox_read = ["/opt/tools"]
sandbox_write = ["~/.claude"]
sandbox_network = false

[[agent]]
name = "qa"
stage = "qa"
runtime = "claude-code"
"""


def agent(*lines: str) -> str:
    return "\n".join(['[[agent]]\nname = "a"\nstage = "coder"\nruntime = "codex"', *lines])


def test_every_key_arrives_in_its_record(load: Callable[..., Config]) -> None:
    coder = Agent(
        name="coder-1",
        stage=AgentStage.CODER,
        runtime="command",
        model="sonnet",
        command=("./agent", "--fast"),
        role="You code.",
        prompt="Do {{story}} in {{ worktree_path }}",
        system_prompt="Be brief.",
        max_turns=1,
        max_tool_turns=2,
        max_budget_usd=3.0,
        inactivity_timeout_secs=4,
        max_wall_secs=5,
        allowed_tools=("Read",),
        disallowed_tools=("Bash",),
        env={"LEVEL": "debug", "EMPTY": ""},
        env_allow=("API_KEY",),
        sandbox="bwrap",
        sandbox_read=("/opt/tools",),
        sandbox_write=("~/.claude",),
        sandbox_network=False,
    )
    config = load(agents_toml=EVERYTHING)
    assert config.agents == (coder, Agent("qa", AgentStage.QA, "claude-code"))
    assert (config.agent("coder-1"), config.agent("other")) == (coder, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[agents]]", "1: unknown key agents Did you mean agent?"),
        (agent("max_turn = 3"), "5: unknown key agent.max_turn Did you mean max_turns?"),
        (agent("max_turns = 0"), "5: agent.max_turns must be between 1 and 1000000000, not 0"),
        (agent("max_budget_usd = -1"), "5: agent.max_budget_usd must be more than 0, not -1"),
        (agent('command = ["x"]'), "5: command is for runtime command, not for codex"),
        (
            agent('prompt = "{{storey}}"'),
            "5: unknown variable {{storey}} in a prompt Did you mean story?",
        ),
        (agent('prompt = " "'), "5: prompt is empty Remove the key to use the built-in prompt."),
        (agent('role = "a\\u0000b"'), "5: agent.role must not contain a NUL character"),
        (
            agent('allowed_tools = ["Read", "a\\u0000b"]'),
            "5: agent.allowed_tools must not contain a NUL character",
        ),
        (agent("env = { A = 1 }"), "5: agent.env.A must be a string, not a whole number"),
        (agent('env = { "A B" = "" }'), "5: 'A B' is not a name of an environment variable"),
        (agent('env_allow = ["A=B"]'), "5: 'A=B' is not a name of an environment variable"),
        (
            agent('env_allow = ["HUSKIES_RUN_ID"]'),
            "5: HUSKIES_RUN_ID is set by huskies itself Choose a name that does not begin with HUSKIES_.",
        ),
        (
            agent('prompt_file = "../secret"'),
            "5: prompt_file '../secret' is outside .huskies Write it relative to .huskies, such as prompts/coder.md.",
        ),
        (
            agent('prompt_file = "gone.md"'),
            (
                "5: prompt_file 'gone.md' is missing "
                "Huskies looks for .huskies/gone.md in the main checkout and on the base branch."
            ),
        ),
        (
            agent('sandbox = "jail"'),
            "5: sandbox must be bwrap, not 'jail' Remove the key to run without a sandbox.",
        ),
        (
            agent("sandbox_network = false"),
            '5: sandbox_network is for agents with a sandbox Add sandbox = "bwrap".',
        ),
        (
            agent('sandbox = "bwrap"', 'sandbox_write = ["/a/../b"]'),
            "6: '/a/../b' must begin with / or ~/ and contain no .. Write the full path, such as ~/.claude.",
        ),
        (
            agent('sandbox = "bwrap"', "sandbox_network = 1"),
            "6: agent.sandbox_network must be true or false, not a whole number",
        ),
        (f"{agent()}\n{agent()}", "6: name 'a' is used twice"),
        (
            '[[agent]]\nname = "a\\tb"\nstage = "qa"\nruntime = "codex"',
            "2: agent.name must be one line of text without control characters",
        ),
        (
            '[[agent]]\nname = "a"\nstage = "coding"\nruntime = "codex"',
            "3: agent.stage must be coder, qa, mergemaster or other, not 'coding'",
        ),
        ('[[agent]]\nname = "a"\nstage = "qa"', "1: [[agent]] number 1 has no runtime"),
        ('[[agent]]\nname = "a"\nruntime = "codex"', "1: [[agent]] number 1 has no stage"),
        (
            '[[agent]]\nname = "a"\nstage = "qa"\nruntime = "command"',
            "1: [[agent]] number 1 has no command",
        ),
    ],
)
def test_an_invalid_value_is_a_problem_at_its_line(refusal: Refusal, text: str, problem: str) -> None:
    assert refusal(agents_toml=text) == [f".huskies/agents.toml:{problem}"]


def test_a_prompt_file_is_checked(project: Project, refusal: Refusal) -> None:
    (project.state_dir / "coder.md").write_text("one\n{{epic}} {{x}}\n")
    problems = refusal(agents_toml=agent('prompt_file = "coder.md"', 'prompt = "both"'))
    known = ", ".join(sorted(PROMPT_VARIABLES))
    assert problems == [
        ".huskies/agents.toml:5: prompt and prompt_file exclude each other Keep one of the two.",
        f".huskies/coder.md:2: unknown variable {{{{x}}}} in a prompt Known: {known}.",
    ]


def test_a_blank_prompt_file_is_refused(project: Project, refusal: Refusal) -> None:
    (project.state_dir / "coder.md").write_text(" \n")
    problems = refusal(agents_toml=agent('prompt_file = "coder.md"'))
    hint = "Remove prompt_file to use the built-in prompt."
    assert problems == [f".huskies/coder.md:1: the prompt is empty {hint}"]


def test_unknown_variables_are_found_once_in_the_order_of_the_text() -> None:
    assert find_unknown_variables("{{b}} {{ a }} {{story_id}} {{b}} {single} {{not one}}") == ("b", "a")
