"""Files that come with the program and are no Python: man pages and completions."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import huskies_cli


def shipped(installed: str, source: str) -> Path | None:
    """The file that an installation has as `share/INSTALLED`, or the source tree as SOURCE; None where neither does. An
    editable installation has both, and its own are those of the day it was made."""
    beside = Path(huskies_cli.__file__).parents[2] / source
    if beside.is_file():
        return beside
    try:
        listed = files("huskies") or ()
    except PackageNotFoundError:
        listed = ()
    found = (Path(str(one.locate())) for one in listed if str(one).endswith(f"/share/{installed}"))
    return next((path.resolve() for path in found if path.is_file()), None)
