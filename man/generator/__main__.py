"""Writes the parts of the man pages that follow from the commands, and the completions of the shells.

Run it as `python man/generator` after a command or an option changed. With --check it writes nothing, names the files
that are not as they should be, and exits 1 when there is one."""

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
    """What should be there: the text of files that are generated, or have parts that are; and links to others."""

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
    """The pages that people write: a file is one when it is called by the first name in it."""
    texts = {path: path.read_text(encoding="utf-8") for path in ROOT.glob("man/*.[1-8]")}
    return {path.name: text for path, text in texts.items() if names_in(text)[:1] == [path.stem]}


def stale(wanted: Generated) -> list[Path]:
    """What differs from what is wanted, and the links that no page asks for."""
    texts = [
        path
        for path, text in wanted.texts.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    links = [
        path
        for path, target in wanted.links.items()
        if not path.is_symlink() or str(path.readlink()) != target
    ]
    left = [path for path in ROOT.glob("man/*.[1-8]") if path not in {*wanted.texts, *wanted.links}]
    return sorted([*texts, *links, *left])


def write(wanted: Generated, path: Path) -> None:
    if path in wanted.texts:
        path.write_text(wanted.texts[path], encoding="utf-8")
        return
    path.unlink(missing_ok=True)
    if path in wanted.links:
        path.symlink_to(wanted.links[path])


def main(arguments: list[str]) -> int:
    wanted = generate()
    found = stale(wanted)
    if arguments == ["--check"]:
        sys.stdout.writelines(f"{path.relative_to(ROOT)}\n" for path in found)
        return 1 if found else 0
    for path in found:
        write(wanted, path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
