"""Templates with `{{name}}` placeholders."""

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{\{\s*([\w-]+)\s*\}\}")


def placeholders(template: str) -> tuple[str, ...]:
    """The names in `{{…}}`, in the order of the text, each once."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(template)))


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replaces each `{{name}}` in one pass: a value that looks like one stays as it is, and so does a name without a
    value."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
