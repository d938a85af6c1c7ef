"""The small files that a run's parts leave for each other in its directory."""

import json
from pathlib import Path
from typing import Any

from huskies_core.supervisor.run_directory import RunDirectory

STARTING_FILE = "start.json"
"""What was true of gates, setup and the base when the run began, for the one who records its end."""
RESULT_FILE = "result.json"
"""What a merge came to."""


def read_left(directory: RunDirectory, name: str) -> dict[str, Any]:
    """What such a file says; one that a crash kept from being written tells nothing."""
    try:
        return dict(json.loads(Path(directory.path, name).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}
