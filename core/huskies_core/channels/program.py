"""A program of the project's own: it reads the message as JSON on stdin."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from huskies_core.channels.channel import STEP_SECS
from huskies_core.channels.message import Message
from huskies_core.channels.subprocess_run import run_to_end

TEXT_VARIABLE = "HUSKIES_NOTIFICATION"


def run(
    message: Message,
    command: Sequence[str],
    root: Path,
    environ: Mapping[str, str],
    within: float = STEP_SECS,
) -> None:
    """Runs `command` at the root of the project, with the text of the message in HUSKIES_NOTIFICATION."""
    document = message.document()
    told = {**environ, TEXT_VARIABLE: str(document["text"])}
    run_to_end(command, told, root, given=json.dumps(document).encode(), within=within)
