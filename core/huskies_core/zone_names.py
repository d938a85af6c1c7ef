"""Names of time zones for completion, read from the list of the package tzdata without loading a zone."""

import os


def zone_names() -> list[str]:
    """Return all names in alphabetical order, or [] if the list is missing."""
    import tzdata

    try:
        with open(os.path.join(os.path.dirname(tzdata.__file__), "zones"), encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []
