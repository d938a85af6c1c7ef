"""A scripted coder. It applies the patch of its story; a later run fixes the problem that its prompt names."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from huskies_cli.demo.agents.acts import commit, git, print_line, report_usage
from huskies_cli.demo.agents.prompt_parser import Prompt, read_prompt

PATCHES = Path(__file__).parent.parent / "patches"

_UNDOCUMENTED = re.compile(r"(kennel\.\w+)\.(\w+) has no docstring")
_NOT_NAMED = re.compile(r"`(\S+)` is not in `(\S+)`")


def main() -> int:
    text = sys.stdin.read()
    prompt = read_prompt(text)
    print_line(f"I read {len(text)} characters. The story: {prompt.title}.")
    done = choose(prompt)(prompt)
    commit(prompt.title)
    report_usage(text, written=len(git("show", "HEAD")), tool_turns=2)
    print_line(done)
    return 0


def choose(prompt: Prompt) -> Callable[[Prompt], str]:
    """Return the function for a prompt, by the output of a failed gate or the notes of QA in it."""
    if prompt.gate_output:
        return write_docstring
    return extend_file if prompt.qa_notes else write_code


def write_code(prompt: Prompt) -> str:
    """Apply the patch of the story."""
    patch = PATCHES / f"{prompt.title.lower().replace(' ', '-')}.patch"
    git("apply", str(patch))
    files = git("ls-files", "--modified", "--others", "--exclude-standard").split()
    return f"wrote {', '.join(files)}"


def write_docstring(prompt: Prompt) -> str:
    """Add the docstring that the gate requires."""
    match = _UNDOCUMENTED.search(prompt.gate_output)
    if match is None:
        raise ValueError("the script does not handle this output of the gate")
    module, function = match.groups()
    path = Path(*module.split(".")).with_suffix(".py")
    definition = re.compile(rf"^def {function}\(.*\):$", re.MULTILINE)
    code = path.read_text(encoding="utf-8")
    path.write_text(definition.sub(rf'\g<0>\n    """{prompt.title}."""', code), encoding="utf-8")
    return f"added the docstring of {function} that the gate requires"


def extend_file(prompt: Prompt) -> str:
    """Add the name that QA missed to the file that QA names."""
    match = _NOT_NAMED.search(prompt.qa_notes)
    if match is None:
        raise ValueError("the script does not handle these notes of QA")
    name, file = match.groups()
    with open(file, "a", encoding="utf-8") as text:
        text.write(f"- `{name}`: {prompt.title.lower()}\n")
    return f"named {name} in {file}, as QA requires"


if __name__ == "__main__":
    sys.exit(main())
