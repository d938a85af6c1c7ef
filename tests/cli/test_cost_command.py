"""`cost`, and exhausted budgets in `status` and `explain`."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from huskies_cli.board import draw_board
from huskies_cli.project_context import open_context
from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.ids import Seq, StoryId
from huskies_core.operations.board import board_json, read_board
from huskies_core.operations.explain import explain
from huskies_core.pipeline.stages import Coding
from huskies_core.store import runs, usage
from huskies_core.store.runs import Outcome, Report, RunClaim, RunKind
from huskies_core.store.usage import ModelUsage
from support.commands import Commands
from support.contexts import Clock, agent_toml, opened
from support.git_repository import GitRepository
from support.stories import NOW, import_story

STORIES = """\
STORY  TITLE  RUNS  INPUT  OUTPUT  CACHE READ  CACHE WRITE   COST
2      Mend      1  2,000     100       4,000          200  $4.00
1      Fix       2    101       0           0            0  $0.75
total            3  2,101     100       4,000          200  $4.75
"""
MODELS = """\
MODEL  RUNS  INPUT  OUTPUT  CACHE READ  CACHE WRITE   COST
opus      2  2,100     100       4,000          200  $4.75
-         1      1       0           0            0  $0.00
total     3  2,101     100       4,000          200  $4.75
"""


@pytest.fixture
def spent(huskies: Commands, repository: GitRepository) -> Commands:
    """Make two stories; the first also has a run of an agent without a model."""
    now = utc_now()
    for title in ("Fix", "Mend"):
        huskies("add", title, "--type", "bug")
    with open_context(repository.root) as context:
        spend(context, 1, ModelUsage("opus", 100, cost_usd=0.75), now)
        spend(context, 1, ModelUsage("", 1), now)
        spend(context, 2, ModelUsage("opus", 2000, 100, 4000, 200, 4.0), now - timedelta(days=2))
    return huskies


def spend(context: Context, story: int, used: ModelUsage, at: datetime) -> None:
    with context.store.exclusive() as db:
        run = runs.claim(db, RunClaim(StoryId(story), RunKind.CODER, Seq(1), "ann"), actor="test", now=at).id
        usage.put(db, run, used, now=at)
        runs.end(db, run, Report(Outcome.COMPLETED), actor="test", now=at)


def test_costs_are_a_table_with_their_sum(spent: Commands) -> None:
    assert spent("cost").outcome == (0, STORIES, "")
    assert spent("cost", "--by", "model").outcome == (0, MODELS, "")


def test_without_costs_a_message_is_printed_on_stderr(huskies: Commands) -> None:
    assert huskies("cost").outcome == (0, "", "No run has reported any cost.\n")


def test_the_json_has_the_promised_keys(spent: Commands) -> None:
    fix = {
        "runs": 2,
        "input_tokens": 101,
        "output_tokens": 0,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost_usd": 0.75,
    }
    assert spent("cost", "--since", "1d", "--json").data == {"rows": [{"key": 1, **fix}], "total": fix}


def test_the_tool_returns_the_same(spent: Commands) -> None:
    for by in ("story", "agent", "model", "day"):
        assert (
            spent("tool", "call", "costs", f'{{"by": "{by}"}}', "--json").data
            == spent("cost", "--by", by, "--json").data
        )


@pytest.mark.parametrize("flags", [("--since", "soon"), ("--by", "moon")])
def test_an_invalid_argument_is_wrong_usage(huskies: Commands, flags: tuple[str, str]) -> None:
    assert huskies("cost", *flags).exit_code == 2


def test_a_spent_day_budget_shows_its_end_in_the_time_zone_of_the_project(tmp_path: Path) -> None:
    settings = 'timezone = "Asia/Tokyo"\n[budget]\nper_day_usd = 0.5\n'
    coder = agent_toml("bob")
    with opened(tmp_path / "repo", Clock(), project_toml=settings, agents_toml=coder) as context:
        import_story(context.store, Coding())
        spend(context, 1, ModelUsage("opus", cost_usd=0.75), NOW)
        board = read_board(context)
        (hold,) = [hold for hold in explain(context, StoryId(1)).blockers if hold.rule == "budget_exhausted"]
    assert hold.detail == "today's runs have spent 0.75 of 0.5 USD, until 2026-03-02 00:00 Asia/Tokyo"
    result = "budget.per_day_usd: $0.75 of $0.50 are spent, until 2026-03-02 00:00 Asia/Tokyo"
    assert result in draw_board(board, NOW)
    assert json.loads(json.dumps(board_json(board)))["limits"]["day"] == {
        "spent_usd": 0.75,
        "most_usd": 0.5,
        "reached": True,
        "until": "2026-03-01T15:00:00.000Z",
    }
