"""After any sequence of events, the table of stories equals the stages that the journal records."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from huskies_core.errors import HuskiesError
from huskies_core.ids import Seq, StoryId
from huskies_core.pipeline.events import Event
from huskies_core.pipeline.stages import TERMINAL, Backlog, MergeFailureKind, Stage, from_json
from huskies_core.pipeline.state_machine import TABLE, InvalidTransition, transition
from huskies_core.project import Project
from huskies_core.store import content, journal, runs, stories, transitions
from huskies_core.store.connection import Store, create
from huskies_core.store.journal import JournalEntry, JournalKind
from huskies_core.store.runs import Landing, Outcome, Report, RunClaim, RunKind
from huskies_core.store.stories import StoryDraft
from support.stage_examples import EVENTS, STAGES
from support.stories import NOW

TYPES = {row.event.name: row.event for row in TABLE}


class LifeOfStories(RuleBasedStateMachine):
    """Apply any event to the current or an earlier visit, with runs and landings in between, from two stores."""

    numbers: Bundle[int] = Bundle("numbers")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name).resolve()
        (root / ".huskies").mkdir()
        project = Project(root, root / ".git")
        create(project)
        self.writers = (Store(project), Store(project))
        self.reader = Store(project)

    def teardown(self) -> None:
        for store in (*self.writers, self.reader):
            store.close()
        self.folder.cleanup()

    @initialize(target=numbers)
    def first(self) -> int:
        return self.import_into(Backlog())

    @rule(target=numbers, writer=st.sampled_from((0, 1)))
    def add(self, writer: int) -> int:
        with self.writers[writer].exclusive() as db:
            return stories.add(db, StoryDraft("A story"), Backlog(), actor="user:test", now=NOW).id

    @rule(target=numbers, stage=st.sampled_from(list(STAGES.values())))
    def import_story(self, stage: Stage) -> int:
        return self.import_into(stage)

    def import_into(self, stage: Stage) -> int:
        with self.writers[0].exclusive() as db:
            return stories.add(
                db, StoryDraft("A story"), stage, actor="user:test", now=NOW, event="imported"
            ).id

    @rule(number=numbers, event=st.sampled_from(list(EVENTS.values())), writer=st.sampled_from((0, 1)))
    def apply_event(self, number: int, event: Event, writer: int) -> None:
        self.try_to_apply(number, event, writer, visits_back=0)

    @rule(number=numbers, event=st.sampled_from(list(EVENTS.values())), writer=st.sampled_from((0, 1)))
    def apply_event_too_late(self, number: int, event: Event, writer: int) -> None:
        self.try_to_apply(number, event, writer, visits_back=1)

    def try_to_apply(self, number: int, event: Event, writer: int, *, visits_back: int) -> None:
        with self.reader.reading() as db:
            before, head = stories.load(db, StoryId(number)), journal.head(db)
            live = runs.live_of_story(db, StoryId(number))
        expected = self.refusal(
            before.stage, event, landing=bool(live and live.landing), late=bool(visits_back)
        )
        try:
            with self.writers[writer].exclusive() as db:
                visit = before.visit - visits_back
                transitions.apply_event(
                    db, StoryId(number), event, visit=Seq(visit), actor="user:test", now=NOW
                )
            code = ""
        except HuskiesError as error:
            code = error.code
        assert code == expected
        with self.reader.reading() as db:
            unchanged = (stories.load(db, StoryId(number)), journal.head(db)) == (before, head)
        assert unchanged == bool(code)

    def refusal(self, stage: Stage, event: Event, *, landing: bool, late: bool) -> str:
        if late or landing:
            return "stale" if late else "landing"
        try:
            transition(stage, event)
        except InvalidTransition:
            return "invalid_transition"
        return ""

    @rule(number=numbers)
    def leave_content(self, number: int) -> None:
        with self.writers[0].exclusive() as db:
            if stories.load(db, StoryId(number)).stage.name not in TERMINAL:
                content.put(db, StoryId(number), content.QA_NOTES, "{}", now=NOW)

    @rule(number=numbers, agent=st.sampled_from(("a", "b", None)))
    def claim(self, number: int, agent: str | None) -> None:
        with self.writers[0].exclusive() as db:
            busy = [run for run in runs.live(db) if run.story == number or (agent and run.agent == agent)]
            if not busy:
                visit = stories.load(db, StoryId(number)).visit
                runs.claim(
                    db, RunClaim(StoryId(number), RunKind.CODER, visit, agent), actor="user:test", now=NOW
                )

    @rule(number=numbers)
    def land(self, number: int) -> None:
        with self.writers[1].exclusive() as db:
            live = runs.live_of_story(db, StoryId(number))
            if live and live.visit == stories.load(db, StoryId(number)).visit:
                runs.begin_landing(db, live.id, Landing("tip", "commit"))

    @rule(number=numbers)
    def end_run(self, number: int) -> None:
        with self.writers[0].exclusive() as db:
            live = runs.live_of_story(db, StoryId(number))
            if live:
                runs.drop_landing(db, live.id)
                runs.end(db, live.id, Report(Outcome.COMPLETED), actor="user:test", now=NOW)

    @invariant()
    def stories_equal_the_journal(self) -> None:
        with self.reader.reading() as db:
            entries = journal.entries_after(db, Seq(0), limit=1_000_000)
            replayed = replay(entries)
            everything = stories.in_stages(db, [stage.name for stage in STAGES.values()])
            left_over = content.left_over(db)
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        assert {story.id: (story.stage, story.visit, story.retries) for story in everything} == replayed
        assert left_over == ()


def replay(entries: tuple[JournalEntry, ...]) -> dict[int, tuple[Stage, int, int]]:
    """Return the stage, the visit and the retries of each story, from the journal alone."""
    replayed: dict[int, tuple[Stage, int, int]] = {}
    for entry in entries:
        if entry.story is None or entry.kind not in (JournalKind.STORY, JournalKind.TRANSITION):
            continue
        if entry.event in ("created", "imported"):
            replayed[entry.story] = (born(entry), entry.seq, 0)
        else:
            replayed[entry.story] = moved(replayed[entry.story], entry)
    return replayed


def born(entry: JournalEntry) -> Stage:
    payload = {key: value for key, value in entry.detail.items() if key != "title"}
    return from_json({"stage": entry.after or "backlog", **payload})


def moved(before: tuple[Stage, int, int], entry: JournalEntry) -> tuple[Stage, int, int]:
    stage = transition(before[0], event_of(entry))
    assert (before[0].name.value, stage.name.value) == (entry.before, entry.after)
    if entry.event in ("start", "deps_met", "unblock", "unfreeze"):
        return stage, entry.seq, 0
    return stage, entry.seq, before[2] + (entry.event in ("gates_failed", "qa_rejected", "fixup_requested"))


def event_of(entry: JournalEntry) -> Event:
    fields: dict[str, Any] = dict(entry.detail)
    if entry.event == "merge_failed":
        fields["kind"] = MergeFailureKind(fields["kind"])
    return TYPES[entry.event](**fields)


LifeOfStories.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestThatTheJournalReplaysToTheTable = LifeOfStories.TestCase
