"""The names of time zones, for a person who is typing one: read from the list of the package, no zone is loaded."""

import os


def zone_names() -> list[str]:
    """In the order of the list, which is that of the alphabet; none where the list is missing."""
    import tzdata

    try:
        with open(os.path.join(os.path.dirname(tzdata.__file__), "zones"), encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []
