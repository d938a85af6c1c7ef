"""Runs as they are at this moment: the JSON, and what could not be read of them."""

from collections.abc import Iterable

from huskies_cli.documents import Document, run_document
from huskies_cli.output import ErrorItem
from huskies_core.clock import to_iso
from huskies_core.tools.runs import RunNow


def run_now_document(now: RunNow) -> Document:
    printed = None if now.last_output_at is None else to_iso(now.last_output_at)
    return {
        **run_document(now.run),
        "tool_turns": now.run.tool_turns,
        "last_output_at": printed,
        "dead": now.dead,
    }


def troubles(found: Iterable[RunNow]) -> tuple[ErrorItem, ...]:
    """The runs whose files cannot be read, an error each."""
    return tuple(
        ErrorItem("run_directory", now.trouble, subject=f"run {now.run.id}") for now in found if now.trouble
    )
