"""A project's block in a crontab, as text, and the script that its line starts.

The environment is in the script: in a crontab it would hold for the lines of others too, and Debian's cron takes
no line of more than 1,000 characters, which a PATH alone can have.
"""

import shlex
from dataclasses import dataclass

from huskies_core.errors import HuskiesError
from huskies_core.services.service import Service
from huskies_core.services.units import escaped_path

_BEGIN = "# begin huskies "
_END = "# end huskies "
_JOINED = " (the line above had no end)"
_ABOUT = "# Written by 'huskies service install cron'; 'huskies service uninstall cron' takes it out."
_SCRIPT = """\
#!/bin/sh
# Written by 'huskies service install cron', which writes it anew. The environment is that of the shell that did.
{exports}
exec {program} --project {root} tick --quiet
"""


@dataclass(frozen=True)
class Split:
    """A crontab around a project's block, byte for byte; `block` is None where there is none. `is_joined`: it had to
    end the line above it."""

    before: str
    block: str | None
    after: str
    is_joined: bool = False

    @property
    def without(self) -> str:
        """As it was before the block came."""
        ends_it = self.is_joined and not self.after
        return self.before.removesuffix("\n") if ends_it else self.before + self.after


def script_of(service: Service) -> str:
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in service.environment.items())
    program, root = shlex.quote(service.program), shlex.quote(service.root)
    return _SCRIPT.format(exports=exports, program=program, root=root)


def block_of(root: str, script: str) -> str:
    """Standard output, where actions are listed, goes nowhere; what failed is on standard error, and mailed."""
    line = f"* * * * * /bin/sh {_in_crontab(shlex.quote(script))} >/dev/null"
    name = escaped_path(root)
    return f"{_BEGIN}{name}\n{_ABOUT}\n{line}\n{_END}{name}\n"


def with_block(crontab: str, root: str, block: str) -> str:
    """The crontab with the project's block: in its place where there is one, else at the end."""
    split = split_crontab(crontab, root)
    if split.block is not None:
        return split.before + (_joined(block) if split.is_joined else block) + split.after
    if crontab and not crontab.endswith("\n"):
        return f"{crontab}\n{_joined(block)}"
    return crontab + block


def split_crontab(crontab: str, root: str) -> Split:
    """From the mark of its begin to that of its end. Raises HuskiesError `crontab_damaged` where the latter is gone:
    what is ours cannot be told from what is somebody's then."""
    name = escaped_path(root)
    lines = _lines(crontab)
    begins = (f"{_BEGIN}{name}", f"{_BEGIN}{name}{_JOINED}")
    start = next((number for number, line in enumerate(lines) if _bare(line) in begins), None)
    if start is None:
        return Split(crontab, None, "")
    ends = (number for number, line in enumerate(lines) if _bare(line) == f"{_END}{name}")
    end = next((number for number in ends if number > start), None)
    if end is None:
        raise HuskiesError(
            f"the crontab has {begins[0]!r} and no line {f'{_END}{name}'!r} after it",
            hint="Put it back, or take the block out, with 'crontab -e'.",
            code="crontab_damaged",
        )
    block = "".join((f"{begins[0]}\n", *lines[start + 1 : end + 1]))
    is_joined = _bare(lines[start]) == begins[1]
    return Split("".join(lines[:start]), block, "".join(lines[end + 1 :]), is_joined)


def _lines(text: str) -> list[str]:
    """Each with its end. Only a line feed ends one: other ends that Python knows are part of somebody's line."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _bare(line: str) -> str:
    """Without its end, also where an editor ended all lines as DOS does: a mark of ours stays one."""
    return line.removesuffix("\n").removesuffix("\r")


def _joined(block: str) -> str:
    return block.replace("\n", f"{_JOINED}\n", 1)


def _in_crontab(text: str) -> str:
    """cron ends a command at %, and takes a backslash before it, or before another one, away."""
    return text.replace("\\", "\\\\").replace("%", "\\%")
