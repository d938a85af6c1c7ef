"""What became of a story that was to move, as the JSON that scripts rely on."""

from huskies_core.operations.documents import Document
from huskies_core.operations.merges import Released
from huskies_core.operations.moves import Moved
from huskies_core.operations.reviews import Reported

Told = Moved | Reported | Released


def told_document(told: Told) -> Document:
    match told:
        case Moved():
            moved = {"id": told.story, "event": told.event, "before": told.before, "after": told.after}
            return {**moved, "open_criteria": list(told.open_criteria)} if told.open_criteria else moved
        case Reported():
            return {"id": told.story, "run": told.run, "verdict": told.verdict}
        case Released():
            return {"id": told.story, "released": list(told.holds)}
