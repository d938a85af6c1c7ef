"""The parts of the demo by themselves, and the demo that does not end as told."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from huskies_cli.commands import demo
from huskies_cli.demo.agents import coder
from huskies_cli.demo.agents.mergemaster import keep_both
from huskies_cli.demo.agents.prompt_parser import GATE_HEADING, QA_HEADING, read_prompt
from huskies_cli.demo.agents.qa import complaint
from huskies_cli.demo.checks import check_all, take_account
from huskies_cli.demo.fixture import demo_environment, make_project, own_environment
from huskies_cli.demo.narrator import fitted
from huskies_cli.demo.stories import PLANNED, add_stories
from huskies_cli.main import main
from huskies_core.context import open_context
from huskies_core.runs import prompts
from support.git_repository import GitRepository

FIRST = """\
You are working on story 3.

# Work out the daily ration

## Acceptance Criteria

1. [ ] `daily_ration` is 40 g for each kg
2. [x] it is written down

Done means: all of it.
"""
Making = Callable[[Path], object]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda place: (place.mkdir(), (place / "file").touch()), "not_empty"),
        (lambda place: (place / ".git").mkdir(parents=True), "not_empty"),
        (lambda place: place.touch(), "not_a_directory"),
        (lambda place: place.symlink_to("nowhere"), "not_a_directory"),
    ],
)
def test_the_demo_wants_an_empty_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Making, code: str
) -> None:
    make(tmp_path / "place")
    before = sorted(tmp_path.rglob("*"))

    assert main(["demo", str(tmp_path / "place"), "--json"]) == 1

    assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == code
    assert sorted(tmp_path.rglob("*")) == before


def test_a_demo_that_is_not_through_in_time_stops_what_runs_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "LIMIT_SECS", 0)
    environ = dict(os.environ)

    assert main(["demo", str(tmp_path / "place"), "--json"]) == 1

    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert {story["stage"] for story in told["data"]["stories"]} == {"frozen"}
    assert {error["code"] for error in told["errors"]} == {"not_as_told"}
    assert told["errors"][-1]["message"] == "it ends by itself within 0 seconds: it was stopped"
    assert printed.err.splitlines()[-2:] == ["Stopped. Frozen where they stood: #1, #2, #3, #4, #5, #6.", ""]
    assert dict(os.environ) == environ


def test_no_promise_counts_as_kept_before_anything_has_happened(tmp_path: Path) -> None:
    (tmp_path / ".huskies").mkdir()
    with own_environment(tmp_path):
        make_project(tmp_path)
        with open_context(tmp_path) as context:
            add_stories(context)
            problems = [check.problem for check in check_all(take_account(context))]

    assert problems == [
        "#1 is in coding",
        "#2 did not wait",
        "0 failures, 0 coder runs",
        "0 reviews, 0 coder runs",
        "0 conflicts, 0 attempts, 0 resolved",
        "",
        "",
    ]


def test_the_demo_keeps_of_the_environment_what_is_not_gits_or_ours() -> None:
    environ = {"PATH": "/bin", "GIT_DIR": "x", "GIT_AUTHOR_NAME": "", "HUSKIES_RUN_ID": "1", "EMAIL": "x"}

    assert demo_environment(environ, Path("/demo")) == {
        "PATH": "/bin",
        "GIT_CONFIG_GLOBAL": "/demo/.huskies/demo.gitconfig",
        "GIT_CONFIG_SYSTEM": os.devnull,
    }


def test_each_story_has_the_patch_that_its_coder_applies() -> None:
    named = {f"{planned.draft.title.lower().replace(' ', '-')}.patch" for planned in PLANNED}

    assert {path.name for path in coder.PATCHES.iterdir()} == named


def test_a_first_prompt_tells_of_no_try() -> None:
    prompt = read_prompt(FIRST)

    assert (prompt.title, prompt.criteria) == (
        "Work out the daily ration",
        ("`daily_ration` is 40 g for each kg", "it is written down"),
    )
    assert (prompt.gate_output, prompt.qa_notes) == ("", "")
    assert coder.choose(prompt) is coder.write_code


def test_a_later_prompt_tells_the_coder_what_to_mend() -> None:
    notes = f"\n## {QA_HEADING}\n\n<qa_notes>\nnotes\n</qa_notes>\n"
    output = f"\n## {GATE_HEADING}\n\n<gate_output>\nit failed\nhere\n</gate_output>\n"
    told = read_prompt(FIRST + output + notes)

    assert (told.gate_output, told.qa_notes) == ("it failed\nhere", "notes")
    assert coder.choose(told) is coder.write_docstring
    assert coder.choose(read_prompt(FIRST + notes)) is coder.extend_file


def test_the_agents_know_the_headings_of_the_prompts() -> None:
    known = {"gate_output": GATE_HEADING, "qa_notes": QA_HEADING}

    assert known.items() <= prompts._HEADINGS.items()


def test_a_mergemaster_keeps_both_sides_of_each_conflict() -> None:
    text = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> main\nd\n<<<<<<< HEAD\n=======\ne\n>>>>>>> main\n"

    assert keep_both(text) == "a\nb\nc\nd\ne\n"


def test_qa_looks_for_what_a_criterion_names_where_it_names_a_file(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.root)
    repository.checkout("work", new=True)
    repository.commit_file("lead.py", "def lead_dog(): ...\n")

    assert complaint("`lead_dog` gives a dog", "main") == ""
    assert complaint("`README` names `lead_dog`", "main") == "`lead_dog` is not in `README`"
    assert complaint("`tail_dog` gives a dog", "main") == "`tail_dog` is not in the change"


def test_a_long_line_goes_on_below_where_it_began() -> None:
    lines = fitted("  1.0s  #4  ", "word " * 20)

    assert [len(line) <= 80 for line in lines] == [True, True]
    assert lines[1] == " " * 12 + "word word word word word word word"
