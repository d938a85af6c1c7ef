"""The six stories of the demo, and the course of each."""

from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.operations import stories
from huskies_core.qa_mode import QaMode
from huskies_core.store.stories import Criterion, StoryDraft

READ, WEIGH, RATION, LEAD, HEAVIEST, YOUNGEST = map(StoryId, range(1, 7))
"""Their ids: a new project counts from 1."""


@dataclass(frozen=True)
class Planned:
    """A story, and its course for the introduction. Its title names the patch that the coder applies."""

    id: StoryId
    title: str
    fate: str
    criteria: tuple[str, ...]
    depends_on: tuple[StoryId, ...] = ()
    qa: QaMode | None = None


PLANNED = (
    Planned(
        READ,
        "Read a team from a CSV file",
        "goes straight through",
        ("`read_team` gives the dogs of a file",),
    ),
    Planned(
        WEIGH,
        "Weigh the team in a file",
        f"waits until #{READ} is merged",
        ("`weight_in_file` adds up the kilograms",),
        depends_on=(READ,),
    ),
    Planned(
        RATION, "Work out the daily ration", "fails the gate once", ("`daily_ration` is 40 g for each kg",)
    ),
    Planned(
        LEAD,
        "Choose the lead dog",
        "is rejected once by a QA agent",
        ("`lead_dog` gives the oldest dog of a team", "`README.md` names `kennel.lead.lead_dog`"),
        qa=QaMode.AGENT,
    ),
    Planned(
        HEAVIEST,
        "Add the command heaviest",
        f"changes the same lines as #{YOUNGEST}:",
        ("`heaviest` names the heaviest dog",),
    ),
    Planned(
        YOUNGEST,
        "Add the command youngest",
        "a mergemaster resolves the conflict",
        ("`youngest` names the youngest dog",),
    ),
)


def add_stories(context: Context) -> None:
    """Add all stories in order, and start those without dependencies: the passes start the others."""
    for planned in PLANNED:
        criteria = tuple(map(Criterion, planned.criteria))
        draft = StoryDraft(planned.title, criteria=criteria, depends_on=planned.depends_on, qa=planned.qa)
        stories.create(context, draft, start=not planned.depends_on)
