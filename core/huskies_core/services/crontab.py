"""The block of a project in a crontab, and the script that its line starts.

The script sets the environment. In the crontab it would apply to the user's other lines, too, and Debian's cron accepts
at most 1,000 characters a line, which PATH alone can exceed.
"""

import io
import shlex

from msgspec import Struct

from huskies_core.errors import HuskiesError
from huskies_core.services.service import Service, escaped_path

_BEGIN = "# begin huskies "
_END = "# end huskies "
_JOINED = " (the line above had no end)"
_ABOUT = "# Written by 'huskies service install cron'; remove it with 'huskies service uninstall cron'."
_SCRIPT = """\
#!/bin/sh
# Written by 'huskies service install cron', which overwrites it. The environment is that of the installing shell.
{exports}
exec {program} --project {root} tick --quiet
"""


class CrontabParts(Struct, frozen=True):
    """The parts of a crontab around a project's block, byte for byte; `block` is None if the crontab lacks it.

    `is_joined` means that the line before the block lacked a line feed, which `with_block` added.
    """

    before: str
    block: str | None
    after: str
    is_joined: bool = False

    @property
    def without(self) -> str:
        """The crontab before the block was added."""
        if self.is_joined and not self.after:
            return self.before.removesuffix("\n")
        return self.before + self.after


def script_of(service: Service) -> str:
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in service.environment.items())
    program, root = shlex.quote(service.program), shlex.quote(service.root)
    return _SCRIPT.format(exports=exports, program=program, root=root)


def block_of(root: str, script: str) -> str:
    """Return the block. It discards standard output, the list of actions; cron mails standard error."""
    # cron ends a command at %, and removes a backslash before a % or another backslash.
    quoted = shlex.quote(script).replace("\\", "\\\\").replace("%", "\\%")
    line = f"* * * * * /bin/sh {quoted} >/dev/null"
    name = escaped_path(root)
    return f"{_BEGIN}{name}\n{_ABOUT}\n{line}\n{_END}{name}\n"


def with_block(crontab: str, root: str, block: str) -> str:
    """Return the crontab with the project's block, which replaces an existing one or is added at the end."""
    joined = block.replace("\n", f"{_JOINED}\n", 1)
    parts = split_crontab(crontab, root)
    if parts.block is not None:
        return parts.before + (joined if parts.is_joined else block) + parts.after
    if crontab and not crontab.endswith("\n"):
        return f"{crontab}\n{joined}"
    return crontab + block


def split_crontab(crontab: str, root: str) -> CrontabParts:
    """Return the crontab split at the marks of the project's block.

    Raise HuskiesError `crontab_damaged` if the end mark is missing: then the block may contain lines of the user.
    """
    name = escaped_path(root)
    lines = io.StringIO(crontab, newline="\n").readlines()
    # An editor may have written DOS line ends.
    stripped = [line.removesuffix("\n").removesuffix("\r") for line in lines]
    begins = (f"{_BEGIN}{name}", f"{_BEGIN}{name}{_JOINED}")
    start = next((number for number, line in enumerate(stripped) if line in begins), None)
    if start is None:
        return CrontabParts(crontab, None, "")
    if f"{_END}{name}" not in stripped[start:]:
        fact = f"the crontab has the line {begins[0]!r} but no {f'{_END}{name}'!r} after it"
        hint = "Add that line or remove the block with 'crontab -e'."
        raise HuskiesError(fact, hint=hint, code="crontab_damaged")
    end = stripped.index(f"{_END}{name}", start)
    block = "".join((f"{begins[0]}\n", *lines[start + 1 : end + 1]))
    is_joined = stripped[start] == begins[1]
    return CrontabParts("".join(lines[:start]), block, "".join(lines[end + 1 :]), is_joined)
