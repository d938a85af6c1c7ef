"""An agent that follows the script of each story: `story_agent.py FOLDER`.

Its n-th run of a kind for a story follows `FOLDER/<kind>-<story>/<n>.json`, later ones the last there is; a story
without such a folder gets that of the kind alone. A script is a list of steps as scripted_agent.py knows them, with
`$NAME` replaced from the environment, and of steps `run=COMMAND`.
"""

import json
import os
import shlex
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from itertools import count
from pathlib import Path
from types import ModuleType

SCRIPTED = Path(__file__).parents[1] / "support" / "agents" / "scripted_agent.py"


def run(command: str) -> None:
    """Run a command with the output of the agent, and ignore its failure."""
    subprocess.run(shlex.split(command))


def scripted_agent() -> ModuleType:
    spec = spec_from_file_location("scripted_agent", SCRIPTED)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def begun(folder: Path) -> int:
    """Return the number of this run, from 1. Two runs that start at once get different numbers."""
    for number in count(1):
        try:
            os.close(os.open(folder / f"begun-{number}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        return number
    raise AssertionError


def script_of(scripts: Path, kind: str, story: str) -> list[str]:
    own, of_all = scripts / f"{kind}-{story}", scripts / kind
    folder = own if own.is_dir() else of_all
    number = begun(folder)
    last = len(list(folder.glob("*.json")))
    steps: list[str] = json.loads((folder / f"{min(number, last)}.json").read_text())
    return [os.path.expandvars(step) for step in steps]


def main() -> None:
    agent = scripted_agent()
    agent.VERBS["run"] = run
    agent.follow(script_of(Path(sys.argv[1]), os.environ["HUSKIES_STAGE"], os.environ["HUSKIES_STORY_ID"]))


if __name__ == "__main__":
    main()
