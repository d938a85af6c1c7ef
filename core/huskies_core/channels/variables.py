"""`${NAME}` in an address, which keeps a secret out of the committed config."""

import re
from collections.abc import Mapping

from huskies_core.errors import HuskiesError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def names_in(text: str) -> tuple[str, ...]:
    return tuple(_VARIABLE.findall(text))


def unset(name: str) -> tuple[str, str]:
    """Return the message and the hint for a name without a value."""
    hint = f"Add the line {name}=VALUE to that file, which only you can read (mode 0600)."
    return f"{name} is not set in .huskies/env", hint


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with each `${NAME}` replaced by its value. Raise HuskiesError `config_error` if one has none."""
    for name in names_in(text):
        if not values.get(name):
            fact, hint = unset(name)
            raise HuskiesError(fact, hint=hint, code="config_error", subject=name)
    return _VARIABLE.sub(lambda match: values[match[1]], text)
