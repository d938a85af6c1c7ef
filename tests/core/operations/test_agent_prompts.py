"""`agent prompt` prints the prompt that the agent gets."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.agents import Prompt, show_prompt, start_agent
from huskies_core.pipeline.events import GatesFailed
from huskies_core.pipeline.stages import Coding, Merge
from huskies_core.store import content, journal, runs
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import StoryDraft, StoryType
from support.agents.runs import AGENT
from support.contexts import agent_toml, opened_for_agents
from support.stories import add_story, apply_to_story, import_story
from support.waiting import wait_for_file

PROMPT = 'prompt = "{stage} of {{{{story_id}}}}: {{{{story_title}}}}"\n'
STAGES_OF = {"ann": "coder", "bob": "coder", "quinn": "qa", "olga": "other"}


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """Open a project with agents that hang. Kill live agents at the end."""
    command = (sys.executable, str(AGENT), f"pid={tmp_path}/pid", "hang=60")
    agents = "".join(
        agent_toml(name, stage, command) + PROMPT.format(stage=stage) for name, stage in STAGES_OF.items()
    )
    with opened_for_agents(tmp_path / "repo", agents) as context:
        yield context


def refused(context: Context, story: int, name: str | None = None) -> str:
    with pytest.raises(HuskiesError) as raised:
        show_prompt(context, StoryId(story), name)
    return raised.value.code


def test_the_prompt_is_that_of_the_next_agent_and_nothing_changes(context: Context) -> None:
    add_story(context.store)
    with context.store.reading() as db:
        before = journal.head(db)
    assert show_prompt(context, StoryId(1)) == Prompt(
        StoryId(1), "ann", RunKind.CODER, None, "coder of 1: A story\n"
    )
    with context.store.reading() as db:
        assert (journal.head(db), runs.live(db)) == (before, ())


def test_a_named_agent_gets_the_prompt_of_its_own_stage(context: Context) -> None:
    import_story(context.store, Merge("feature/story-1", 1))
    shown = [show_prompt(context, StoryId(1), name) for name in ("bob", "quinn", "olga")]
    assert [(prompt.kind.value, prompt.prompt) for prompt in shown] == [
        (stage, f"{stage} of 1: A story\n") for stage in ("coder", "qa", "other")
    ]


@pytest.mark.usefixtures("processes")
def test_the_prompt_before_a_start_equals_that_of_the_run(context: Context, tmp_path: Path) -> None:
    import_story(context.store, Coding())
    apply_to_story(context.store, 1, GatesFailed("no"))
    with context.store.exclusive() as db:
        content.put(db, StoryId(1), content.GATE_OUTPUT, "boom", now=context.now())
    shown = show_prompt(context, StoryId(1), "bob")
    run = start_agent(context, StoryId(1), "bob")
    wait_for_file(tmp_path / "pid")
    sent = (context.project.run_dir(run.id) / "prompt.md").read_text()
    assert (shown.prompt, "<gate_output>\nboom\n" in sent) == (sent, True)


@pytest.mark.usefixtures("processes")
def test_a_live_run_has_the_prompt_that_was_sent(context: Context, tmp_path: Path) -> None:
    import_story(context.store, Coding())
    run = start_agent(context, StoryId(1), "bob")
    wait_for_file(tmp_path / "pid")
    (context.project.state_dir / "AGENT.md").write_text("Since then.\n")
    sent = Prompt(StoryId(1), "bob", RunKind.CODER, run.id, "coder of 1: A story\n")
    other = Prompt(StoryId(1), "ann", RunKind.CODER, None, "coder of 1: A story\n\nSince then.\n")
    assert [show_prompt(context, StoryId(1), name) for name in (None, "bob", "ann")] == [sent, sent, other]


def test_a_stage_without_a_prompt_is_refused(context: Context) -> None:
    import_story(context.store, Merge("feature/story-1", 1))
    add_story(context.store, draft=StoryDraft("All of it", StoryType.EPIC))
    cases = ((1, None), (1, "anne"), (2, "ann"), (7, "ann"))
    assert [refused(context, *case) for case in cases] == [
        "wrong_stage",
        "unknown_agent",
        "epic",
        "not_found",
    ]


def test_without_an_agent_for_the_stage_there_is_no_prompt(context: Context) -> None:
    context.project.agents_toml.write_text("# nobody\n")
    context.forget_config()
    add_story(context.store)
    assert refused(context, 1) == "no_agent"
