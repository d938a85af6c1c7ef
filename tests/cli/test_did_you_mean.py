"""Misspelt words: the error names the most similar one."""

import pytest

from support.commands import Commands
from support.git_repository import GitRepository

AGENT = (
    '[[agent]]\nname = "coder"\nstage = "coder"\nruntime = "command"\ncommand = ["true"]\nmodel = "quick-2"\n'
)


@pytest.fixture
def huskies(huskies: Commands, repository: GitRepository) -> Commands:
    """Commands in a project with one agent and one story."""
    (repository.root / ".huskies/agents.toml").write_text(AGENT)
    assert huskies("add", "T", "-c", "works").exit_code == 0
    return huskies


@pytest.mark.parametrize(
    ("call", "exit_code", "hint"),
    [
        ("lst", 2, "Did you mean list?"),
        ("agent strt 1", 2, "Did you mean start?"),
        ("help agent strt", 2, "Did you mean start?"),
        ("list --stge coding", 2, "Did you mean --stage?"),
        ("list --stage codng", 2, "Did you mean coding?"),
        ("add T -c c --qa humn", 2, "Did you mean human?"),
        ("add T -c c --type stroy", 2, "Did you mean story?"),
        ("update 1 --clear labls", 2, "Did you mean labels?"),
        ("retry 1 --to mrge", 2, "Did you mean merge?"),
        ("cost --by agnt", 2, "Did you mean agent?"),
        ("completion bsh", 2, "Did you mean bash?"),
        ("service show crn", 2, "Did you mean cron?"),
        ("trigger add --to codng --prompt x", 2, "Did you mean coding?"),
        ("trigger add --event strt --prompt x", 2, "Did you mean start?"),
        ("timer add --in 2h --tool list_storys", 2, "Did you mean list_stories?"),
        ("timer add --at 10:00 --tz Europe/Lodnon --prompt x", 2, "Did you mean Europe/London?"),
        ("tool call list_storys", 2, "Did you mean list_stories?"),
        ("agent start 1 --agent codr", 1, "Did you mean coder?"),
        ("agent test codr", 1, "Did you mean coder?"),
        ("agent prompt 1 --agent codr", 1, "Did you mean coder?"),
        ("config get max_codrs", 1, "Did you mean max_coders?"),
        ("config get watcher.done_retention", 1, "Did you mean watcher.done_retention_secs?"),
    ],
)
def test_the_hint_names_the_most_similar_word(
    huskies: Commands, call: str, exit_code: int, hint: str
) -> None:
    result = huskies(*call.split())
    assert (result.exit_code, result.stdout, result.stderr.splitlines()[1:]) == (exit_code, "", [f"  {hint}"])


def test_a_story_that_names_an_unknown_agent_is_added_with_advice(huskies: Commands) -> None:
    texts = [
        huskies(*call.split()).stderr
        for call in (
            "add T -c c --agent codr",
            "update 1 --agent codr",
            "add T -c c --agent Quick",
            "add T -c c",
        )
    ]
    fact = "No agent has the name or model codr: any agent of the stage takes the story."
    assert texts == [f"{fact} Did you mean coder?\n"] * 2 + ["", ""]


def test_an_unknown_label_prints_advice(huskies: Commands) -> None:
    assert huskies("add", "T", "-c", "c", "--label", "area:core").exit_code == 0
    assert huskies("abandon", "2", "--reason", "no").exit_code == 0
    texts = [huskies("list", "--label", label).outcome for label in ("area:cor", "zzz", "area:core")]
    assert texts == [
        (0, "", "No story has the label area:cor. Did you mean area:core?\n"),
        (0, "", "No story has the label zzz.\n"),
        (0, "", ""),
    ]


def test_an_invalid_configuration_prints_no_advice_about_agents(
    huskies: Commands, repository: GitRepository
) -> None:
    (repository.root / ".huskies/agents.toml").write_text("[[agent")
    assert huskies("add", "T", "-c", "c", "--agent", "codr").outcome == (0, "2\n", "")
