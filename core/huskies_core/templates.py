"""Templates with `{{name}}` placeholders."""

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{\{\s*([\w-]+)\s*\}\}")


def placeholders(template: str) -> tuple[str, ...]:
    """Return the names in `{{…}}`, each once, in the order of the text."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(template)))


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace each `{{name}}` in one pass, so a placeholder in a value stays. A name without a value stays, too."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)
