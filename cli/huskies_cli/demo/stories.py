"""The six stories of the demo, and the course of each."""

from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.operations import stories
from huskies_core.qa_mode import QaMode
from huskies_core.store.stories import Criterion, StoryDraft

READ, WEIGH, RATION, LEAD, HEAVIEST, YOUNGEST = range(1, 7)
"""Their ids: a new project counts from 1."""


@dataclass(frozen=True)
class Planned:
    """A story, and its course for the introduction. Its title names the patch that the coder applies."""

    id: int
    draft: StoryDraft
    fate: str

    @property
    def starts(self) -> bool:
        """Return whether the demo starts it. The passes start a story that depends on another."""
        return not self.draft.depends_on


PLANNED = (
    Planned(
        READ,
        StoryDraft(
            "Read a team from a CSV file", criteria=(Criterion("`read_team` gives the dogs of a file"),)
        ),
        "goes straight through",
    ),
    Planned(
        WEIGH,
        StoryDraft(
            "Weigh the team in a file",
            criteria=(Criterion("`weight_in_file` adds up the kilograms"),),
            depends_on=(StoryId(READ),),
        ),
        f"waits until #{READ} is merged",
    ),
    Planned(
        RATION,
        StoryDraft("Work out the daily ration", criteria=(Criterion("`daily_ration` is 40 g for each kg"),)),
        "fails the gate once",
    ),
    Planned(
        LEAD,
        StoryDraft(
            "Choose the lead dog",
            criteria=(
                Criterion("`lead_dog` gives the oldest dog of a team"),
                Criterion("`README.md` names `kennel.lead.lead_dog`"),
            ),
            qa=QaMode.AGENT,
        ),
        "is rejected once by a QA agent",
    ),
    Planned(
        HEAVIEST,
        StoryDraft("Add the command heaviest", criteria=(Criterion("`heaviest` names the heaviest dog"),)),
        f"changes the same lines as #{YOUNGEST}:",
    ),
    Planned(
        YOUNGEST,
        StoryDraft("Add the command youngest", criteria=(Criterion("`youngest` names the youngest dog"),)),
        "a mergemaster resolves the conflict",
    ),
)


def add_stories(context: Context) -> None:
    """Add all stories in order, and start the stories without dependencies."""
    for planned in PLANNED:
        stories.create(context, planned.draft, start=planned.starts)
