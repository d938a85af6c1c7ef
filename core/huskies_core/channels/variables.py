"""`${NAME}` in an address: the name is committed, its value is not."""

import re
from collections.abc import Mapping

from huskies_core.errors import HuskiesError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def names_in(text: str) -> tuple[str, ...]:
    return tuple(_VARIABLE.findall(text))


def unset(name: str) -> tuple[str, str]:
    """What to say of a name without a value, and what helps."""
    hint = f"Write {name}=VALUE there, a line of its own; the file is for you alone (mode 0600)."
    return f"{name} is not set in .huskies/env", hint


def with_values(text: str, values: Mapping[str, str]) -> str:
    """`text` with each `${NAME}` replaced by its value. Raises HuskiesError `config_error` where there is none."""
    for name in names_in(text):
        if not values.get(name):
            fact, hint = unset(name)
            raise HuskiesError(fact, hint=hint, code="config_error", subject=name)
    return _VARIABLE.sub(lambda found: values[found[1]], text)
