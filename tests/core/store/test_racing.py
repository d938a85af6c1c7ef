"""Many processes apply events to the same visits at once."""

import json
from typing import Any

import pytest

from huskies_core.pipeline.events import Start
from huskies_core.project import Project
from huskies_core.store import journal, stories
from huskies_core.store.connection import Store
from support.store_process import StoreProcess
from support.stories import add_story, apply_to_story

pytestmark = pytest.mark.usefixtures("processes")

RACERS = 8
STORIES = 20

RACE = """
with store.reading() as db:
    visits = {story.id: story.visit for story in stories.open_stories(db)}
report("ready")
wait()
won, codes = [], set()
for story, visit in visits.items():
    try:
        with store.exclusive(60) as db:
            event = events.GatesFailed(sys.argv[2])
            transitions.apply_event(db, story, event, visit=visit, actor=f"run:{sys.argv[2]}", now=now)
        won.append(story)
    except HuskiesError as error:
        codes.add(error.code)
store.close()
report(json.dumps([won, sorted(codes)]))
"""

CREATE = """
report("ready")
wait()
create(project)
with store.exclusive() as db:
    story = stories.add(db, stories.StoryDraft("A story"), stages.Backlog(), actor="user:other", now=now)
store.close()
report(json.dumps(story.id))
"""


def reports(project: Project, code: str) -> list[Any]:
    """Start all racers at once and return the output of each."""
    racers = [StoreProcess(project.root, code, str(number)) for number in range(RACERS)]
    assert [racer.read_report() for racer in racers] == ["ready"] * RACERS
    for racer in racers:
        racer.go_on()
    finished = [racer.finish() for racer in racers]
    assert [code for code, _ in finished] == [0] * RACERS
    return [json.loads(output) for _, output in finished]


def test_of_eight_processes_exactly_one_applies_its_event_to_each_visit(
    project: Project, store: Store
) -> None:
    numbers = [add_story(store).id for _ in range(STORIES)]
    for number in numbers:
        apply_to_story(store, number, Start())
    with store.reading() as db:
        start = journal.head(db)
    all_reports = reports(project, RACE)
    won = sorted(number for report in all_reports for number in report[0])
    with store.reading() as db:
        fired = [(entry.story, entry.actor) for entry in journal.transitions_after(db, start)]
        retries = [story.retries for story in stories.open_stories(db)]
    claimed = [(number, f"run:{racer}") for racer, report in enumerate(all_reports) for number in report[0]]
    assert (won, sorted(fired), retries) == (numbers, sorted(claimed), [1] * STORIES)
    assert {code for report in all_reports for code in report[1]} == {"stale"}


def test_of_eight_processes_one_creates_the_store_and_all_write_into_it(project: Project) -> None:
    assert sorted(reports(project, CREATE)) == list(range(1, RACERS + 1))
