"""Attempt one item of many: an error becomes the outcome of the item, and the other items continue."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from huskies_core.errors import HuskiesError, Overtaken


class StepOutcome(StrEnum):
    DONE = "done"
    PLANNED = "planned"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass
class Attempt:
    """The outcome of a block. `message` is the text that the block set, or that of its error, which has `code`."""

    outcome: StepOutcome = StepOutcome.DONE
    message: str = ""
    code: str = ""

    @property
    def failed(self) -> bool:
        return self.outcome is StepOutcome.FAILED


@contextmanager
def attempt() -> Iterator[Attempt]:
    """Run the block and record its error: as skipped if the state has changed since the plan, else as failed."""
    attempted = Attempt()
    try:
        yield attempted
    except Overtaken as error:
        attempted.outcome, attempted.message, attempted.code = StepOutcome.SKIPPED, error.message, error.code
    except HuskiesError as error:
        attempted.outcome, attempted.message, attempted.code = StepOutcome.FAILED, error.message, error.code
    except Exception as error:
        attempted.outcome, attempted.code = StepOutcome.FAILED, "bug"
        attempted.message = f"{type(error).__name__}: {error}"
