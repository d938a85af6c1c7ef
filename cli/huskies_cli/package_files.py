"""The man pages and completions of the installation or of the source tree."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import huskies_cli


def shipped(installed: str, source: str) -> Path | None:
    """Return the file SOURCE of the source tree, else `share/INSTALLED` of the installation, or None.

    An editable installation has both, but its copies are as old as the installation.
    """
    file = Path(huskies_cli.__file__).parents[2] / source
    if file.is_file():
        return file
    try:
        listed = files("huskies") or ()
    except PackageNotFoundError:
        listed = ()
    paths = (Path(str(item.locate())) for item in listed if str(item).endswith(f"/share/{installed}"))
    return next((path.resolve() for path in paths if path.is_file()), None)
