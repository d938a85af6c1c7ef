"""Generate the parts of the man pages that list commands and options, the completions, and the index of commands.

Run `python man/generator` after changing a command or an option. With --check it changes nothing, prints the names of
outdated files and exits with 1 if there are any.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import bash
import fish
import index
import zsh
from command_tree import read_commands, read_common_options, read_program_options
from manual import filled, links_of, names_in, parts_of

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Generated:
    """The texts of files that are generated, wholly or in part, and the targets of links."""

    texts: dict[Path, str]
    links: dict[Path, str]


def generate() -> Generated:
    commands, program, common = read_commands(), read_program_options(), read_common_options()
    parts = parts_of(commands, program)
    pages = {name: filled(text, parts) for name, text in _written_pages().items()}
    completions = {
        "huskies.bash": bash.script(commands, program, common),
        "_huskies": zsh.script(commands, program, common),
        "huskies.fish": fish.script(commands, program, common),
    }
    texts = {ROOT / "man" / name: text for name, text in pages.items()} | {
        ROOT / "completions" / name: text for name, text in completions.items()
    }
    texts[ROOT / "cli/huskies_cli/command_index.py"] = index.script()
    return Generated(texts, {ROOT / "man" / name: target for name, target in links_of(pages).items()})


def _written_pages() -> dict[str, str]:
    """Return the pages that are files, not links: the file has the first name of its page."""
    texts = {path: path.read_text(encoding="utf-8") for path in ROOT.glob("man/*.[1-8]")}
    return {path.name: text for path, text in texts.items() if names_in(text)[:1] == [path.stem]}


def outdated(expected: Generated) -> list[Path]:
    """Return the files and links that differ from the expected ones, and the links to a name that no page has."""
    texts = (
        path
        for path, text in expected.texts.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    )
    links = (
        path
        for path, target in expected.links.items()
        if not path.is_symlink() or str(path.readlink()) != target
    )
    unknown = set(ROOT.glob("man/*.[1-8]")) - {*expected.texts, *expected.links}
    return sorted([*texts, *links, *unknown])


def write(expected: Generated, path: Path) -> None:
    if path in expected.texts:
        path.write_text(expected.texts[path], encoding="utf-8")
        return
    path.unlink(missing_ok=True)
    if path in expected.links:
        path.symlink_to(expected.links[path])


def main(arguments: list[str]) -> int:
    expected = generate()
    paths = outdated(expected)
    if arguments == ["--check"]:
        sys.stdout.writelines(f"{path.relative_to(ROOT)}\n" for path in paths)
        return 1 if paths else 0
    for path in paths:
        write(expected, path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
