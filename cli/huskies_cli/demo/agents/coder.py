"""A coder: applies the patch that goes with its story. Sent back, it mends what its prompt complains of."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from huskies_cli.demo.agents.acts import commit, git, report_usage, say
from huskies_cli.demo.agents.prompt_parser import Prompt, read_prompt

PATCHES = Path(__file__).parent.parent / "patches"

_UNDOCUMENTED = re.compile(r"(kennel\.\w+)\.(\w+) has no docstring")
_NOT_NAMED = re.compile(r"`(\S+)` is not in `(\S+)`")


def main() -> int:
    text = sys.stdin.read()
    prompt = read_prompt(text)
    say(f"I read {len(text)} characters. The story: {prompt.title}.")
    done = choose(prompt)(prompt)
    commit(prompt.title)
    report_usage(text, written=len(git("show", "HEAD")), tool_turns=2)
    say(done)
    return 0


def choose(prompt: Prompt) -> Callable[[Prompt], str]:
    """What a prompt calls for: it says by itself whether the story was tried before, and what went wrong."""
    if prompt.gate_output:
        return write_docstring
    return extend_file if prompt.qa_notes else write_code


def write_code(prompt: Prompt) -> str:
    """The first try."""
    patch = PATCHES / f"{prompt.title.lower().replace(' ', '-')}.patch"
    git("apply", str(patch))
    files = git("ls-files", "--modified", "--others", "--exclude-standard").split()
    return f"wrote {', '.join(files)}"


def write_docstring(prompt: Prompt) -> str:
    """Mends what the gate named, and nothing else."""
    found = _UNDOCUMENTED.search(prompt.gate_output)
    if found is None:
        raise ValueError("the gate complains of something that is not in my script")
    module, function = found.groups()
    path = Path(*module.split(".")).with_suffix(".py")
    head = re.compile(rf"^def {function}\(.*\):$", re.MULTILINE)
    code = path.read_text(encoding="utf-8")
    path.write_text(head.sub(rf'\g<0>\n    """{prompt.title}."""', code), encoding="utf-8")
    return f"gave {function} the docstring that the gate missed"


def extend_file(prompt: Prompt) -> str:
    """Adds what QA did not find to the file where it looked for it."""
    found = _NOT_NAMED.search(prompt.qa_notes)
    if found is None:
        raise ValueError("QA complains of something that is not in my script")
    name, file = found.groups()
    with open(file, "a", encoding="utf-8") as text:
        text.write(f"- `{name}`: {prompt.title.lower()}\n")
    return f"named {name} in {file}, where QA missed it"


if __name__ == "__main__":
    sys.exit(main())
