"""Reading and setting single keys of project.toml."""

from huskies_core.agents.inside import refuse_inside_run
from huskies_core.config.edit import set_value
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.tools.files import write_whole


def set_key(context: Context, key: str, value: str) -> None:
    """Writes one key into project.toml; comments and layout stay. On ConfigError the file is untouched.

    Two that set keys at once take turns: each changes what the other wrote.
    """
    refuse_inside_run(context)
    path = context.project.project_toml
    with context.store.exclusive():
        if not path.is_file():
            hint = "Check out a branch that has it, or run 'huskies init'."
            raise HuskiesError(f"{path} is missing", hint=hint, code="not_found", subject=str(path))
        write_whole(path, set_value(path.read_text(encoding="utf-8"), key, value))
    context.forget_config()
