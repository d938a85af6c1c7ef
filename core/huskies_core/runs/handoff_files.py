"""Read and write the files in a run's directory that one process of the run leaves for another."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from msgspec import Struct, ValidationError, convert, field
from msgspec.structs import asdict

from huskies_core import merge_results
from huskies_core.atomic_file import replace_file
from huskies_core.merge_results import MergeResult
from huskies_core.pipeline.events import Freeze
from huskies_core.runtimes.json_lines import load
from huskies_core.store.runs import Outcome
from huskies_core.supervisor.run_directory import RunDirectory

STARTING_FILE = "start.json"
RESULT_FILE = "result.json"


class StartFacts(Struct, frozen=True):
    """Facts from the start of a run that its end needs.

    `setups` has the digest of each component's setup, `definition` the digest of the gates (gate runs only), and `base`
    the tip of the base branch (mergemasters only).
    """

    setups: Mapping[str, str] = field(default_factory=dict)
    definition: str | None = None
    base: str | None = None


class KillIntent(Struct, frozen=True):
    """The content of kill.json: the outcome of a stopped run, and whether to freeze its story with it."""

    outcome: Outcome
    detail: str = ""
    freezes: bool = False
    actor: str = ""

    def to_json(self) -> dict[str, Any]:
        document = {"outcome": self.outcome.value, "detail": self.detail}
        return {**document, "then": Freeze.name, "actor": self.actor} if self.freezes else document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the intent that `to_json` wrote. Raise ValidationError for another document."""
        return convert({**document, "freezes": document.get("then") == Freeze.name}, cls)


def write_start_facts(directory: RunDirectory, facts: StartFacts) -> None:
    Path(directory.path, STARTING_FILE).write_text(json.dumps(asdict(facts)))


def read_start_facts(directory: RunDirectory) -> StartFacts:
    """Return the facts; none for a merge or a teardown, and none if the file is missing or invalid."""
    try:
        return convert(read_object(Path(directory.path, STARTING_FILE)), StartFacts)
    except ValidationError:
        return StartFacts()


def read_kill_intent(directory: RunDirectory) -> KillIntent | None:
    """Return the intent; None if no process stopped the run. Raise HuskiesError or ValidationError if it is damaged."""
    document = directory.read_kill()
    return None if document is None else KillIntent.from_json(document)


def write_merge_result(directory: RunDirectory, result: MergeResult) -> None:
    document = json.dumps(result.to_json(), ensure_ascii=False)
    replace_file(str(Path(directory.path, RESULT_FILE)), document.encode(), durable=True)


def read_merge_result(directory: RunDirectory) -> MergeResult:
    return merge_results.from_json(read_object(Path(directory.path, RESULT_FILE)))


def read_object(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file; {} if the file is missing because of a crash, or has no JSON object."""
    try:
        return dict(load(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError, RecursionError):
        return {}
