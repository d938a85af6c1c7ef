"""The scripted agents of the demo: a coder, a QA agent and a mergemaster. Each is a separate program, this module with
the name of its stage as the argument, and is started like any other agent of runtime `command`."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

PATCHES = Path(__file__).parent / "patches"
GATE_HEADING = "Output of the gates in the last attempt"
QA_HEADING = "QA notes on the last attempt"

_CHARACTERS_PER_TOKEN = 4
_USD_PER_TOKEN = 3e-6
_UNDOCUMENTED = re.compile(r"(kennel\.\w+)\.(\w+) has no docstring")
_NOT_NAMED = re.compile(r"`(\S+)` is not in `(\S+)`")
_CONFLICT = re.compile(r"^<<<<<<< .*?\n(.*?)^=======\n(.*?)^>>>>>>> .*?\n", re.MULTILINE | re.DOTALL)


class DemoPrompt(Struct, frozen=True):
    """The parts of a prompt. `gate_output` and `qa_notes` are empty in the first run of a story."""

    text: str
    title: str
    criteria: tuple[str, ...]
    gate_output: str
    qa_notes: str


def read_prompt(text: str) -> DemoPrompt:
    """Return the parts of a prompt. Raise ValueError if the text names no story."""
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    if title is None:
        raise ValueError("the prompt names no story")
    criteria = re.findall(r"^\d+\. \[[ x]\] (.+)$", text, re.MULTILINE)
    return DemoPrompt(
        text, title[1], tuple(criteria), _section(text, GATE_HEADING), _section(text, QA_HEADING)
    )


def _section(text: str, heading: str) -> str:
    match = re.search(rf"^## {re.escape(heading)}\n\n<(\w+)>\n(.*?)\n</\1>$", text, re.MULTILINE | re.DOTALL)
    return match[2] if match else ""


def code(prompt: DemoPrompt) -> None:
    """Apply the patch of the story, or in a later run fix the problem that the prompt names."""
    _print_line(f"I read {len(prompt.text)} characters. The story: {prompt.title}.")
    result = choose(prompt)(prompt)
    _commit(prompt.title)
    _report_usage(prompt, written=len(_run("git", "show", "HEAD")), tool_turns=2)
    _print_line(result)


def choose(prompt: DemoPrompt) -> Callable[[DemoPrompt], str]:
    """Return the function for a prompt, by the output of a failed gate or the notes of QA in it."""
    if prompt.gate_output:
        return write_docstring
    return extend_file if prompt.qa_notes else write_code


def write_code(prompt: DemoPrompt) -> str:
    """Apply the patch of the story. Raise ValueError for a story that is not one of the demo."""
    patch = PATCHES / f"{prompt.title.lower().replace(' ', '-')}.patch"
    if not patch.is_file():
        raise ValueError("the agents of the demo know its six stories only")
    _run("git", "apply", str(patch))
    files = _run("git", "ls-files", "--modified", "--others", "--exclude-standard").split()
    return f"wrote {', '.join(files)}"


def write_docstring(prompt: DemoPrompt) -> str:
    """Add the docstring that the gate requires."""
    module, function = _search(_UNDOCUMENTED, prompt.gate_output)
    path = Path(*module.split(".")).with_suffix(".py")
    definition = re.compile(rf"^def {function}\(.*\):$", re.MULTILINE)
    text = path.read_text(encoding="utf-8")
    path.write_text(definition.sub(rf'\g<0>\n    """{prompt.title}."""', text), encoding="utf-8")
    return f"added the docstring of {function} that the gate requires"


def extend_file(prompt: DemoPrompt) -> str:
    """Add the name that QA missed to the file that QA names."""
    name, file = _search(_NOT_NAMED, prompt.qa_notes)
    with open(file, "a", encoding="utf-8") as text:
        text.write(f"- `{name}`: {prompt.title.lower()}\n")
    return f"named {name} in {file}, as QA requires"


def _search(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    match = pattern.search(text)
    if match is None:
        raise ValueError(f"the script does not handle this feedback: {text}")
    return match.groups()


def review(prompt: DemoPrompt) -> None:
    """Approve the change if it contains each name in backticks of a criterion, in the file that it names."""
    story, base = os.environ["HUSKIES_STORY_ID"], os.environ["HUSKIES_BASE_BRANCH"]
    problems = {number: complaint(text, base) for number, text in enumerate(prompt.criteria, start=1)}
    met = [number for number, problem in problems.items() if not problem]
    _run("huskies", "update", story, *(part for number in met for part in ("--check", str(number))))
    notes = "; ".join(f"criterion {number}: {problem}" for number, problem in problems.items() if problem)
    _run("huskies", *(("reject", story, "--notes", notes) if notes else ("approve", story)))
    _report_usage(prompt, written=len(notes), tool_turns=3)
    _print_line(f"{len(met)} of {len(problems)} criteria are met")


def complaint(criterion: str, base: str) -> str:
    """Return the problem of the change with a criterion, or ""."""
    words = re.findall(r"`(\S+)`", criterion)
    files = [word for word in words if Path(word).is_file()]
    diff = _run("git", "diff", f"{base}...HEAD", "--", *files)
    added = "\n".join(re.findall(r"^\+.*", diff, re.MULTILINE))
    missing = [word for word in words if word not in files and word not in added]
    where = f"`{files[0]}`" if files else "the change"
    return f"`{missing[0]}` is not in {where}" if missing else ""


def merge(prompt: DemoPrompt) -> None:
    """Merge the base branch, keep both sides of each conflict, and run the tests."""
    story, base = os.environ["HUSKIES_STORY_ID"], os.environ["HUSKIES_BASE_BRANCH"]
    _print_line(f"I merge {base} into the branch of: {prompt.title}.")
    # A merge with conflicts exits 1.
    subprocess.run(["git", "merge", "--quiet", "--no-commit", base], stdin=subprocess.DEVNULL)
    files = _run("git", "diff", "--name-only", "--diff-filter=U").split()
    for file in map(Path, files):
        file.write_text(keep_both(file.read_text(encoding="utf-8")), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "unittest", "-q"], check=True, stdin=subprocess.DEVNULL)
    _commit(f"Merge {base}")
    _run("huskies", "resolve", story)
    _report_usage(prompt, written=len(_run("git", "show", "HEAD")), tool_turns=4)
    _print_line(f"kept both sides of {', '.join(files) or 'nothing'}; the tests pass")


def keep_both(text: str) -> str:
    """Return the text with the lines of both sides of each conflict, ours first."""
    return _CONFLICT.sub(r"\1\2", text)


def _print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _run(*command: str) -> str:
    """Return the output. If the program fails, print its output to stderr and raise CalledProcessError.

    The `huskies` on an agent's PATH knows the run that calls it.
    """
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
    done.check_returncode()
    return done.stdout


def _commit(message: str) -> None:
    _run("git", "add", "--all")
    _run("git", "commit", "--quiet", "--message", message)


def _report_usage(prompt: DemoPrompt, *, written: int, tool_turns: int) -> None:
    """Print the usage record. A script uses no tokens: they are computed from characters, with an invented price."""
    tokens_in, tokens_out = len(prompt.text) // _CHARACTERS_PER_TOKEN, written // _CHARACTERS_PER_TOKEN
    usage = {
        "model": "script",
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cost_usd": round((tokens_in + tokens_out) * _USD_PER_TOKEN, 6),
        "turns": tool_turns + 1,
        "tool_turns": tool_turns,
    }
    _print_line(json.dumps({"usage": usage}))


if __name__ == "__main__":
    try:
        {"coder": code, "qa": review, "mergemaster": merge}[sys.argv[1]](read_prompt(sys.stdin.read()))
    except ValueError as error:
        sys.exit(str(error))
